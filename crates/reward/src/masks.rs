//! The masks that ship.

pub mod diversity;
mod echo;
pub mod ngram;
pub mod nsfw;
mod predecessor;
mod relevance;

pub use diversity::{Diversity, DiversityConfig, DiversityRule};
pub use echo::Echo;
pub use ngram::{NgramBlacklist, NgramConfig};
pub use nsfw::{MessageFilter, Nsfw, NsfwRule};
pub use predecessor::{PhraseBlacklist, TaskValidatorFilter};
pub use relevance::{Relevance, cosine, negative_distance};
