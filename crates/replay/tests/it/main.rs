//! The stores as a server uses them: real files, real processes, a real Redis server.

mod file;
mod redis;
mod redis_server;
mod replicas;

use std::sync::Arc;
use std::time::Duration;

use axoneme_protocol::nonce::{Horizon, NonceUse};
use axoneme_protocol::{NonceError, NonceStore};
use axoneme_wallet::AccountId;

const SECOND: u64 = 1_000_000_000;
const HORIZON: Horizon = Horizon::new(Duration::from_secs(10), Duration::from_secs(1));
const CALLER: AccountId = AccountId([7; 32]);

/// A claim by the same caller as all others.
async fn claim(store: &dyn NonceStore, nonce: u64) -> Result<(), NonceError> {
    let used = NonceUse {
        hotkey: &CALLER,
        uuid: "uuid",
        nonce,
    };
    let claimed = tokio::time::timeout(Duration::from_secs(20), store.claim(used));
    claimed.await.expect("a claim ends")
}

/// Claims each nonce through all stores at once, from tasks on several threads, and counts the winners of each.
async fn race(stores: &[Arc<dyn NonceStore>], nonces: &[u64]) -> Vec<usize> {
    let mut racing = Vec::new();
    for store in stores {
        let (store, nonces) = (store.clone(), nonces.to_vec());
        racing.push(tokio::spawn(async move {
            let claims = nonces.iter().map(|nonce| claim(&*store, *nonce));
            futures::future::join_all(claims).await
        }));
    }
    let mut winners = vec![0; nonces.len()];
    for results in racing {
        for (winners, result) in winners.iter_mut().zip(results.await.expect("no panic")) {
            match result {
                Ok(()) => *winners += 1,
                Err(error) => assert_eq!(error, NonceError::Replayed),
            }
        }
    }
    winners
}
