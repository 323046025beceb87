//! Alpha that is given up: recycled, so that it can be emitted again, or burned.

use crate::*;
use frame_support::{ensure, pallet_prelude::DispatchResult};

impl<T: Config> Pallet<T> {
    /// Gives up stake that can be emitted again.
    pub fn do_recycle_alpha(coldkey: &T::AccountId, hotkey: &T::AccountId, amount: u64, netuid: u16) -> DispatchResult {
        let amount = Self::give_up(coldkey, hotkey, amount, netuid)?;
        SubnetAlphaOut::<T>::mutate(netuid, |alpha| *alpha = alpha.saturating_sub(amount));
        Self::deposit_event(Event::AlphaRecycled(coldkey.clone(), hotkey.clone(), amount, netuid));
        Ok(())
    }

    /// Gives up stake for good.
    pub fn do_burn_alpha(coldkey: &T::AccountId, hotkey: &T::AccountId, amount: u64, netuid: u16) -> DispatchResult {
        let amount = Self::give_up(coldkey, hotkey, amount, netuid)?;
        Self::deposit_event(Event::AlphaBurned(coldkey.clone(), hotkey.clone(), amount, netuid));
        Ok(())
    }

    fn give_up(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        amount: u64,
        netuid: u16,
    ) -> Result<u64, sp_runtime::DispatchError> {
        Self::ensure_exists(netuid)?;
        ensure!(netuid != ROOT, Error::<T>::CannotBurnOrRecycleOnRootSubnet);
        Self::ensure_owns(coldkey, hotkey)?;
        let amount = amount.min(Self::stake_of(hotkey, coldkey, netuid));
        ensure!(
            SubnetAlphaOut::<T>::get(netuid) >= amount,
            Error::<T>::NotEnoughAlphaOutToRecycle
        );
        Self::decrease_stake(hotkey, coldkey, netuid, amount);
        Ok(amount)
    }
}
