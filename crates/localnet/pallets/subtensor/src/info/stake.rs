//! Who has staked what.

use crate::*;
use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;
use std::collections::BTreeMap;

/// A coldkey's stake behind a hotkey on a subnet.
#[derive(Encode, Decode, TypeInfo, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct StakeInfo<AccountId: TypeInfo + Encode + Decode> {
    pub hotkey: AccountId,
    pub coldkey: AccountId,
    pub netuid: Compact<u16>,
    pub stake: Compact<u64>,
    pub locked: Compact<u64>,
    pub emission: Compact<u64>,
    pub tao_emission: Compact<u64>,
    pub drain: Compact<u64>,
    pub is_registered: bool,
}

/// How much of a coldkey's stake on a subnet can be moved, alpha-rao.
#[derive(Encode, Decode, TypeInfo, Clone, Debug, PartialEq, Eq)]
pub struct StakeAvailability {
    /// All of it.
    pub total: Compact<u64>,
    /// Locked; always 0 here.
    pub locked: Compact<u64>,
    /// The rest.
    pub available: Compact<u64>,
}

/// What can be moved, by coldkey and subnet.
pub type Availability<AccountId> = BTreeMap<AccountId, BTreeMap<u16, StakeAvailability>>;

impl<T: Config> Pallet<T> {
    /// One position, also when it is empty; `None` when the subnet does not exist.
    pub fn stake_info(hotkey: &T::AccountId, coldkey: &T::AccountId, netuid: u16) -> Option<StakeInfo<T::AccountId>> {
        NetworksAdded::<T>::get(netuid).then(|| StakeInfo {
            hotkey: hotkey.clone(),
            coldkey: coldkey.clone(),
            netuid: Compact(netuid),
            stake: Compact(Self::stake_of(hotkey, coldkey, netuid)),
            locked: Compact(0),
            emission: Compact(AlphaDividendsPerSubnet::<T>::get(netuid, hotkey)),
            tao_emission: Compact(0),
            drain: Compact(0),
            is_registered: Self::uid_of(netuid, hotkey).is_some(),
        })
    }

    /// All positions of a coldkey that are not empty.
    pub fn stake_infos(coldkey: &T::AccountId) -> Vec<StakeInfo<T::AccountId>> {
        let netuids = Self::netuids();
        let of_hotkey = |hotkey: &T::AccountId| -> Vec<_> {
            netuids
                .iter()
                .filter_map(|netuid| Self::stake_info(hotkey, coldkey, *netuid))
                .collect()
        };
        let all = StakingHotkeys::<T>::get(coldkey);
        all.iter().flat_map(of_hotkey).filter(|info| info.stake.0 > 0).collect()
    }

    /// What coldkeys can move, on all subnets or on some.
    pub fn stake_availability(coldkeys: Vec<T::AccountId>, netuids: Option<Vec<u16>>) -> Availability<T::AccountId> {
        let wanted = |netuid: u16| netuids.as_ref().is_none_or(|netuids| netuids.contains(&netuid));
        let of_coldkey = |coldkey: T::AccountId| {
            let mut totals: BTreeMap<u16, u64> = BTreeMap::new();
            for info in Self::stake_infos(&coldkey)
                .into_iter()
                .filter(|info| wanted(info.netuid.0))
            {
                let total = totals.entry(info.netuid.0).or_default();
                *total = total.saturating_add(info.stake.0);
            }
            let free = |total| StakeAvailability {
                total: Compact(total),
                locked: Compact(0),
                available: Compact(total),
            };
            (
                coldkey,
                totals
                    .into_iter()
                    .map(|(netuid, total)| (netuid, free(total)))
                    .collect(),
            )
        };
        coldkeys.into_iter().map(of_coldkey).collect()
    }
}
