//! Which blocks revealed a validator's weights, by the chain's own events.

use crate::chain::{Chain, unread};
use crate::error::ChainError;
use crate::weights_view::netuid_index;
use crate::wire::Live;
use axoneme_wallet::AccountId;
use futures::StreamExt;
use std::sync::Arc;
use subxt::config::substrate::H256;
use subxt::utils::AccountId32;
use tokio::time::Instant;

/// How many blocks are looked through at the same time.
const BLOCKS_AT_ONCE: usize = 8;
const PALLET: &str = "SubtensorModule";

/// Weights of a hotkey that the chain revealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revealed {
    /// The block.
    pub block: u64,
    /// The hash they were committed by; `None` for a timelocked commit.
    pub hash: Option<[u8; 32]>,
}

impl Chain {
    /// The reveals of a hotkey's weights in one mechanism of a subnet, in the blocks from `from` to `to`, newest first.
    ///
    /// # Errors
    /// When the chain cannot be asked within the deadline of one request (a search over many blocks is best made in
    /// parts), or the node no longer has what happened in one of the blocks.
    pub async fn weights_revealed(
        &self,
        netuid: u16,
        mecid: u8,
        hotkey: &AccountId,
        from: u64,
        to: u64,
    ) -> Result<Vec<Revealed>, ChainError> {
        let what = "weights_revealed";
        let index = netuid_index(netuid, mecid)?;
        let deadline = Instant::now() + self.config().request_timeout;
        self.with_live(what, deadline, |live| async move {
            let mut blocks = futures::stream::iter((from..=to).rev())
                .map(|number| reveals_in(what, Arc::clone(&live), number, index, hotkey))
                .buffered(BLOCKS_AT_ONCE);
            let mut all = Vec::new();
            while let Some(found) = blocks.next().await {
                all.extend(found?);
            }
            Ok(all)
        })
        .await
    }
}

/// The reveals in one block, newest first.
async fn reveals_in(
    what: &'static str,
    live: Arc<Live>,
    number: u64,
    index: u16,
    hotkey: &AccountId,
) -> Result<Vec<Revealed>, ChainError> {
    let hash = live.methods.chain_get_block_hash(Some(number.into())).await;
    let hash: H256 = hash
        .map_err(|error| unread(what, error))?
        .ok_or_else(|| unread(what, "the chain has no such block"))?;
    let client = live.client.at_block(hash).await.map_err(|error| unread(what, error))?;
    let events = client.events().fetch().await.map_err(|error| unread(what, error))?;
    let mut found = Vec::new();
    for event in events.iter() {
        let event = event.map_err(|error| ChainError::decode("System.Events", error))?;
        let unreadable = |error: subxt::Error| ChainError::decode("System.Events", error);
        let (place, who, hash) = match (event.pallet_name(), event.event_name()) {
            (PALLET, "TimelockedWeightsRevealed") => {
                let fields = event.decode_fields_unchecked_as::<(u16, AccountId32)>();
                let (place, who) = fields.map_err(|error| unreadable(error.into()))?;
                (place, who, None)
            }
            (PALLET, "WeightsRevealed") => {
                let fields = event.decode_fields_unchecked_as::<(AccountId32, u16, [u8; 32])>();
                let (who, place, hash) = fields.map_err(|error| unreadable(error.into()))?;
                (place, who, Some(hash))
            }
            _ => continue,
        };
        if place == index && who.0 == hotkey.0 {
            found.push(Revealed { block: number, hash });
        }
    }
    found.reverse();
    Ok(found)
}
