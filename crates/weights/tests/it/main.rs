//! The machine by itself, and on a model of the chain's rules, with faults; then on a real development chain.

mod localnet;
mod machine;
mod model;
mod node;
mod oracle;
mod process;
mod proofs;
mod reactions;
mod restarts;
mod simulation;
mod subnet;
mod world;
