//! Calls that change the chain.
//!
//! Each waits until it is in a block and reports the runtime's error by name if it failed there.

use crate::at::{SUBTENSOR, account, number};
use crate::axon::{AxonEndpoint, ip_to_u128};
use crate::chain::Chain;
use crate::error::ChainError;
use crate::outcome::Receipt;
use crate::submit::{WaitFor, call};
use crate::weights::WeightsError;
use axoneme_wallet::{AccountId, Keypair};
use subxt::dynamic::Value;

/// What came of announcing an axon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// The chain has the new record.
    Announced(Receipt),
    /// The chain had this very record already, so nothing was sent.
    Unchanged,
}

impl Chain {
    /// Creates a subnet owned by `coldkey` with `hotkey` as its uid 0; returns the netuid.
    ///
    /// # Errors
    /// Among others `CannotAffordLockCost` and `NetworkTxRateLimitExceeded`, with advice.
    pub async fn register_network(&self, coldkey: &Keypair, hotkey: &AccountId) -> Result<u16, ChainError> {
        let included = self
            .submit(
                "register_network",
                coldkey,
                |_| Ok(call(SUBTENSOR, "register_network", [("hotkey", account(hotkey))])),
                WaitFor::Finality,
            )
            .await?;
        let netuid = included.event_number(SUBTENSOR, "NetworkAdded", 0);
        netuid
            .and_then(|netuid| u16::try_from(netuid).ok())
            .ok_or_else(|| ChainError::decode("register_network", "no NetworkAdded event"))
    }

    /// Starts emission and trading of a subnet; `coldkey` has to own it.
    ///
    /// # Errors
    /// Among others `NeedWaitingMoreBlocksToStarCall`, with advice.
    pub async fn start_call(&self, coldkey: &Keypair, netuid: u16) -> Result<Receipt, ChainError> {
        let payload = || call(SUBTENSOR, "start_call", [("netuid", number(netuid))]);
        let included = self
            .submit("start_call", coldkey, |_| Ok(payload()), WaitFor::Finality)
            .await?;
        Ok(included.receipt)
    }

    /// Registers a hotkey on a subnet at the current price; returns its uid.
    ///
    /// # Errors
    /// Among others `NotEnoughBalanceToStake` and `HotKeyAlreadyRegisteredInSubNet`, with advice.
    pub async fn burned_register(&self, coldkey: &Keypair, netuid: u16, hotkey: &AccountId) -> Result<u16, ChainError> {
        let payload = || {
            call(
                SUBTENSOR,
                "burned_register",
                [("netuid", number(netuid)), ("hotkey", account(hotkey))],
            )
        };
        let included = self
            .submit("burned_register", coldkey, |_| Ok(payload()), WaitFor::Finality)
            .await?;
        let uid = included
            .event_number(SUBTENSOR, "NeuronRegistered", 1)
            .and_then(|uid| u16::try_from(uid).ok());
        match uid {
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
        let payload = || {
            let args = [
                ("hotkey", account(hotkey)),
                ("netuid", number(netuid)),
                ("amount_staked", number(rao)),
            ];
            call(SUBTENSOR, "add_stake", args)
        };
        let included = self
            .submit("add_stake", coldkey, |_| Ok(payload()), WaitFor::Finality)
            .await?;
        Ok(included.receipt)
    }

    /// Sends `rao` to another account, leaving the sender's account alive.
    ///
    /// # Errors
    /// Among others `FundsUnavailable`, with advice.
    pub async fn transfer(&self, from: &Keypair, to: &AccountId, rao: u64) -> Result<Receipt, ChainError> {
        let payload = || {
            let dest = Value::unnamed_variant("Id", [account(to)]);
            call(
                "Balances",
                "transfer_keep_alive",
                [("dest", dest), ("value", number(rao))],
            )
        };
        let included = self
            .submit("transfer", from, |_| Ok(payload()), WaitFor::Finality)
            .await?;
        Ok(included.receipt)
    }

    /// Announces where a miner can be reached. Costs nothing; sends nothing when the stored record matches.
    ///
    /// # Errors
    /// Among others `HotKeyNotRegisteredInNetwork`, `InvalidIpAddress` and `ServingRateLimitExceeded`, with advice.
    pub async fn serve_axon(
        &self,
        hotkey: &Keypair,
        netuid: u16,
        endpoint: &AxonEndpoint,
    ) -> Result<Served, ChainError> {
        if self.axon_of(netuid, &hotkey.account_id()).await? == Some(*endpoint) {
            return Ok(Served::Unchanged);
        }
        self.announce("serve_axon", hotkey, netuid, endpoint, None).await
    }

    /// [`serve_axon`](Self::serve_axon) with the public key of the axon's TLS: a byte for the algorithm, then the key.
    ///
    /// # Errors
    /// As [`serve_axon`](Self::serve_axon). A key that the chain cannot hold is no error there: the old one stays, and
    /// [`tls_key_of`](Self::tls_key_of) tells.
    pub async fn serve_axon_tls(
        &self,
        hotkey: &Keypair,
        netuid: u16,
        endpoint: &AxonEndpoint,
        tls_key: &[u8],
    ) -> Result<Served, ChainError> {
        let account = hotkey.account_id();
        if self.axon_of(netuid, &account).await? == Some(*endpoint)
            && self.tls_key_of(netuid, &account).await?.as_deref() == Some(tls_key)
        {
            return Ok(Served::Unchanged);
        }
        self.announce("serve_axon_tls", hotkey, netuid, endpoint, Some(tls_key))
            .await
    }

    async fn announce(
        &self,
        name: &'static str,
        hotkey: &Keypair,
        netuid: u16,
        endpoint: &AxonEndpoint,
        tls_key: Option<&[u8]>,
    ) -> Result<Served, ChainError> {
        let (ip, ip_type) = ip_to_u128(endpoint.ip);
        let payload = || {
            let args = [
                ("netuid", number(netuid)),
                ("version", number(endpoint.version)),
                ("ip", number(ip)),
                ("port", number(endpoint.port)),
                ("ip_type", number(ip_type)),
                ("protocol", number(endpoint.protocol)),
                ("placeholder1", number(0_u8)),
                ("placeholder2", number(0_u8)),
            ];
            let Some(key) = tls_key else {
                return call(SUBTENSOR, name, args);
            };
            let [a, b, c, d, e, f, g, h] = args;
            let certificate = ("certificate", Value::from_bytes(key));
            call(SUBTENSOR, name, [a, b, c, d, e, f, g, h, certificate])
        };
        let included = self.submit(name, hotkey, |_| Ok(payload()), WaitFor::Inclusion).await?;
        Ok(Served::Announced(included.receipt))
    }

    /// Sets a validator's weights; returns the block that has them. Costs nothing.
    ///
    /// `weights` are pairs of uid and value as [`crate::weights::to_u16`] makes them. The call for the main
    /// mechanism is used, as other clients do; the plain one where the runtime has no mechanisms.
    ///
    /// # Errors
    /// Among others `NotEnoughStakeToSetWeights`, `SettingWeightsTooFast` and `CommitRevealEnabled`, with advice.
    pub async fn set_weights(
        &self,
        hotkey: &Keypair,
        netuid: u16,
        weights: &[(u16, u16)],
        version_key: u64,
    ) -> Result<u64, ChainError> {
        if weights.is_empty() {
            return Err(WeightsError::AllZero.into());
        }
        let list = |values: &mut dyn Iterator<Item = u16>| Value::unnamed_composite(values.map(number));
        let included = self
            .submit(
                "set_weights",
                hotkey,
                |at| {
                    let netuid = ("netuid", number(netuid));
                    let dests = ("dests", list(&mut weights.iter().map(|(uid, _)| *uid)));
                    let values = ("weights", list(&mut weights.iter().map(|(_, value)| *value)));
                    let key = ("version_key", number(version_key));
                    Ok(match at.has_call(SUBTENSOR, "set_mechanism_weights") {
                        true => {
                            let args = [netuid, ("mecid", number(0_u8)), dests, values, key];
                            call(SUBTENSOR, "set_mechanism_weights", args)
                        }
                        false => call(SUBTENSOR, "set_weights", [netuid, dests, values, key]),
                    })
                },
                WaitFor::Inclusion,
            )
            .await?;
        Ok(included.receipt.block)
    }
}
