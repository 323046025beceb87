//! The record on disk: every intent that is under way, and the latest that are over.

use axoneme_neuron::state::State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::error::WeightsError;
use crate::intent::Intent;
use crate::view::View;

/// Intents kept after they are over, per mechanism; for people who look into the file.
const KEEP: usize = 32;

/// What a hotkey meant to do on a chain, oldest first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// Hash of the chain's first block, in hex.
    pub genesis: String,
    /// Public key of the hotkey, in hex.
    pub hotkey: String,
    /// Intents, oldest first.
    pub intents: Vec<Intent>,
    /// Block of the latest reveal, by `netuid/mecid`.
    pub revealed: BTreeMap<String, u64>,
}

impl State for Ledger {
    const VERSION: u32 = 1;
}

impl Ledger {
    /// An empty ledger.
    pub fn new(genesis: &[u8; 32], hotkey: &[u8; 32]) -> Self {
        Self {
            genesis: hex::encode(genesis),
            hotkey: hex::encode(hotkey),
            ..Self::default()
        }
    }

    /// Checks that a ledger that was read is this hotkey's on this chain, and unchanged.
    ///
    /// # Errors
    /// [`WeightsError::Foreign`] and [`WeightsError::Altered`].
    pub fn check(&self, genesis: &[u8; 32], hotkey: &[u8; 32]) -> Result<(), WeightsError> {
        let own = Self::new(genesis, hotkey);
        for (what, found, expected) in [
            ("chain", &self.genesis, &own.genesis),
            ("hotkey", &self.hotkey, &own.hotkey),
        ] {
            if found != expected {
                return Err(WeightsError::Foreign {
                    what,
                    found: found.clone(),
                    expected: expected.clone(),
                });
            }
        }
        match self.intents.iter().find(|intent| !intent.is_consistent(hotkey)) {
            Some(intent) => Err(WeightsError::Altered { window: intent.window }),
            None => Ok(()),
        }
    }

    /// Positions of the intents of a mechanism, oldest first.
    pub fn of(&self, netuid: u16, mecid: u8) -> Vec<usize> {
        let intents = self.intents.iter().enumerate();
        let own = intents.filter(|(_, intent)| (intent.netuid, intent.mecid) == (netuid, mecid));
        own.map(|(at, _)| at).collect()
    }

    /// The newest block of which it knows.
    pub fn newest(&self) -> u64 {
        let planned = self.intents.iter().map(|intent| intent.planned_at);
        planned.chain(self.revealed.values().copied()).max().unwrap_or(0)
    }

    /// Drops what has been over for long.
    pub(crate) fn prune(&mut self, netuid: u16, mecid: u8) {
        let over: Vec<usize> = self.of(netuid, mecid);
        let over: Vec<usize> = over
            .into_iter()
            .filter(|at| self.intents[*at].stage.is_over())
            .collect();
        for at in over.iter().rev().skip(KEEP).copied().collect::<Vec<_>>() {
            self.intents.remove(at);
        }
    }

    /// Notes a reveal.
    pub(crate) fn note_revealed(&mut self, netuid: u16, mecid: u8, block: u64) {
        let latest = self.revealed.entry(place(netuid, mecid)).or_default();
        *latest = block.max(*latest);
    }

    /// Blocks since weights of this mechanism were last revealed; since our registration where they never were.
    pub fn blocks_since_revealed(&self, netuid: u16, mecid: u8, view: &View) -> Option<u64> {
        let registered = view.registration?.since;
        let revealed = self.revealed.get(&place(netuid, mecid)).copied().unwrap_or(0);
        Some(view.block.saturating_sub(revealed.max(registered)))
    }
}

fn place(netuid: u16, mecid: u8) -> String {
    format!("{netuid}/{mecid}")
}
