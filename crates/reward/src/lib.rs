//! How answers become rewards: weighted reward functions, multiplied by masks and by what penalties leave.
//!
//! ```text
//! reward = (Σ weight · normalised reward) × masks × (1 − penalties)
//! ```
//!
//! [`Pipeline`] does the arithmetic and keeps the running statistics. What it is made of are three small
//! traits: [`RewardFunction`] (any number, put on a common scale by a running normalisation), [`Mask`] (0 or 1)
//! and [`Penalty`] (0 to 1, up to a maximum). The prompting subnet's own ones live in [`functions`], [`masks`] and
//! [`penalties`]; a fork writes its own and hands them to the builder.
//!
//! Models come in through the traits of [`models`], so nothing here loads a file, and everything can be tested with given
//! numbers.

pub mod error;
pub mod functions;
pub mod llm;
pub mod masks;
pub mod memory;
pub mod models;
pub mod normalise;
pub mod penalties;
pub mod pipeline;
pub mod record;
pub mod scoring;
pub mod task;
pub mod text;
pub mod weights;

pub use error::{ModelFault, RewardError};
pub use memory::MemoryError;
pub use models::{
    ConversationForm, LogProbScorer, ModelInput, RepeatPenalty, SentenceEmbedder, TextClassifier, TextGenerator,
    TokenValues, WordPieces,
};
pub use normalise::RunningNorm;
pub use pipeline::{Extra, Judged, Mask, Penalty, Pipeline, PipelineBuilder, Response, RewardFunction, Scores};
pub use record::{FunctionRecord, Kind, Outcome};
pub use task::{Criterion, Task, TaskKind};
pub use weights::{WeightError, check_weights};
