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
    events: Vec<(String, String, Composite<()>)>,
}

impl Included {
    /// The positional field of the first event with this name.
    pub(crate) fn event_number(&self, pallet: &str, event: &str, field: usize) -> Option<u128> {
        let (_, _, fields) = self.events.iter().find(|(p, e, _)| p == pallet && e == event)?;
        crate::hyperparameters::scalar(fields.values().nth(field)?)
    }
}

impl Chain {
    /// Reads whether an included call succeeded, and its events.
    pub(crate) async fn outcome_in(
        &self,
        what: &'static str,
        (block, hash): (H256, H256),
    ) -> Result<Included, ChainError> {
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
                if let Some((1, inner)) = event.field_bytes().split_first().map(|(first, rest)| (*first, rest)) {
                    return Err(dispatch_error(what, client, inner));
                }
            }
            ("SubtensorModule" | "Balances" | "Sudo", _) => {
                // An event with a shape we cannot read costs its detail, not the call.
                if let Ok(fields) = event.decode_fields_unchecked_as::<Composite<()>>() {
                    own.push((event.pallet_name().to_owned(), event.event_name().to_owned(), fields));
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
        Ok(DispatchError::Token(token)) => ChainError::dispatch(what, "Token", &format!("{token:?}")),
        Ok(other) => ChainError::dispatch(what, "System", &format!("{other:?}")),
        Err(error) => ChainError::decode("DispatchError", error),
    }
}
