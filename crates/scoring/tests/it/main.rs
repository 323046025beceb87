//! Every architecture against the numbers of its reference implementation.

mod properties;
mod remote;
mod support;
mod tei;
mod tiny_models;
