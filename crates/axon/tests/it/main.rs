//! Behaviour of a whole axon over loopback sockets.

mod admission;
mod answers;
mod btauth;
mod crowd;
mod life;
mod load;
mod peer;
mod streams;
mod tls;
