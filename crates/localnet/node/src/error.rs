//! Why a dev chain does not start, or stopped.

use std::{io, net::SocketAddr, path::PathBuf};

use crate::seal::SealError;

/// What the `localnet` program exits with; documented in its `--help`.
pub mod exit_code {
    /// Ended as asked.
    pub const OK: u8 = 0;
    /// Anything that has no code of its own.
    pub const FAILURE: u8 = 1;
    /// Wrong flags, a wrong genesis preset, or a runtime that cannot be run.
    pub const USAGE: u8 = 2;
    /// The data directory cannot be used.
    pub const DATA_DIR: u8 = 3;
    /// Another program listens on the address.
    pub const PORT_IN_USE: u8 = 8;
}

/// Why a dev chain does not start, or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalnetError {
    /// Another program listens there.
    #[error("{addr} is already in use; stop the other program or choose a port with --port (0 takes any free one)")]
    PortInUse {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}; choose another with --rpc-addr and --port")]
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Another node has the data directory open.
    #[error("{path} is used by another localnet; stop it or choose another directory with --data-dir", path = path.display())]
    DataDirInUse {
        /// The directory.
        path: PathBuf,
    },
    /// The data directory belongs to a chain with another beginning.
    #[error(
        "{path} holds a different chain ({difference}); delete the directory to start afresh, or choose another with --data-dir",
        path = path.display()
    )]
    OtherChain {
        /// The directory.
        path: PathBuf,
        /// What differs, in words.
        difference: String,
    },
    /// A file in the data directory makes no sense; more than a torn last record, which is simply dropped.
    #[error("{path} is damaged: {detail}; delete the data directory to start afresh, or choose another with --data-dir", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        detail: String,
    },
    /// A file cannot be read or written.
    #[error("cannot {action} {path}", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The genesis preset says something that cannot be.
    #[error("{name}: {detail}")]
    Preset {
        /// The file.
        name: String,
        /// The line, and what is wrong with it.
        detail: String,
    },
    /// The runtime that `--runtime` names cannot be run.
    #[error("--runtime {name} {detail}")]
    Runtime {
        /// The file.
        name: String,
        /// What is wrong with it, beginning with a verb.
        detail: String,
    },
    /// The runtime cannot make its first state.
    #[error("the runtime cannot build its genesis: {0}")]
    Genesis(String),
    /// A setting that no chain can run with.
    #[error("{0}")]
    Config(String),
    /// A block could not be made.
    #[error("no block was made")]
    Seal(#[from] SealError),
    /// A thread or the server could not be started.
    #[error("cannot start the {what}: {detail}")]
    Start {
        /// Which part.
        what: &'static str,
        /// Why.
        detail: String,
    },
}

impl LocalnetError {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn damaged(path: impl Into<PathBuf>, detail: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.into(),
            detail: detail.into(),
        }
    }

    /// What a program should exit with: one of [`exit_code`].
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::PortInUse { .. } => exit_code::PORT_IN_USE,
            Self::Config(_) | Self::Preset { .. } | Self::Runtime { .. } => exit_code::USAGE,
            Self::DataDirInUse { .. } | Self::OtherChain { .. } | Self::Damaged { .. } | Self::Io { .. } => {
                exit_code::DATA_DIR
            }
            _ => exit_code::FAILURE,
        }
    }
}
