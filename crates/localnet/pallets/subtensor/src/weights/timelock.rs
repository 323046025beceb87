//! Timelocked weights: committed as a ciphertext that the beacon's pulse of a later round opens for everybody.
//!
//! At the start of each block, before epochs, what was committed `RevealPeriodEpochs` epochs ago is opened where the pulse
//! is there and stored like weights sent openly. What is left over at the end of that epoch is dropped. A ciphertext that
//! this chain's beacon cannot open, or weights that would have been refused, are dropped without a word.

use super::commit::MOST_UNREVEALED;
use crate::*;
use axoneme_timelock::{decrypt, LegacyPayload, WeightsPayload};
use codec::Encode;
use frame_support::{
    ensure,
    pallet_prelude::{ConstU32, DispatchResult},
    storage::with_storage_layer,
    BoundedVec,
};
use sp_runtime::traits::{BlakeTwo256, Hash};

/// Version of commits that come by the call without a version.
pub const LEGACY_CALL_VERSION: u16 = 4;

/// A ciphertext, bytes.
pub type Ciphertext = BoundedVec<u8, ConstU32<MAX_COMMIT_BYTES>>;

impl<T: Config> Pallet<T> {
    /// Stores encrypted weights until their round.
    pub fn do_commit_timelocked_weights(
        hotkey: &T::AccountId,
        netuid: u16,
        mecid: u8,
        commit: Ciphertext,
        reveal_round: u64,
        version: u16,
    ) -> DispatchResult {
        Self::ensure_mechanism(netuid, mecid)?;
        ensure!(
            CommitRevealWeightsEnabled::<T>::get(netuid),
            Error::<T>::CommitRevealDisabled
        );
        ensure!(
            version == CommitRevealWeightsVersion::<T>::get(),
            Error::<T>::IncorrectCommitRevealVersion
        );
        let index = netuid_index(netuid, mecid);
        let uid = Self::ensure_may_commit(hotkey, netuid, index)?;
        let epoch = Self::current_epoch(netuid);
        let mut commits = TimelockedWeightCommits::<T>::get(index, epoch);
        let own = commits.iter().filter(|commit| commit.0 == *hotkey).count();
        ensure!(own < MOST_UNREVEALED, Error::<T>::TooManyUnrevealedCommits);
        ensure!(Self::is_round_to_come(reveal_round), Error::<T>::InvalidRevealRound);

        let hash = BlakeTwo256::hash(&commit);
        commits.push((hotkey.clone(), Self::current_block(), commit, reveal_round));
        TimelockedWeightCommits::<T>::insert(index, epoch, commits);
        Self::touch_last_update(index, uid);
        Self::deposit_event(Event::TimelockedWeightsCommitted(
            hotkey.clone(),
            index,
            hash,
            reveal_round,
        ));
        Ok(())
    }

    /// Whether the chain has not passed a round of the beacon.
    pub fn is_round_to_come(round: u64) -> bool {
        round >= pallet_drand::LastStoredRound::<T>::get()
    }

    /// Opens what is due on a subnet, and drops what is overdue.
    pub(crate) fn reveal_timelocked(netuid: u16) {
        let current = Self::current_epoch(netuid);
        let Some(due) = current.checked_sub(RevealPeriodEpochs::<T>::get(netuid)) else {
            return;
        };
        for (mecid, index) in (0u8..).zip(Self::mechanism_indices(netuid)) {
            let epochs: Vec<u64> = TimelockedWeightCommits::<T>::iter_key_prefix(index).collect();
            for epoch in epochs {
                if epoch < due {
                    TimelockedWeightCommits::<T>::remove(index, epoch);
                } else if epoch == due {
                    Self::reveal_epoch(netuid, mecid, epoch);
                }
            }
        }
    }

    fn reveal_epoch(netuid: u16, mecid: u8, epoch: u64) {
        let index = netuid_index(netuid, mecid);
        let commits = TimelockedWeightCommits::<T>::get(index, epoch);
        let before = commits.len();
        let mut left = Vec::with_capacity(before);
        for commit in commits {
            let (hotkey, _, ciphertext, round) = &commit;
            let Some(signature) = pallet_drand::Pallet::<T>::signature(*round) else {
                left.push(commit);
                continue;
            };
            let stored = open(hotkey, ciphertext, &signature).is_some_and(|weights| {
                with_storage_layer(|| {
                    let LegacyPayload {
                        uids,
                        values,
                        version_key,
                    } = weights;
                    Self::store_weights(hotkey, netuid, mecid, uids, values, version_key)
                })
                .is_ok()
            });
            if stored {
                Self::deposit_event(Event::TimelockedWeightsRevealed(index, hotkey.clone()));
            }
        }
        if left.is_empty() {
            TimelockedWeightCommits::<T>::remove(index, epoch);
        } else if left.len() < before {
            TimelockedWeightCommits::<T>::insert(index, epoch, left);
        }
    }

    /// Rounds that commits wait for, after `after` and not after `until`.
    pub fn rounds_waited_for(after: u64, until: u64) -> impl Iterator<Item = u64> {
        TimelockedWeightCommits::<T>::iter_values()
            .flatten()
            .map(|(_, _, _, round)| round)
            .filter(move |round| *round > after && *round <= until)
    }
}

/// The weights inside a commit, if the signature opens it and they are the committer's.
fn open<AccountId: Encode>(hotkey: &AccountId, ciphertext: &[u8], signature: &[u8; 48]) -> Option<LegacyPayload> {
    let plaintext = decrypt(ciphertext, signature).ok()?;
    match WeightsPayload::decode(&plaintext) {
        Ok(payload) => (payload.hotkey.as_slice() == hotkey.encode()).then_some(LegacyPayload {
            uids: payload.uids,
            values: payload.values,
            version_key: payload.version_key,
        }),
        // Older clients do not say whose weights these are.
        Err(_) => LegacyPayload::read(&plaintext).ok(),
    }
}
