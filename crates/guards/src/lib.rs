//! The two states of a server that every stranger writes to: which nonces were used, and how many requests somebody
//! may still send. Pure state machines that take the time as an argument, and thin locks around them.
//!
//! They live by themselves so that every interleaving of threads can be tried: `scripts/loom` compiles this crate with
//! [loom]'s mutex in place of the real one and runs the same code that serves requests.
//!
//! | module | what |
//! | --- | --- |
//! | [`clocks`] | readings of both clocks, and steps of the wall clock |
//! | [`seen`] | used nonces: bounded, and never forgotten while they could pass again |
//! | [`buckets`] | token buckets, bounded |
//!
//! [loom]: https://docs.rs/loom

pub mod buckets;
pub mod clocks;
pub mod seen;
mod sync;

pub use buckets::{Buckets, Limiter, Rate};
pub use clocks::{Now, Step, StepGuard};
pub use seen::{Horizon, Keyer, NonceSet, Refused, Seen};
