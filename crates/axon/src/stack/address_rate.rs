//! One bucket for each address, and one for each caller that was served at it lately.

use std::sync::Arc;

use super::shared::Shared;
use super::stage::{Asked, Check};
use crate::head::claimed_hotkey;
use crate::refusal::Refusal;

#[derive(Clone)]
pub(crate) struct AddressRate(pub(crate) Arc<Shared>);

impl Check for AddressRate {
    /// A caller shares its address with others: a network's customers, or whoever floods from the same machine. So a
    /// hotkey that was admitted at this address keeps a bucket of its own. Claiming it from there without its key
    /// empties that bucket and no other; claiming it from elsewhere does nothing.
    fn check(&self, asked: &mut Asked) -> Result<(), Refusal> {
        let peer = asked.place.peer;
        if let Some(hotkey) = claimed_hotkey(&asked.parts.headers)
            && let Some(taken) = self.0.familiar.take(peer, hotkey)
        {
            asked.familiar = true;
            return taken.map_err(|retry_after| Refusal::AddressRate { retry_after });
        }
        let Some(limiter) = &self.0.per_peer else {
            return Ok(());
        };
        limiter
            .take(peer)
            .map_err(|retry_after| Refusal::AddressRate { retry_after })
    }
}
