//! Stake, prices, and what validators keep.

use std::collections::BTreeMap;

use crate::at::{account, number};
use crate::chain::Chain;
use crate::error::ChainError;
use crate::items::{apis, constants, storage};
use axoneme_wallet::AccountId;
use subxt::utils::AccountId32;

/// Stake of one coldkey behind one hotkey on one subnet.
#[derive(subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct StakeInfo {
    hotkey: AccountId32,
    netuid: u16,
    stake: u64,
    is_registered: bool,
}

/// A validator as those see it who stake to it.
#[derive(subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Delegate {
    /// Coldkeys with what they have on each subnet.
    nominators: Vec<(AccountId32, Vec<(u16, u64)>)>,
}

/// Where a coldkey has stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StakePlace {
    /// Behind which hotkey.
    pub hotkey: AccountId,
    /// On which subnet.
    pub netuid: u16,
    /// How much, in rao of the subnet's token.
    pub alpha: u64,
    /// Whether the hotkey is registered there.
    pub is_registered: bool,
}

/// What a trade between TAO and a subnet's token would come to, in rao.
#[derive(Debug, Clone, Copy, PartialEq, Eq, subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub struct SwapPreview {
    /// TAO paid or received.
    pub tao_amount: u64,
    /// Token received or paid.
    pub alpha_amount: u64,
    /// Fee in TAO.
    pub tao_fee: u64,
    /// Fee in the token.
    pub alpha_fee: u64,
}

impl Chain {
    /// Stake of a coldkey behind a hotkey on a subnet, in rao of the subnet's token.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn stake(&self, hotkey: &AccountId, coldkey: &AccountId, netuid: u16) -> Result<u64, ChainError> {
        self.read("stake", |at| async move {
            let args = vec![account(hotkey), account(coldkey), number(netuid)];
            let found: Option<StakeInfo> = at.api(&apis::GET_STAKE_INFO, args).await?;
            Ok(found.map_or(0, |found| found.stake))
        })
        .await
    }

    /// Stake of everybody behind a hotkey on a subnet, in rao of the subnet's token.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn hotkey_stake(&self, hotkey: &AccountId, netuid: u16) -> Result<u64, ChainError> {
        self.read("hotkey_stake", |at| async move {
            at.value(&storage::TOTAL_HOTKEY_ALPHA, vec![account(hotkey), number(netuid)])
                .await
        })
        .await
    }

    /// Coldkeys with stake behind a hotkey on a subnet, and how much, in rao of the subnet's token.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn nominators(&self, hotkey: &AccountId, netuid: u16) -> Result<BTreeMap<AccountId, u64>, ChainError> {
        self.read("nominators", |at| async move {
            let found: Option<Delegate> = at.api(&apis::GET_DELEGATE, vec![account(hotkey)]).await?;
            let nominators = found.map(|found| found.nominators).unwrap_or_default();
            let here = |places: Vec<(u16, u64)>| places.into_iter().find(|(at, _)| *at == netuid);
            let stakes = nominators
                .into_iter()
                .filter_map(|(coldkey, places)| Some((AccountId(coldkey.0), here(places)?.1)));
            Ok(stakes.filter(|(_, alpha)| *alpha > 0).collect())
        })
        .await
    }

    /// All stake of a coldkey.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn stakes_of(&self, coldkey: &AccountId) -> Result<Vec<StakePlace>, ChainError> {
        self.read("stakes_of", |at| async move {
            let found: Vec<StakeInfo> = at
                .api(&apis::GET_STAKE_INFO_FOR_COLDKEY, vec![account(coldkey)])
                .await?;
            Ok(found
                .into_iter()
                .map(|found| StakePlace {
                    hotkey: AccountId(found.hotkey.0),
                    netuid: found.netuid,
                    alpha: found.stake,
                    is_registered: found.is_registered,
                })
                .collect())
        })
        .await
    }

    /// Price of one whole token of a subnet, in rao of TAO.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn alpha_price(&self, netuid: u16) -> Result<u64, ChainError> {
        self.read("alpha_price", |at| async move {
            at.api(&apis::CURRENT_ALPHA_PRICE, vec![number(netuid)]).await
        })
        .await
    }

    /// What staking `rao` of TAO would buy.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn preview_stake(&self, netuid: u16, rao: u64) -> Result<SwapPreview, ChainError> {
        self.read("preview_stake", |at| async move {
            at.api(&apis::SIM_SWAP_TAO_FOR_ALPHA, vec![number(netuid), number(rao)])
                .await
        })
        .await
    }

    /// What taking out `alpha` rao of a subnet's token would bring.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn preview_unstake(&self, netuid: u16, alpha: u64) -> Result<SwapPreview, ChainError> {
        self.read("preview_unstake", |at| async move {
            at.api(&apis::SIM_SWAP_ALPHA_FOR_TAO, vec![number(netuid), number(alpha)])
                .await
        })
        .await
    }

    /// What a validator keeps of its nominators' dividends, as a fraction of 65535.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn take(&self, hotkey: &AccountId) -> Result<u16, ChainError> {
        self.read("take", |at| async move {
            at.value(&storage::DELEGATES, vec![account(hotkey)]).await
        })
        .await
    }

    /// What a child hotkey keeps of what it earns for its parents, as a fraction of 65535.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn childkey_take(&self, hotkey: &AccountId, netuid: u16) -> Result<u16, ChainError> {
        self.read("childkey_take", |at| async move {
            at.value(&storage::CHILDKEY_TAKE, vec![account(hotkey), number(netuid)])
                .await
        })
        .await
    }

    /// To which hotkey the earnings of a coldkey's miners on a subnet are staked; `None` for to the miners themselves.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn auto_stake(&self, coldkey: &AccountId, netuid: u16) -> Result<Option<AccountId>, ChainError> {
        self.read("auto_stake", |at| async move {
            let found: Option<AccountId32> = at
                .api(&apis::GET_AUTO_STAKE, vec![account(coldkey), number(netuid)])
                .await?;
            Ok(found.map(|found| AccountId(found.0)))
        })
        .await
    }

    /// The balance below which an account ends, in rao.
    ///
    /// # Errors
    /// As [`Chain::subnet_exists`].
    pub async fn existential_deposit(&self) -> Result<u64, ChainError> {
        self.read("existential_deposit", |at| async move {
            let found = at.constant(&constants::EXISTENTIAL_DEPOSIT)?;
            found.ok_or_else(|| ChainError::missing("constant Balances.ExistentialDeposit"))
        })
        .await
    }
}
