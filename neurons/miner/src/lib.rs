//! The text-prompting miner: an axon that answers `Prompting` requests with a language model.
//!
//! A fork changes [`forward`] (what is answered) and, if it wants to, [`policy`] (who is served,
//! and who first). [`run()`] is the whole life of a miner; the program in `main.rs` and the
//! `axoneme up` command both call it.

pub mod announce;
pub mod config;
pub mod forward;
pub mod policy;
pub mod run;

pub use config::{MinerConfig, MinerKind, program};
pub use run::{Host, run};
