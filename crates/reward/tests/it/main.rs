//! The shipped functions and the pipeline against vectors from the existing network's programs.

mod defects;
mod diversity;
mod dpo;
mod functions;
mod memory;
mod ngram;
mod normalise;
mod nsfw;
mod penalties;
mod pipeline;
mod predecessor;
mod prompt_based;
mod real;
mod relevance;
mod support;
mod tiny;
