//! Signing a call, handing it to the node, and following it into a block.
//!
//! Three rules. One key sends one call after the other into the pool, so that no two get the same nonce. A call
//! that may have reached the node is never sent again: its fate is looked up. What the pool refused for a stale
//! nonce or signature never got in, so it is built anew, once.

use crate::at::At;
use crate::call::{BuiltCall, Submittable, WaitFor};
use crate::chain::{Chain, count, unread};
use crate::error::ChainError;
use crate::follow::{Ticket, Watch};
use crate::health::{is_busy_answer, jittered};
use crate::nonce::{Account, Reserved, next_nonce};
use crate::outcome::{Included, Receipt};
use crate::wire::{Broken, Live};
use axoneme_wallet::{AccountId, Keypair, Scheme};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use subxt::config::substrate::{H256, MultiSignature, SubstrateExtrinsicParamsBuilder};
use subxt::config::{ParamsFor, SubstrateConfig};
use subxt::rpcs::Error as RpcError;
use subxt::utils::AccountId32;
use tokio::time::{Instant, timeout_at};

/// A signed transaction that may be kept, over a restart too, and handed to a node more than once: whatever happens
/// to it, it is included at most once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignedCall {
    /// By what it is found again.
    pub hash: [u8; 32],
    /// Who signed it.
    pub signer: AccountId,
    /// Its place among the signer's transactions.
    pub nonce: u64,
    /// First block that could contain it.
    pub from_block: u64,
    /// Last block that can contain it.
    pub valid_until: u64,
    /// Version of the runtime for which it was signed; no other takes it.
    pub spec_version: u32,
    /// The chain for which it was signed; no other takes it.
    pub genesis_hash: [u8; 32],
    /// As it goes to the node.
    pub bytes: Vec<u8>,
    /// Keeps the nonce taken while this process lives.
    #[serde(skip)]
    _reserved: Option<Arc<Reserved>>,
}

impl SignedCall {
    fn ticket(&self) -> Ticket {
        Ticket {
            hash: H256(self.hash),
            nonce: self.nonce,
            from_block: self.from_block,
            valid_until: self.valid_until,
        }
    }
}

/// A transaction that the node has, or may have.
pub(crate) struct Sent {
    pub(crate) ticket: Ticket,
    /// Keeps the nonce taken until the fate is known.
    _reserved: Option<Arc<Reserved>>,
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

/// What a transaction says about itself beside its call: valid for `mortality` blocks from block `number` on.
pub(crate) fn params(nonce: u64, mortality: u64, number: u64, hash: H256) -> ParamsFor<SubstrateConfig> {
    SubstrateExtrinsicParamsBuilder::new()
        .nonce(nonce)
        .mortal_from_unchecked(mortality, number, hash)
        .build()
}

impl Chain {
    /// Signs a call, submits it and waits until it is in a block.
    ///
    /// # Errors
    /// [`ChainError::Missing`] and [`ChainError::Encode`] when the runtime has no such call or wants other arguments;
    /// [`ChainError::Pool`] and [`ChainError::Dispatch`] when it was refused, by name and with advice;
    /// [`ChainError::Unconfirmed`] when its fate is unknown.
    pub async fn submit_call(&self, key: &Keypair, call: &impl Submittable) -> Result<Receipt, ChainError> {
        Ok(self.submit(key, call).await?.receipt)
    }

    /// Signs a call without submitting it. Its nonce stays taken as long as this process holds on to it, so it should
    /// be handed over soon: later calls of the same key wait for it.
    ///
    /// # Errors
    /// As [`submit_call`](Self::submit_call), before anything reaches the pool.
    pub async fn sign_call(&self, key: &Keypair, call: &impl Submittable) -> Result<SignedCall, ChainError> {
        self.sign_call_for(key, call, |_| self.config().mortality).await
    }

    /// As [`sign_call`](Self::sign_call), valid for as many blocks as `mortality` says: a power of two from 4 to 65536,
    /// given the block at which validity begins. The last of them is `from + mortality - 1`.
    ///
    /// # Errors
    /// As [`sign_call`](Self::sign_call).
    pub async fn sign_call_for(
        &self,
        key: &Keypair,
        call: &impl Submittable,
        mortality: impl Fn(u64) -> u64 + Sync,
    ) -> Result<SignedCall, ChainError> {
        let what = call.label();
        let account = self.account(key);
        let deadline = Instant::now() + self.shared.config.request_timeout;
        let Ok(_turn) = timeout_at(deadline, account.order.lock()).await else {
            return Err(ChainError::Timeout {
                what,
                after: self.shared.config.request_timeout,
            });
        };
        let build = |at: &At| call.build(at.metadata());
        self.with_live(what, deadline, |live| {
            let account = &account;
            let build = &build;
            let mortality = &mortality;
            async move { self.sign(what, &live, key, account, build, mortality).await }
        })
        .await
    }

    /// Hands over a call signed before, and waits until it is in a block. One that is in a block already, or in the
    /// node's pool, is followed rather than refused.
    ///
    /// # Errors
    /// As [`submit_call`](Self::submit_call).
    pub async fn submit_signed(
        &self,
        what: &'static str,
        signed: &SignedCall,
        wait: WaitFor,
    ) -> Result<Receipt, ChainError> {
        let started = Instant::now();
        let deadline = started + self.shared.config.finality_timeout;
        let outcome = async {
            let until = deadline.min(Instant::now() + self.shared.config.request_timeout);
            let live = self.shared.live(what, until).await?;
            let sent = match self.hand_to(what, &live, signed, until).await? {
                Handover::Sent(sent) => sent,
                // Its nonce is used: by itself, if it was included before.
                Handover::Outdated(error) => {
                    let found = self
                        .find_transaction(signed.hash, signed.from_block, signed.valid_until)
                        .await?;
                    let found = found.ok_or(error)?;
                    return found.result.map(|()| found.receipt);
                }
            };
            let block = self.follow(what, sent, wait, deadline).await?;
            Ok(self.outcome_in(what, block).await?.receipt)
        }
        .await;
        count(what, started, &outcome);
        outcome
    }

    /// [`submit_call`](Self::submit_call) with the events.
    pub(crate) async fn submit(&self, key: &Keypair, call: &impl Submittable) -> Result<Included, ChainError> {
        let (what, started) = (call.label(), Instant::now());
        let build = |at: &At| call.build(at.metadata());
        let outcome = self.submit_uncounted(what, key, &build, call.wait()).await;
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
        build: &(impl Fn(&At) -> Result<BuiltCall, ChainError> + Sync),
        wait: WaitFor,
    ) -> Result<Included, ChainError> {
        let deadline = Instant::now() + self.shared.config.finality_timeout;
        let mut handover = self.hand_over(what, key, build, deadline).await?;
        if let Handover::Outdated(error) = &handover {
            tracing::debug!(call = what, %error, "building the call again");
            handover = self.hand_over(what, key, build, deadline).await?;
        }
        match handover {
            Handover::Outdated(error) => Err(error),
            Handover::Sent(sent) => {
                let block = self.follow(what, sent, wait, deadline).await?;
                self.outcome_in(what, block).await
            }
        }
    }

    fn account(&self, key: &Keypair) -> Arc<Account> {
        Arc::clone(self.shared.accounts.lock().entry(key.account_id()).or_default())
    }

    /// Chooses a nonce, signs, and gives the transaction to the node, while no other call of this key does.
    async fn hand_over(
        &self,
        what: &'static str,
        key: &Keypair,
        build: &(impl Fn(&At) -> Result<BuiltCall, ChainError> + Sync),
        deadline: Instant,
    ) -> Result<Handover, ChainError> {
        let account = self.account(key);
        let after = self.shared.config.request_timeout;
        let Ok(_turn) = timeout_at(deadline, account.order.lock()).await else {
            return Err(ChainError::Timeout {
                what,
                after: self.shared.config.finality_timeout,
            });
        };
        let until = deadline.min(Instant::now() + after);
        let (live, signed) = self
            .with_live(what, until, |live| {
                let account = &account;
                async move {
                    let mortality = |_| self.shared.config.mortality;
                    let signed = self.sign(what, &live, key, account, build, &mortality).await?;
                    Ok((live, signed))
                }
            })
            .await?;
        let until = deadline.min(Instant::now() + after);
        self.hand_to(what, &live, &signed, until).await
    }

    /// Gives a signed transaction to a node.
    async fn hand_to(
        &self,
        what: &'static str,
        live: &Live,
        signed: &SignedCall,
        until: Instant,
    ) -> Result<Handover, ChainError> {
        let mut sent = Sent {
            ticket: signed.ticket(),
            _reserved: signed._reserved.clone(),
            watch: None,
            broken: Arc::clone(&live.broken),
        };
        match timeout_at(until, self.offer(live, &signed.bytes)).await {
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

    /// Hands bytes to a node, again while it says that it has too much to do: what it refused for that it did not take.
    async fn offer(&self, live: &Live, bytes: &[u8]) -> Result<Watch, RpcError> {
        let mut pause = Duration::from_millis(250);
        loop {
            match live.methods.author_submit_and_watch_extrinsic(bytes).await {
                Err(RpcError::User(refusal)) if is_busy_answer(refusal.code, &refusal.message) => {
                    tokio::time::sleep(jittered(pause)).await;
                    pause = pause.saturating_mul(2);
                }
                other => return other,
            }
        }
    }

    async fn sign(
        &self,
        what: &'static str,
        live: &Arc<Live>,
        key: &Keypair,
        account: &Arc<Account>,
        build: &(impl Fn(&At) -> Result<BuiltCall, ChainError> + Sync),
        mortality: &(impl Fn(u64) -> u64 + Sync),
    ) -> Result<SignedCall, ChainError> {
        // Validity starts at a final block: one that may yet be replaced would take the signature with it.
        let client = live
            .client
            .at_current_block()
            .await
            .map_err(|error| unread(what, error))?;
        let at = At {
            client,
            live: Arc::clone(live),
            what,
        };
        let BuiltCall(payload) = build(&at)?;
        let next = next_nonce(live, &key.account_id())
            .await
            .map_err(|error| unread(what, error))?;
        let reserved = Reserved::first_free(account, next);

        let mortality = mortality(at.number());
        let params = params(reserved.nonce, mortality, at.number(), at.client.block_hash());
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
        Ok(SignedCall {
            hash: transaction.hash().0,
            signer: key.account_id(),
            nonce: reserved.nonce,
            from_block: at.number(),
            valid_until: at.number().saturating_add(mortality),
            spec_version: at.client.spec_version(),
            genesis_hash: live.genesis.0,
            bytes: transaction.into_encoded(),
            _reserved: Some(Arc::new(reserved)),
        })
    }
}
