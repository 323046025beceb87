//! Behaviour of the dendrite against scripted and real axons over loopback sockets.

mod axons;
mod btauth;
mod fan_out;
mod hostile;
mod outcomes;
mod scripted;
mod streams;
mod subnets;
mod tls;
mod wire;
