//! The gating model: it learns which miners suit a prompt.
//!
//! A frozen [`Encoder`] turns the prompt into a vector, and a [`GatingHead`], one row of numbers for each uid, turns the
//! vector into a score for each miner. After every step the head moves a little so that the scores of the miners
//! asked come closer to the rewards they earned. [`top_k`] then picks whom to ask.
//!
//! The text-prompting validator trains a gating model and writes its loss down, but asks miners at random; the core
//! validator asks by it.
//!
//! ```
//! use axoneme_gating::{GatingConfig, GatingHead, top_k};
//! use rand::SeedableRng;
//!
//! # fn main() -> Result<(), axoneme_gating::GatingError> {
//! let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
//! let mut head = GatingHead::new(2, 4, GatingConfig { learning_rate: 1.0, momentum: 0.9 }, &mut rng);
//! for _ in 0..50 {
//!     head.train(&[0, 1, 2, 3], &[1.0, 0.0], &[0.0, 0.0, 1.0, 0.0])?;
//! }
//! assert_eq!(top_k(&head.scores(&[1.0, 0.0])?, &[0, 1, 2, 3], 1), [2]);
//! # Ok(()) }
//! ```

mod encoder;
mod error;
mod file;
mod head;
pub mod pooling;
mod select;

pub use encoder::{Encoder, SentenceEncoder, WindowEncoder};
pub use error::GatingError;
pub use file::VERSION;
pub use head::{GatingConfig, GatingHead};
pub use select::{changed, top_k};
