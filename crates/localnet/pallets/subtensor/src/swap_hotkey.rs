//! A neuron goes on under another hotkey: its uid, where it serves, its stake and its commits move with it.

use crate::*;
use frame_support::{ensure, pallet_prelude::DispatchResult};

/// Price of a swap on all subnets, rao.
const SWAP_COST: u64 = 100_000_000;
/// Price of a swap on one subnet, rao.
const SWAP_ON_SUBNET_COST: u64 = 1_000_000;
/// Blocks between two swaps of a coldkey on a subnet, as in the main chain's fast builds.
const SWAP_INTERVAL: u64 = 1;

impl<T: Config> Pallet<T> {
    /// Replaces a hotkey by a new one, on one subnet or everywhere. With `keep_stake` the stake stays behind.
    pub fn do_swap_hotkey(
        coldkey: &T::AccountId,
        old: &T::AccountId,
        new: &T::AccountId,
        netuid: Option<u16>,
        keep_stake: bool,
    ) -> DispatchResult {
        let owned = Owner::<T>::contains_key(old) && Owner::<T>::get(old) == *coldkey;
        ensure!(owned, Error::<T>::NonAssociatedColdKey);
        ensure!(old != new, Error::<T>::NewHotKeyIsSameWithOld);
        Self::ensure_own_or_new(coldkey, new)?;
        let netuids = match netuid {
            Some(netuid) => {
                ensure!(NetworksAdded::<T>::get(netuid), Error::<T>::SubnetNotExists);
                vec![netuid]
            }
            None => Self::netuids(),
        };
        let registered = netuids.iter().any(|netuid| Self::uid_of(*netuid, new).is_some());
        ensure!(!registered, Error::<T>::HotKeyAlreadyRegisteredInSubNet);
        Self::pay_for_swap(coldkey, netuid)?;

        Self::associate(coldkey, new)?;
        for netuid in &netuids {
            Self::swap_on_subnet(old, new, *netuid);
            if !keep_stake {
                Self::swap_stake_of(old, new, *netuid);
            }
        }
        let (coldkey, old_hotkey, new_hotkey) = (coldkey.clone(), old.clone(), new.clone());
        Self::deposit_event(match netuid {
            Some(netuid) => Event::HotkeySwappedOnSubnet {
                coldkey,
                old_hotkey,
                new_hotkey,
                netuid,
            },
            None => {
                Delegates::<T>::insert(new, Delegates::<T>::get(old));
                Event::HotkeySwapped {
                    coldkey,
                    old_hotkey,
                    new_hotkey,
                }
            }
        });
        Ok(())
    }

    fn pay_for_swap(coldkey: &T::AccountId, netuid: Option<u16>) -> DispatchResult {
        let block = Self::current_block();
        if let Some(netuid) = netuid {
            let last = LastHotkeySwapOnNetuid::<T>::get(netuid, coldkey);
            ensure!(
                last == 0 || block.saturating_sub(last) >= SWAP_INTERVAL,
                Error::<T>::HotKeySwapOnSubnetIntervalNotPassed
            );
            LastHotkeySwapOnNetuid::<T>::insert(netuid, coldkey, block);
        }
        let cost = netuid.map_or(SWAP_COST, |_| SWAP_ON_SUBNET_COST);
        ensure!(
            Self::spendable(coldkey) >= cost,
            Error::<T>::NotEnoughBalanceToPaySwapHotKey
        );
        Self::withdraw(coldkey, cost)
    }

    fn swap_on_subnet(old: &T::AccountId, new: &T::AccountId, netuid: u16) {
        if Self::is_owner_hotkey(netuid, old) {
            SubnetOwnerHotkey::<T>::insert(netuid, new);
        }
        let Some(uid) = Uids::<T>::take(netuid, old) else {
            return;
        };
        IsNetworkMember::<T>::remove(old, netuid);
        Keys::<T>::insert(netuid, uid, new);
        Uids::<T>::insert(netuid, new, uid);
        IsNetworkMember::<T>::insert(new, netuid, true);
        if let Some(axon) = Axons::<T>::take(netuid, old) {
            Axons::<T>::insert(netuid, new, axon);
        }
        if let Some(certificate) = NeuronCertificates::<T>::take(netuid, old) {
            NeuronCertificates::<T>::insert(netuid, new, certificate);
        }
        if let Some(prometheus) = Prometheus::<T>::take(netuid, old) {
            Prometheus::<T>::insert(netuid, new, prometheus);
        }
        for index in Self::mechanism_indices(netuid) {
            if let Some(commits) = WeightCommits::<T>::take(index, old) {
                WeightCommits::<T>::insert(index, new, commits);
            }
            Self::swap_timelocked(old, new, index);
        }
        let dividends = AlphaDividendsPerSubnet::<T>::take(netuid, old);
        AlphaDividendsPerSubnet::<T>::insert(netuid, new, dividends);
        let emission = LastHotkeyEmissionOnNetuid::<T>::take(old, netuid);
        LastHotkeyEmissionOnNetuid::<T>::insert(new, netuid, emission);
    }

    fn swap_timelocked(old: &T::AccountId, new: &T::AccountId, index: u16) {
        let affected: Vec<_> = TimelockedWeightCommits::<T>::iter_prefix(index)
            .filter(|(_, commits)| commits.iter().any(|commit| commit.0 == *old))
            .collect();
        for (epoch, mut commits) in affected {
            let own = commits.iter_mut().filter(|commit| commit.0 == *old);
            own.for_each(|commit| commit.0 = new.clone());
            TimelockedWeightCommits::<T>::insert(index, epoch, commits);
        }
    }

    fn swap_stake_of(old: &T::AccountId, new: &T::AccountId, netuid: u16) {
        let holders: Vec<T::AccountId> = Alpha::<T>::iter_prefix((old,))
            .filter(|((_, on), _)| *on == netuid)
            .map(|((coldkey, _), _)| coldkey)
            .collect();
        for coldkey in holders {
            let alpha = Self::stake_of(old, &coldkey, netuid);
            Self::decrease_stake(old, &coldkey, netuid, alpha);
            Self::increase_stake(new, &coldkey, netuid, alpha);
        }
    }
}
