//! The miner's own rules about who is served.

use std::sync::Arc;

use super::shared::Shared;
use super::stage::{Asked, Check};
use crate::head::claimed_hotkey;
use crate::policy::Verdict;
use crate::refusal::Refusal;

#[derive(Clone)]
pub(crate) struct CallerRules(pub(crate) Arc<Shared>);

impl Check for CallerRules {
    /// Who passes is known from here on: its connection is not closed to make room for strangers, and its next request
    /// from this address draws on what is kept for known callers.
    fn check(&self, asked: &mut Asked) -> Result<(), Refusal> {
        let hotkey = asked.head()?.hotkey();
        match self.0.policy.blacklist(hotkey, asked.endpoint()?.route.name()) {
            Verdict::Allow => {}
            Verdict::Refuse(reason) => return Err(Refusal::Blacklisted(reason)),
            Verdict::Forbid(ground, reason) => return Err(Refusal::Forbidden(ground, reason)),
            Verdict::Unknown => return Err(Refusal::MetagraphStale),
        }
        asked.place.vouch();
        if let Some(hotkey) = claimed_hotkey(&asked.parts.headers) {
            self.0.familiar.note(asked.place.peer, hotkey);
        }
        Ok(())
    }
}
