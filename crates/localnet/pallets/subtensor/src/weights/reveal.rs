//! Revealing weights that were committed by hash: in one epoch only, and what was committed before is given up.

use super::commit::HashCommit;
use crate::*;
use frame_support::{ensure, pallet_prelude::DispatchResult};
use sp_core::H256;

/// Weights as their commit hashed them.
pub struct Reveal {
    /// Whom the weights are for.
    pub uids: Vec<u16>,
    /// The weights.
    pub values: Vec<u16>,
    /// Kept secret until now.
    pub salt: Vec<u16>,
    /// Version of the validator's software.
    pub version_key: u64,
}

impl Reveal {
    /// Reveals out of lists of their parts; `None` when the lists differ in length.
    pub fn zip(
        uids: Vec<Vec<u16>>,
        values: Vec<Vec<u16>>,
        salts: Vec<Vec<u16>>,
        version_keys: Vec<u64>,
    ) -> Option<Vec<Self>> {
        let count = uids.len();
        if [values.len(), salts.len(), version_keys.len()] != [count; 3] {
            return None;
        }
        let parts = uids.into_iter().zip(values).zip(salts).zip(version_keys);
        let reveal = |(((uids, values), salt), version_key)| Self {
            uids,
            values,
            salt,
            version_key,
        };
        Some(parts.map(reveal).collect())
    }
}

impl<T: Config> Pallet<T> {
    /// Reveals one row of weights and stores it.
    pub fn do_reveal_weights(hotkey: &T::AccountId, netuid: u16, mecid: u8, reveal: Reveal) -> DispatchResult {
        Self::ensure_mechanism(netuid, mecid)?;
        ensure!(
            CommitRevealWeightsEnabled::<T>::get(netuid),
            Error::<T>::CommitRevealDisabled
        );
        let index = netuid_index(netuid, mecid);
        let mut commits = WeightCommits::<T>::get(index, hotkey).ok_or(Error::<T>::NoWeightsCommitFound)?;
        let hash = Self::take_revealed(hotkey, index, &mut commits, &reveal)?;
        Self::keep_commits(index, hotkey, commits);
        Self::store_weights(hotkey, netuid, mecid, reveal.uids, reveal.values, reveal.version_key)?;
        Self::deposit_event(Event::WeightsRevealed(hotkey.clone(), index, hash));
        Ok(())
    }

    /// Reveals several rows of one subnet's first mechanism, in order; all or none.
    pub fn do_batch_reveal_weights(hotkey: &T::AccountId, netuid: u16, reveals: Vec<Reveal>) -> DispatchResult {
        Self::ensure_mechanism(netuid, 0)?;
        ensure!(
            CommitRevealWeightsEnabled::<T>::get(netuid),
            Error::<T>::CommitRevealDisabled
        );
        let mut commits = WeightCommits::<T>::get(netuid, hotkey).ok_or(Error::<T>::NoWeightsCommitFound)?;
        let mut hashes = Vec::with_capacity(reveals.len());
        for reveal in reveals {
            hashes.push(Self::take_revealed(hotkey, netuid, &mut commits, &reveal)?);
            Self::store_weights(hotkey, netuid, 0, reveal.uids, reveal.values, reveal.version_key)?;
        }
        Self::keep_commits(netuid, hotkey, commits);
        Self::deposit_event(Event::WeightsBatchRevealed(hotkey.clone(), netuid, hashes));
        Ok(())
    }

    /// Takes the commit of a reveal out of the queue, with all before it; gives its hash.
    fn take_revealed(
        hotkey: &T::AccountId,
        index: u16,
        commits: &mut Vec<HashCommit>,
        reveal: &Reveal,
    ) -> Result<H256, Error<T>> {
        let hash = Self::commit_hash(
            hotkey,
            index,
            &reveal.uids,
            &reveal.values,
            &reveal.salt,
            reveal.version_key,
        );
        let position = Self::revealable(index, commits, hash)?;
        commits.drain(..=position);
        Ok(hash)
    }

    /// Place of a commit in the queue, if this is the time to reveal it.
    pub fn revealable(index: u16, commits: &[HashCommit], hash: H256) -> Result<usize, Error<T>> {
        let netuid = index % MECHANISM_STRIDE;
        let is_expired = |commit: &HashCommit| Self::is_expired(netuid, commit.1);
        // The same weights may have been committed again after the first commit ran out.
        let alive = |commit: &HashCommit| commit.0 == hash && !is_expired(commit);
        let Some(position) = commits.iter().position(alive) else {
            return Err(if commits.iter().any(|commit| commit.0 == hash) {
                Error::ExpiredWeightCommit
            } else if commits.iter().all(is_expired) {
                Error::NoWeightsCommitFound
            } else {
                Error::InvalidRevealCommitHashNotMatch
            });
        };
        let due = commits[position].1.saturating_add(RevealPeriodEpochs::<T>::get(netuid));
        ensure!(Self::current_epoch(netuid) == due, Error::<T>::RevealTooEarly);
        Ok(position)
    }

    fn keep_commits(index: u16, hotkey: &T::AccountId, commits: Vec<HashCommit>) {
        if commits.is_empty() {
            WeightCommits::<T>::remove(index, hotkey);
        } else {
            WeightCommits::<T>::insert(index, hotkey, commits);
        }
    }
}
