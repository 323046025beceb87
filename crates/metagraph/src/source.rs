//! Where metagraphs come from.

use axoneme_chain::{Chain, ChainError, Metagraph};
use futures::future::BoxFuture;

/// Why a metagraph could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The chain could not be asked.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// It took too long.
    #[error("no metagraph of subnet {netuid} within {after:?}; the node is overloaded or the connection dead")]
    Timeout {
        /// The subnet.
        netuid: u16,
        /// The bound.
        after: std::time::Duration,
    },
}

/// Whatever metagraphs can be fetched from: a chain, or a script in a test.
pub trait Source: Send + Sync + 'static {
    /// The newest metagraph of a subnet. All of it has to belong to one block.
    fn fetch(&self, netuid: u16) -> BoxFuture<'_, Result<Metagraph, FetchError>>;

    /// First block of the chain they are from.
    fn genesis_hash(&self) -> [u8; 32];
}

impl Source for Chain {
    fn fetch(&self, netuid: u16) -> BoxFuture<'_, Result<Metagraph, FetchError>> {
        Box::pin(async move { Ok(self.metagraph(netuid).await?) })
    }

    fn genesis_hash(&self) -> [u8; 32] {
        Chain::genesis_hash(self)
    }
}
