//! Behaviour of a whole axon over loopback sockets.

mod admission;
mod answers;
mod life;
mod load;
mod peer;
