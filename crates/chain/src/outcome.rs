//! What an included call did: its block, its events, its error.

use crate::chain::{Chain, unread};
use crate::error::ChainError;
use crate::follow::index_in;
use crate::wire::ClientAt;
use subxt::config::SubstrateConfig;
use subxt::config::substrate::H256;
use subxt::events::{Events, Phase};
use subxt::ext::scale_value::Composite;
use tokio::time::Instant;

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
    events: Vec<Event>,
}

/// An event of one call.
pub(crate) struct Event {
    pallet: String,
    name: String,
    fields: Composite<()>,
    /// The error inside, for events that report the failure of a part.
    error: Option<ChainError>,
}

/// What became of a transaction that was looked up.
#[derive(Debug, Clone)]
pub struct Inclusion {
    /// Where it ended up.
    pub receipt: Receipt,
    /// Whether it succeeded there.
    pub result: Result<(), ChainError>,
}

impl Included {
    /// The positional field of the first event with this name.
    pub(crate) fn event_number(&self, pallet: &str, event: &str, field: usize) -> Option<u128> {
        let found = self.events.iter().find(|e| e.pallet == pallet && e.name == event)?;
        crate::hyperparameters::scalar(found.fields.values().nth(field)?)
    }

    /// The outcome of each of `count` calls in a batch, in their order. Those after the one that stopped it are left
    /// out.
    pub(crate) fn items(&self, count: usize) -> Vec<Result<(), ChainError>> {
        let mut items = Vec::with_capacity(count);
        for event in &self.events {
            match (event.pallet.as_str(), event.name.as_str()) {
                ("Utility", "ItemCompleted") => items.push(Ok(())),
                ("Utility", "ItemFailed" | "BatchInterrupted") | ("SubtensorModule", "BatchWeightItemFailed") => {
                    items.push(Err(event.error.clone().unwrap_or_else(|| {
                        ChainError::decode(event.name.clone(), "the error of a part cannot be read")
                    })));
                }
                _ => {}
            }
        }
        items.truncate(count);
        items
    }
}

impl Chain {
    /// Reads whether an included call succeeded, and its events.
    pub(crate) async fn outcome_in(&self, what: &'static str, block: (H256, H256)) -> Result<Included, ChainError> {
        let (receipt, events) = self.fate_in(what, block).await?;
        Ok(Included {
            receipt,
            events: events?,
        })
    }

    /// Reads where a transaction is, and either its events or why it failed there.
    pub(crate) async fn fate_in(
        &self,
        what: &'static str,
        (block, hash): (H256, H256),
    ) -> Result<(Receipt, Result<Vec<Event>, ChainError>), ChainError> {
        let deadline = Instant::now() + self.shared.config.request_timeout;
        self.with_live(what, deadline, |live| async move {
            let client = live.client.at_block(block).await.map_err(|error| unread(what, error))?;
            let index = index_in(&live, block, hash)
                .await
                .map_err(|error| unread(what, error))?;
            let index = index.ok_or_else(|| unread(what, "the block does not contain the transaction"))?;
            let events = client.events().fetch().await.map_err(|error| unread(what, error))?;
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
            match own_events(what, &client, &events, index) {
                Err(error @ ChainError::Decode { .. }) => Err(error),
                outcome => Ok((receipt, outcome)),
            }
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
) -> Result<Vec<Event>, ChainError> {
    let mut own = Vec::new();
    for event in events.iter() {
        let event = event.map_err(|error| ChainError::decode("System.Events", error))?;
        if event.phase() != Phase::ApplyExtrinsic(index) {
            continue;
        }
        let mut error = None;
        match (event.pallet_name(), event.event_name()) {
            ("System", "ExtrinsicFailed") => {
                return Err(dispatch_error(what, client, event.field_bytes()));
            }
            // The outcome of the inner call: a leading 1 is its error.
            ("Sudo", "Sudid" | "SudoAsDone") | ("Proxy", "ProxyExecuted") => {
                if let Some((1, inner)) = event.field_bytes().split_first().map(|(first, rest)| (*first, rest)) {
                    return Err(dispatch_error(what, client, inner));
                }
            }
            ("Utility", "ItemFailed") => error = Some(dispatch_error(what, client, event.field_bytes())),
            // The number of the call comes first.
            ("Utility", "BatchInterrupted") => {
                error = event
                    .field_bytes()
                    .get(4..)
                    .map(|bytes| dispatch_error(what, client, bytes));
            }
            ("SubtensorModule", "BatchWeightItemFailed") => {
                let bytes = event.field_bytes();
                // Newer runtimes put the netuid before the error.
                let named = bytes.len().saturating_sub(fields_before_error(client));
                error = bytes
                    .get(bytes.len() - named..)
                    .map(|bytes| dispatch_error(what, client, bytes));
            }
            ("SubtensorModule" | "Balances" | "Utility", _) => {}
            _ => continue,
        }
        // An event with a shape we cannot read costs its detail, not the call.
        let fields = event.decode_fields_unchecked_as::<Composite<()>>();
        own.push(Event {
            pallet: event.pallet_name().to_owned(),
            name: event.event_name().to_owned(),
            fields: fields.unwrap_or_else(|_| Composite::Unnamed(Vec::new())),
            error,
        });
    }
    Ok(own)
}

/// Bytes of a failed item's event that come before its error: a netuid, where the runtime gives one.
fn fields_before_error(client: &ClientAt) -> usize {
    let variant = client
        .metadata_ref()
        .pallet_by_name("SubtensorModule")
        .and_then(|pallet| pallet.event_variants())
        .and_then(|variants| variants.iter().find(|variant| variant.name == "BatchWeightItemFailed"));
    match variant.map(|variant| variant.fields.len()) {
        Some(2) => size_of::<u16>(),
        _ => 0,
    }
}

fn dispatch_error(what: &'static str, client: &ClientAt, bytes: &[u8]) -> ChainError {
    use subxt::error::DispatchError;
    match DispatchError::decode_from(bytes, client.metadata()) {
        Ok(DispatchError::Module(module)) => match module.details() {
            Ok(details) => ChainError::dispatch(what, details.pallet.name(), &details.variant.name),
            Err(_) => ChainError::dispatch(what, "unknown", &module.details_string()),
        },
        Ok(DispatchError::Token(token)) => ChainError::dispatch(what, "Token", &format!("{token:?}")),
        Ok(other) => ChainError::dispatch(what, "System", &format!("{other:?}")),
        Err(error) => ChainError::decode("DispatchError", error),
    }
}
