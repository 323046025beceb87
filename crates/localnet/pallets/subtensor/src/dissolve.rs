//! The end of a subnet: its TAO goes back to those who staked, everything else is deleted.

use crate::*;
use frame_support::{ensure, pallet_prelude::DispatchResult, traits::fungible::Mutate};

impl<T: Config> Pallet<T> {
    /// Dissolves a subnet.
    pub fn do_dissolve_network(netuid: u16) -> DispatchResult {
        ensure!(
            netuid != ROOT && NetworksAdded::<T>::get(netuid),
            Error::<T>::SubnetNotExists
        );
        Self::pay_back(netuid)?;
        Self::forget_neurons(netuid);
        Self::forget_subnet(netuid);
        TotalNetworks::<T>::mutate(|n| *n = n.saturating_sub(1));
        Self::deposit_event(Event::NetworkRemoved(netuid));
        Ok(())
    }

    /// Shares the pool's TAO among those who staked, in proportion to their alpha.
    fn pay_back(netuid: u16) -> DispatchResult {
        let holders: Vec<(T::AccountId, T::AccountId, u64)> = Alpha::<T>::iter_keys()
            .filter(|(_, _, on)| *on == netuid)
            .map(|(hotkey, coldkey, _)| {
                let alpha = Self::stake_of(&hotkey, &coldkey, netuid);
                (hotkey, coldkey, alpha)
            })
            .collect();
        let total = holders
            .iter()
            .fold(0u64, |sum, (_, _, alpha)| sum.saturating_add(*alpha));
        let pot = SubnetTAO::<T>::get(netuid);
        for (hotkey, coldkey, alpha) in holders {
            let share = pool::muldiv(pot, alpha, total);
            Self::decrease_stake(&hotkey, &coldkey, netuid, alpha);
            // Less than an account may hold is lost.
            let _ = T::Currency::mint_into(&coldkey, share);
        }
        TotalStake::<T>::mutate(|staked| *staked = staked.saturating_sub(pot));
        Ok(())
    }

    fn forget_neurons(netuid: u16) {
        for hotkey in Self::hotkeys(netuid) {
            IsNetworkMember::<T>::remove(&hotkey, netuid);
            ChildKeys::<T>::remove(&hotkey, netuid);
            ParentKeys::<T>::remove(&hotkey, netuid);
            LastHotkeyEmissionOnNetuid::<T>::remove(&hotkey, netuid);
            TotalHotkeyAlphaLastEpoch::<T>::remove(&hotkey, netuid);
        }
        let _ = Uids::<T>::clear_prefix(netuid, u32::MAX, None);
        let _ = Keys::<T>::clear_prefix(netuid, u32::MAX, None);
        let _ = BlockAtRegistration::<T>::clear_prefix(netuid, u32::MAX, None);
        let _ = Axons::<T>::clear_prefix(netuid, u32::MAX, None);
        let _ = NeuronCertificates::<T>::clear_prefix(netuid, u32::MAX, None);
        let _ = Prometheus::<T>::clear_prefix(netuid, u32::MAX, None);
        let _ = AlphaDividendsPerSubnet::<T>::clear_prefix(netuid, u32::MAX, None);
        let _ = PendingChildKeys::<T>::clear_prefix(netuid, u32::MAX, None);
        for index in Self::mechanism_indices(netuid) {
            Self::clear_mechanism(index);
        }
        Active::<T>::remove(netuid);
        Emission::<T>::remove(netuid);
        Consensus::<T>::remove(netuid);
        Dividends::<T>::remove(netuid);
        ValidatorTrust::<T>::remove(netuid);
        ValidatorPermit::<T>::remove(netuid);
        StakeWeight::<T>::remove(netuid);
    }

    fn forget_subnet(netuid: u16) {
        NetworksAdded::<T>::remove(netuid);
        NetworkRegisteredAt::<T>::remove(netuid);
        SubnetworkN::<T>::remove(netuid);
        SubnetOwner::<T>::remove(netuid);
        SubnetOwnerHotkey::<T>::remove(netuid);
        SubnetLocked::<T>::remove(netuid);
        SubnetMechanism::<T>::remove(netuid);
        TokenSymbol::<T>::remove(netuid);
        SubnetIdentitiesV3::<T>::remove(netuid);
        Self::forget_schedule(netuid);
        Self::forget_pool(netuid);
        Self::forget_parameters(netuid);
    }

    fn forget_schedule(netuid: u16) {
        Tempo::<T>::remove(netuid);
        LastEpochBlock::<T>::remove(netuid);
        PendingEpochAt::<T>::remove(netuid);
        SubnetEpochIndex::<T>::remove(netuid);
        BlocksSinceLastStep::<T>::remove(netuid);
        LastMechansimStepBlock::<T>::remove(netuid);
        FirstEmissionBlockNumber::<T>::remove(netuid);
        SubtokenEnabled::<T>::remove(netuid);
    }

    fn forget_pool(netuid: u16) {
        SubnetTAO::<T>::remove(netuid);
        SubnetAlphaIn::<T>::remove(netuid);
        SubnetAlphaOut::<T>::remove(netuid);
        SubnetAlphaOutEmission::<T>::remove(netuid);
        SubnetVolume::<T>::remove(netuid);
        SubnetMovingPrice::<T>::remove(netuid);
        PendingServerEmission::<T>::remove(netuid);
        PendingValidatorEmission::<T>::remove(netuid);
        PendingOwnerCut::<T>::remove(netuid);
    }

    fn forget_parameters(netuid: u16) {
        MaxAllowedUids::<T>::remove(netuid);
        MaxAllowedValidators::<T>::remove(netuid);
        MinAllowedWeights::<T>::remove(netuid);
        MaxWeightsLimit::<T>::remove(netuid);
        ImmunityPeriod::<T>::remove(netuid);
        ActivityCutoffFactorMilli::<T>::remove(netuid);
        WeightsVersionKey::<T>::remove(netuid);
        WeightsSetRateLimit::<T>::remove(netuid);
        CommitRevealWeightsEnabled::<T>::remove(netuid);
        RevealPeriodEpochs::<T>::remove(netuid);
        NetworkRegistrationAllowed::<T>::remove(netuid);
        Burn::<T>::remove(netuid);
        MinBurn::<T>::remove(netuid);
        MaxBurn::<T>::remove(netuid);
        Kappa::<T>::remove(netuid);
        Yuma3On::<T>::remove(netuid);
        LiquidAlphaOn::<T>::remove(netuid);
        MechanismCountCurrent::<T>::remove(netuid);
        MechanismEmissionSplit::<T>::remove(netuid);
    }

    /// The subnet that makes room for a new one: past its immunity, with the lowest smoothed price, the oldest of those.
    pub fn subnet_to_prune() -> Option<u16> {
        let block = Self::current_block();
        let immunity = NetworkImmunityPeriod::<T>::get();
        Self::netuids()
            .into_iter()
            .filter(|netuid| *netuid != ROOT)
            .map(|netuid| (netuid, NetworkRegisteredAt::<T>::get(netuid)))
            .filter(|(_, registered)| block >= registered.saturating_add(immunity))
            .min_by_key(|(netuid, registered)| (SubnetMovingPrice::<T>::get(netuid).bits, *registered))
            .map(|(netuid, _)| netuid)
    }
}
