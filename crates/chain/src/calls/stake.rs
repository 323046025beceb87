//! Stake: adding, taking out, moving; takes and child hotkeys. Amounts in rao, of TAO or of the subnet's own token.

use crate::at::{account, number};
use crate::call::{Call, option};
use crate::chain::Chain;
use crate::error::ChainError;
use crate::items::calls;
use crate::outcome::Receipt;
use axoneme_wallet::{AccountId, Keypair};
use subxt::dynamic::Value;

/// From where to where stake goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StakeMove {
    /// Subnet it comes from.
    pub from_netuid: u16,
    /// Subnet it goes to.
    pub to_netuid: u16,
    /// How much, in rao of the first subnet's token.
    pub alpha: u64,
}

impl StakeMove {
    fn args(&self) -> [Value; 3] {
        [number(self.from_netuid), number(self.to_netuid), number(self.alpha)]
    }
}

/// The worst price at which a trade may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceLimit {
    /// Rao of TAO for one whole token of the subnet.
    pub rao_per_alpha: u64,
    /// Whether to trade what the limit allows instead of nothing.
    pub allow_partial: bool,
}

impl Call {
    /// Stakes `rao` of the signer's balance to a hotkey, at any price or within a limit.
    pub fn add_stake(netuid: u16, hotkey: &AccountId, rao: u64, limit: Option<PriceLimit>) -> Call {
        let args = [account(hotkey), number(netuid), number(rao)];
        let Some(limit) = limit else {
            return Call::spending("add_stake", calls::ADD_STAKE.with(args));
        };
        let [a, b, c] = args;
        let args = [a, b, c, number(limit.rao_per_alpha), Value::bool(limit.allow_partial)];
        Call::spending("add_stake", calls::ADD_STAKE_LIMIT.with(args))
    }

    /// Takes `alpha` out of the stake behind a hotkey, at any price or within a limit.
    pub fn remove_stake(netuid: u16, hotkey: &AccountId, alpha: u64, limit: Option<PriceLimit>) -> Call {
        let args = [account(hotkey), number(netuid), number(alpha)];
        let Some(limit) = limit else {
            return Call::spending("remove_stake", calls::REMOVE_STAKE.with(args));
        };
        let [a, b, c] = args;
        let args = [a, b, c, number(limit.rao_per_alpha), Value::bool(limit.allow_partial)];
        Call::spending("remove_stake", calls::REMOVE_STAKE_LIMIT.with(args))
    }

    /// Takes everything out of one subnet, unless the price is below `rao_per_alpha`.
    pub fn remove_all_stake(netuid: u16, hotkey: &AccountId, rao_per_alpha: Option<u64>) -> Call {
        let args = [account(hotkey), number(netuid), option(rao_per_alpha.map(number))];
        Call::spending("remove_stake", calls::REMOVE_STAKE_FULL_LIMIT.with(args))
    }

    /// Takes all stake behind a hotkey out of all subnets.
    pub fn unstake_all(hotkey: &AccountId) -> Call {
        Call::spending("unstake_all", calls::UNSTAKE_ALL.with([account(hotkey)]))
    }

    /// Takes all stake behind a hotkey out of all subnets and puts it on the root network.
    pub fn unstake_all_alpha(hotkey: &AccountId) -> Call {
        Call::spending("unstake_all_alpha", calls::UNSTAKE_ALL_ALPHA.with([account(hotkey)]))
    }

    /// Moves stake from one hotkey to another.
    pub fn move_stake(from: &AccountId, to: &AccountId, stake: StakeMove) -> Call {
        let [a, b, c] = stake.args();
        Call::spending(
            "move_stake",
            calls::MOVE_STAKE.with([account(from), account(to), a, b, c]),
        )
    }

    /// Gives stake behind a hotkey to another coldkey.
    pub fn transfer_stake(to_coldkey: &AccountId, hotkey: &AccountId, stake: StakeMove) -> Call {
        let [a, b, c] = stake.args();
        let args = [account(to_coldkey), account(hotkey), a, b, c];
        Call::spending("transfer_stake", calls::TRANSFER_STAKE.with(args))
    }

    /// Moves stake behind a hotkey to another subnet, at any price or within a limit.
    pub fn swap_stake(hotkey: &AccountId, stake: StakeMove, limit: Option<PriceLimit>) -> Call {
        let [a, b, c] = stake.args();
        let Some(limit) = limit else {
            return Call::spending("swap_stake", calls::SWAP_STAKE.with([account(hotkey), a, b, c]));
        };
        let (price, partial) = (number(limit.rao_per_alpha), Value::bool(limit.allow_partial));
        let args = [account(hotkey), a, b, c, price, partial];
        Call::spending("swap_stake", calls::SWAP_STAKE_LIMIT.with(args))
    }

    /// Stakes what the signer's miners earn on a subnet to this hotkey.
    pub fn set_auto_stake(netuid: u16, hotkey: &AccountId) -> Call {
        let args = [number(netuid), account(hotkey)];
        Call::spending("set_auto_stake", calls::SET_AUTO_STAKE.with(args))
    }

    /// Lowers what a validator keeps of its nominators' dividends, as a fraction of 65535.
    pub fn decrease_take(hotkey: &AccountId, take: u16) -> Call {
        Call::spending(
            "decrease_take",
            calls::DECREASE_TAKE.with([account(hotkey), number(take)]),
        )
    }

    /// Raises what a validator keeps of its nominators' dividends, as a fraction of 65535.
    pub fn increase_take(hotkey: &AccountId, take: u16) -> Call {
        Call::spending(
            "increase_take",
            calls::INCREASE_TAKE.with([account(hotkey), number(take)]),
        )
    }

    /// Sets what a child hotkey keeps of what it earns for its parents, as a fraction of 65535.
    pub fn set_childkey_take(netuid: u16, hotkey: &AccountId, take: u16) -> Call {
        let args = [account(hotkey), number(netuid), number(take)];
        Call::spending("set_childkey_take", calls::SET_CHILDKEY_TAKE.with(args))
    }

    /// Lends shares of a hotkey's stake weight to other hotkeys: fraction of 2^64 - 1, and whom.
    pub fn set_children(netuid: u16, hotkey: &AccountId, children: &[(u64, AccountId)]) -> Call {
        let child = |(share, child): &(u64, AccountId)| Value::unnamed_composite([number(*share), account(child)]);
        let children = Value::unnamed_composite(children.iter().map(child));
        let args = [account(hotkey), number(netuid), children];
        Call::spending("set_children", calls::SET_CHILDREN.with(args))
    }
}

impl Chain {
    /// Stakes `rao` of the coldkey's balance to a hotkey.
    ///
    /// # Errors
    /// Among others `AmountTooLow`, `NotEnoughBalanceToStake` and `SubtokenDisabled`, with advice.
    pub async fn add_stake(
        &self,
        coldkey: &Keypair,
        netuid: u16,
        hotkey: &AccountId,
        rao: u64,
    ) -> Result<Receipt, ChainError> {
        self.make(coldkey, Call::add_stake(netuid, hotkey, rao, None)).await
    }

    /// Takes `alpha` rao of the subnet's token out of the coldkey's stake behind a hotkey.
    ///
    /// # Errors
    /// Among others `AmountTooLow`, `NotEnoughStakeToWithdraw` and `SlippageTooHigh`, with advice.
    pub async fn remove_stake(
        &self,
        coldkey: &Keypair,
        netuid: u16,
        hotkey: &AccountId,
        alpha: u64,
    ) -> Result<Receipt, ChainError> {
        self.make(coldkey, Call::remove_stake(netuid, hotkey, alpha, None))
            .await
    }
}
