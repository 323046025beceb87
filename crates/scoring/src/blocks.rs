//! What the architectures are made of: matrices, norms, rotations and attention over ragged rows.
//!
//! Each block has two forms with one interface. On the CPU it works on plain numbers with the kernels of
//! [`axoneme_llm`]; on a GPU it is tensor operations.

mod attention;
mod embedding;
mod encoder;
mod linear;
mod norm;
mod place;
mod rotary;
mod state;

pub(crate) use attention::{Bias, HostBias, Part, attention};
pub(crate) use embedding::Embedding;
pub(crate) use encoder::{EncoderLayer, Names};
pub(crate) use linear::Linear;
pub(crate) use norm::Norm;
pub(crate) use place::Place;
pub(crate) use rotary::{Pairing, Rotary};
pub(crate) use state::{Pass, State};

pub(crate) use axoneme_llm::kernels::{Activation, Heads, Reach};
