//! The dev chain seen from outside: by subxt, by raw JSON-RPC, and as a program that is killed and started again.

mod client;
mod common;
mod dev;
mod program;
mod pulses;
mod rpc;
mod shield;
mod subnet;
#[cfg(feature = "wasm")]
mod wasm;
