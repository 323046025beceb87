//! Child hotkeys: a validator lets others validate with a part of its stake, and shares what they earn.

use crate::*;
use frame_support::{ensure, pallet_prelude::DispatchResult};
use std::collections::BTreeSet;

/// Most children of a hotkey on a subnet.
const MOST_CHILDREN: usize = 5;
/// Blocks between two changes of a hotkey's children.
const CHILDREN_RATE_LIMIT: u64 = 150;
/// What rate limits call a change of children.
const SET_CHILDREN: u16 = 0;

/// Children of a hotkey, or its parents: share of the parent's stake, of 2^64 - 1, and hotkey.
pub type Relatives<AccountId> = Vec<(u64, AccountId)>;

impl<T: Config> Pallet<T> {
    /// Plans a hotkey's children on a subnet. They take over after a while, or at once if the subnet has not started.
    pub fn do_set_children(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: u16,
        children: Relatives<T::AccountId>,
    ) -> DispatchResult {
        ensure!(netuid != ROOT, Error::<T>::RegistrationNotPermittedOnRootSubnet);
        ensure!(NetworksAdded::<T>::get(netuid), Error::<T>::SubnetNotExists);
        ensure!(
            Owner::<T>::contains_key(hotkey) && Owner::<T>::get(hotkey) == *coldkey,
            Error::<T>::NonAssociatedColdKey
        );
        Self::ensure_possible_children(hotkey, netuid, &children)?;
        let block = Self::current_block();
        let key = (hotkey, netuid, SET_CHILDREN);
        let last = TransactionKeyLastBlock::<T>::get(key);
        ensure!(
            last == 0 || block.saturating_sub(last) >= CHILDREN_RATE_LIMIT,
            Error::<T>::TxRateLimitExceeded
        );
        ensure!(
            children.is_empty() || Self::own_weight(hotkey, netuid) >= StakeThreshold::<T>::get(),
            Error::<T>::NotEnoughStakeToSetChildkeys
        );
        TransactionKeyLastBlock::<T>::insert(key, block);
        let due = if SubtokenEnabled::<T>::get(netuid) {
            block.saturating_add(PendingChildKeyCooldown::<T>::get())
        } else {
            block
        };
        PendingChildKeys::<T>::insert(netuid, hotkey, (children.clone(), due));
        Self::deposit_event(Event::SetChildrenScheduled(hotkey.clone(), netuid, due, children));
        if due == block {
            Self::apply_pending_children(netuid);
        }
        Ok(())
    }

    fn ensure_possible_children(
        hotkey: &T::AccountId,
        netuid: u16,
        children: &[(u64, T::AccountId)],
    ) -> DispatchResult {
        ensure!(children.len() <= MOST_CHILDREN, Error::<T>::TooManyChildren);
        let distinct: BTreeSet<_> = children.iter().map(|(_, child)| child).collect();
        ensure!(!distinct.contains(hotkey), Error::<T>::InvalidChild);
        let total = children
            .iter()
            .try_fold(0u64, |sum, (proportion, _)| sum.checked_add(*proportion));
        ensure!(total.is_some(), Error::<T>::ProportionOverflow);
        ensure!(distinct.len() == children.len(), Error::<T>::DuplicateChild);
        // Stake is handed on once: a child has no children, and a parent no parents.
        let has_parents = !ParentKeys::<T>::get(hotkey, netuid).is_empty();
        let has_grandchildren = distinct
            .iter()
            .any(|child| !ChildKeys::<T>::get(child, netuid).is_empty());
        ensure!(
            children.is_empty() || (!has_parents && !has_grandchildren),
            Error::<T>::ChildParentInconsistency
        );
        Ok(())
    }

    /// Lets planned children take over whose time has come.
    pub(crate) fn apply_pending_children(netuid: u16) {
        let block = Self::current_block();
        let due: Vec<_> = PendingChildKeys::<T>::iter_prefix(netuid)
            .filter(|(_, (_, due))| *due <= block)
            .collect();
        for (parent, (children, _)) in due {
            PendingChildKeys::<T>::remove(netuid, &parent);
            // Much may have happened since they were planned.
            if Self::ensure_possible_children(&parent, netuid, &children).is_ok() {
                Self::replace_children(&parent, netuid, children);
            }
        }
    }

    fn replace_children(parent: &T::AccountId, netuid: u16, children: Relatives<T::AccountId>) {
        for (_, child) in ChildKeys::<T>::take(parent, netuid) {
            ParentKeys::<T>::mutate_exists(child, netuid, |parents| {
                let mut left = parents.take().unwrap_or_default();
                left.retain(|(_, other)| other != parent);
                *parents = (!left.is_empty()).then_some(left);
            });
        }
        for (proportion, child) in &children {
            ParentKeys::<T>::append(child, netuid, (*proportion, parent.clone()));
        }
        if !children.is_empty() {
            ChildKeys::<T>::insert(parent, netuid, &children);
        }
        Self::deposit_event(Event::SetChildren(parent.clone(), netuid, children));
    }

    /// Stake weight of what is staked to a hotkey itself: alpha plus weighted TAO on root, rao.
    pub fn own_weight(hotkey: &T::AccountId, netuid: u16) -> u64 {
        TotalHotkeyAlpha::<T>::get(hotkey, netuid).saturating_add(Self::weighted_tao(hotkey))
    }

    /// Alpha and root TAO behind a hotkey as they count on a subnet: without what children validate with, with what
    /// parents gave.
    pub(crate) fn inherited(hotkey: &T::AccountId, netuid: u16) -> (u64, u64) {
        let own = |on| TotalHotkeyAlpha::<T>::get(hotkey, on);
        Self::inherited_from(hotkey, netuid, own(netuid), own(ROOT))
    }

    /// [`Pallet::inherited`] where a hotkey's own alpha and root TAO are known.
    pub(crate) fn inherited_from(hotkey: &T::AccountId, netuid: u16, alpha: u64, tao: u64) -> (u64, u64) {
        let children = ChildKeys::<T>::get(hotkey, netuid);
        let parents = ParentKeys::<T>::get(hotkey, netuid);
        let count = |on: u16, own: u64| {
            let given = children.iter().map(|(proportion, _)| part(own, *proportion));
            let received = parents
                .iter()
                .map(|(proportion, parent)| part(TotalHotkeyAlpha::<T>::get(parent, on), *proportion));
            own.saturating_sub(given.fold(0, u64::saturating_add))
                .saturating_add(received.fold(0, u64::saturating_add))
        };
        (count(netuid, alpha), count(ROOT, tao))
    }

    /// Shares a validator's dividends with its parents: who gets how much. A part of the parents' share is its own, as
    /// its take.
    pub(crate) fn share_with_parents(netuid: u16, hotkey: &T::AccountId, amount: u64) -> Vec<(T::AccountId, u64)> {
        let parents = ParentKeys::<T>::get(hotkey, netuid);
        let total = Self::stake_weight(hotkey, netuid);
        let take = u64::from(ChildkeyTake::<T>::get(hotkey, netuid));
        let mut shares = vec![];
        let mut left = amount;
        for (proportion, parent) in parents {
            let given = part(Self::own_weight(&parent, netuid), proportion);
            let earned = pool::muldiv(amount, given, total);
            let share = earned.saturating_sub(pool::muldiv(earned, take, U16_ONE)).min(left);
            left -= share;
            shares.push((parent, share));
        }
        shares.push((hotkey.clone(), left));
        shares
    }
}

/// A fraction of 2^64 - 1 of an amount, rounded down.
fn part(amount: u64, proportion: u64) -> u64 {
    pool::muldiv(amount, proportion, u64::MAX)
}
