//! What can go wrong when a store is opened. After that a store only ever says yes, no, or "not now".

use std::io;
use std::path::{Path, PathBuf};

/// Why a nonce store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The setting names no store.
    #[error(
        "'{text}' is no replay store: {why}; use memory, file, file:<folder> or redis://[user:password@]host:port[/db]"
    )]
    Setting {
        /// What was set, without its password.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file or folder of the store.
    #[error("cannot {what} {}: {source}; the replay store needs a folder that this user can write", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has the folder.
    #[error(
        "another process uses the replay store {}; stop it, give each neuron a folder of its own, or let replicas \
         behind one address share a Redis (redis://…)", path.display()
    )]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The Redis server could not be asked.
    #[error("cannot use the replay store at {server}: {why}")]
    Redis {
        /// Where, without its password.
        server: String,
        /// What happened and what to do about it.
        why: String,
    },
}

impl ReplayError {
    pub(crate) fn file(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File {
            what,
            path: path.to_owned(),
            source,
        }
    }
}
