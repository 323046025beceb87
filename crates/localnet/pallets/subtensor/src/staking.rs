//! Stake: alpha behind hotkeys, held by coldkeys as shares so that dividends reach everybody in proportion.

pub mod auto_stake;
pub mod children;
pub mod destroy;
pub mod moves;
pub mod take;
pub mod unstake;

use crate::*;
use frame_support::{ensure, pallet_prelude::DispatchResult, traits::fungible::Mutate};
use sp_core::U256;

/// Least amount that may be staked or unstaked, rao, before the fee.
const MIN_TRADE: u64 = 2_000_000;

impl<T: Config> Pallet<T> {
    /// Swaps TAO for alpha behind a hotkey. `limit` is (rao per alpha, whether a part will do).
    pub fn do_add_stake(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: u16,
        amount: u64,
        limit: Option<(u64, bool)>,
    ) -> DispatchResult {
        Self::ensure_tradable(netuid)?;
        let amount = Self::limited(amount, limit, |price| Self::most_to_buy(netuid, price))?;
        let quote = Self::quote_buy(netuid, amount);
        let fee = quote.map_or(0, |quote| quote.fee);
        ensure!(amount >= MIN_TRADE.saturating_add(fee), Error::<T>::AmountTooLow);
        ensure!(Self::spendable(coldkey) >= amount, Error::<T>::NotEnoughBalanceToStake);
        ensure!(Owner::<T>::contains_key(hotkey), Error::<T>::HotKeyAccountNotExists);
        let quote = quote.ok_or(Error::<T>::InsufficientLiquidity)?;
        ensure!(quote.received > 0, Error::<T>::InsufficientLiquidity);

        Self::withdraw(coldkey, amount)?;
        Self::book_buy(netuid, amount, quote.received);
        Self::increase_stake(hotkey, coldkey, netuid, quote.received);
        LastColdkeyHotkeyStakeBlock::<T>::insert(coldkey, hotkey, Self::current_block());
        Self::deposit_event(Event::StakeAdded(
            coldkey.clone(),
            hotkey.clone(),
            amount,
            quote.received,
            netuid,
            quote.fee,
        ));
        Ok(())
    }

    /// Swaps alpha behind a hotkey for TAO. `limit` is (rao per alpha, whether a part will do).
    pub fn do_remove_stake(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        netuid: u16,
        amount: u64,
        limit: Option<(u64, bool)>,
    ) -> DispatchResult {
        Self::ensure_tradable(netuid)?;
        ensure!(amount > 0, Error::<T>::AmountTooLow);
        let amount = Self::limited(amount, limit, |price| Self::most_to_sell(netuid, price))?;
        let quote = Self::quote_sell(netuid, amount).ok_or(Error::<T>::InsufficientLiquidity)?;
        ensure!(Owner::<T>::contains_key(hotkey), Error::<T>::HotKeyAccountNotExists);
        let staked = Self::stake_of(hotkey, coldkey, netuid);
        ensure!(staked >= amount, Error::<T>::NotEnoughStakeToWithdraw);
        // Dust may always be taken out as a whole.
        ensure!(
            quote.received >= MIN_TRADE || staked == amount,
            Error::<T>::AmountTooLow
        );

        Self::decrease_stake(hotkey, coldkey, netuid, amount);
        Self::book_sell(netuid, amount, quote.received);
        T::Currency::mint_into(coldkey, quote.received)?;
        Self::deposit_event(Event::StakeRemoved(
            coldkey.clone(),
            hotkey.clone(),
            quote.received,
            amount,
            netuid,
            quote.fee,
        ));
        Ok(())
    }

    fn ensure_tradable(netuid: u16) -> DispatchResult {
        ensure!(NetworksAdded::<T>::get(netuid), Error::<T>::SubnetNotExists);
        ensure!(SubtokenEnabled::<T>::get(netuid), Error::<T>::SubtokenDisabled);
        Ok(())
    }

    fn limited(amount: u64, limit: Option<(u64, bool)>, most: impl FnOnce(u64) -> u64) -> Result<u64, Error<T>> {
        let Some((price, allow_partial)) = limit else {
            return Ok(amount);
        };
        let most = most(price);
        ensure!(
            most > 0 && (amount <= most || allow_partial),
            Error::<T>::SlippageTooHigh
        );
        Ok(amount.min(most))
    }

    /// A coldkey's alpha behind a hotkey, alpha-rao.
    pub fn stake_of(hotkey: &T::AccountId, coldkey: &T::AccountId, netuid: u16) -> u64 {
        let shares = Alpha::<T>::get((hotkey, coldkey, netuid)).bits;
        let all_shares = TotalHotkeyShares::<T>::get(hotkey, netuid).bits;
        let value = U256::from(shares) * U256::from(TotalHotkeyAlpha::<T>::get(hotkey, netuid));
        value
            .checked_div(U256::from(all_shares))
            .map_or(0, |value| u64::try_from(value).unwrap_or(u64::MAX))
    }

    /// Adds alpha behind a hotkey for one coldkey.
    pub fn increase_stake(hotkey: &T::AccountId, coldkey: &T::AccountId, netuid: u16, alpha: u64) {
        if alpha == 0 {
            return;
        }
        let shares = Self::shares_for(hotkey, netuid, alpha);
        Alpha::<T>::mutate((hotkey, coldkey, netuid), |own| {
            own.bits = own.bits.saturating_add(shares)
        });
        TotalHotkeyShares::<T>::mutate(hotkey, netuid, |all| all.bits = all.bits.saturating_add(shares));
        Self::reward_stakers(hotkey, netuid, alpha);
        StakingHotkeys::<T>::mutate(coldkey, |hotkeys| {
            if !hotkeys.contains(hotkey) {
                hotkeys.push(hotkey.clone());
            }
        });
    }

    /// Takes alpha off a hotkey for one coldkey, at most what it has.
    pub fn decrease_stake(hotkey: &T::AccountId, coldkey: &T::AccountId, netuid: u16, alpha: u64) {
        let key = (hotkey, coldkey, netuid);
        let own = Alpha::<T>::get(&key).bits;
        let everything = Self::stake_of(hotkey, coldkey, netuid) <= alpha;
        let shares = if everything {
            own
        } else {
            Self::shares_for(hotkey, netuid, alpha).min(own)
        };
        Alpha::<T>::mutate_exists(&key, |entry| {
            let left = own.saturating_sub(shares);
            *entry = (left > 0).then_some(U64F64 { bits: left });
        });
        TotalHotkeyShares::<T>::mutate(hotkey, netuid, |all| all.bits = all.bits.saturating_sub(shares));
        TotalHotkeyAlpha::<T>::mutate(hotkey, netuid, |total| *total = total.saturating_sub(alpha));
    }

    /// Adds alpha behind a hotkey for all who stake to it, in proportion.
    pub fn reward_stakers(hotkey: &T::AccountId, netuid: u16, alpha: u64) {
        TotalHotkeyAlpha::<T>::mutate(hotkey, netuid, |total| *total = total.saturating_add(alpha));
    }

    /// Shares that are worth an amount, rounded up so that the amount can be taken out again.
    fn shares_for(hotkey: &T::AccountId, netuid: u16, alpha: u64) -> u128 {
        let total = TotalHotkeyAlpha::<T>::get(hotkey, netuid);
        let all_shares = TotalHotkeyShares::<T>::get(hotkey, netuid).bits;
        if total == 0 || all_shares == 0 {
            return u128::from(alpha) << 64;
        }
        let (quotient, rest) = (U256::from(all_shares) * U256::from(alpha)).div_mod(U256::from(total));
        let rounded = if rest.is_zero() {
            quotient
        } else {
            quotient + U256::one()
        };
        u128::try_from(rounded).unwrap_or(u128::MAX)
    }

    /// TAO on root behind a hotkey as it counts on subnets, rao.
    pub fn weighted_tao(hotkey: &T::AccountId) -> u64 {
        Self::weigh_tao(TotalHotkeyAlpha::<T>::get(hotkey, ROOT))
    }

    fn weigh_tao(tao: u64) -> u64 {
        weighed(tao, TaoWeight::<T>::get())
    }

    /// What decides permits and consensus: alpha on the subnet plus weighted TAO on root, as inherited, rao.
    pub fn stake_weight(hotkey: &T::AccountId, netuid: u16) -> u64 {
        let (alpha, tao) = Self::inherited(hotkey, netuid);
        alpha.saturating_add(Self::weigh_tao(tao))
    }

    /// Columns of stake as listings show them, each value read once.
    pub fn stake_columns(hotkeys: &[T::AccountId], netuid: u16) -> StakeColumns {
        let weight = TaoWeight::<T>::get();
        let mut columns = StakeColumns::default();
        for hotkey in hotkeys {
            let alpha = TotalHotkeyAlpha::<T>::get(hotkey, netuid);
            let tao = TotalHotkeyAlpha::<T>::get(hotkey, ROOT);
            let (counted, counted_tao) = Self::inherited_from(hotkey, netuid, alpha, tao);
            columns.alpha.push(alpha);
            columns.tao.push(tao);
            columns.total.push(counted.saturating_add(weighed(counted_tao, weight)));
        }
        columns
    }
}

/// Stake of a list of hotkeys, rao; the index is that of the list.
#[derive(Debug, Default)]
pub struct StakeColumns {
    /// Alpha on the subnet.
    pub alpha: Vec<u64>,
    /// TAO on root.
    pub tao: Vec<u64>,
    /// Stake weight, as [`Pallet::stake_weight`].
    pub total: Vec<u64>,
}

/// TAO on root as it counts on subnets; `weight` is a fraction of 2^64 - 1.
fn weighed(tao: u64, weight: u64) -> u64 {
    pool::muldiv(tao, weight, u64::MAX)
}
