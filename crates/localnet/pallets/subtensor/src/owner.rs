//! What a subnet's owner may do to its schedule.

use crate::*;
use frame_support::{ensure, pallet_prelude::DispatchResult};
use frame_system::{ensure_root, ensure_signed, pallet_prelude::OriginFor};
use sp_runtime::DispatchError;

impl<T: Config> Pallet<T> {
    /// Sets how many blocks an epoch takes; the running one starts again.
    pub fn do_set_tempo(origin: OriginFor<T>, netuid: u16, tempo: u16) -> DispatchResult {
        Self::ensure_root_or_owner(origin, netuid, Hyperparameter::Unknown)?;
        Self::ensure_exists(netuid)?;
        ensure!(OWNER_TEMPOS.contains(&tempo), Error::<T>::TempoOutOfBounds);
        Self::start_cycle(netuid, tempo);
        Ok(())
    }

    /// Sets after how many thousandths of a tempo a silent neuron counts as inactive.
    pub fn do_set_activity_cutoff_factor(origin: OriginFor<T>, netuid: u16, factor_milli: u32) -> DispatchResult {
        Self::ensure_root_or_owner(origin, netuid, Hyperparameter::ActivityCutoff)?;
        Self::ensure_exists(netuid)?;
        ensure!(
            ACTIVITY_CUTOFF_FACTORS.contains(&factor_milli),
            Error::<T>::ActivityCutoffFactorMilliOutOfBounds
        );
        ActivityCutoffFactorMilli::<T>::insert(netuid, factor_milli);
        Self::deposit_event(Event::ActivityCutoffFactorMilliSet(netuid, factor_milli));
        Ok(())
    }

    /// Lets an epoch run soon: after the blocks in which an owner may change nothing.
    pub fn do_trigger_epoch(origin: OriginFor<T>, netuid: u16) -> DispatchResult {
        Self::ensure_exists(netuid)?;
        if ensure_root(origin.clone()).is_err() {
            let who = ensure_signed(origin)?;
            ensure!(SubnetOwner::<T>::get(netuid) == who, DispatchError::BadOrigin);
        }
        // Reveals are planned by the schedule; an epoch in between would make them too late.
        ensure!(
            !CommitRevealWeightsEnabled::<T>::get(netuid),
            Error::<T>::DynamicTempoBlockedByCommitReveal
        );
        ensure!(
            PendingEpochAt::<T>::get(netuid) == 0,
            Error::<T>::EpochTriggerAlreadyPending
        );
        let at = Self::current_block().saturating_add(u64::from(AdminFreezeWindow::<T>::get()).max(1));
        let imminent = Self::schedule(netuid).next_start().is_some_and(|next| next <= at);
        ensure!(!imminent, Error::<T>::AutoEpochAlreadyImminent);
        PendingEpochAt::<T>::insert(netuid, at);
        Self::deposit_event(Event::EpochTriggered(netuid, at));
        Ok(())
    }
}
