//! Taking out everything at once.

use crate::*;
use frame_support::{ensure, pallet_prelude::DispatchResult, storage::with_storage_layer};

impl<T: Config> Pallet<T> {
    /// Takes all of a coldkey's stake off a hotkey on every subnet, as TAO. What cannot be sold stays.
    pub fn do_unstake_all(coldkey: &T::AccountId, hotkey: &T::AccountId) -> DispatchResult {
        ensure!(Owner::<T>::contains_key(hotkey), Error::<T>::HotKeyAccountNotExists);
        for netuid in Self::netuids() {
            let alpha = Self::stake_of(hotkey, coldkey, netuid);
            if alpha > 0 {
                // One subnet that does not trade keeps nobody from leaving the others.
                let _ = with_storage_layer(|| Self::do_remove_stake(coldkey, hotkey, netuid, alpha, None));
            }
        }
        Ok(())
    }

    /// Sells all of a coldkey's alpha behind a hotkey and stakes the TAO on root.
    pub fn do_unstake_all_alpha(coldkey: &T::AccountId, hotkey: &T::AccountId) -> DispatchResult {
        ensure!(Owner::<T>::contains_key(hotkey), Error::<T>::HotKeyAccountNotExists);
        let mut total: u64 = 0;
        for netuid in Self::netuids().into_iter().filter(|netuid| *netuid != ROOT) {
            let alpha = Self::stake_of(hotkey, coldkey, netuid);
            if alpha == 0 {
                continue;
            }
            let before = Self::spendable(coldkey);
            let _ = with_storage_layer(|| Self::do_remove_stake(coldkey, hotkey, netuid, alpha, None));
            total = total.saturating_add(Self::spendable(coldkey).saturating_sub(before));
        }
        ensure!(total > 0, Error::<T>::AmountTooLow);
        Self::do_add_stake(coldkey, hotkey, ROOT, total, None)
    }

    /// Takes all of a coldkey's stake off a hotkey on one subnet, if the price stays above a limit, rao per alpha.
    pub fn do_remove_stake_full_limit(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: u16,
        limit: Option<u64>,
    ) -> DispatchResult {
        let alpha = Self::stake_of(hotkey, coldkey, netuid);
        Self::do_remove_stake(coldkey, hotkey, netuid, alpha, limit.map(|price| (price, false)))
    }
}
