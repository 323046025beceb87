//! Signing a call, handing it to the node, and following it into a block.
//!
//! Three rules. One key sends one call after the other into the pool, so that no two get the same nonce. A call
//! that may have reached the node is never sent again: its fate is looked up. What the pool refused for a stale
//! nonce or signature never got in, so it is built anew, once.

use crate::at::At;
use crate::chain::{Chain, count, unread};
use crate::error::ChainError;
use crate::follow::{Ticket, Watch};
use crate::nonce::{Account, Reserved, next_nonce};
use crate::outcome::Included;
use crate::wire::{Broken, Live};
use axoneme_wallet::{Keypair, Scheme};
use std::sync::Arc;
use subxt::config::SubstrateConfig;
use subxt::config::substrate::{MultiSignature, SubstrateExtrinsicParamsBuilder};
use subxt::dynamic::Value;
use subxt::ext::scale_value::Composite;
use subxt::rpcs::Error as RpcError;
use subxt::tx::DynamicPayload;
use subxt::utils::AccountId32;
use tokio::time::{Instant, timeout_at};

/// A call by name with its arguments by name.
pub(crate) type Payload = DynamicPayload<Composite<()>>;

/// What a submission waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitFor {
    /// A block of the best chain. For calls that are repeated anyway.
    Inclusion,
    /// A final block. For calls that spend.
    Finality,
}

/// A transaction that the node has, or may have.
pub(crate) struct Sent {
    pub(crate) ticket: Ticket,
    /// Keeps the nonce taken until the fate is known.
    _reserved: Reserved,
    /// Absent when the connection broke while it was handed over.
    pub(crate) watch: Option<Watch>,
    /// Tells when the connection of the watch is gone; the watch itself may just fall silent.
    pub(crate) broken: Arc<Broken>,
}

/// What came of handing a transaction over.
enum Handover {
    Sent(Sent),
    /// Refused for a reason that a new nonce or signature cures.
    Outdated(ChainError),
}

struct Signer<'a>(&'a Keypair);

impl subxt::tx::Signer<SubstrateConfig> for Signer<'_> {
    fn account_id(&self) -> AccountId32 {
        AccountId32(self.0.account_id().0)
    }

    fn sign(&self, payload: &[u8]) -> MultiSignature {
        let signature = self.0.sign(payload);
        match self.0.scheme() {
            Scheme::Sr25519 => MultiSignature::Sr25519(signature),
            Scheme::Ed25519 => MultiSignature::Ed25519(signature),
        }
    }
}

impl Chain {
    /// Signs a call, submits it and waits until it is in a block.
    pub(crate) async fn submit(
        &self,
        what: &'static str,
        key: &Keypair,
        payload: impl Fn(&At) -> Result<Payload, ChainError>,
        wait: WaitFor,
    ) -> Result<Included, ChainError> {
        let started = Instant::now();
        let outcome = self.submit_uncounted(what, key, &payload, wait).await;
        count(what, started, &outcome);
        if let Ok(included) = &outcome {
            tracing::info!(call = what, block = included.receipt.block, "included");
        }
        outcome
    }

    async fn submit_uncounted(
        &self,
        what: &'static str,
        key: &Keypair,
        payload: &impl Fn(&At) -> Result<Payload, ChainError>,
        wait: WaitFor,
    ) -> Result<Included, ChainError> {
        let deadline = Instant::now() + self.shared.config.finality_timeout;
        let mut handover = self.hand_over(what, key, payload, deadline).await?;
        if let Handover::Outdated(error) = &handover {
            tracing::debug!(call = what, %error, "building the call again");
            handover = self.hand_over(what, key, payload, deadline).await?;
        }
        match handover {
            Handover::Outdated(error) => Err(error),
            Handover::Sent(sent) => {
                let block = self.follow(what, sent, wait, deadline).await?;
                self.outcome_in(what, block).await
            }
        }
    }

    /// Chooses a nonce, signs, and gives the transaction to the node, while no other call of this key does.
    async fn hand_over(
        &self,
        what: &'static str,
        key: &Keypair,
        payload: &impl Fn(&At) -> Result<Payload, ChainError>,
        deadline: Instant,
    ) -> Result<Handover, ChainError> {
        let account = Arc::clone(self.shared.accounts.lock().entry(key.account_id()).or_default());
        let after = self.shared.config.request_timeout;
        let Ok(_turn) = timeout_at(deadline, account.order.lock()).await else {
            return Err(ChainError::Timeout {
                what,
                after: self.shared.config.finality_timeout,
            });
        };
        let until = deadline.min(Instant::now() + after);
        let (live, bytes, mut sent) = self
            .with_live(what, until, |live| {
                let account = &account;
                async move {
                    let (bytes, sent) = self.sign(what, &live, key, account, payload).await?;
                    Ok((live, bytes, sent))
                }
            })
            .await?;

        let until = deadline.min(Instant::now() + after);
        match timeout_at(until, live.methods.author_submit_and_watch_extrinsic(&bytes)).await {
            Ok(Ok(watch)) => sent.watch = Some(watch),
            Ok(Err(RpcError::User(refusal))) => {
                let error = ChainError::pool(what, &refusal);
                return match error.name() {
                    // The node has this very transaction already, by way of another.
                    Some("AlreadyImported") => Ok(Handover::Sent(sent)),
                    Some("Stale" | "BadProof" | "AncientBirthBlock") => Ok(Handover::Outdated(error)),
                    _ => Err(error),
                };
            }
            // It may or may not have arrived.
            Ok(Err(error)) => {
                tracing::warn!(call = what, %error, "connection lost while submitting")
            }
            Err(_) => tracing::warn!(call = what, "no answer to the submission"),
        }
        Ok(Handover::Sent(sent))
    }

    async fn sign(
        &self,
        what: &'static str,
        live: &Live,
        key: &Keypair,
        account: &Arc<Account>,
        payload: &impl Fn(&At) -> Result<Payload, ChainError>,
    ) -> Result<(Vec<u8>, Sent), ChainError> {
        // Validity starts at a final block: one that may yet be replaced would take the signature with it.
        let client = live
            .client
            .at_current_block()
            .await
            .map_err(|error| unread(what, error))?;
        let at = At { client, what };
        let payload = payload(&at)?;
        let next = next_nonce(live, &key.account_id())
            .await
            .map_err(|error| unread(what, error))?;
        let reserved = Reserved::first_free(account, next);

        let mortality = self.shared.config.mortality;
        let params = SubstrateExtrinsicParamsBuilder::<SubstrateConfig>::new()
            .nonce(reserved.nonce)
            .mortal_from_unchecked(mortality, at.number(), at.client.block_hash())
            .build();
        let encode = |error: &dyn std::fmt::Display| ChainError::Encode {
            what: what.to_owned(),
            detail: error.to_string(),
        };
        let mut signable = at
            .client
            .tx()
            .create_signable_offline(&payload, params)
            .map_err(|error| encode(&error))?;
        let transaction = signable.sign(&Signer(key)).map_err(|error| encode(&error))?;
        let ticket = Ticket {
            hash: transaction.hash(),
            nonce: reserved.nonce,
            from_block: at.number(),
            valid_until: at.number().saturating_add(mortality),
        };
        let sent = Sent {
            ticket,
            _reserved: reserved,
            watch: None,
            broken: Arc::clone(&live.broken),
        };
        Ok((transaction.into_encoded(), sent))
    }
}

/// A call with named arguments.
pub(crate) fn call<const N: usize>(pallet: &str, name: &str, args: [(&str, Value); N]) -> Payload {
    subxt::dynamic::tx(pallet, name, Composite::named(args))
}
