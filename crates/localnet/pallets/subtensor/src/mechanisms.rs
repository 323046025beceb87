//! Mechanisms: several sets of weights on one subnet, each with a share of its emission.

use crate::*;
use frame_support::{ensure, pallet_prelude::DispatchResult};

/// Most uids times mechanisms of a subnet.
const MOST_UIDS: u16 = 256;

impl<T: Config> Pallet<T> {
    /// Sets the number of mechanisms; what dropped ones hold is deleted.
    pub fn set_mechanism_count(netuid: u16, count: u8) -> DispatchResult {
        ensure!(
            (1..=MaxMechanismCount::<T>::get()).contains(&count),
            Error::<T>::InvalidValue
        );
        let uids = MaxAllowedUids::<T>::get(netuid).saturating_mul(count.into());
        ensure!(count == 1 || uids <= MOST_UIDS, Error::<T>::TooManyUIDsPerMechanism);
        let before = MechanismCountCurrent::<T>::get(netuid);
        for mecid in count..before {
            Self::clear_mechanism(netuid_index(netuid, mecid));
        }
        let neurons = usize::from(SubnetworkN::<T>::get(netuid));
        for mecid in before..count {
            let index = netuid_index(netuid, mecid);
            Incentive::<T>::insert(index, vec![0; neurons]);
            LastUpdate::<T>::insert(index, vec![Self::current_block(); neurons]);
        }
        MechanismCountCurrent::<T>::insert(netuid, count);
        MechanismEmissionSplit::<T>::remove(netuid);
        Ok(())
    }

    /// Sets each mechanism's share of emission, of 65535 in all.
    pub fn set_mechanism_split(netuid: u16, split: Option<Vec<u16>>) -> DispatchResult {
        let Some(split) = split else {
            MechanismEmissionSplit::<T>::remove(netuid);
            return Ok(());
        };
        let count = usize::from(MechanismCountCurrent::<T>::get(netuid));
        let sum: u64 = split.iter().map(|part| u64::from(*part)).sum();
        ensure!(split.len() == count && sum == U16_ONE, Error::<T>::InvalidValue);
        MechanismEmissionSplit::<T>::insert(netuid, split);
        Ok(())
    }

    pub(crate) fn clear_mechanism(index: u16) {
        Incentive::<T>::remove(index);
        LastUpdate::<T>::remove(index);
        let _ = Weights::<T>::clear_prefix(index, u32::MAX, None);
        let _ = Bonds::<T>::clear_prefix(index, u32::MAX, None);
        let _ = WeightCommits::<T>::clear_prefix(index, u32::MAX, None);
        let _ = TimelockedWeightCommits::<T>::clear_prefix(index, u32::MAX, None);
    }
}
