//! Where a miner's incentive is staked to.

use crate::*;
use frame_support::{ensure, pallet_prelude::DispatchResult};

impl<T: Config> Pallet<T> {
    /// Lets a coldkey's incentive on a subnet be staked to a hotkey there.
    pub fn do_set_auto_stake(coldkey: &T::AccountId, netuid: u16, hotkey: &T::AccountId) -> DispatchResult {
        ensure!(NetworksAdded::<T>::get(netuid), Error::<T>::SubnetNotExists);
        ensure!(
            Self::uid_of(netuid, hotkey).is_some(),
            Error::<T>::HotKeyNotRegisteredInSubNet
        );
        let before = AutoStakeDestination::<T>::get(coldkey, netuid);
        ensure!(
            before.as_ref() != Some(hotkey),
            Error::<T>::SameAutoStakeHotkeyAlreadySet
        );
        if let Some(before) = before {
            AutoStakeDestinationColdkeys::<T>::mutate(before, netuid, |coldkeys| {
                coldkeys.retain(|other| other != coldkey)
            });
        }
        AutoStakeDestination::<T>::insert(coldkey, netuid, hotkey);
        AutoStakeDestinationColdkeys::<T>::append(hotkey, netuid, coldkey);
        Self::deposit_event(Event::AutoStakeDestinationSet {
            coldkey: coldkey.clone(),
            netuid,
            hotkey: hotkey.clone(),
        });
        Ok(())
    }
}
