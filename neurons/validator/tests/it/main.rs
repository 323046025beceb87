//! The validator's rules against vectors, and whole prompt runs over scripted miners.

mod flow;
mod models;
mod passes;
mod run;
mod sampling;
mod scores;
mod support;
mod tasks;
mod texts;
mod weights;
