//! Behaviour of the dendrite against scripted and real axons over loopback sockets.

mod axons;
mod outcomes;
mod scripted;
mod wire;
