//! Texts that tasks are about.
//!
//! A [`Dataset`] is an endless supply of texts from one or several weighted sources: the articles that ship, files, folders
//! and globs on this machine, or repositories of the hub. Files are opened when their turn comes and read record by record,
//! so a source may be larger than the memory and the disk. Records pass through a shuffle buffer of bounded size: it is
//! filled, a random one is taken out, the next record goes in. When a source ends, it starts over in another order.
//!
//! Everything that is drawn comes from one seed, and a [`Position`] is enough to go on with exactly the records that would
//! have come next.

mod array;
mod config;
pub mod corpus;
mod dataset;
mod error;
mod files;
mod format;
mod hub;
mod lines;
mod position;
mod rows;
mod source;

pub use config::{DatasetConfig, HubConfig, Location, SourceSpec, TextRecords};
pub use dataset::Dataset;
pub use error::DatasetError;
pub use position::{Position, SourcePosition};
