//! The text-prompting miner: an axon that answers `Prompting` requests, by `miner.type` with a language model in this
//! process, with a server elsewhere, or with something that only looks like an answer.
//!
//! A fork changes [`forward`] (what is answered) and, if it wants to, [`policy`] (who is served,
//! and who first). [`run()`] is the whole life of a miner; the program in `main.rs` and the
//! `axoneme up` command both call it.

pub mod canned;
pub mod config;
pub mod forward;
pub mod policy;
pub mod prompt_cache;
pub mod rewards;
pub mod run;
pub mod self_weights;
pub mod standing;

pub use config::{MinerConfig, MinerKind, program};
pub use run::{Host, run};
