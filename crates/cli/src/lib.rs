//! The `axoneme` command.
//!
//! `axoneme up` starts a whole subnet on this machine: the dev chain, a validator and four
//! miners, each through the same entry point and over the same sockets as when an operator starts
//! it alone. The other commands are the few steps that an operator of a *local* chain needs
//! before a daemon can start; on real chains `btcli` does them.

pub mod args;
pub mod bench;
pub mod drill;
pub mod local;
pub mod probe;
pub mod show;
pub mod up;
