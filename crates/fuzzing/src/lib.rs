//! What must hold for any bytes a stranger sends, or finds in a file.
//!
//! Each function takes bytes, feeds them to a parser that faces strangers, and panics when something that must hold does
//! not: that is how a fuzzer reports. The targets in `fuzz/` call them under libFuzzer (`scripts/fuzz`); the corpora
//! they collected lie in `fuzz/corpus` and run as plain tests of this crate.

mod bodies;
mod headers;
mod keyfiles;
mod streams;

pub use bodies::body_hash;
pub use headers::{btauth, signed_head};
pub use keyfiles::keyfile;
pub use streams::stream;

/// A fuzz target: its name, and what to do with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target, named as its corpus folder is.
pub const TARGETS: [Target; 5] = [
    ("signed_head", signed_head),
    ("btauth", btauth),
    ("body_hash", body_hash),
    ("stream", stream),
    ("keyfile", keyfile),
];
