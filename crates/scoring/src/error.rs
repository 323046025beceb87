//! What can go wrong between a folder with a model and a score.

use std::path::{Path, PathBuf};

use crate::Head;

/// Why a model could not be loaded or a request got no scores.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ScoringError {
    /// A file of the model is missing, damaged or contradicts the others.
    #[error("model {path} cannot be read: {reason}; fetch it again or check the path")]
    Damaged {
        /// The file or folder.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The weights lack a tensor that this architecture and head need.
    #[error("model {path} has no tensor {name}; check that it was saved with the head that is asked for")]
    MissingTensor {
        /// The model's folder.
        path: PathBuf,
        /// Name of the tensor.
        name: String,
    },
    /// The configuration asks for something that is not written here.
    #[error("model {path} cannot be used: {field} in config.json is {value}, {wanted}")]
    Unsupported {
        /// The model's folder.
        path: PathBuf,
        /// Field of `config.json`.
        field: String,
        /// Its value.
        value: String,
        /// What would do.
        wanted: String,
    },
    /// The model cannot answer what is asked.
    #[error("model {path} is asked for {head} and cannot: {reason}")]
    WrongHead {
        /// The model's folder.
        path: PathBuf,
        /// What is asked.
        head: Head,
        /// Why not.
        reason: String,
    },
    /// The model does not fit into memory.
    #[error(
        "model {path} needs {needed_mib} MiB and {free_mib} MiB of {limit} are left ({used_mib} MiB are in use by other \
         models); {advice}"
    )]
    Memory {
        /// The model's folder.
        path: PathBuf,
        /// What it takes, by the header of its weights, in f32.
        needed_mib: u64,
        /// What there is for it.
        free_mib: u64,
        /// What models loaded before take.
        used_mib: u64,
        /// Which limit applies.
        limit: String,
        /// What to change.
        advice: &'static str,
    },
    /// An input is longer than the model can take, and its rule is not to cut.
    #[error(
        "input {index} has more than the {limit} tokens this model takes; shorten it, or cut with LongInputs::Truncate"
    )]
    TooLong {
        /// Which input of the request.
        index: usize,
        /// What the model takes.
        limit: usize,
    },
    /// An input cannot be made into tokens the model knows.
    #[error("input {index} cannot be scored: {reason}")]
    Input {
        /// Which input of the request.
        index: usize,
        /// What is wrong.
        reason: String,
    },
    /// Too many inputs wait.
    #[error(
        "{asked} inputs do not fit: {waiting} of {limit} places in the scoring queue are taken; try later, ask for fewer \
         at once, or raise the queue"
    )]
    Busy {
        /// Inputs of this request.
        asked: usize,
        /// Inputs that wait.
        waiting: usize,
        /// How many may.
        limit: usize,
    },
    /// The device that was asked for is not there.
    #[error("{0}")]
    Device(String),
    /// The thread that runs the models has ended.
    #[error("the scoring thread has stopped; restart the process")]
    Stopped,
    /// The arithmetic failed in the middle of the work.
    #[error("the model failed: {0}")]
    Compute(String),
    /// A remote server refused, failed, or answered what cannot be right.
    #[error("scoring server {url}: {reason}")]
    Remote {
        /// The server.
        url: String,
        /// What happened and what to do.
        reason: String,
    },
}

impl ScoringError {
    pub(crate) fn damaged(path: &Path, reason: impl ToString) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }

    pub(crate) fn wrong_head(path: &Path, head: Head, reason: impl ToString) -> Self {
        Self::WrongHead {
            path: path.to_owned(),
            head,
            reason: reason.to_string(),
        }
    }
}

impl From<candle_core::Error> for ScoringError {
    fn from(error: candle_core::Error) -> Self {
        Self::Compute(error.to_string())
    }
}

impl From<axoneme_llm::ModelError> for ScoringError {
    fn from(error: axoneme_llm::ModelError) -> Self {
        Self::Device(error.to_string())
    }
}

impl From<axoneme_llm::EngineError> for ScoringError {
    fn from(error: axoneme_llm::EngineError) -> Self {
        match error {
            axoneme_llm::EngineError::Stopped => Self::Stopped,
            other => Self::Compute(other.to_string()),
        }
    }
}
