//! Getting a place: in a subnet, on the root network, or a subnet of one's own.

use crate::at::{account, number};
use crate::call::{Call, option};
use crate::calls::SubnetIdentity;
use crate::chain::Chain;
use crate::error::ChainError;
use crate::items::calls;
use crate::outcome::{Included, Receipt};
use axoneme_wallet::{AccountId, Keypair};
use subxt::dynamic::Value;

impl Call {
    /// Registers a hotkey on a subnet at the current price.
    pub fn burned_register(netuid: u16, hotkey: &AccountId) -> Call {
        let args = [number(netuid), account(hotkey)];
        Call::spending("burned_register", calls::BURNED_REGISTER.with(args))
    }

    /// Registers a hotkey on a subnet unless the price has risen above `limit` rao.
    pub fn register_limit(netuid: u16, hotkey: &AccountId, limit: u64) -> Call {
        let args = [number(netuid), account(hotkey), number(limit)];
        Call::spending("register_limit", calls::REGISTER_LIMIT.with(args))
    }

    /// Registers a hotkey by proof of work, where the owner of the subnet allows it: `nonce` is the answer to the
    /// challenge of block `block`, `work` its seal.
    pub fn pow_register(netuid: u16, block: u64, nonce: u64, work: &[u8], hotkey: &AccountId) -> Call {
        let args = [
            number(netuid),
            number(block),
            number(nonce),
            Value::from_bytes(work),
            account(hotkey),
        ];
        Call::spending("pow_register", calls::POW_REGISTER.with(args))
    }

    /// Registers a hotkey on the root network.
    pub fn root_register(hotkey: &AccountId) -> Call {
        Call::spending("root_register", calls::ROOT_REGISTER.with([account(hotkey)]))
    }

    /// Creates a subnet with `hotkey` as its uid 0.
    pub fn register_network(hotkey: &AccountId) -> Call {
        Call::spending("register_network", calls::REGISTER_NETWORK.with([account(hotkey)]))
    }

    /// Creates a subnet with `hotkey` as its uid 0, and says what it is.
    pub fn register_network_with_identity(hotkey: &AccountId, identity: Option<&SubnetIdentity>) -> Call {
        let args = [account(hotkey), option(identity.map(SubnetIdentity::value))];
        Call::spending("register_network", calls::REGISTER_NETWORK_WITH_IDENTITY.with(args))
    }

    /// Starts emission and trading of a subnet.
    pub fn start_call(netuid: u16) -> Call {
        Call::spending("start_call", calls::START_CALL.with([number(netuid)]))
    }

    /// Pairs a hotkey with the signing coldkey without registering it anywhere.
    pub fn try_associate_hotkey(hotkey: &AccountId) -> Call {
        Call::spending(
            "try_associate_hotkey",
            calls::TRY_ASSOCIATE_HOTKEY.with([account(hotkey)]),
        )
    }

    /// Gives the places of one hotkey to another: on one subnet, or everywhere.
    pub fn swap_hotkey(from: &AccountId, to: &AccountId, netuid: Option<u16>) -> Call {
        let args = [account(from), account(to), option(netuid.map(number))];
        Call::spending("swap_hotkey", calls::SWAP_HOTKEY.with(args))
    }
}

impl Chain {
    /// Creates a subnet owned by `coldkey` with `hotkey` as its uid 0; returns the netuid.
    ///
    /// # Errors
    /// Among others `CannotAffordLockCost` and `NetworkTxRateLimitExceeded`, with advice.
    pub async fn register_network(&self, coldkey: &Keypair, hotkey: &AccountId) -> Result<u16, ChainError> {
        let included = self.submit(coldkey, &Call::register_network(hotkey)).await?;
        small_number(&included, "NetworkAdded", 0)
            .ok_or_else(|| ChainError::decode("register_network", "no NetworkAdded event"))
    }

    /// Starts emission and trading of a subnet; `coldkey` has to own it.
    ///
    /// # Errors
    /// Among others `NeedWaitingMoreBlocksToStarCall`, with advice.
    pub async fn start_call(&self, coldkey: &Keypair, netuid: u16) -> Result<Receipt, ChainError> {
        self.make(coldkey, Call::start_call(netuid)).await
    }

    /// Registers a hotkey on a subnet at the current price; returns its uid.
    ///
    /// # Errors
    /// Among others `NotEnoughBalanceToStake` and `HotKeyAlreadyRegisteredInSubNet`, with advice.
    pub async fn burned_register(&self, coldkey: &Keypair, netuid: u16, hotkey: &AccountId) -> Result<u16, ChainError> {
        self.register(coldkey, netuid, hotkey, &Call::burned_register(netuid, hotkey))
            .await
    }

    /// Registers a hotkey on a subnet unless the price has risen above `limit` rao; returns its uid.
    ///
    /// # Errors
    /// `RegistrationPriceLimitExceeded` when it has; [`ChainError::Missing`] on a runtime up to spec 393.
    pub async fn register_limit(
        &self,
        coldkey: &Keypair,
        netuid: u16,
        hotkey: &AccountId,
        limit: u64,
    ) -> Result<u16, ChainError> {
        self.register(coldkey, netuid, hotkey, &Call::register_limit(netuid, hotkey, limit))
            .await
    }

    async fn register(
        &self,
        coldkey: &Keypair,
        netuid: u16,
        hotkey: &AccountId,
        call: &Call,
    ) -> Result<u16, ChainError> {
        let included = self.submit(coldkey, call).await?;
        match small_number(&included, "NeuronRegistered", 1) {
            Some(uid) => Ok(uid),
            // A runtime that words its event differently still stores the uid.
            None => {
                let uid = self.uid_of(netuid, hotkey).await?;
                uid.ok_or(ChainError::NotRegistered {
                    netuid,
                    hotkey: *hotkey,
                })
            }
        }
    }
}

fn small_number(included: &Included, event: &str, field: usize) -> Option<u16> {
    let number = included.event_number("SubtensorModule", event, field)?;
    u16::try_from(number).ok()
}
