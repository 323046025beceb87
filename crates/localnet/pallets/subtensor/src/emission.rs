//! Emission, simpler than the main chain's: a fixed amount of alpha per block, 18 % for the owner and the rest half and
//! half for miners and validators, paid as stake at epochs. Root earns nothing and no TAO is minted.

use crate::{yuma::EpochOutput, *};

/// Alpha emitted per block to a started subnet, alpha-rao.
pub const ALPHA_PER_BLOCK: u64 = TAO;

/// What a subnet has earned since its last epoch, alpha-rao.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Earned {
    owner: u64,
    servers: u64,
    validators: u64,
}

impl Earned {
    /// The part that consensus shares out.
    pub(crate) fn neurons(&self) -> u64 {
        self.servers.saturating_add(self.validators)
    }
}

impl<T: Config> Pallet<T> {
    /// Whether a subnet emits at a block.
    pub fn is_emitting(netuid: u16, block: u64) -> bool {
        FirstEmissionBlockNumber::<T>::get(netuid).is_some_and(|first| block >= first)
    }

    /// Adds one block's emission to what is pending.
    pub(crate) fn emit(netuid: u16, block: u64) {
        if !Self::is_emitting(netuid, block) {
            return;
        }
        let owner = pool::muldiv(ALPHA_PER_BLOCK, u64::from(SubnetOwnerCut::<T>::get()), U16_ONE);
        let rest = ALPHA_PER_BLOCK.saturating_sub(owner);
        let servers = rest / 2;
        PendingOwnerCut::<T>::mutate(netuid, |sum| *sum = sum.saturating_add(owner));
        PendingServerEmission::<T>::mutate(netuid, |sum| *sum = sum.saturating_add(servers));
        PendingValidatorEmission::<T>::mutate(netuid, |sum| *sum = sum.saturating_add(rest.saturating_sub(servers)));
        SubnetAlphaOut::<T>::mutate(netuid, |alpha| *alpha = alpha.saturating_add(ALPHA_PER_BLOCK));
        SubnetAlphaOutEmission::<T>::insert(netuid, ALPHA_PER_BLOCK);
    }

    /// Lets the smoothed price follow the price.
    pub(crate) fn follow_price(netuid: u16) {
        // Rates have 32 fraction bits and prices 9 decimal places.
        let price = (i128::from(Self::alpha_price(netuid)) << 32) / i128::from(TAO);
        let rate = SubnetMovingAlpha::<T>::get().bits;
        SubnetMovingPrice::<T>::mutate(netuid, |moving| {
            let step = price.saturating_sub(moving.bits).saturating_mul(rate) >> 32;
            moving.bits = moving.bits.saturating_add(step);
        });
    }

    /// Takes out what is pending.
    pub(crate) fn take_pending(netuid: u16) -> Earned {
        Earned {
            owner: PendingOwnerCut::<T>::take(netuid),
            servers: PendingServerEmission::<T>::take(netuid),
            validators: PendingValidatorEmission::<T>::take(netuid),
        }
    }

    /// Pays owner, miners and validators in stake.
    pub(crate) fn pay_out(netuid: u16, earned: Earned, result: &EpochOutput) {
        let owner = SubnetOwner::<T>::get(netuid);
        if let Ok(hotkey) = SubnetOwnerHotkey::<T>::try_get(netuid) {
            Self::increase_stake(&hotkey, &owner, netuid, earned.owner);
        }
        let _ = AlphaDividendsPerSubnet::<T>::clear_prefix(netuid, u32::MAX, None);
        for (uid, hotkey) in Self::hotkeys(netuid).iter().enumerate() {
            Self::pay_miner(netuid, hotkey, &owner, result.server_emission[uid]);
            Self::pay_validator(netuid, hotkey, result.validator_emission[uid]);
            LastHotkeyEmissionOnNetuid::<T>::insert(hotkey, netuid, result.combined_emission[uid]);
        }
    }

    fn pay_miner(netuid: u16, hotkey: &T::AccountId, subnet_owner: &T::AccountId, amount: u64) {
        if amount == 0 {
            return;
        }
        let coldkey = Owner::<T>::get(hotkey);
        if coldkey == *subnet_owner || Self::is_owner_hotkey(netuid, hotkey) {
            // An owner cannot mine its own subnet: the incentive is burned.
            SubnetAlphaOut::<T>::mutate(netuid, |alpha| *alpha = alpha.saturating_sub(amount));
            return;
        }
        let destination = AutoStakeDestination::<T>::get(&coldkey, netuid).unwrap_or_else(|| hotkey.clone());
        Self::increase_stake(&destination, &coldkey, netuid, amount);
        if destination != *hotkey {
            Self::deposit_event(Event::AutoStakeAdded {
                netuid,
                destination,
                hotkey: hotkey.clone(),
                owner: coldkey,
                incentive: amount,
            });
        }
    }

    /// Pays a validator's dividends to those who stake to it and to its parents.
    fn pay_validator(netuid: u16, hotkey: &T::AccountId, amount: u64) {
        TotalHotkeyAlphaLastEpoch::<T>::insert(hotkey, netuid, TotalHotkeyAlpha::<T>::get(hotkey, netuid));
        if amount == 0 {
            return;
        }
        for (hotkey, share) in Self::share_with_parents(netuid, hotkey, amount) {
            Self::pay_stakers(netuid, &hotkey, share);
        }
    }

    fn pay_stakers(netuid: u16, hotkey: &T::AccountId, amount: u64) {
        if amount == 0 {
            return;
        }
        AlphaDividendsPerSubnet::<T>::mutate(netuid, hotkey, |sum| *sum = sum.saturating_add(amount));
        let take = pool::muldiv(amount, u64::from(Delegates::<T>::get(hotkey)), U16_ONE);
        let rest = amount.saturating_sub(take);
        let coldkey = Owner::<T>::get(hotkey);
        if TotalHotkeyShares::<T>::get(hotkey, netuid).bits == 0 {
            // Nobody stakes here; its weight comes from root.
            Self::increase_stake(hotkey, &coldkey, netuid, amount);
            return;
        }
        Self::reward_stakers(hotkey, netuid, rest);
        Self::increase_stake(hotkey, &coldkey, netuid, take);
    }
}
