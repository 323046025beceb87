//! Why a drill does not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a drill does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DrillError {
    /// Another program listens there.
    #[error("{address} is already in use; choose another with --listen (port 0 takes any free one)")]
    PortInUse {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}; choose another with --listen")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Whoever reaches the drill reaches the endpoint behind it.
    #[error("{address} can be reached from other machines; listen on 127.0.0.1, or say --expose if you mean it")]
    NotLoopback {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The endpoint makes no sense.
    #[error("`{given}` is no chain endpoint ({reason}); write ws://host:port or wss://host")]
    Upstream {
        /// What was given.
        given: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No certificate can be checked, so no wss endpoint can be reached.
    #[error(
        "no root certificates on this machine ({0}); install the system's ca-certificates, or use a ws:// endpoint"
    )]
    Certificates(String),
    /// A fault or a time makes no sense.
    #[error("{0}")]
    Schedule(String),
    /// The schedule's file cannot be read.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The schedule's file makes no sense.
    #[error("{path}: {detail}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Where and what.
        detail: String,
    },
}
