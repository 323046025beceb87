//! uids: given to new neurons, taken from the weakest when a subnet is full.

use crate::*;
use codec::Decode as _;
use sp_runtime::traits::{TrailingZeroInput, UniqueSaturatedInto};

/// The account of 32 zero bytes: "nobody".
pub fn zero_account<T: frame_system::Config>() -> T::AccountId {
    T::AccountId::decode(&mut TrailingZeroInput::zeroes()).expect("an account can be decoded from any number of bytes")
}

impl<T: Config> Pallet<T> {
    /// Number of the current block.
    pub fn current_block() -> u64 {
        frame_system::Pallet::<T>::block_number().unique_saturated_into()
    }

    /// uid of a hotkey on a subnet.
    pub fn uid_of(netuid: u16, hotkey: &T::AccountId) -> Option<u16> {
        Uids::<T>::get(netuid, hotkey)
    }

    /// Netuid and mechanism indices of all of a subnet's mechanisms.
    pub fn mechanism_indices(netuid: u16) -> impl Iterator<Item = u16> {
        (0..MechanismCountCurrent::<T>::get(netuid).max(1)).map(move |mecid| netuid_index(netuid, mecid))
    }

    /// Gives a new neuron the next uid, or the uid of the neuron it replaces. `None` when nobody may be replaced.
    pub fn place_neuron(netuid: u16, hotkey: &T::AccountId) -> Option<u16> {
        let count = SubnetworkN::<T>::get(netuid);
        if count < MaxAllowedUids::<T>::get(netuid) {
            Self::append_neuron(netuid, hotkey);
            return Some(count);
        }
        let uid = Self::prune_candidate(netuid)?;
        Self::replace_neuron(netuid, uid, hotkey);
        Some(uid)
    }

    fn append_neuron(netuid: u16, hotkey: &T::AccountId) {
        let uid = SubnetworkN::<T>::mutate(netuid, |count| {
            let uid = *count;
            *count = count.saturating_add(1);
            uid
        });
        let block = Self::current_block();
        Active::<T>::mutate(netuid, |values| values.push(true));
        Emission::<T>::mutate(netuid, |values| values.push(0));
        Consensus::<T>::mutate(netuid, |values| values.push(0));
        Dividends::<T>::mutate(netuid, |values| values.push(0));
        ValidatorTrust::<T>::mutate(netuid, |values| values.push(0));
        StakeWeight::<T>::mutate(netuid, |values| values.push(0));
        ValidatorPermit::<T>::mutate(netuid, |values| values.push(false));
        for index in Self::mechanism_indices(netuid) {
            Incentive::<T>::mutate(index, |values| values.push(0));
            LastUpdate::<T>::mutate(index, |values| values.push(block));
        }
        Self::occupy(netuid, uid, hotkey, block);
    }

    pub(crate) fn replace_neuron(netuid: u16, uid: u16, hotkey: &T::AccountId) {
        let block = Self::current_block();
        let old = Keys::<T>::get(netuid, uid);
        Uids::<T>::remove(netuid, &old);
        IsNetworkMember::<T>::remove(&old, netuid);
        Axons::<T>::remove(netuid, &old);
        NeuronCertificates::<T>::remove(netuid, &old);
        Prometheus::<T>::remove(netuid, &old);

        reset(uid, Active::<T>::take(netuid), true, |v| Active::<T>::insert(netuid, v));
        reset(uid, Emission::<T>::take(netuid), 0, |v| {
            Emission::<T>::insert(netuid, v)
        });
        reset(uid, Consensus::<T>::take(netuid), 0, |v| {
            Consensus::<T>::insert(netuid, v)
        });
        reset(uid, Dividends::<T>::take(netuid), 0, |v| {
            Dividends::<T>::insert(netuid, v)
        });
        reset(uid, ValidatorTrust::<T>::take(netuid), 0, |v| {
            ValidatorTrust::<T>::insert(netuid, v)
        });
        reset(uid, StakeWeight::<T>::take(netuid), 0, |v| {
            StakeWeight::<T>::insert(netuid, v)
        });
        reset(uid, ValidatorPermit::<T>::take(netuid), false, |v| {
            ValidatorPermit::<T>::insert(netuid, v)
        });
        for index in Self::mechanism_indices(netuid) {
            reset(uid, Incentive::<T>::take(index), 0, |v| {
                Incentive::<T>::insert(index, v)
            });
            reset(uid, LastUpdate::<T>::take(index), block, |v| {
                LastUpdate::<T>::insert(index, v)
            });
            Weights::<T>::remove(index, uid);
            Bonds::<T>::remove(index, uid);
            Self::zero_weights_towards(index, uid);
        }
        Self::occupy(netuid, uid, hotkey, block);
    }

    /// Weights were earned by the neuron that left, not by its successor.
    fn zero_weights_towards(index: u16, uid: u16) {
        let affected: Vec<_> = Weights::<T>::iter_prefix(index)
            .filter(|(_, row)| row.iter().any(|(to, value)| *to == uid && *value != 0))
            .collect();
        for (from, mut row) in affected {
            row.iter_mut()
                .filter(|(to, _)| *to == uid)
                .for_each(|(_, value)| *value = 0);
            Weights::<T>::insert(index, from, row);
        }
    }

    /// Lets validators' bonds towards a hotkey start anew, where the subnet allows that.
    pub fn reset_bonds_towards(netuid: u16, hotkey: &T::AccountId) {
        let Some(uid) = Self::uid_of(netuid, hotkey).filter(|_| BondsResetOn::<T>::get(netuid)) else {
            return;
        };
        for index in Self::mechanism_indices(netuid) {
            let affected: Vec<_> = Bonds::<T>::iter_prefix(index)
                .filter(|(_, row)| row.iter().any(|(to, _)| *to == uid))
                .collect();
            for (from, mut row) in affected {
                row.retain(|(to, _)| *to != uid);
                Bonds::<T>::insert(index, from, row);
            }
        }
    }

    fn occupy(netuid: u16, uid: u16, hotkey: &T::AccountId, block: u64) {
        Keys::<T>::insert(netuid, uid, hotkey);
        Uids::<T>::insert(netuid, hotkey, uid);
        IsNetworkMember::<T>::insert(hotkey, netuid, true);
        BlockAtRegistration::<T>::insert(netuid, uid, block);
    }

    /// Whom a new neuron would replace: the lowest emission, then the oldest registration, then the lowest uid, among
    /// those past their immunity as long as enough of them remain, else among all. Owners' neurons are exempt.
    pub fn prune_candidate(netuid: u16) -> Option<u16> {
        let protected = Self::owner_immune_hotkeys(netuid);
        let emission = Emission::<T>::get(netuid);
        let block = Self::current_block();
        let immunity = u64::from(ImmunityPeriod::<T>::get(netuid));

        let (mut mortal, mut immune) = (vec![], vec![]);
        for uid in 0..SubnetworkN::<T>::get(netuid) {
            if protected.contains(&Keys::<T>::get(netuid, uid)) {
                continue;
            }
            let registered_at = BlockAtRegistration::<T>::get(netuid, uid);
            let earned = emission.get(usize::from(uid)).copied().unwrap_or_default();
            let is_immune = block.saturating_sub(registered_at) < immunity;
            let group = if is_immune { &mut immune } else { &mut mortal };
            group.push((earned, registered_at, uid));
        }
        let enough_mortal = mortal.len() > usize::from(MinNonImmuneUids::<T>::get(netuid));
        let candidate = if enough_mortal {
            mortal.into_iter().min()
        } else {
            immune.into_iter().min()
        };
        candidate.map(|(_, _, uid)| uid)
    }

    /// The owner's hotkey and the first few other hotkeys of the owner, by registration.
    fn owner_immune_hotkeys(netuid: u16) -> Vec<T::AccountId> {
        let owner = SubnetOwner::<T>::get(netuid);
        let mut owned: Vec<_> = OwnedHotkeys::<T>::get(owner)
            .into_iter()
            .filter_map(|hotkey| {
                let uid = Self::uid_of(netuid, &hotkey)?;
                Some((BlockAtRegistration::<T>::get(netuid, uid), uid, hotkey))
            })
            .collect();
        owned.sort();
        let limit = usize::from(ImmuneOwnerUidsLimit::<T>::get(netuid));
        let mut protected: Vec<_> = owned.into_iter().take(limit).map(|(_, _, hotkey)| hotkey).collect();
        protected.push(SubnetOwnerHotkey::<T>::get(netuid));
        protected
    }
}

fn reset<V: Clone>(uid: u16, mut values: Vec<V>, value: V, store: impl FnOnce(Vec<V>)) {
    if let Some(slot) = values.get_mut(usize::from(uid)) {
        *slot = value;
    }
    store(values);
}
