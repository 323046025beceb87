//! Which nonce the next transaction of a key carries.

use crate::wire::Live;
use axoneme_wallet::AccountId;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use subxt::rpcs::{Error as RpcError, rpc_params};
use subxt::utils::AccountId32;

/// What is known about one of our keys.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// Held from choosing the nonce until the node has the transaction.
    pub(crate) order: tokio::sync::Mutex<()>,
    /// Nonces of transactions on their way.
    in_flight: Mutex<BTreeSet<u64>>,
}

/// A nonce in use; free again when dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    account: Arc<Account>,
    pub(crate) nonce: u64,
}

impl Reserved {
    /// The chain's next nonce, or the first after it that no transaction of ours is using. After a change of
    /// node the new one may not have heard of them yet.
    pub(crate) fn first_free(account: &Arc<Account>, next: u64) -> Reserved {
        let mut in_flight = account.in_flight.lock();
        let mut nonce = next;
        while !in_flight.insert(nonce) {
            nonce += 1;
        }
        Reserved {
            account: Arc::clone(account),
            nonce,
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.account.in_flight.lock().remove(&self.nonce);
    }
}

/// The nonce after those in blocks and in the node's pool.
pub(crate) async fn next_nonce(live: &Live, account: &AccountId) -> Result<u64, RpcError> {
    match live.methods.system_account_next_index(&AccountId32(account.0)).await {
        // Some nodes know it under its newer name only.
        Err(RpcError::User(error)) if error.code == -32601 => {
            live.raw
                .request("account_nextIndex", rpc_params![account.to_string()])
                .await
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_on_its_way_is_not_given_twice() {
        let account = Arc::new(Account::default());
        let first = Reserved::first_free(&account, 5);
        let second = Reserved::first_free(&account, 5);
        assert_eq!((first.nonce, second.nonce), (5, 6));
        drop(first);
        assert_eq!(Reserved::first_free(&account, 5).nonce, 5);
        assert_eq!(Reserved::first_free(&account, 9).nonce, 9);
    }
}
