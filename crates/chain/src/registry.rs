//! One connection for all that want the same chain in one process.

use crate::chain::Chain;
use crate::config::ChainConfig;
use crate::connection::Shared;
use crate::error::ChainError;
use parking_lot::Mutex;
use std::sync::{Arc, Weak};
use tokio_util::sync::DropGuard;

/// A connection that lives as long as somebody holds it.
struct Entry {
    config: ChainConfig,
    /// A connection is driven by the runtime in which it was made, and of no use to another.
    runtime: tokio::runtime::Id,
    shared: Weak<Shared>,
    stop: Weak<DropGuard>,
}

static CONNECTIONS: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

fn find(config: &ChainConfig) -> Option<Chain> {
    let runtime = tokio::runtime::Handle::current().id();
    let mut connections = CONNECTIONS.lock();
    connections.retain(|entry| entry.stop.strong_count() > 0);
    connections
        .iter()
        .filter(|entry| entry.runtime == runtime && entry.config == *config)
        .find_map(|entry| {
            Some(Chain {
                shared: entry.shared.upgrade()?,
                stop: entry.stop.upgrade()?,
            })
        })
}

/// Remembers a connection, unless another one was remembered meanwhile: then that one is used.
fn remember(config: ChainConfig, chain: Chain) -> Chain {
    if let Some(earlier) = find(&config) {
        return earlier;
    }
    CONNECTIONS.lock().push(Entry {
        config,
        runtime: tokio::runtime::Handle::current().id(),
        shared: Arc::downgrade(&chain.shared),
        stop: Arc::downgrade(&chain.stop),
    });
    chain
}

impl Chain {
    /// As [`Chain::connect`], but all who ask for the same configuration in one process share one connection, with
    /// its nonces. It ends with the last of them.
    ///
    /// # Errors
    /// As [`Chain::connect`].
    pub async fn shared(config: ChainConfig) -> Result<Chain, ChainError> {
        if let Some(chain) = find(&config) {
            return Ok(chain);
        }
        let chain = Chain::connect(config.clone()).await?;
        Ok(remember(config, chain))
    }

    /// As [`Chain::connect_in_background`], shared as [`Chain::shared`].
    ///
    /// # Errors
    /// As [`Chain::connect_in_background`].
    pub fn shared_in_background(config: ChainConfig, genesis_hash: Option<[u8; 32]>) -> Result<Chain, ChainError> {
        if let Some(chain) = find(&config) {
            return Ok(chain);
        }
        let chain = Chain::connect_in_background(config.clone(), genesis_hash)?;
        Ok(remember(config, chain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_asks_for_the_same_chain_gets_the_same_connection_while_somebody_holds_it() {
        let config = |port| ChainConfig::new([format!("ws://127.0.0.1:{port}")]);
        let open = |port| Chain::shared_in_background(config(port), None).expect("a connection to be");
        let (first, second, other) = (open(1), open(1), open(2));
        assert!(Arc::ptr_eq(&first.shared, &second.shared));
        assert!(!Arc::ptr_eq(&first.shared, &other.shared));
        let gone = Arc::downgrade(&first.stop);
        drop((first, second));
        assert!(gone.upgrade().is_none());
        assert_eq!(open(1).endpoints().len(), 1);
    }
}
