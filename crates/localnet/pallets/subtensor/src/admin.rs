//! Who may change a subnet's parameters, and when.

use crate::*;
use frame_support::{ensure, pallet_prelude::DispatchResult};
use frame_system::{ensure_root, ensure_signed, pallet_prelude::OriginFor};
use sp_runtime::DispatchError;

impl<T: Config> Pallet<T> {
    /// Lets root pass at any time, and the subnet's owner unless an epoch is near or this parameter was changed recently.
    pub fn ensure_root_or_owner(origin: OriginFor<T>, netuid: u16, parameter: Hyperparameter) -> DispatchResult {
        if ensure_root(origin.clone()).is_ok() {
            return Ok(());
        }
        let who = ensure_signed(origin)?;
        ensure!(NetworksAdded::<T>::get(netuid), Error::<T>::SubnetNotExists);
        ensure!(SubnetOwner::<T>::get(netuid) == who, DispatchError::BadOrigin);
        ensure!(
            !Self::is_frozen(netuid),
            Error::<T>::AdminActionProhibitedDuringWeightsWindow
        );
        let key = RateLimitKey::OwnerHyperparamUpdate(netuid, parameter);
        let limit = u64::from(OwnerHyperparamRateLimit::<T>::get()).saturating_mul(u64::from(Tempo::<T>::get(netuid)));
        let block = Self::current_block();
        let last = LastRateLimitedBlock::<T>::get(&key);
        ensure!(
            last == 0 || block.saturating_sub(last) >= limit,
            Error::<T>::TxRateLimitExceeded
        );
        // Taken back with everything else if the call fails later.
        LastRateLimitedBlock::<T>::insert(key, block);
        Ok(())
    }

    /// Whether the next epoch is too near for changes. Never on subnets whose epochs are shorter than the window.
    pub fn is_frozen(netuid: u16) -> bool {
        let window = u64::from(AdminFreezeWindow::<T>::get());
        if u64::from(Tempo::<T>::get(netuid)) <= window {
            return false;
        }
        let block = Self::current_block();
        Self::schedule(netuid)
            .next_start()
            .is_some_and(|next| next.saturating_sub(block) < window)
    }

    /// Refuses subnets that do not exist.
    pub fn ensure_exists(netuid: u16) -> DispatchResult {
        ensure!(NetworksAdded::<T>::get(netuid), Error::<T>::SubnetNotExists);
        Ok(())
    }
}
