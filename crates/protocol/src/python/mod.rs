//! Values as Python prints them, which is what the body hash is made over.

mod capture;
mod tables;
mod text;
mod unicode;

pub use capture::{CaptureError, capture};
pub use text::{PyValue, py_float};
pub use unicode::UnicodeVersion;
