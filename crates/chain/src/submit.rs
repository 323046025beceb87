//! Signing a call, handing it to the node, and following it into a block.
//!
//! Three rules. One key sends one call after the other into the pool, so that no two get the same nonce. A call
//! that may have reached the node is never sent again: its fate is looked up. What the pool refused for a stale
//! nonce or signature never got in, so it is built anew, once.

use crate::at::At;
use crate::chain::{Chain, count, unread};
use crate::error::ChainError;
use crate::wire::{Broken, ClientAt, Live};
use axoneme_wallet::{AccountId, Keypair};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use subxt::config::substrate::{
    BlakeTwo256, H256, MultiSignature, SubstrateExtrinsicParamsBuilder,
};
use subxt::config::{Hasher, SubstrateConfig};
use subxt::dynamic::Value;
use subxt::events::{Events, Phase};
use subxt::ext::scale_value::Composite;
use subxt::rpcs::client::RpcSubscription;
use subxt::rpcs::methods::legacy::TransactionStatus;
use subxt::rpcs::{Error as RpcError, rpc_params};
use subxt::tx::DynamicPayload;
use subxt::utils::AccountId32;
use tokio::time::{Instant, sleep_until, timeout_at};

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

/// Where a call ended up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Number of the block.
    pub block: u64,
    /// Hash of the block.
    pub block_hash: [u8; 32],
    /// Hash of the transaction.
    pub transaction: [u8; 32],
}

/// A call that was included and succeeded, with its events.
pub(crate) struct Included {
    pub(crate) receipt: Receipt,
    events: Vec<(String, String, Composite<()>)>,
}

impl Included {
    /// The positional field of the first event with this name.
    pub(crate) fn event_number(&self, pallet: &str, event: &str, field: usize) -> Option<u128> {
        let (_, _, fields) = self
            .events
            .iter()
            .find(|(p, e, _)| p == pallet && e == event)?;
        crate::hyperparameters::scalar(fields.values().nth(field)?)
    }
}

/// What is known about one of our keys.
#[derive(Default)]
pub(crate) struct Account {
    /// Held from choosing the nonce until the node has the transaction.
    order: tokio::sync::Mutex<()>,
    /// Nonces of transactions on their way.
    in_flight: Mutex<BTreeSet<u64>>,
}

/// A nonce in use; free again when dropped.
struct Reserved {
    account: Arc<Account>,
    nonce: u64,
}

impl Reserved {
    /// The chain's next nonce, or the first after it that no transaction of ours is using. After a change of
    /// node the new one may not have heard of them yet.
    fn first_free(account: &Arc<Account>, next: u64) -> Reserved {
        let mut in_flight = account.in_flight.lock();
        let mut nonce = next;
        while !in_flight.insert(nonce) {
            nonce += 1;
        }
        Reserved {
            account: Arc::clone(account),
            nonce,
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.account.in_flight.lock().remove(&self.nonce);
    }
}

/// By what a transaction is found again.
#[derive(Clone, Copy)]
struct Ticket {
    hash: H256,
    nonce: u64,
    /// First block that could contain it.
    from_block: u64,
    /// Last block that can contain it.
    valid_until: u64,
}

type Watch = RpcSubscription<TransactionStatus<H256>>;

/// A transaction that the node has, or may have.
struct Sent {
    ticket: Ticket,
    /// Keeps the nonce taken until the fate is known.
    _reserved: Reserved,
    /// Absent when the connection broke while it was handed over.
    watch: Option<Watch>,
    /// Tells when the connection of the watch is gone; the watch itself may just fall silent.
    broken: Arc<Broken>,
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
        MultiSignature::Sr25519(self.0.sign(payload))
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
        let account = Arc::clone(
            self.shared
                .accounts
                .lock()
                .entry(key.account_id())
                .or_default(),
        );
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
        match timeout_at(
            until,
            live.methods.author_submit_and_watch_extrinsic(&bytes),
        )
        .await
        {
            Ok(Ok(watch)) => sent.watch = Some(watch),
            Ok(Err(RpcError::User(refusal))) => {
                let error = ChainError::pool(what, &refusal);
                return match error.name() {
                    // The node has this very transaction already, by way of another.
                    Some("AlreadyImported") => Ok(Handover::Sent(sent)),
                    Some("Stale" | "BadProof" | "AncientBirthBlock") => {
                        Ok(Handover::Outdated(error))
                    }
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
        let transaction = signable
            .sign(&Signer(key))
            .map_err(|error| encode(&error))?;
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

    /// Waits for the block that contains the transaction.
    async fn follow(
        &self,
        what: &'static str,
        sent: Sent,
        wait: WaitFor,
        deadline: Instant,
    ) -> Result<(H256, H256), ChainError> {
        let ticket = sent.ticket;
        if let Some(mut watch) = sent.watch {
            let broken = &sent.broken;
            let watched = async {
                tokio::select! {
                    fate = watched_fate(what, &mut watch, wait) => fate,
                    () = broken.wait() => Ok(None),
                }
            };
            match timeout_at(deadline, watched).await {
                Ok(Ok(Some(block))) => return Ok((block, ticket.hash)),
                Ok(Err(error)) => return Err(error),
                Ok(Ok(None)) => {}
                Err(_) => return Err(self.unconfirmed(what, ticket)),
            }
        }
        tracing::warn!(
            call = what,
            "the watch was cut, looking the call up on the chain"
        );
        self.look_up(what, ticket, deadline).await
    }

    /// Finds out what became of a transaction whose watch was cut.
    async fn look_up(
        &self,
        what: &'static str,
        ticket: Ticket,
        deadline: Instant,
    ) -> Result<(H256, H256), ChainError> {
        let mut heads = self.blocks();
        let mut next = ticket.from_block;
        while Instant::now() < deadline {
            let until = deadline.min(Instant::now() + self.shared.config.request_timeout);
            let looked = self.with_live(what, until, |live| async move {
                search(&live, ticket, next).await
            });
            match looked.await {
                Ok(Search::Found(block)) => return Ok((block, ticket.hash)),
                Ok(Search::NotUpTo { block }) if block >= ticket.valid_until => {
                    return Err(ChainError::Expired {
                        call: what,
                        valid_until: ticket.valid_until,
                    });
                }
                Ok(Search::NotUpTo { block }) => next = block + 1,
                // Not connected: the heads tell when that changes.
                Err(error) => tracing::debug!(call = what, %error, "cannot look yet"),
            }
            heads.mark_unchanged();
            let pause = deadline.min(Instant::now() + Duration::from_secs(2));
            tokio::select! {
                _ = heads.changed() => {}
                () = sleep_until(pause) => {}
            }
        }
        Err(self.unconfirmed(what, ticket))
    }

    fn unconfirmed(&self, what: &'static str, ticket: Ticket) -> ChainError {
        ChainError::Unconfirmed {
            call: what,
            nonce: ticket.nonce,
            after: self.shared.config.finality_timeout,
            valid_until: ticket.valid_until,
        }
    }

    /// Reads whether an included call succeeded, and its events.
    async fn outcome_in(
        &self,
        what: &'static str,
        (block, hash): (H256, H256),
    ) -> Result<Included, ChainError> {
        let deadline = Instant::now() + self.shared.config.request_timeout;
        self.with_live(what, deadline, |live| async move {
            let client = live
                .client
                .at_block(block)
                .await
                .map_err(|error| unread(what, error))?;
            let index = index_in(&live, block, hash)
                .await
                .map_err(|error| unread(what, error))?;
            let index =
                index.ok_or_else(|| unread(what, "the block does not contain the transaction"))?;
            let events = client
                .events()
                .fetch()
                .await
                .map_err(|error| unread(what, error))?;
            // So that a read right after the call sees its effect in the head watch too.
            self.shared.head.send_if_modified(|head| {
                let behind = *head < client.block_number();
                *head = (*head).max(client.block_number());
                behind
            });
            let receipt = Receipt {
                block: client.block_number(),
                block_hash: block.0,
                transaction: hash.0,
            };
            Ok(Included {
                receipt,
                events: own_events(what, &client, &events, index)?,
            })
        })
        .await
    }
}

/// The events of one call; its error when it failed.
fn own_events(
    what: &'static str,
    client: &ClientAt,
    events: &Events<SubstrateConfig>,
    index: u32,
) -> Result<Vec<(String, String, Composite<()>)>, ChainError> {
    let mut own = Vec::new();
    for event in events.iter() {
        let event = event.map_err(|error| ChainError::decode("System.Events", error))?;
        if event.phase() != Phase::ApplyExtrinsic(index) {
            continue;
        }
        match (event.pallet_name(), event.event_name()) {
            ("System", "ExtrinsicFailed") => {
                return Err(dispatch_error(what, client, event.field_bytes()));
            }
            // The outcome of the inner call: a leading 1 is its error.
            ("Sudo", "Sudid" | "SudoAsDone") => {
                if let Some((1, inner)) = event
                    .field_bytes()
                    .split_first()
                    .map(|(first, rest)| (*first, rest))
                {
                    return Err(dispatch_error(what, client, inner));
                }
            }
            ("SubtensorModule" | "Balances" | "Sudo", _) => {
                // An event with a shape we cannot read costs its detail, not the call.
                if let Ok(fields) = event.decode_fields_unchecked_as::<Composite<()>>() {
                    own.push((
                        event.pallet_name().to_owned(),
                        event.event_name().to_owned(),
                        fields,
                    ));
                }
            }
            _ => {}
        }
    }
    Ok(own)
}

fn dispatch_error(what: &'static str, client: &ClientAt, bytes: &[u8]) -> ChainError {
    use subxt::error::DispatchError;
    match DispatchError::decode_from(bytes, client.metadata()) {
        Ok(DispatchError::Module(module)) => match module.details() {
            Ok(details) => ChainError::dispatch(what, details.pallet.name(), &details.variant.name),
            Err(_) => ChainError::dispatch(what, "unknown", &module.details_string()),
        },
        Ok(DispatchError::Token(token)) => {
            ChainError::dispatch(what, "Token", &format!("{token:?}"))
        }
        Ok(other) => ChainError::dispatch(what, "System", &format!("{other:?}")),
        Err(error) => ChainError::decode("DispatchError", error),
    }
}

/// Result of looking through blocks.
enum Search {
    Found(H256),
    NotUpTo { block: u64 },
}

/// The block that the watch names; `None` when it ends without one.
async fn watched_fate(
    what: &'static str,
    watch: &mut Watch,
    wait: WaitFor,
) -> Result<Option<H256>, ChainError> {
    let gone = |reason: &str| ChainError::Dropped {
        call: what,
        reason: reason.to_owned(),
    };
    while let Some(Ok(status)) = watch.next().await {
        match status {
            TransactionStatus::InBlock(block) if wait == WaitFor::Inclusion => {
                return Ok(Some(block));
            }
            // With a timeout of finality it is included, and nobody knows when it will be final.
            TransactionStatus::Finalized(block) | TransactionStatus::FinalityTimeout(block) => {
                return Ok(Some(block));
            }
            TransactionStatus::Usurped(_) => {
                return Err(gone("another transaction with its nonce was preferred"));
            }
            TransactionStatus::Dropped => return Err(gone("the pool is full")),
            TransactionStatus::Invalid => return Err(gone("it became invalid")),
            _ => {}
        }
    }
    Ok(None)
}

/// Looks for the transaction from block `from` up to the head.
async fn search(live: &Live, ticket: Ticket, from: u64) -> Result<Search, ChainError> {
    let refused = |error: RpcError| unread("the search for a transaction", error);
    let (head, _) = live.head().await.map_err(refused)?;
    for number in from..=head.min(ticket.valid_until) {
        let hash = live
            .methods
            .chain_get_block_hash(Some(number.into()))
            .await
            .map_err(refused)?;
        let Some(hash) = hash else { continue };
        if index_in(live, hash, ticket.hash)
            .await
            .map_err(refused)?
            .is_some()
        {
            return Ok(Search::Found(hash));
        }
    }
    Ok(Search::NotUpTo { block: head })
}

/// Position of a transaction in a block.
async fn index_in(live: &Live, block: H256, transaction: H256) -> Result<Option<u32>, RpcError> {
    let Some(details) = live.methods.chain_get_block(Some(block)).await? else {
        return Ok(None);
    };
    let position = details
        .block
        .extrinsics
        .iter()
        .position(|bytes| BlakeTwo256.hash(&bytes.0) == transaction);
    Ok(position.and_then(|position| u32::try_from(position).ok()))
}

/// The nonce after those in blocks and in the node's pool.
async fn next_nonce(live: &Live, account: &AccountId) -> Result<u64, RpcError> {
    match live
        .methods
        .system_account_next_index(&AccountId32(account.0))
        .await
    {
        // Some nodes know it under its newer name only.
        Err(RpcError::User(error)) if error.code == -32601 => {
            live.raw
                .request("account_nextIndex", rpc_params![account.to_string()])
                .await
        }
        other => other,
    }
}

/// A call with named arguments.
pub(crate) fn call<const N: usize>(pallet: &str, name: &str, args: [(&str, Value); N]) -> Payload {
    subxt::dynamic::tx(pallet, name, Composite::named(args))
}
