//! The reward functions that ship.

pub mod dpo;
