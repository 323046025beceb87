//! What can go wrong while a model is fetched, opened or asked.

use std::path::{Path, PathBuf};

/// Why a model could not be made ready.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The text given as a model is neither `default`, nor a path, nor a hub id.
    #[error("{text:?} does not name a model: {reason}; write `default`, a path, or hf:org/name[@revision][/file]")]
    Reference {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A path given by the user does not exist.
    #[error("there is no model at {path}; check the path given with --model")]
    NotFound {
        /// Where the model was looked for.
        path: PathBuf,
    },
    /// A model file exists and is not what it should be.
    #[error(
        "model file {path} is damaged or not a model: {reason}; replace the file, or leave out --model for the default"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The file is sound, but this build cannot run it.
    #[error("model {path} cannot be used: {reason}")]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What is missing here.
        reason: String,
    },
    /// A model is not on this machine and could not be fetched.
    #[error(
        "cannot fetch {name}: {reason}; go online and start again, or put the file at {path}, or pass --model <path>"
    )]
    Fetch {
        /// Which model.
        name: String,
        /// What the download reported.
        reason: String,
        /// Where a file placed by hand is picked up.
        path: PathBuf,
    },
    /// Another process holds the lock of a download for too long.
    #[error("another process has been fetching this model for {minutes} minutes; if none runs, delete {lock}")]
    Locked {
        /// The lock file.
        lock: PathBuf,
        /// How long was waited.
        minutes: u64,
    },
    /// The tokenizer of a model cannot be built.
    #[error("no usable tokenizer for {path}: {reason}; put the model's tokenizer.json beside the weights")]
    Tokenizer {
        /// The weights the tokenizer was wanted for.
        path: PathBuf,
        /// What is missing or unknown.
        reason: String,
    },
    /// The chat template of a model does not compile or does not render.
    #[error(
        "the chat template of {path} does not work: {reason}; put a corrected chat_template.jinja beside the weights"
    )]
    Template {
        /// The file the template came from.
        path: PathBuf,
        /// What the template engine says.
        reason: String,
    },
    /// The device that was asked for is not there.
    #[error("{0}")]
    Device(String),
    /// A file could not be read or written.
    #[error("cannot access {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The tensor library refused an operation while the model was loaded.
    #[error("loading the model failed: {0}")]
    Compute(#[from] candle_core::Error),
}

impl ModelError {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn corrupt(path: &Path, reason: impl ToString) -> Self {
        Self::Corrupt {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }

    pub(crate) fn unsupported(path: &Path, reason: impl ToString) -> Self {
        Self::Unsupported {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }

    pub(crate) fn tokenizer(path: &Path, reason: impl ToString) -> Self {
        Self::Tokenizer {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }
}

/// Why a request to a running model was refused or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// All slots and all places in the queue are taken.
    #[error("the model is busy: {limit} requests are running or waiting; try again later")]
    Busy {
        /// How many requests the engine admits at once.
        limit: usize,
    },
    /// The prompt leaves no room for an answer.
    #[error("the prompt has {tokens} tokens and the context holds {context}; shorten it or raise the context")]
    PromptTooLong {
        /// Tokens of the rendered prompt.
        tokens: usize,
        /// Tokens the engine keeps per request.
        context: usize,
    },
    /// There is nothing to continue.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// The model came without a chat template, so messages cannot be turned into a prompt.
    #[error("the model has no chat template; use an instruct model or put a chat_template.jinja beside the weights")]
    NoTemplate,
    /// The chat template refused these messages.
    #[error("the chat template refused the messages: {0}")]
    Template(String),
    /// A sampling parameter is out of range.
    #[error("sampling parameter {name} is {value}, expected {expected}")]
    Sampling {
        /// The parameter.
        name: &'static str,
        /// The value given.
        value: f64,
        /// What it may be.
        expected: &'static str,
    },
    /// The text could not be turned into tokens.
    #[error("cannot tokenise the text: {0}")]
    Tokenize(String),
    /// The thread that owns the model has ended.
    #[error("the model's thread has stopped; restart the process")]
    Stopped,
    /// The tensor library failed in the middle of the work.
    #[error("the model failed: {0}")]
    Compute(String),
}

impl From<candle_core::Error> for EngineError {
    fn from(error: candle_core::Error) -> Self {
        Self::Compute(error.to_string())
    }
}
