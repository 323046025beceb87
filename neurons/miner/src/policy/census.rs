//! What the policy knows of the subnet, and how old that is.

use std::collections::HashMap;
use std::time::Duration;

use axoneme_chain::Metagraph;
use axoneme_wallet::AccountId;
use tokio::time::Instant;

/// What matters about a neuron here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Standing {
    /// It may validate.
    pub(super) permit: bool,
    /// Stake, rao.
    pub(super) stake: u64,
}

/// The neurons of one metagraph by hotkey, and when they were read from the chain.
#[derive(Debug)]
pub(super) struct Census {
    by_hotkey: HashMap<AccountId, Standing>,
    taken: Instant,
    /// How old the metagraph was then.
    age: Duration,
}

/// How far a census can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// As it is.
    Fresh,
    /// Only about callers that were served while it was fresh: who lost its registration since then is served a little
    /// longer, and nobody new is let in on old grounds.
    Stale,
    /// About nobody.
    TooOld,
}

/// From which ages on a census is stale, and too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ages {
    pub(super) stale: Duration,
    pub(super) too_old: Duration,
}

impl Census {
    /// Takes over a metagraph that came from the chain `age` ago.
    pub(super) fn of(metagraph: &Metagraph, age: Duration) -> Self {
        let standing = |neuron: &axoneme_chain::Neuron| {
            let standing = Standing {
                permit: neuron.validator_permit,
                stake: neuron.total_stake,
            };
            (neuron.hotkey, standing)
        };
        Self {
            by_hotkey: metagraph.neurons.iter().map(standing).collect(),
            taken: Instant::now(),
            age,
        }
    }

    pub(super) fn find(&self, hotkey: &AccountId) -> Option<Standing> {
        self.by_hotkey.get(hotkey).copied()
    }

    pub(super) fn stage(&self, ages: Ages) -> Stage {
        match self.age.saturating_add(self.taken.elapsed()) {
            age if age >= ages.too_old.max(ages.stale) => Stage::TooOld,
            age if age >= ages.stale => Stage::Stale,
            _ => Stage::Fresh,
        }
    }
}
