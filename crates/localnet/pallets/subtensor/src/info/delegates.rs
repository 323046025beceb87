//! Hotkeys that others stake to.

use super::stake;
use crate::*;
use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;
use std::collections::BTreeMap;

/// Stake on several subnets: netuid and alpha-rao.
pub type Positions = Vec<(Compact<u16>, Compact<u64>)>;

/// A hotkey and those who stake to it.
#[derive(Encode, Decode, TypeInfo, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct DelegateInfo<AccountId: TypeInfo + Encode + Decode> {
    pub delegate_ss58: AccountId,
    pub take: Compact<u16>,
    pub nominators: Vec<(AccountId, Positions)>,
    pub owner_ss58: AccountId,
    pub registrations: Vec<Compact<u16>>,
    pub validator_permits: Vec<Compact<u16>>,
    pub return_per_1000: Compact<u64>,
    pub total_daily_return: Compact<u64>,
}

/// A hotkey with one coldkey's position behind it: netuid and alpha-rao.
pub type Delegated<AccountId> = Vec<(DelegateInfo<AccountId>, (Compact<u16>, Compact<u64>))>;

impl<T: Config> Pallet<T> {
    /// A hotkey, if it has an owner.
    pub fn delegate(hotkey: &T::AccountId) -> Option<DelegateInfo<T::AccountId>> {
        let owner = Owner::<T>::try_get(hotkey).ok()?;
        let registrations: Vec<u16> = Self::netuids()
            .into_iter()
            .filter(|netuid| Self::uid_of(*netuid, hotkey).is_some())
            .collect();
        let permitted = |netuid: &u16| Self::uid_of(*netuid, hotkey).is_some_and(|uid| Self::has_permit(*netuid, uid));
        let mut nominators: BTreeMap<T::AccountId, Positions> = BTreeMap::new();
        for ((coldkey, netuid), _) in Alpha::<T>::iter_prefix((hotkey,)) {
            let stake = Self::stake_of(hotkey, &coldkey, netuid);
            nominators
                .entry(coldkey)
                .or_default()
                .push((Compact(netuid), Compact(stake)));
        }
        Some(DelegateInfo {
            delegate_ss58: hotkey.clone(),
            take: Compact(Delegates::<T>::get(hotkey)),
            nominators: nominators.into_iter().collect(),
            owner_ss58: owner,
            validator_permits: registrations
                .iter()
                .filter(|n| permitted(n))
                .map(|n| Compact(*n))
                .collect(),
            registrations: registrations.into_iter().map(Compact).collect(),
            return_per_1000: Compact(0),
            total_daily_return: Compact(0),
        })
    }

    /// All hotkeys that somebody stakes to.
    pub fn delegates() -> Vec<DelegateInfo<T::AccountId>> {
        let hotkeys: std::collections::BTreeSet<_> = Alpha::<T>::iter_keys().map(|(hotkey, _, _)| hotkey).collect();
        hotkeys.iter().filter_map(Self::delegate).collect()
    }

    /// The hotkeys that one coldkey stakes to, with each position.
    pub fn delegated(coldkey: &T::AccountId) -> Delegated<T::AccountId> {
        let position =
            |info: stake::StakeInfo<T::AccountId>| Some((Self::delegate(&info.hotkey)?, (info.netuid, info.stake)));
        Self::stake_infos(coldkey).into_iter().filter_map(position).collect()
    }
}
