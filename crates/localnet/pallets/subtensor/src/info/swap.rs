//! Prices and simulated trades.

use crate::*;
use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Price of one subnet's alpha.
#[derive(Encode, Decode, TypeInfo, Clone, Debug, PartialEq, Eq)]
pub struct SubnetPrice {
    /// Subnet.
    pub netuid: u16,
    /// rao per alpha.
    pub price: u64,
}

/// What a trade would do.
#[derive(Encode, Decode, TypeInfo, Clone, Debug, Default, PartialEq, Eq)]
pub struct SimSwapResult {
    /// TAO given or received, rao.
    pub tao_amount: u64,
    /// Alpha received or given, alpha-rao.
    pub alpha_amount: u64,
    /// Fee in TAO, rao.
    pub tao_fee: u64,
    /// Fee in alpha, alpha-rao.
    pub alpha_fee: u64,
    /// TAO lost against the price before the trade, rao.
    pub tao_slippage: u64,
    /// Alpha lost against the price before the trade, alpha-rao.
    pub alpha_slippage: u64,
}

impl<T: Config> Pallet<T> {
    /// Prices on all subnets.
    pub fn alpha_prices() -> Vec<SubnetPrice> {
        let price = |netuid| SubnetPrice {
            netuid,
            price: Self::alpha_price(netuid),
        };
        Self::netuids().into_iter().map(price).collect()
    }

    /// Simulates spending TAO; all zeros when the pool is too small.
    pub fn simulate_buy(netuid: u16, tao: u64) -> SimSwapResult {
        let Some(trade) = Self::quote_buy(netuid, tao) else {
            return SimSwapResult::default();
        };
        let net = tao.saturating_sub(trade.fee);
        let at_price = pool::muldiv(net, TAO, Self::alpha_price(netuid));
        SimSwapResult {
            tao_amount: net,
            alpha_amount: trade.received,
            tao_fee: trade.fee,
            alpha_slippage: at_price.saturating_sub(trade.received),
            ..Default::default()
        }
    }

    /// Simulates selling alpha; all zeros when the pool is too small.
    pub fn simulate_sell(netuid: u16, alpha: u64) -> SimSwapResult {
        let Some(trade) = Self::quote_sell(netuid, alpha) else {
            return SimSwapResult::default();
        };
        let net = alpha.saturating_sub(trade.fee);
        let at_price = pool::muldiv(net, Self::alpha_price(netuid), TAO);
        SimSwapResult {
            tao_amount: trade.received,
            alpha_amount: net,
            alpha_fee: trade.fee,
            tao_slippage: at_price.saturating_sub(trade.received),
            ..Default::default()
        }
    }

    /// Fee of unstaking from `origin` (hotkey and netuid), or of staking when there is none, in what is given.
    pub fn stake_fee(origin: Option<u16>, destination: Option<u16>, amount: u64) -> u64 {
        match (origin, destination) {
            (Some(netuid), _) => Self::quote_sell(netuid, amount).map_or(0, |trade| trade.fee),
            (None, Some(netuid)) => Self::quote_buy(netuid, amount).map_or(0, |trade| trade.fee),
            (None, None) => 0,
        }
    }
}
