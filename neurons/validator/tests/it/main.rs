//! The validator's rules against vectors, and whole prompt runs over scripted miners.

mod absent;
mod checkpoints;
mod core_replay;
mod core_train;
mod core_validator;
mod core_world;
mod crowd;
mod flags;
mod flow;
mod gating;
mod kill_loop;
mod marks;
mod mechanisms;
pub mod models;
mod passes;
mod replay;
mod run;
mod sampling;
mod scores;
mod support;
mod tasks;
mod templates;
mod texts;
mod weights;
mod whole;
