//! Why an axon could not start.

use std::net::SocketAddr;

/// Why an axon could not start, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AxonError {
    /// Another program listens there.
    #[error("port {} of {} is in use; stop the program that holds it or choose another port with --axon.port", addr.port(), addr.ip())]
    PortInUse {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// Ports below 1024 need privileges.
    #[error("not allowed to listen on {addr}; choose a port above 1023 with --axon.port")]
    PortDenied {
        /// The address that was asked for.
        addr: SocketAddr,
    },
    /// The address is not one of this machine, or something rarer.
    #[error("cannot listen on {addr}; is it an address of this machine? see --axon.ip")]
    Bind {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// Two handlers for one synapse: a mistake in the program.
    #[error("two handlers for synapse {synapse}")]
    DuplicateRoute {
        /// Name of the synapse.
        synapse: &'static str,
    },
    /// A v10 signature would cover nothing of what is asked.
    #[error(
        "synapse {synapse} has no hash fields: on the v10 wire its body could be changed on the way; name some in \
         HASH_FIELDS, serve it over btauth/1 only, or say that this is meant with allow_unhashed"
    )]
    NoHashFields {
        /// Name of the synapse.
        synapse: &'static str,
    },
    /// A route that no caller could use.
    #[error("synapse {synapse} accepts neither the v10 wire nor btauth/1; allow one of them")]
    NoWire {
        /// Name of the synapse.
        synapse: &'static str,
    },
}

impl AxonError {
    pub(crate) fn binding(addr: SocketAddr, source: std::io::Error) -> Self {
        match source.kind() {
            std::io::ErrorKind::AddrInUse => Self::PortInUse { addr },
            std::io::ErrorKind::PermissionDenied => Self::PortDenied { addr },
            _ => Self::Bind { addr, source },
        }
    }
}
