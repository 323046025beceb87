//! The machine's chain over a real connection.

use async_trait::async_trait;
use axoneme_chain::{Call as ChainCall, Chain, ChainError, SignedCall, WaitFor, WeightsView};
use axoneme_timelock::COMMIT_REVEAL_VERSION;
use axoneme_wallet::Keypair;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::chain::{Call, WeightsChain};
use crate::intent::Signed;
use crate::view::{HashCommit, Registration, TimelockedCommit, View};

/// Blocks searched for a transaction in one request.
const SEARCHED: u64 = 32;
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

impl From<WeightsView> for View {
    fn from(view: WeightsView) -> Self {
        let registration = view.uid.map(|uid| Registration {
            uid,
            since: view.block_at_registration.unwrap_or_default(),
            last_update: view.last_update.unwrap_or_default(),
            permit: view.validator_permit,
            stake: view.stake_weight,
            owner: view.is_owner_hotkey,
        });
        let hash_commits = view.commits.into_iter();
        let timelocked = view.timelocked.into_iter();
        Self {
            block: view.block,
            hash: view.block_hash,
            // It is read a moment later than the rest.
            finalized: view.finalized.min(view.block),
            timestamp: view.wall_clock,
            block_time: view.block_time,
            registration,
            neurons: view.neurons,
            min_allowed: view.min_allowed_weights,
            max_weight: view.max_weights_limit,
            version_key: view.version_key,
            rate_limit: view.rate_limit,
            stake_threshold: view.stake_threshold,
            commit_reveal: view.commit_reveal,
            commit_reveal_version: view.commit_reveal_version,
            reveal_period: view.reveal_period,
            epoch: view.epoch,
            row: view.weights,
            hash_commits: hash_commits
                .map(|commit| HashCommit {
                    hash: commit.hash,
                    epoch: commit.epoch,
                    block: commit.block,
                })
                .collect(),
            timelocked: timelocked
                .map(|commit| TimelockedCommit {
                    ciphertext: commit.commit,
                    round: commit.reveal_round,
                    epoch: commit.epoch,
                    block: commit.block,
                })
                .collect(),
            last_round: view.last_drand_round.unwrap_or_default(),
            beacon_key: view.beacon_public_key.and_then(|key| key.try_into().ok()),
            finals: BTreeMap::new(),
        }
    }
}
