//! The machine by itself, and on a model of the chain's rules, with faults.

mod machine;
mod model;
mod node;
mod oracle;
mod process;
mod proofs;
mod simulation;
mod world;
