//! Moving stake: to another hotkey, another coldkey, another subnet. Within a subnet alpha changes hands as it is; between
//! two it is sold for TAO, which buys the other alpha.

use super::MIN_TRADE;
use crate::*;
use frame_support::{ensure, pallet_prelude::DispatchResult};

/// Where stake is: who holds it, behind which hotkey, on which subnet.
pub struct Place<'a, AccountId> {
    /// Who holds it.
    pub coldkey: &'a AccountId,
    /// Behind which hotkey.
    pub hotkey: &'a AccountId,
    /// On which subnet.
    pub netuid: u16,
}

impl<T: Config> Pallet<T> {
    /// Moves a coldkey's stake to another hotkey or subnet.
    pub fn do_move_stake(
        coldkey: &T::AccountId,
        from: (&T::AccountId, u16),
        to: (&T::AccountId, u16),
        alpha: u64,
    ) -> DispatchResult {
        let origin = place(coldkey, from);
        let destination = place(coldkey, to);
        let tao = Self::transition(&origin, &destination, alpha, None)?;
        Self::deposit_event(Event::StakeMoved(
            coldkey.clone(),
            from.0.clone(),
            from.1,
            to.0.clone(),
            to.1,
            tao,
        ));
        Ok(())
    }

    /// Gives a coldkey's stake to another coldkey, where the subnets allow it.
    pub fn do_transfer_stake(
        coldkey: &T::AccountId,
        heir: &T::AccountId,
        hotkey: &T::AccountId,
        netuids: (u16, u16),
        alpha: u64,
    ) -> DispatchResult {
        let allowed = TransferToggle::<T>::get(netuids.0) && TransferToggle::<T>::get(netuids.1);
        let origin = place(coldkey, (hotkey, netuids.0));
        let destination = place(heir, (hotkey, netuids.1));
        Self::ensure_movable(&origin, &destination, alpha)?;
        ensure!(allowed, Error::<T>::TransferDisallowed);
        let tao = Self::transition(&origin, &destination, alpha, None)?;
        Self::deposit_event(Event::StakeTransferred(
            coldkey.clone(),
            heir.clone(),
            hotkey.clone(),
            netuids.0,
            netuids.1,
            tao,
        ));
        Ok(())
    }

    /// Swaps a coldkey's stake behind a hotkey for that of another subnet. `limit` is the least price of the origin's
    /// alpha in the destination's, of 10^9, and whether a part will do.
    pub fn do_swap_stake(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuids: (u16, u16),
        alpha: u64,
        limit: Option<(u64, bool)>,
    ) -> DispatchResult {
        ensure!(netuids.0 != netuids.1, Error::<T>::SameNetuid);
        let origin = place(coldkey, (hotkey, netuids.0));
        let destination = place(coldkey, (hotkey, netuids.1));
        let tao = Self::transition(&origin, &destination, alpha, limit)?;
        Self::deposit_event(Event::StakeSwapped(
            coldkey.clone(),
            hotkey.clone(),
            netuids.0,
            netuids.1,
            tao,
        ));
        Ok(())
    }

    /// Moves stake; gives what it was worth on the way, rao.
    fn transition(
        origin: &Place<'_, T::AccountId>,
        destination: &Place<'_, T::AccountId>,
        alpha: u64,
        limit: Option<(u64, bool)>,
    ) -> Result<u64, sp_runtime::DispatchError> {
        Self::ensure_movable(origin, destination, alpha)?;
        if origin.netuid == destination.netuid {
            let worth = Self::quote_sell(origin.netuid, alpha).map_or(0, |quote| quote.received);
            Self::decrease_stake(origin.hotkey, origin.coldkey, origin.netuid, alpha);
            Self::increase_stake(destination.hotkey, destination.coldkey, origin.netuid, alpha);
            return Ok(worth);
        }
        let alpha = match limit {
            None => alpha,
            Some((price, allow_partial)) => {
                let most = Self::most_to_swap(origin.netuid, destination.netuid, alpha, price);
                ensure!(
                    most == alpha || (allow_partial && most > 0),
                    Error::<T>::SlippageTooHigh
                );
                most
            }
        };
        let sale = Self::quote_sell(origin.netuid, alpha).ok_or(Error::<T>::InsufficientLiquidity)?;
        ensure!(sale.received >= MIN_TRADE, Error::<T>::AmountTooLow);
        let bought = Self::quote_buy_without_fee(destination.netuid, sale.received)
            .filter(|received| *received > 0)
            .ok_or(Error::<T>::InsufficientLiquidity)?;
        Self::decrease_stake(origin.hotkey, origin.coldkey, origin.netuid, alpha);
        Self::book_sell(origin.netuid, alpha, sale.received);
        Self::book_buy(destination.netuid, sale.received, bought);
        Self::increase_stake(destination.hotkey, destination.coldkey, destination.netuid, bought);
        Ok(sale.received)
    }

    fn ensure_movable(
        origin: &Place<'_, T::AccountId>,
        destination: &Place<'_, T::AccountId>,
        alpha: u64,
    ) -> DispatchResult {
        let same_place = origin.netuid == destination.netuid
            && origin.hotkey == destination.hotkey
            && origin.coldkey == destination.coldkey;
        ensure!(!same_place, Error::<T>::SameNetuid);
        Self::ensure_tradable(origin.netuid)?;
        Self::ensure_tradable(destination.netuid)?;
        for place in [origin, destination] {
            ensure!(
                Owner::<T>::contains_key(place.hotkey),
                Error::<T>::HotKeyAccountNotExists
            );
        }
        let staked = Self::stake_of(origin.hotkey, origin.coldkey, origin.netuid);
        ensure!(staked >= alpha, Error::<T>::NotEnoughStakeToWithdraw);
        let worth = Self::quote_sell(origin.netuid, alpha).map_or(0, |quote| quote.received);
        ensure!(worth >= MIN_TRADE, Error::<T>::AmountTooLow);
        Ok(())
    }

    /// Most of an amount that can be swapped before the price between two subnets falls below a limit.
    fn most_to_swap(origin: u16, destination: u16, alpha: u64, limit: u64) -> u64 {
        let within = |amount: u64| Self::price_after_swap(origin, destination, amount) >= u128::from(limit);
        if within(alpha) {
            return alpha;
        }
        let (mut low, mut high) = (0, alpha);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if within(middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Price of one subnet's alpha in another's after a swap, of 10^9.
    fn price_after_swap(origin: u16, destination: u16, alpha: u64) -> u128 {
        let tao = Self::quote_sell(origin, alpha).map_or(0, |quote| quote.received);
        let bought = Self::quote_buy_without_fee(destination, tao).unwrap_or(0);
        let sold = Self::price_at(origin, -i128::from(tao), i128::from(alpha));
        let paid = Self::price_at(destination, i128::from(tao), -i128::from(bought));
        (sold * u128::from(TAO)).checked_div(paid).unwrap_or(0)
    }

    /// Price of a pool once its two sides have changed, rao per alpha.
    fn price_at(netuid: u16, tao_change: i128, alpha_change: i128) -> u128 {
        if Self::is_stable(netuid) {
            return u128::from(TAO);
        }
        let (tao, alpha) = Self::pool(netuid);
        let moved = |side: u64, change: i128| u128::try_from(i128::from(side) + change).unwrap_or(0);
        (moved(tao, tao_change) * u128::from(TAO))
            .checked_div(moved(alpha, alpha_change))
            .unwrap_or(0)
    }
}

fn place<'a, AccountId>(coldkey: &'a AccountId, (hotkey, netuid): (&'a AccountId, u16)) -> Place<'a, AccountId> {
    Place {
        coldkey,
        hotkey,
        netuid,
    }
}
