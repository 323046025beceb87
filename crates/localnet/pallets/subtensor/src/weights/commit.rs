//! Committing weights by hash: only the hash is public until the epoch in which it has to be revealed.

use crate::*;
use codec::Encode;
use frame_support::{ensure, pallet_prelude::DispatchResult};
use sp_core::H256;
use sp_runtime::traits::{BlakeTwo256, Hash};

/// Most commits of a hotkey that wait to be revealed.
pub const MOST_UNREVEALED: usize = 10;

/// A commit as it is stored: hash, epoch, block, unused.
pub type HashCommit = (H256, u64, u64, u64);

impl<T: Config> Pallet<T> {
    /// Stores the hash of weights that are revealed later.
    pub fn do_commit_weights(hotkey: &T::AccountId, netuid: u16, mecid: u8, hash: H256) -> DispatchResult {
        Self::ensure_mechanism(netuid, mecid)?;
        let index = netuid_index(netuid, mecid);
        let uid = Self::ensure_may_commit(hotkey, netuid, index)?;
        let mut commits = Self::unexpired_commits(netuid, WeightCommits::<T>::get(index, hotkey).unwrap_or_default());
        ensure!(commits.len() < MOST_UNREVEALED, Error::<T>::TooManyUnrevealedCommits);
        commits.push((hash, Self::current_epoch(netuid), Self::current_block(), 0));
        WeightCommits::<T>::insert(index, hotkey, commits);
        Self::touch_last_update(index, uid);
        Self::deposit_event(Event::WeightsCommitted(hotkey.clone(), index, hash));
        Ok(())
    }

    /// What is checked before a commit of either kind; gives the uid of the hotkey.
    pub(crate) fn ensure_may_commit(hotkey: &T::AccountId, netuid: u16, index: u16) -> Result<u16, Error<T>> {
        ensure!(
            CommitRevealWeightsEnabled::<T>::get(netuid),
            Error::<T>::CommitRevealDisabled
        );
        let uid = Self::uid_of(netuid, hotkey).ok_or(Error::<T>::HotKeyNotRegisteredInSubNet)?;
        ensure!(
            Self::passes_weights_rate_limit(netuid, index, uid),
            Error::<T>::CommittingWeightsTooFast
        );
        Ok(uid)
    }

    /// The commits that can still be revealed.
    pub(crate) fn unexpired_commits(netuid: u16, commits: Vec<HashCommit>) -> Vec<HashCommit> {
        commits
            .into_iter()
            .filter(|(_, epoch, _, _)| !Self::is_expired(netuid, *epoch))
            .collect()
    }

    /// The hash that has to be committed for these weights.
    pub fn commit_hash(
        hotkey: &T::AccountId,
        index: u16,
        uids: &[u16],
        values: &[u16],
        salt: &[u16],
        version_key: u64,
    ) -> H256 {
        BlakeTwo256::hash(&(hotkey, index, uids, values, salt, version_key).encode())
    }
}
