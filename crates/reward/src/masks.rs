//! The masks that ship.

pub mod diversity;
pub mod ngram;
mod relevance;

pub use diversity::{Diversity, DiversityConfig};
pub use ngram::{NgramBlacklist, NgramConfig};
pub use relevance::{Relevance, cosine};
