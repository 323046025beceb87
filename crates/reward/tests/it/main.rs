//! The shipped functions and the pipeline against vectors from the existing network's programs.

mod diversity;
mod dpo;
mod memory;
mod ngram;
mod normalise;
mod penalties;
mod pipeline;
mod real;
mod relevance;
mod support;
