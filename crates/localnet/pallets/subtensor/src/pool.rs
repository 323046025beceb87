//! The pool that prices a subnet's alpha: TAO times alpha stays constant over a trade.

use crate::*;
use sp_core::U256;

/// Fee on a trade, of 65535 (about 0.05 %).
const FEE_RATE: u128 = 33;
/// A single buy may be at most this many times the TAO in the pool.
const MAX_BUY: u64 = 1_000;

/// Outcome of a trade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trade {
    /// What the trader receives: alpha-rao for a buy, rao for a sale.
    pub received: u64,
    /// Fee in what the trader gives.
    pub fee: u64,
}

impl<T: Config> Pallet<T> {
    /// Whether the price is 1 for ever.
    pub(crate) fn is_stable(netuid: u16) -> bool {
        SubnetMechanism::<T>::get(netuid) == 0
    }

    /// TAO and alpha in the pool.
    pub fn pool(netuid: u16) -> (u64, u64) {
        (SubnetTAO::<T>::get(netuid), SubnetAlphaIn::<T>::get(netuid))
    }

    /// rao per alpha.
    pub fn alpha_price(netuid: u16) -> u64 {
        if Self::is_stable(netuid) {
            return TAO;
        }
        let (tao, alpha) = Self::pool(netuid);
        muldiv(tao, TAO, alpha)
    }

    /// What a buy would give; `None` when the pool is too small for it.
    pub fn quote_buy(netuid: u16, amount: u64) -> Option<Trade> {
        if Self::is_stable(netuid) {
            return Some(Trade {
                received: amount,
                fee: 0,
            });
        }
        let (tao, alpha) = Self::pool(netuid);
        if tao == 0 || alpha == 0 || amount > tao.saturating_mul(MAX_BUY) {
            return None;
        }
        let fee = trade_fee(amount);
        let net = amount - fee;
        Some(Trade {
            received: muldiv(alpha, net, tao.saturating_add(net)),
            fee,
        })
    }

    /// What a buy would give without a fee, which a swap between subnets pays once.
    pub(crate) fn quote_buy_without_fee(netuid: u16, amount: u64) -> Option<u64> {
        if Self::is_stable(netuid) {
            return Some(amount);
        }
        let (tao, alpha) = Self::pool(netuid);
        let possible = tao > 0 && alpha > 0 && amount <= tao.saturating_mul(MAX_BUY);
        possible.then(|| muldiv(alpha, amount, tao.saturating_add(amount)))
    }

    /// What a sale would give; `None` when the pool is too small for it.
    pub fn quote_sell(netuid: u16, amount: u64) -> Option<Trade> {
        if Self::is_stable(netuid) {
            return Some(Trade {
                received: amount,
                fee: 0,
            });
        }
        let (tao, alpha) = Self::pool(netuid);
        if tao == 0 || alpha == 0 {
            return None;
        }
        let fee = trade_fee(amount);
        let net = amount - fee;
        Some(Trade {
            received: muldiv(tao, net, alpha.saturating_add(net)),
            fee,
        })
    }

    /// Most TAO that can be spent before the price passes `limit` rao per alpha.
    pub fn most_to_buy(netuid: u16, limit: u64) -> u64 {
        if Self::is_stable(netuid) {
            return if limit >= TAO { u64::MAX } else { 0 };
        }
        let (tao, alpha) = Self::pool(netuid);
        // At the limit T'/A' = limit and T'·A' = T·A, hence T' = sqrt(T·A·limit).
        let product = U256::from(tao) * U256::from(alpha) * U256::from(limit) / U256::from(TAO);
        low_u64(product.integer_sqrt()).saturating_sub(tao)
    }

    /// Most alpha that can be sold before the price falls below `limit` rao per alpha.
    pub fn most_to_sell(netuid: u16, limit: u64) -> u64 {
        if Self::is_stable(netuid) {
            return if limit <= TAO { u64::MAX } else { 0 };
        }
        let (tao, alpha) = Self::pool(netuid);
        let product = U256::from(tao) * U256::from(alpha) * U256::from(TAO);
        let Some(quotient) = product.checked_div(U256::from(limit)) else {
            return u64::MAX;
        };
        low_u64(quotient.integer_sqrt()).saturating_sub(alpha)
    }

    /// Books a buy: all TAO enters the pool, the alpha leaves it.
    pub(crate) fn book_buy(netuid: u16, paid: u64, received: u64) {
        SubnetTAO::<T>::mutate(netuid, |tao| *tao = tao.saturating_add(paid));
        if !Self::is_stable(netuid) {
            SubnetAlphaIn::<T>::mutate(netuid, |alpha| *alpha = alpha.saturating_sub(received));
        }
        SubnetAlphaOut::<T>::mutate(netuid, |alpha| *alpha = alpha.saturating_add(received));
        TotalStake::<T>::mutate(|total| *total = total.saturating_add(paid));
        SubnetVolume::<T>::mutate(netuid, |volume| *volume = volume.saturating_add(paid.into()));
    }

    /// Books a sale: all alpha enters the pool, the TAO leaves it.
    pub(crate) fn book_sell(netuid: u16, sold: u64, received: u64) {
        SubnetTAO::<T>::mutate(netuid, |tao| *tao = tao.saturating_sub(received));
        if !Self::is_stable(netuid) {
            SubnetAlphaIn::<T>::mutate(netuid, |alpha| *alpha = alpha.saturating_add(sold));
        }
        SubnetAlphaOut::<T>::mutate(netuid, |alpha| *alpha = alpha.saturating_sub(sold));
        TotalStake::<T>::mutate(|total| *total = total.saturating_sub(received));
        SubnetVolume::<T>::mutate(netuid, |volume| *volume = volume.saturating_add(received.into()));
    }

    /// Buys alpha and destroys it; without a pool the TAO is simply gone.
    pub(crate) fn spend_into_pool(netuid: u16, amount: u64) {
        if let Some(trade) = Self::quote_buy(netuid, amount) {
            Self::book_buy(netuid, amount, trade.received);
            SubnetAlphaOut::<T>::mutate(netuid, |alpha| *alpha = alpha.saturating_sub(trade.received));
        }
    }

    /// Opens a pool at a price of one.
    pub(crate) fn fill_pool(netuid: u16, amount: u64) {
        SubnetTAO::<T>::insert(netuid, amount);
        SubnetAlphaIn::<T>::insert(netuid, amount);
        TotalStake::<T>::mutate(|total| *total = total.saturating_add(amount));
    }
}

fn trade_fee(amount: u64) -> u64 {
    (u128::from(amount) * FEE_RATE / u128::from(U16_ONE)) as u64 // below `amount`
}

/// `a * b / c` rounded down; 0 when `c` is 0.
pub(crate) fn muldiv(a: u64, b: u64, c: u64) -> u64 {
    let quotient = (u128::from(a) * u128::from(b)).checked_div(u128::from(c)).unwrap_or(0);
    u64::try_from(quotient).unwrap_or(u64::MAX)
}

fn low_u64(value: U256) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}
