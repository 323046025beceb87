//! The masks that ship.

pub mod diversity;
mod echo;
pub mod ngram;
mod relevance;

pub use diversity::{Diversity, DiversityConfig, DiversityRule};
pub use echo::Echo;
pub use ngram::{NgramBlacklist, NgramConfig};
pub use relevance::{Relevance, cosine};
