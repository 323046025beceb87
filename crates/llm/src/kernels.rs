//! The arithmetic of f32 models on the CPU: products with matrices that are laid out once, norms, activations and
//! attention.
//!
//! Everything here takes its sums in a fixed order for each row, so what a row comes out as does not depend on the rows
//! beside it, on the number of threads, or on which vector instructions the processor has, as long as it has fused
//! multiply-add. Which instructions those are is found out when the program runs.

mod attend;
mod matrix;
mod pointwise;
mod vector;

pub use attend::{Heads, Reach, ScoreBias, attend};
pub use matrix::{Matrix, Rows};
pub use pointwise::{Activation, add_bias, layer_norm};

pub use crate::model::elementwise::{add, dot, rms_norm, silu_times, softmax};
