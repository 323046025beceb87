//! Why events cannot be read or written.

use std::path::{Path, PathBuf};

/// Why events cannot be read, exported or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrackingError {
    /// The system refused.
    #[error("cannot {action} {path}; check that it is there, that it may be accessed and that the disk is not full")]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A field is missing or of the wrong type.
    #[error("the event has no usable field {field}: {reason}; was the file written by another program?")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// There is nothing to read.
    #[error("there are no events in {path}; name an event file (events.jsonl) or the folder it is in")]
    NoEvents {
        /// Where they were looked for.
        path: PathBuf,
    },
    /// Parquet could not be written.
    #[error("cannot write the Parquet file {path}: {source}")]
    Parquet {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: parquet::errors::ParquetError,
    },
}

impl TrackingError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
