//! Registration of neurons, and who owns which hotkey.

use crate::*;
use frame_support::{
    ensure,
    pallet_prelude::DispatchResult,
    traits::{
        fungible::{Inspect, Mutate},
        tokens::{Fortitude, Precision, Preservation},
    },
};
use sp_runtime::DispatchError;

impl<T: Config> Pallet<T> {
    /// Registers a hotkey for the price of the moment, if that is at most `limit` rao.
    pub fn do_burned_register(
        coldkey: &T::AccountId,
        netuid: u16,
        hotkey: &T::AccountId,
        limit: Option<u64>,
    ) -> DispatchResult {
        ensure!(netuid != ROOT, Error::<T>::RegistrationNotPermittedOnRootSubnet);
        ensure!(NetworksAdded::<T>::get(netuid), Error::<T>::SubnetNotExists);
        ensure!(
            NetworkRegistrationAllowed::<T>::get(netuid),
            Error::<T>::SubNetRegistrationDisabled
        );
        let price = Burn::<T>::get(netuid);
        ensure!(
            limit.is_none_or(|limit| price <= limit),
            Error::<T>::RegistrationPriceLimitExceeded
        );
        ensure!(
            Self::uid_of(netuid, hotkey).is_none(),
            Error::<T>::HotKeyAlreadyRegisteredInSubNet
        );
        ensure!(Self::spendable(coldkey) >= price, Error::<T>::NotEnoughBalanceToStake);
        Self::ensure_own_or_new(coldkey, hotkey)?;

        // Placed before it is paid for: a failing call is rolled back as a whole.
        let uid = Self::place_neuron(netuid, hotkey).ok_or(Error::<T>::NoNeuronIdAvailable)?;
        Self::associate(coldkey, hotkey)?;
        Self::withdraw(coldkey, price)?;
        Self::spend_into_pool(netuid, price);
        Self::count_registration(netuid, price);
        Self::deposit_event(Event::NeuronRegistered(netuid, uid, hotkey.clone()));
        Ok(())
    }

    /// Registers a hotkey on root, in place of the lowest stake when root is full.
    pub fn do_root_register(coldkey: &T::AccountId, hotkey: &T::AccountId) -> DispatchResult {
        ensure!(NetworksAdded::<T>::get(ROOT), Error::<T>::RootNetworkDoesNotExist);
        ensure!(
            Self::uid_of(ROOT, hotkey).is_none(),
            Error::<T>::HotKeyAlreadyRegisteredInSubNet
        );
        ensure!(Owner::<T>::contains_key(hotkey), Error::<T>::HotKeyAccountNotExists);
        Self::ensure_own_or_new(coldkey, hotkey)?;
        if SubnetworkN::<T>::get(ROOT) >= MaxAllowedUids::<T>::get(ROOT) {
            let lowest = Keys::<T>::iter_prefix(ROOT)
                .map(|(uid, key)| (TotalHotkeyAlpha::<T>::get(&key, ROOT), uid))
                .min();
            let stake = TotalHotkeyAlpha::<T>::get(hotkey, ROOT);
            let (_, uid) = lowest
                .filter(|(least, _)| stake > *least)
                .ok_or(Error::<T>::StakeTooLowForRoot)?;
            // The emission of root is always zero, so the order of pruning has to be forced.
            Self::replace_neuron(ROOT, uid, hotkey);
            Self::deposit_event(Event::NeuronRegistered(ROOT, uid, hotkey.clone()));
            return Ok(());
        }
        let uid = Self::place_neuron(ROOT, hotkey).ok_or(Error::<T>::NoNeuronIdAvailable)?;
        Self::deposit_event(Event::NeuronRegistered(ROOT, uid, hotkey.clone()));
        Ok(())
    }

    /// Pairs a hotkey with a coldkey, unless it has another one.
    pub fn associate(coldkey: &T::AccountId, hotkey: &T::AccountId) -> DispatchResult {
        Self::ensure_own_or_new(coldkey, hotkey)?;
        if !Owner::<T>::contains_key(hotkey) {
            Owner::<T>::insert(hotkey, coldkey);
            OwnedHotkeys::<T>::append(coldkey, hotkey);
        }
        Ok(())
    }

    /// Fails when the hotkey belongs to somebody else.
    pub fn ensure_own_or_new(coldkey: &T::AccountId, hotkey: &T::AccountId) -> DispatchResult {
        let foreign = Owner::<T>::contains_key(hotkey) && Owner::<T>::get(hotkey) != *coldkey;
        ensure!(!foreign, Error::<T>::NonAssociatedColdKey);
        Ok(())
    }

    /// What a coldkey can spend without being reaped, rao.
    pub fn spendable(coldkey: &T::AccountId) -> u64 {
        T::Currency::reducible_balance(coldkey, Preservation::Preserve, Fortitude::Polite)
    }

    /// Takes TAO out of circulation.
    pub fn withdraw(coldkey: &T::AccountId, amount: u64) -> DispatchResult {
        T::Currency::burn_from(
            coldkey,
            amount,
            Preservation::Preserve,
            Precision::Exact,
            Fortitude::Polite,
        )
        .map_err(|_| DispatchError::from(Error::<T>::BalanceWithdrawalError))?;
        Ok(())
    }

    fn count_registration(netuid: u16, price: u64) {
        BurnRegistrationsThisInterval::<T>::mutate(netuid, |n| *n = n.saturating_add(1));
        RegistrationsThisInterval::<T>::mutate(netuid, |n| *n = n.saturating_add(1));
        RegistrationsThisBlock::<T>::mutate(netuid, |n| *n = n.saturating_add(1));
        RAORecycledForRegistration::<T>::mutate(netuid, |total| *total = total.saturating_add(price));
        Self::raise_price(netuid);
    }
}
