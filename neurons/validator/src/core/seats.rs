//! Who came to sit where, in the order in which the gating model heard of it: new rows of its head are drawn at random, so
//! whoever repeats its steps has to repeat these too.

use axoneme_chain::Metagraph;
use axoneme_wallet::AccountId;

use crate::gating::Gating;

/// Changes that are kept. A step takes all there are; where nothing is ever learnt, nobody needs them.
const KEPT: usize = 256;

/// Changes since the last step.
#[derive(Debug, Default)]
pub struct Seats {
    changes: Vec<Vec<AccountId>>,
}

impl Seats {
    /// Lets the gating model follow the network, and keeps what has changed.
    pub fn follow(&mut self, gating: &Gating, metagraph: &Metagraph) {
        if let Some(hotkeys) = gating.follow(metagraph) {
            if self.changes.len() >= KEPT {
                self.changes.remove(0);
            }
            self.changes.push(hotkeys);
        }
    }

    /// Changes that are kept now.
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Gives all changes away: the first `before`, and the later ones.
    pub fn take(&mut self, before: usize) -> (Vec<Vec<AccountId>>, Vec<Vec<AccountId>>) {
        let mut first = std::mem::take(&mut self.changes);
        let later = first.split_off(before.min(first.len()));
        (first, later)
    }
}
