//! What can go wrong before there is a figure to report.

use std::net::SocketAddr;

/// Why a measurement could not be made. Failing requests are no error: they are counted in the report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BenchError {
    /// Options that contradict each other or cannot be measured.
    #[error("{0}")]
    Options(String),
    /// Junk for a machine that may not be ours.
    #[error("junk goes to loopback addresses only, {target} is none; start the axon on this machine")]
    NotLoopback {
        /// The address that was named.
        target: SocketAddr,
    },
    /// A body below what its wire needs around the text.
    #[error("--body-bytes {asked} is too small for this wire; use at least {least}")]
    SmallBody {
        /// What was asked for.
        asked: usize,
        /// The least that works.
        least: usize,
    },
    /// A request could not be built; a mistake in this program.
    #[error("cannot build the request: {0}")]
    Build(String),
    /// The process that serves did not start.
    #[error("the serving process did not start: {0}")]
    Child(String),
    /// The axon did not answer as an echo does.
    #[error("{target} does not serve the load: {what}")]
    Target {
        /// Whom we asked.
        target: SocketAddr,
        /// What came back.
        what: String,
    },
    /// The operating system refused.
    #[error("cannot {what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// A key text is wrong.
    #[error(transparent)]
    Key(#[from] axoneme_wallet::KeyError),
    /// The axon under test could not start.
    #[error(transparent)]
    Axon(#[from] axoneme_axon::AxonError),
    /// The dendrite under test could not be made.
    #[error(transparent)]
    Dendrite(#[from] axoneme_dendrite::DendriteError),
}

impl BenchError {
    pub(crate) fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::System { what, source }
    }
}
