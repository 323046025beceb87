//! Setting weights: the checks in the main chain's order, then the row as consensus reads it.
//!
//! With commit-reveal on, rows arrive by [`reveal`] of a hash that [`commit`] stored, or by a [`timelock`] that a pulse of
//! the beacon opens. [`batch`] is for several subnets at once.

pub mod batch;
pub mod commit;
pub mod reveal;
pub mod timelock;

use crate::{yuma::fixed::I32F32, *};
use frame_support::{ensure, pallet_prelude::DispatchResult};
use std::collections::BTreeSet;

/// Above this a weight is scaled by a rounded factor, below by a quotient of its own.
const FACTOR_THRESHOLD: u16 = 32_768;

impl<T: Config> Pallet<T> {
    /// Sets a validator's weights directly, where nothing has to be committed first.
    pub fn do_set_weights(
        hotkey: &T::AccountId,
        netuid: u16,
        mecid: u8,
        uids: Vec<u16>,
        values: Vec<u16>,
        version_key: u64,
    ) -> DispatchResult {
        ensure!(
            !CommitRevealWeightsEnabled::<T>::get(netuid),
            Error::<T>::CommitRevealEnabled
        );
        Self::store_weights(hotkey, netuid, mecid, uids, values, version_key)
    }

    /// Stores a validator's row of weights, whether it was sent openly or revealed.
    pub(crate) fn store_weights(
        hotkey: &T::AccountId,
        netuid: u16,
        mecid: u8,
        uids: Vec<u16>,
        values: Vec<u16>,
        version_key: u64,
    ) -> DispatchResult {
        ensure!(netuid != ROOT, Error::<T>::CanNotSetRootNetworkWeights);
        ensure!(uids.len() == values.len(), Error::<T>::WeightVecNotEqualSize);
        Self::ensure_mechanism(netuid, mecid)?;
        let neurons = SubnetworkN::<T>::get(netuid);
        ensure!(
            uids.len() <= usize::from(neurons),
            Error::<T>::UidsLengthExceedUidsInSubNet
        );
        let uid = Self::uid_of(netuid, hotkey).ok_or(Error::<T>::HotKeyNotRegisteredInSubNet)?;
        ensure!(
            Self::has_stake_for_weights(hotkey, netuid),
            Error::<T>::NotEnoughStakeToSetWeights
        );
        let required = WeightsVersionKey::<T>::get(netuid);
        ensure!(
            required == 0 || version_key >= required,
            Error::<T>::IncorrectWeightVersionKey
        );
        let index = netuid_index(netuid, mecid);
        // What is revealed was held to the limit when it was committed.
        let revealed = CommitRevealWeightsEnabled::<T>::get(netuid);
        ensure!(
            revealed || Self::passes_weights_rate_limit(netuid, index, uid),
            Error::<T>::SettingWeightsTooFast
        );
        let self_weight = uids == [uid];
        let permitted = self_weight || Self::is_owner_hotkey(netuid, hotkey) || Self::has_permit(netuid, uid);
        ensure!(permitted, Error::<T>::NeuronNoValidatorPermit);
        let distinct: BTreeSet<u16> = uids.iter().copied().collect();
        ensure!(distinct.len() == uids.len(), Error::<T>::DuplicateUids);
        ensure!(uids.iter().all(|to| *to < neurons), Error::<T>::UidVecContainInvalidOne);
        let fewest = MinAllowedWeights::<T>::get(netuid).min(neurons);
        ensure!(
            self_weight || uids.len() >= usize::from(fewest),
            Error::<T>::WeightVecLengthIsLow
        );

        let row: Vec<(u16, u16)> = uids.into_iter().zip(max_upscale(&values)).collect();
        Weights::<T>::insert(index, uid, row);
        if !revealed {
            Self::touch_last_update(index, uid);
        }
        Self::deposit_event(Event::WeightsSet(index, uid));
        Ok(())
    }

    /// Refuses subnets and mechanisms that do not exist.
    pub(crate) fn ensure_mechanism(netuid: u16, mecid: u8) -> DispatchResult {
        ensure!(NetworksAdded::<T>::get(netuid), Error::<T>::SubnetNotExists);
        ensure!(
            mecid < MechanismCountCurrent::<T>::get(netuid),
            Error::<T>::MechanismDoesNotExist
        );
        Ok(())
    }

    /// Notes that a neuron has set or committed weights in this block.
    pub(crate) fn touch_last_update(index: u16, uid: u16) {
        LastUpdate::<T>::mutate(index, |blocks| {
            if let Some(block) = blocks.get_mut(usize::from(uid)) {
                *block = Self::current_block();
            }
        });
    }

    /// Index of the epoch that the current block belongs to, counting one that is due in it.
    pub fn current_epoch(netuid: u16) -> u64 {
        Self::schedule(netuid).index_at(Self::current_block())
    }

    /// Whether what was committed in an epoch can no longer be revealed.
    pub fn is_expired(netuid: u16, commit_epoch: u64) -> bool {
        Self::current_epoch(netuid) > commit_epoch.saturating_add(RevealPeriodEpochs::<T>::get(netuid))
    }

    /// Whether enough stake stands behind a hotkey to set weights; the owner's needs none.
    pub fn has_stake_for_weights(hotkey: &T::AccountId, netuid: u16) -> bool {
        Self::is_owner_hotkey(netuid, hotkey) || Self::stake_weight(hotkey, netuid) >= StakeThreshold::<T>::get()
    }

    /// Whether a neuron's weights are old enough to be set again.
    pub fn passes_weights_rate_limit(netuid: u16, index: u16, uid: u16) -> bool {
        let last = LastUpdate::<T>::get(index).get(usize::from(uid)).copied().unwrap_or(0);
        last == 0 || Self::current_block().saturating_sub(last) >= WeightsSetRateLimit::<T>::get(netuid)
    }

    /// Whether a neuron holds a validator permit.
    pub fn has_permit(netuid: u16, uid: u16) -> bool {
        ValidatorPermit::<T>::get(netuid)
            .get(usize::from(uid))
            .copied()
            .unwrap_or(false)
    }

    /// Whether a hotkey is the subnet owner's.
    pub fn is_owner_hotkey(netuid: u16, hotkey: &T::AccountId) -> bool {
        SubnetOwnerHotkey::<T>::try_get(netuid).is_ok_and(|owner| owner == *hotkey)
    }
}

/// Scales weights so that the largest is 65535, rounding to the nearest.
fn max_upscale(values: &[u16]) -> Vec<u16> {
    let Some(largest) = values.iter().copied().max().filter(|largest| *largest > 0) else {
        return values.to_vec();
    };
    let one = I32F32::from_int(65_535);
    let largest_number = I32F32::from_int(i64::from(largest));
    let factor = one / largest_number;
    let scale = |value: &u16| {
        let value = I32F32::from_int(i64::from(*value));
        let scaled = if largest > FACTOR_THRESHOLD {
            value * factor
        } else {
            value * one / largest_number
        };
        let rounded = (scaled + I32F32::ratio(1, 2)).to_bits() >> 32;
        rounded.clamp(0, 65_535) as u16
    };
    values.iter().map(scale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_weight_becomes_the_maximum() {
        assert_eq!(max_upscale(&[]), Vec::<u16>::new());
        assert_eq!(max_upscale(&[0, 0]), vec![0, 0]);
        assert_eq!(max_upscale(&[1, 2, 4]), vec![16_384, 32_768, 65_535]);
        assert_eq!(max_upscale(&[65_535, 1]), vec![65_535, 1]);
        assert_eq!(max_upscale(&[40_000, 20_000]), vec![65_535, 32_767]);
    }
}
