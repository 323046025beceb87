//! Which windows for weights there were, which of them the validator used, and which it could have.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value as Json, json};
use subxt::{OnlineClient, SubstrateConfig, dynamic};

/// What the chain shows at one block, of the validator's weights.
pub(super) struct Look {
    /// Epochs the subnet has had: the number of the window.
    epoch: u64,
    /// Block in which it began.
    first_block: u64,
    /// Block of the validator's newest weights, or of its newest commit.
    updated: u64,
}

impl Look {
    /// Reads the newest block. The validator is uid 0.
    pub(super) async fn at(client: &OnlineClient<SubstrateConfig>, netuid: u16) -> Self {
        let at = client.at_current_block().await.unwrap();
        macro_rules! fetch {
            ($item:literal, $kind:ty) => {{
                let address = dynamic::storage::<(u16,), $kind>("SubtensorModule", $item);
                let found = at.storage().try_fetch(address, (netuid,)).await.unwrap();
                found.map(|found| found.decode().unwrap()).unwrap_or_default()
            }};
        }
        Self {
            epoch: fetch!("SubnetEpochIndex", u64),
            first_block: fetch!("LastEpochBlock", u64),
            updated: fetch!("LastUpdate", Vec<u64>).first().copied().unwrap_or(0),
        }
    }
}

#[derive(Default)]
struct Window {
    first_block: u64,
    /// Longest time without a break for which the endpoint was there.
    there: Duration,
    /// The stretch that goes on.
    stretch: Duration,
    /// Block of weights in it.
    weights: Option<u64>,
}

/// All windows since the first look.
pub(super) struct Windows {
    all: BTreeMap<u64, Window>,
    /// A window in which the endpoint was there for so long without a break is one that the chain allowed.
    enough: Duration,
}

impl Windows {
    pub(super) fn new(enough: Duration) -> Self {
        Self {
            all: BTreeMap::new(),
            enough,
        }
    }

    /// Takes in a look, `since` the one before; `there` says whether the endpoint can be reached.
    pub(super) fn add(&mut self, look: &Look, there: bool, since: Duration) {
        let window = self.all.entry(look.epoch).or_default();
        window.first_block = look.first_block;
        window.stretch = if there { window.stretch + since } else { Duration::ZERO };
        window.there = window.there.max(window.stretch);
        // The newest weights may be those of the end of the window before.
        let owner = self
            .all
            .values_mut()
            .rev()
            .find(|window| window.first_block <= look.updated);
        if let Some(owner) = owner {
            owner.weights = Some(look.updated);
        }
    }

    /// The whole ones: not the first, which was looked at from somewhere inside, and not the last, which goes on.
    fn whole(&self) -> impl Iterator<Item = (&u64, &Window)> {
        let ends = [self.all.keys().next(), self.all.keys().next_back()];
        self.all.iter().filter(move |(epoch, _)| !ends.contains(&Some(epoch)))
    }

    /// Windows with weights.
    pub(super) fn met(&self) -> usize {
        self.whole().filter(|(_, window)| window.weights.is_some()).count()
    }

    /// Windows without weights that the chain allowed, by their first block.
    pub(super) fn missed(&self) -> Vec<u64> {
        let missed = |window: &Window| window.weights.is_none() && window.there >= self.enough;
        let missed = self.whole().filter(|(_, window)| missed(window));
        missed.map(|(_, window)| window.first_block).collect()
    }

    pub(super) fn report(&self) -> Json {
        let allowed = self.whole().filter(|(_, window)| window.there >= self.enough).count();
        json!({
            "whole": self.whole().count(), "allowed": allowed, "with_weights": self.met(),
            "missed_from_block": self.missed(),
        })
    }
}
