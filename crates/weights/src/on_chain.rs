//! The machine's chain over a real connection.

use async_trait::async_trait;
use axoneme_chain::{Call as ChainCall, Chain, ChainError, SignedCall, WaitFor, WeightsView};
use axoneme_timelock::COMMIT_REVEAL_VERSION;
use axoneme_wallet::Keypair;
use std::sync::Arc;

use crate::chain::{Call, WeightsChain};
use crate::intent::Signed;
use crate::view::View;

/// Blocks searched for a transaction in one request.
const SEARCHED: u64 = 32;
/// Most blocks searched for a reveal: what happened in earlier ones only archives can tell.
const LONGEST_SEARCH: u64 = 1024;
/// Times the chain is looked at again when the block just read was replaced meanwhile.
const LOOKS: usize = 3;
/// Fewest blocks that a transaction can be valid for.
const SHORTEST: u64 = 4;

/// A [`Chain`], for one hotkey in one mechanism of a subnet.
#[derive(Clone)]
pub struct OnChain {
    /// The connection.
    pub chain: Chain,
    /// The key that signs.
    pub hotkey: Arc<Keypair>,
    /// The subnet.
    pub netuid: u16,
    /// The mechanism.
    pub mecid: u8,
}

impl OnChain {
    async fn view_at(&self, block: u64) -> Result<WeightsView, ChainError> {
        let gone = || ChainError::Disconnected {
            what: "weights_view_at",
            reason: format!("the node has no block {block}"),
        };
        let hash = self.chain.block_hash(block).await?.ok_or_else(gone)?;
        let hotkey = self.hotkey.account_id();
        self.chain.weights_view_at(hash, self.netuid, self.mecid, &hotkey).await
    }

    fn built(&self, call: &Call) -> ChainCall {
        let Self { netuid, mecid, .. } = *self;
        match call {
            Call::Set { weights, version_key } => {
                ChainCall::set_mechanism_weights(netuid, mecid, weights, *version_key)
            }
            Call::Commit { hash } => ChainCall::commit_weights(netuid, mecid, *hash),
            Call::CommitTimelocked { ciphertext, round } => {
                ChainCall::commit_timelocked_weights(netuid, mecid, ciphertext, *round, COMMIT_REVEAL_VERSION)
            }
            Call::Reveal {
                uids,
                values,
                salt,
                version_key,
            } => ChainCall::reveal_weights(netuid, mecid, uids, values, salt, *version_key),
        }
    }
}

#[async_trait]
impl WeightsChain for OnChain {
    async fn view(&self) -> Result<View, ChainError> {
        let hotkey = self.hotkey.account_id();
        let mut looks = 0;
        loop {
            let view = self.chain.weights_view(self.netuid, self.mecid, &hotkey).await?;
            // The newest final block was read a moment later: it is on the same chain if that still has the block read.
            let kept = self.chain.block_hash(view.block).await? == Some(view.block_hash);
            looks += 1;
            if kept {
                return Ok(View::from(view));
            }
            if looks == LOOKS {
                let what = "weights_view";
                let reason = "the best block was replaced while it was read".to_owned();
                return Err(ChainError::Disconnected { what, reason });
            }
        }
    }

    async fn sign(&self, call: &Call, until: u64) -> Result<Signed, ChainError> {
        let mortality = |from: u64| {
            let blocks = until.saturating_add(1).saturating_sub(from);
            // The largest power of two that fits.
            let most = blocks.checked_ilog2().map_or(0, |power| 1u64 << power);
            most.clamp(SHORTEST, self.chain.config().mortality)
        };
        let built = self.built(call);
        let signed = self.chain.sign_call_for(&self.hotkey, &built, mortality).await?;
        Ok(Signed {
            hash: signed.hash,
            from_block: signed.from_block,
            valid_until: signed.valid_until,
            spent: false,
            failed: false,
            transaction: serde_json::to_value(&signed).map_err(unreadable)?,
        })
    }

    async fn submit(&self, call: &Call, signed: &Signed) -> Result<u64, ChainError> {
        let transaction: SignedCall = serde_json::from_value(signed.transaction.clone()).map_err(unreadable)?;
        let receipt = self
            .chain
            .submit_signed(call.label(), &transaction, WaitFor::Inclusion)
            .await?;
        Ok(receipt.block)
    }

    async fn find(&self, signed: &Signed, to: u64) -> Result<Option<(u64, bool)>, ChainError> {
        let to = to.min(signed.valid_until);
        let mut from = signed.from_block;
        while from <= to {
            let last = to.min(from.saturating_add(SEARCHED - 1));
            if let Some(found) = self.chain.find_transaction(signed.hash, from, last).await? {
                return Ok(Some((found.receipt.block, found.result.is_ok())));
            }
            from = last.saturating_add(1);
        }
        Ok(None)
    }

    async fn revealed(&self, call: &Call, block: u64, to: u64) -> Result<bool, ChainError> {
        let hotkey = self.hotkey.account_id();
        let Self { netuid, mecid, .. } = *self;
        let epoch = match call {
            Call::CommitTimelocked { ciphertext, .. } => {
                let view = self.view_at(block).await?;
                let commit = view.timelocked.into_iter().find(|commit| commit.commit == *ciphertext);
                commit.map(|commit| commit.epoch)
            }
            _ => None,
        };
        let (mut last, before) = (to, block.max(to.saturating_sub(LONGEST_SEARCH)));
        while last > before {
            let first = last.saturating_sub(SEARCHED - 1).max(before.saturating_add(1));
            let reveals = self.chain.weights_revealed(netuid, mecid, &hotkey, first, last).await?;
            for reveal in reveals {
                let its = match (call, reveal.hash) {
                    (Call::Commit { hash }, Some(revealed)) => revealed == *hash,
                    // The event names no commit, but each epoch reveals the commits of one other.
                    (Call::CommitTimelocked { .. }, None) => {
                        let view = self.view_at(reveal.block).await?;
                        let of = view.epoch.subnet_epoch_index.checked_sub(view.reveal_period);
                        of.is_some() && of == epoch
                    }
                    _ => false,
                };
                if its {
                    return Ok(true);
                }
            }
            last = first.saturating_sub(1);
        }
        Ok(false)
    }

    async fn block_hash(&self, number: u64) -> Result<Option<[u8; 32]>, ChainError> {
        self.chain.block_hash(number).await
    }
}

fn unreadable(error: serde_json::Error) -> ChainError {
    ChainError::Encode {
        what: "a signed transaction".into(),
        detail: error.to_string(),
    }
}
