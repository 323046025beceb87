//! The models that judge texts: classifiers, reward models, sentence encoders, log-probabilities.
//!
//! [`Scoring`] is one device with one queue and one thread that runs the models. A [`ScoringModel`] is a model loaded
//! into it, of whatever architecture its `config.json` names, asked for what its [`Head`] says. [`Remote`] asks a server
//! that speaks the HTTP interface of text-embeddings-inference instead.
//!
//! Texts are computed without padding and every sum is taken in a fixed order, so on a CPU the numbers a text gets are
//! the same bit for bit whatever shares its batch.
//!
//! ```no_run
//! # async fn example() -> Result<(), axoneme_scoring::ScoringError> {
//! use std::path::Path;
//! use axoneme_scoring::{Head, Input, Scoring, ScoringConfig};
//!
//! let scoring = Scoring::start(ScoringConfig::default())?;
//! let model = scoring.load(Path::new("models/reward-model-deberta-v3-base"), Head::Classify).await?;
//! let pair = Input::Pair("Which is the longest river?".into(), "The Nile.".into());
//! let logits = model.logits(vec![pair]).await?;
//! println!("{} {}", model.labels()[0], logits[0][0]);
//! # Ok(()) }
//! ```

mod blocks;
mod error;
mod input;
mod memory;
mod model;
mod nets;
mod remote;
mod service;
mod tokenise;
mod weights;

pub use axoneme_llm::{DeviceChoice, RepeatPenalty};
pub use error::ScoringError;
pub use input::{Head, Input, LongInputs, Pooling};
pub use model::ScoringModel;
pub use remote::{Remote, RemoteConfig, RemoteInfo, RemoteKind};
pub use service::{Scoring, ScoringConfig, ScoringStats};
