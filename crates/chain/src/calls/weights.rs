//! Weights in every form: plain, by hash commit, timelocked, for mechanisms, and in batches.

use crate::at::number;
use crate::call::{Call, numbers};
use crate::chain::Chain;
use crate::error::ChainError;
use crate::items::calls;
use crate::outcome::Receipt;
use crate::weights::WeightsError;
use axoneme_wallet::Keypair;
use subxt::dynamic::Value;

/// Weights of one subnet: netuid, pairs of uid and value, version key.
pub type SubnetWeights = (u16, Vec<(u16, u16)>, u64);
/// What one commit was made of: uids, values, salt, version key.
pub type RevealedWeights = (Vec<u16>, Vec<u16>, Vec<u16>, u64);

impl Call {
    /// Sets the weights of one mechanism: pairs of uid and value. Other clients send this form for the main
    /// mechanism too; a runtime without mechanisms gets the plain one.
    pub fn set_mechanism_weights(netuid: u16, mecid: u8, weights: &[(u16, u16)], version_key: u64) -> Call {
        let dests = numbers(weights.iter().map(|(uid, _)| *uid));
        let values = numbers(weights.iter().map(|(_, value)| *value));
        let args = [
            number(netuid),
            number(mecid),
            dests.clone(),
            values.clone(),
            number(version_key),
        ];
        let call = Call::quick("set_weights", calls::SET_MECHANISM_WEIGHTS.with(args));
        match mecid {
            0 => call.or(calls::SET_WEIGHTS.with([number(netuid), dests, values, number(version_key)])),
            _ => call,
        }
    }

    /// Commits to weights by their hash.
    pub fn commit_weights(netuid: u16, mecid: u8, hash: [u8; 32]) -> Call {
        let hash = Value::from_bytes(hash);
        let args = [number(netuid), number(mecid), hash.clone()];
        let call = Call::quick("commit_weights", calls::COMMIT_MECHANISM_WEIGHTS.with(args));
        match mecid {
            0 => call.or(calls::COMMIT_WEIGHTS.with([number(netuid), hash])),
            _ => call,
        }
    }

    /// Reveals weights that were committed by their hash; everything has to be as it was hashed.
    pub fn reveal_weights(
        netuid: u16,
        mecid: u8,
        uids: &[u16],
        values: &[u16],
        salt: &[u16],
        version_key: u64,
    ) -> Call {
        let list = |list: &[u16]| numbers(list.iter().copied());
        let (uids, values, salt) = (list(uids), list(values), list(salt));
        let args = [
            number(netuid),
            number(mecid),
            uids.clone(),
            values.clone(),
            salt.clone(),
            number(version_key),
        ];
        let call = Call::quick("reveal_weights", calls::REVEAL_MECHANISM_WEIGHTS.with(args));
        match mecid {
            0 => call.or(calls::REVEAL_WEIGHTS.with([number(netuid), uids, values, salt, number(version_key)])),
            _ => call,
        }
    }

    /// Commits to weights that the chain opens by itself once the pulse of `reveal_round` is there. `version` is the
    /// one the chain demands.
    pub fn commit_timelocked_weights(netuid: u16, mecid: u8, commit: &[u8], reveal_round: u64, version: u16) -> Call {
        let commit = Value::from_bytes(commit);
        let args = [
            number(netuid),
            number(mecid),
            commit.clone(),
            number(reveal_round),
            number(version),
        ];
        let call = Call::quick(
            "commit_timelocked_weights",
            calls::COMMIT_TIMELOCKED_MECHANISM_WEIGHTS.with(args),
        );
        let plain = [number(netuid), commit, number(reveal_round), number(version)];
        match mecid {
            0 => call.or(calls::COMMIT_TIMELOCKED_WEIGHTS.with(plain)),
            _ => call,
        }
    }

    /// Sets weights on several subnets: netuid, pairs of uid and value, version key. The chain takes each by itself;
    /// [`Chain::batch_weights`] tells which failed.
    pub fn batch_set_weights(items: &[SubnetWeights]) -> Call {
        let pair = |(uid, value): &(u16, u16)| Value::unnamed_composite([number(*uid), number(*value)]);
        let rows = items
            .iter()
            .map(|(_, row, _)| Value::unnamed_composite(row.iter().map(pair)));
        let args = [
            numbers(items.iter().map(|(netuid, ..)| *netuid)),
            Value::unnamed_composite(rows),
            numbers(items.iter().map(|(.., key)| *key)),
        ];
        Call::quick("batch_set_weights", calls::BATCH_SET_WEIGHTS.with(args))
    }

    /// Commits by hash on several subnets, main mechanism each.
    pub fn batch_commit_weights(items: &[(u16, [u8; 32])]) -> Call {
        let args = [
            numbers(items.iter().map(|(netuid, _)| *netuid)),
            Value::unnamed_composite(items.iter().map(|(_, hash)| Value::from_bytes(hash))),
        ];
        Call::quick("batch_commit_weights", calls::BATCH_COMMIT_WEIGHTS.with(args))
    }

    /// Reveals several commits of one subnet's main mechanism: uids, values, salt, version key.
    pub fn batch_reveal_weights(netuid: u16, items: &[RevealedWeights]) -> Call {
        let list = |list: &Vec<u16>| numbers(list.iter().copied());
        let args = [
            number(netuid),
            Value::unnamed_composite(items.iter().map(|(uids, ..)| list(uids))),
            Value::unnamed_composite(items.iter().map(|(_, values, ..)| list(values))),
            Value::unnamed_composite(items.iter().map(|(_, _, salt, _)| list(salt))),
            numbers(items.iter().map(|(.., key)| *key)),
        ];
        Call::quick("batch_reveal_weights", calls::BATCH_REVEAL_WEIGHTS.with(args))
    }
}

/// What came of weights for several subnets.
#[derive(Debug, Clone)]
pub struct WeightsBatch {
    /// Where the transaction ended up.
    pub receipt: Receipt,
    /// The errors of the items that failed, in their order. The chain's event does not say which item it was.
    pub failures: Vec<ChainError>,
}

impl Chain {
    /// Sets a validator's weights; returns the block that has them. Costs nothing.
    ///
    /// `weights` are pairs of uid and value as [`crate::weights::to_u16`] makes them. The call for the main
    /// mechanism is used, as other clients do; the plain one where the runtime has no mechanisms.
    ///
    /// # Errors
    /// Among others `NotEnoughStakeToSetWeights`, `SettingWeightsTooFast` and `CommitRevealEnabled`, with advice.
    pub async fn set_weights(
        &self,
        hotkey: &Keypair,
        netuid: u16,
        weights: &[(u16, u16)],
        version_key: u64,
    ) -> Result<u64, ChainError> {
        let receipt = self.set_mechanism_weights(hotkey, netuid, 0, weights, version_key);
        Ok(receipt.await?.block)
    }

    /// Sets a validator's weights for one mechanism.
    ///
    /// # Errors
    /// As [`set_weights`](Self::set_weights), and `MechanismDoesNotExist`.
    pub async fn set_mechanism_weights(
        &self,
        hotkey: &Keypair,
        netuid: u16,
        mecid: u8,
        weights: &[(u16, u16)],
        version_key: u64,
    ) -> Result<Receipt, ChainError> {
        if weights.is_empty() {
            return Err(WeightsError::AllZero.into());
        }
        let call = Call::set_mechanism_weights(netuid, mecid, weights, version_key);
        self.make(hotkey, call).await
    }

    /// Commits to weights by their hash.
    ///
    /// # Errors
    /// Among others `CommitRevealDisabled`, `CommittingWeightsTooFast` and `TooManyUnrevealedCommits`, with advice.
    pub async fn commit_weights(
        &self,
        hotkey: &Keypair,
        netuid: u16,
        mecid: u8,
        hash: [u8; 32],
    ) -> Result<Receipt, ChainError> {
        self.make(hotkey, Call::commit_weights(netuid, mecid, hash)).await
    }

    /// Reveals weights that were committed by their hash.
    ///
    /// # Errors
    /// Among others `RevealTooEarly`, `ExpiredWeightCommit`, `NoWeightsCommitFound` and
    /// `InvalidRevealCommitHashNotMatch`, with advice.
    #[allow(clippy::too_many_arguments)]
    pub async fn reveal_weights(
        &self,
        hotkey: &Keypair,
        netuid: u16,
        mecid: u8,
        uids: &[u16],
        values: &[u16],
        salt: &[u16],
        version_key: u64,
    ) -> Result<Receipt, ChainError> {
        let call = Call::reveal_weights(netuid, mecid, uids, values, salt, version_key);
        self.make(hotkey, call).await
    }

    /// Commits to weights that the chain opens by itself at a drand round.
    ///
    /// # Errors
    /// Among others `IncorrectCommitRevealVersion`, `InvalidRevealRound`, `CommittingWeightsTooFast` and
    /// `TooManyUnrevealedCommits`, with advice.
    pub async fn commit_timelocked_weights(
        &self,
        hotkey: &Keypair,
        netuid: u16,
        mecid: u8,
        commit: &[u8],
        reveal_round: u64,
        version: u16,
    ) -> Result<Receipt, ChainError> {
        let call = Call::commit_timelocked_weights(netuid, mecid, commit, reveal_round, version);
        self.make(hotkey, call).await
    }

    /// Submits a [`Call::batch_set_weights`], [`Call::batch_commit_weights`] or [`Call::batch_reveal_weights`] and
    /// tells which errors its items had.
    ///
    /// # Errors
    /// As [`submit_call`](Self::submit_call), when the call as a whole fails.
    pub async fn batch_weights(&self, hotkey: &Keypair, call: &Call) -> Result<WeightsBatch, ChainError> {
        let included = self.submit(hotkey, call).await?;
        let failures = included.items(usize::MAX).into_iter().filter_map(Result::err);
        Ok(WeightsBatch {
            receipt: included.receipt,
            failures: failures.collect(),
        })
    }
}
