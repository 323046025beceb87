//! The penalties that ship.

mod keyword;
mod sentence;
mod validation;

pub use keyword::KeywordMatch;
pub use sentence::SentenceMatch;
pub use validation::TaskValidation;

use serde::{Deserialize, Serialize};

/// Which edition of a list of patterns applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Patterns {
    /// As the existing network scores, two damaged patterns included.
    #[default]
    Reference,
    /// The damaged patterns as they were meant, and key words only as whole words.
    Repaired,
}
