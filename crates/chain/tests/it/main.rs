//! The client against real sockets and the embedded development chain.

mod calls;
mod connection;
mod endpoints;
mod localnet;
mod proxy;
mod recovery;
mod subnet;
