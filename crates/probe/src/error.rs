//! Why a probe could not be made at all.

use std::net::SocketAddr;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// Nobody listens there.
    #[error("nothing listens on {target} ({reason}); check the address and that the axon runs")]
    Unreachable {
        /// Where.
        target: SocketAddr,
        /// What the system says.
        reason: String,
    },
    /// The very first honest request was not served, so no refusal would mean anything.
    #[error(
        "{target} does not serve an honest request ({answer}); check --hotkey (it has to be the axon's), and that \
         the key given with --uri or --wallet.* may call it"
    )]
    NotServed {
        /// Where.
        target: SocketAddr,
        /// What came instead: the answer on the v10 wire.
        answer: String,
    },
    /// A flood is for one's own machine.
    #[error("{target} is not on this machine: --flood only goes to a loopback address such as 127.0.0.1")]
    NotLoopback {
        /// Where it would have gone.
        target: SocketAddr,
    },
    /// The synapse to send makes no sense.
    #[error("--body has to be a JSON object that holds every field of --hash-fields: {0}")]
    Synapse(String),
    /// The address cannot be found.
    #[error("cannot find the address of `{host}` ({reason}); give an address and a port, such as 127.0.0.1:8091")]
    Address {
        /// What was given.
        host: String,
        /// What the system says.
        reason: String,
    },
    /// The wallet to sign with.
    #[error("cannot sign: {0}")]
    Wallet(#[from] axoneme_wallet::WalletError),
    /// The development key to sign with.
    #[error("--uri is no key: {0}; give a development path such as //Alice, or --wallet.name")]
    Key(#[from] axoneme_wallet::KeyError),
    /// An earlier report could not be read.
    #[error("cannot read the report {path}: {reason}; write one with --json")]
    OtherReport {
        /// Which file.
        path: String,
        /// Why not.
        reason: String,
    },
}
