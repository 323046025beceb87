//! The load against real axons in this process.

mod load;
mod requests;
