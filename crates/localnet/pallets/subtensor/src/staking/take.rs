//! What a hotkey keeps of the dividends of those who stake to it, or who made it their child.

use crate::*;
use frame_support::{ensure, pallet_prelude::DispatchResult};

impl<T: Config> Pallet<T> {
    /// Lowers the take of a hotkey, of 65535.
    pub fn do_decrease_take(coldkey: &T::AccountId, hotkey: &T::AccountId, take: u16) -> DispatchResult {
        Self::check_decrease_take(coldkey, hotkey, take)?;
        Delegates::<T>::insert(hotkey, take);
        Self::deposit_event(Event::TakeDecreased(coldkey.clone(), hotkey.clone(), take));
        Ok(())
    }

    /// Raises the take of a hotkey, of 65535; now and then only.
    pub fn do_increase_take(coldkey: &T::AccountId, hotkey: &T::AccountId, take: u16) -> DispatchResult {
        Self::check_increase_take(coldkey, hotkey, take)?;
        let key = RateLimitKey::LastTxBlockDelegateTake(hotkey.clone());
        ensure!(
            Self::passes_limit(&key, TxDelegateTakeRateLimit::<T>::get()),
            Error::<T>::DelegateTxRateLimitExceeded
        );
        LastRateLimitedBlock::<T>::insert(key, Self::current_block());
        Delegates::<T>::insert(hotkey, take);
        Self::deposit_event(Event::TakeIncreased(coldkey.clone(), hotkey.clone(), take));
        Ok(())
    }

    /// Sets the take of a hotkey from its parents on a subnet, of 65535; raising it is limited.
    pub fn do_set_childkey_take(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: u16,
        take: u16,
    ) -> DispatchResult {
        Self::ensure_owns(coldkey, hotkey)?;
        let allowed = MinChildkeyTake::<T>::get()..=MaxChildkeyTake::<T>::get();
        ensure!(allowed.contains(&take), Error::<T>::InvalidChildkeyTake);
        let raised = take > ChildkeyTake::<T>::get(hotkey, netuid);
        let key = RateLimitKey::LastTxBlockChildKeyTake(hotkey.clone());
        ensure!(
            !raised || Self::passes_limit(&key, TxChildkeyTakeRateLimit::<T>::get()),
            Error::<T>::TxChildkeyTakeRateLimitExceeded
        );
        LastRateLimitedBlock::<T>::insert(key, Self::current_block());
        ChildkeyTake::<T>::insert(hotkey, netuid, take);
        Self::deposit_event(Event::ChildKeyTakeSet(hotkey.clone(), take));
        Ok(())
    }

    /// What may be wrong with lowering a take.
    pub fn check_decrease_take(coldkey: &T::AccountId, hotkey: &T::AccountId, take: u16) -> Result<(), Error<T>> {
        Self::ensure_owns(coldkey, hotkey)?;
        let lower = Delegates::<T>::try_get(hotkey).map_or(true, |current| take < current);
        ensure!(
            lower && take >= MinDelegateTake::<T>::get(),
            Error::<T>::DelegateTakeTooLow
        );
        Ok(())
    }

    /// What may be wrong with raising a take, but for its rate limit.
    pub fn check_increase_take(coldkey: &T::AccountId, hotkey: &T::AccountId, take: u16) -> Result<(), Error<T>> {
        Self::ensure_owns(coldkey, hotkey)?;
        let higher = Delegates::<T>::try_get(hotkey).map_or(true, |current| take > current);
        ensure!(higher, Error::<T>::DelegateTakeTooLow);
        ensure!(take <= MaxDelegateTake::<T>::get(), Error::<T>::DelegateTakeTooHigh);
        Ok(())
    }

    /// Fails unless the hotkey is known and the coldkey's.
    pub(crate) fn ensure_owns(coldkey: &T::AccountId, hotkey: &T::AccountId) -> Result<(), Error<T>> {
        ensure!(Owner::<T>::contains_key(hotkey), Error::<T>::HotKeyAccountNotExists);
        ensure!(Owner::<T>::get(hotkey) == *coldkey, Error::<T>::NonAssociatedColdKey);
        Ok(())
    }

    /// Whether something rate-limited may be done again, after a number of blocks.
    fn passes_limit(key: &RateLimitKey<T::AccountId>, blocks: u64) -> bool {
        let last = LastRateLimitedBlock::<T>::get(key);
        last == 0 || Self::current_block().saturating_sub(last) >= blocks
    }
}
