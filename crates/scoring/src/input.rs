//! What is asked of a model.

use std::fmt;

/// Something to score.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input {
    /// A text, with the special tokens the model's tokenizer adds.
    Text(String),
    /// Two texts in the tokenizer's own form for pairs.
    Pair(String, String),
    /// Tokens as they are, nothing added.
    Ids(Vec<u32>),
}

impl From<&str> for Input {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Input {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// How the states of all tokens become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pooling {
    /// Their mean.
    Mean,
    /// The first one.
    Cls,
    /// The last one.
    Last,
}

/// What a model is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Head {
    /// One number per label. Encoders use their own classifier; decoders read their score at the last token that is not
    /// the pad token.
    Classify,
    /// One number per token: a decoder with a scalar value head.
    Values,
    /// A vector.
    Embed {
        /// How the states of tokens are put together.
        pooling: Pooling,
        /// Whether the result is scaled to length 1.
        normalise: bool,
        /// Whether a text longer than the model takes is cut into windows, each with its own special tokens, whose
        /// vectors are scaled to length 1 and averaged. Without, it is truncated.
        windows: bool,
    },
    /// The log-probability of completions: a language model.
    LogProb,
}

impl fmt::Display for Head {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Classify => "classification",
            Self::Values => "a value per token",
            Self::Embed { .. } => "an embedding",
            Self::LogProb => "log-probabilities",
        })
    }
}

/// What happens to an input with more tokens than the model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LongInputs {
    /// It is cut at the end; of a pair the longer text is cut, and special tokens at the end are kept.
    Truncate,
    /// It is an error.
    Refuse,
}
