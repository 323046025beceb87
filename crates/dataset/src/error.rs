//! Why there is no text.

use std::path::PathBuf;

/// Why there is no text. After any of them the next call tries again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatasetError {
    /// A file or folder cannot be read.
    #[error("cannot read the dataset at {path}; check --dataset.source")]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A source cannot be understood.
    #[error("--dataset.source {text:?}: {reason}")]
    Source {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is nothing to read.
    #[error(
        "the dataset source {source_name} has no file that can be read; known are .txt, .json, .jsonl and .ndjson, each also \
         with .gz or .zst, and .parquet (check --dataset.source)"
    )]
    NoFiles {
        /// The source.
        source_name: String,
    },
    /// Nothing that was read could be used.
    #[error(
        "the dataset {source_name} has no usable text: {records} records were read from {files} files and none has at least \
         {min_dots} dots (check --dataset.source, --dataset.text_field and --dataset.min_dots)"
    )]
    Empty {
        /// The source.
        source_name: String,
        /// Files found.
        files: usize,
        /// Records read.
        records: u64,
        /// The rule they failed.
        min_dots: usize,
    },
    /// The hub did not deliver.
    #[error(
        "cannot fetch {name}: {reason}; check the network, HF_ENDPOINT and HF_TOKEN, or name files on this machine"
    )]
    Fetch {
        /// What was to be fetched.
        name: String,
        /// Why not.
        reason: String,
    },
    /// Reading was cut short.
    #[error("reading the dataset was interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
}
