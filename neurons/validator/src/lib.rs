//! The text-prompting validator: asks miners to summarise, question and answer, rewards what they say, and tells the
//! chain what they are worth.
//!
//! A fork changes [`forward`] (what one pass through the miners is), [`tasks`] (what they are asked) and [`reward`] (how
//! answers are judged). [`run()`] is the whole life of a validator; the program in `main.rs` and the `axoneme up`
//! command both call it.

pub mod ask;
pub mod book;
pub mod checkpoints;
pub mod completions;
pub mod config;
pub mod core;
pub mod dataset;
pub mod error;
pub mod events;
pub mod export;
pub mod forward;
pub mod gating;
pub mod judges;
pub mod memory;
pub mod models;
pub mod passes;
pub mod recall;
pub mod replay;
pub mod reward;
pub mod run;
pub mod sampling;
pub mod schedule;
pub mod scores;
pub mod state;
pub mod stats;
pub mod step;
pub mod tasks;
pub mod tls_keys;
pub mod weights;

pub use config::{ValidatorConfig, program};
pub use error::ValidatorError;
pub use run::{Host, run};
pub use stats::{NeuronStats, ValidatorStats};
