//! From the pool into a block: the watch, and the search for a transaction whose watch was cut.

use crate::call::WaitFor;
use crate::chain::{Chain, unread};
use crate::error::ChainError;
use crate::outcome::Inclusion;
use crate::submit::Sent;
use crate::wire::Live;
use futures::StreamExt;
use std::time::Duration;
use subxt::config::Hasher;
use subxt::config::substrate::{BlakeTwo256, H256};
use subxt::rpcs::Error as RpcError;
use subxt::rpcs::client::RpcSubscription;
use subxt::rpcs::methods::legacy::TransactionStatus;
use tokio::time::{Instant, sleep_until, timeout_at};

/// By what a transaction is found again.
#[derive(Clone, Copy)]
pub(crate) struct Ticket {
    pub(crate) hash: H256,
    pub(crate) nonce: u64,
    /// First block that could contain it.
    pub(crate) from_block: u64,
    /// Last block that can contain it.
    pub(crate) valid_until: u64,
}

/// How many blocks are looked through at the same time.
const BLOCKS_AT_ONCE: usize = 8;

pub(crate) type Watch = RpcSubscription<TransactionStatus<H256>>;

impl Chain {
    /// Waits for the block that contains the transaction.
    pub(crate) async fn follow(
        &self,
        what: &'static str,
        sent: Sent,
        wait: WaitFor,
        deadline: Instant,
    ) -> Result<(H256, H256), ChainError> {
        let ticket = sent.ticket;
        if let Some(mut watch) = sent.watch {
            let broken = &sent.broken;
            let watched = async {
                tokio::select! {
                    fate = watched_fate(what, &mut watch, wait) => fate,
                    () = broken.wait() => Ok(None),
                }
            };
            match timeout_at(deadline, watched).await {
                Ok(Ok(Some(block))) => return Ok((block, ticket.hash)),
                Ok(Err(error)) => return Err(error),
                Ok(Ok(None)) => {}
                Err(_) => return Err(self.unconfirmed(what, ticket)),
            }
        }
        tracing::warn!(call = what, "the watch was cut, looking the call up on the chain");
        self.look_up(what, ticket, deadline).await
    }

    /// Finds out what became of a transaction whose watch was cut.
    async fn look_up(&self, what: &'static str, ticket: Ticket, deadline: Instant) -> Result<(H256, H256), ChainError> {
        let mut heads = self.blocks();
        let mut next = ticket.from_block;
        while Instant::now() < deadline {
            let until = deadline.min(Instant::now() + self.shared.config.request_timeout);
            let looked = self.with_live(what, until, |live| async move { search(&live, ticket, next).await });
            match looked.await {
                Ok(Search::Found(block)) => return Ok((block, ticket.hash)),
                Ok(Search::NotUpTo { block }) if block >= ticket.valid_until => {
                    return Err(ChainError::Expired {
                        call: what,
                        valid_until: ticket.valid_until,
                    });
                }
                Ok(Search::NotUpTo { block }) => next = block + 1,
                // Not connected: the heads tell when that changes.
                Err(error) => tracing::debug!(call = what, %error, "cannot look yet"),
            }
            heads.mark_unchanged();
            let pause = deadline.min(Instant::now() + Duration::from_secs(2));
            tokio::select! {
                _ = heads.changed() => {}
                () = sleep_until(pause) => {}
            }
        }
        Err(self.unconfirmed(what, ticket))
    }

    /// Looks for a transaction by its hash in the blocks from `from` to `to`, or to the best one if that is lower.
    /// `None` says that none of them has it.
    ///
    /// # Errors
    /// When the chain cannot be asked within the deadline of one request; a search over many blocks is best made in
    /// parts.
    pub async fn find_transaction(&self, hash: [u8; 32], from: u64, to: u64) -> Result<Option<Inclusion>, ChainError> {
        let what = "find_transaction";
        let ticket = Ticket {
            hash: H256(hash),
            nonce: 0,
            from_block: from,
            valid_until: to,
        };
        let deadline = Instant::now() + self.shared.config.request_timeout;
        let looked = self.with_live(what, deadline, |live| async move { search(&live, ticket, from).await });
        let Search::Found(block) = looked.await? else {
            return Ok(None);
        };
        let (receipt, events) = self.fate_in(what, (block, ticket.hash)).await?;
        Ok(Some(Inclusion {
            receipt,
            result: events.map(|_| ()),
        }))
    }

    fn unconfirmed(&self, what: &'static str, ticket: Ticket) -> ChainError {
        ChainError::Unconfirmed {
            call: what,
            nonce: ticket.nonce,
            after: self.shared.config.finality_timeout,
            valid_until: ticket.valid_until,
        }
    }
}

/// Result of looking through blocks.
enum Search {
    Found(H256),
    NotUpTo { block: u64 },
}

/// The block that the watch names; `None` when it ends without one.
async fn watched_fate(what: &'static str, watch: &mut Watch, wait: WaitFor) -> Result<Option<H256>, ChainError> {
    let gone = |reason: &str| ChainError::Dropped {
        call: what,
        reason: reason.to_owned(),
    };
    while let Some(Ok(status)) = watch.next().await {
        match status {
            TransactionStatus::InBlock(block) if wait == WaitFor::Inclusion => {
                return Ok(Some(block));
            }
            // With a timeout of finality it is included, and nobody knows when it will be final.
            TransactionStatus::Finalized(block) | TransactionStatus::FinalityTimeout(block) => {
                return Ok(Some(block));
            }
            TransactionStatus::Usurped(_) => {
                return Err(gone("another transaction with its nonce was preferred"));
            }
            TransactionStatus::Dropped => return Err(gone("the pool is full")),
            TransactionStatus::Invalid => return Err(gone("it became invalid")),
            _ => {}
        }
    }
    Ok(None)
}

/// Looks for the transaction from block `from` up to the head.
async fn search(live: &Live, ticket: Ticket, from: u64) -> Result<Search, ChainError> {
    let refused = |error: RpcError| unread("the search for a transaction", error);
    let (head, _) = live.head().await.map_err(refused)?;
    let mut looked = futures::stream::iter(from..=head.min(ticket.valid_until))
        .map(|number| async move {
            let hash = live.methods.chain_get_block_hash(Some(number.into())).await?;
            let Some(hash) = hash else { return Ok(None) };
            Ok(index_in(live, hash, ticket.hash).await?.map(|_| hash))
        })
        .buffered(BLOCKS_AT_ONCE);
    while let Some(found) = looked.next().await {
        if let Some(hash) = found.map_err(refused)? {
            return Ok(Search::Found(hash));
        }
    }
    Ok(Search::NotUpTo { block: head })
}

/// Position of a transaction in a block.
pub(crate) async fn index_in(live: &Live, block: H256, transaction: H256) -> Result<Option<u32>, RpcError> {
    let Some(details) = live.methods.chain_get_block(Some(block)).await? else {
        return Ok(None);
    };
    let position = details
        .block
        .extrinsics
        .iter()
        .position(|bytes| BlakeTwo256.hash(&bytes.0) == transaction);
    Ok(position.and_then(|position| u32::try_from(position).ok()))
}
