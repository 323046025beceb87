//! The one thing to do next.

use axoneme_timelock::COMMIT_REVEAL_VERSION;

use crate::error::Obstacle;
use crate::intent::{Form, Intent, Kind};
use crate::ledger::Ledger;
use crate::observe::still_fits;
use crate::settings::{Method, Settings};
use crate::stage::{Stage, Why};
use crate::view::View;

/// Commits of one hotkey that the chain keeps unrevealed.
const MAX_UNREVEALED: usize = 10;

/// Blocks before weights are made again after the chain has refused some: whatever makes them may repeat itself.
const AFTER_REFUSAL: u64 = 16;

/// What to do next. Positions are those in [`Ledger::intents`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make weights for the current window, in this form.
    Plan {
        /// The form.
        kind: Kind,
    },
    /// Send an intent, the first time or again.
    Submit {
        /// Which.
        at: usize,
    },
    /// Reveal a commit by hash.
    Reveal {
        /// Which.
        at: usize,
    },
    /// Nothing before this block.
    Wait {
        /// The block.
        until: u64,
    },
    /// Nothing until somebody acts; look again at this block.
    Blocked {
        /// What is in the way.
        obstacle: Obstacle,
        /// The block.
        until: u64,
    },
}

/// Names the next action, given a ledger that is up to date with `view`.
pub fn decide(ledger: &Ledger, settings: &Settings, view: &View) -> Action {
    let own = ledger.of(settings.netuid, settings.mecid);
    let intents = || own.iter().map(|at| (*at, &ledger.intents[*at]));
    let next = view.block.saturating_add(1);
    let mut wake = Wake::new(view);

    if view.registration.is_none() {
        let obstacle = Obstacle::NotRegistered {
            netuid: settings.netuid,
        };
        return Action::Blocked { obstacle, until: next };
    }
    // Reveals first, oldest first: each clears away all that are older.
    for (at, intent) in intents() {
        match reveal(intent, view) {
            Due::Now => return Action::Reveal { at },
            Due::From(block) => wake.at(block),
            Due::Never => {}
        }
    }
    if let Some((at, intent)) = intents().find(|(_, intent)| intent.is_in_flight()) {
        return match is_sendable(intent, settings, view) {
            true => Action::Submit { at },
            false => Action::Wait { until: next },
        };
    }
    if let Some(block) = view.epoch.next_start() {
        wake.at(block.saturating_sub(1));
    }
    if intents().any(|(_, intent)| intent.takes(view.window())) {
        return wake.wait();
    }
    if let Some(obstacle) = obstacle(settings, view) {
        let until = wake.block();
        return Action::Blocked { obstacle, until };
    }
    let refused = intents().filter_map(|(_, intent)| match intent.stage {
        Stage::Abandoned {
            block,
            why: Why::Refused,
        } => Some(block.saturating_add(AFTER_REFUSAL)),
        _ => None,
    });
    let allowed = allowed_from(settings, view).max(refused.max().unwrap_or(0));
    if view.block < allowed {
        wake.at(allowed);
        return wake.wait();
    }
    // A node that is behind, or a window whose beginning a fork may still move.
    let behind = intents().any(|(_, intent)| intent.window > view.window());
    if behind || !view.window_is_settled() {
        return Action::Wait { until: next };
    }
    if view.sign_until().is_none() {
        return wake.wait();
    }
    match kind(settings, view) {
        Kind::Hash if view.hash_commits.len() >= MAX_UNREVEALED => Action::Wait { until: next },
        kind => Action::Plan { kind },
    }
}

/// Whether an intent whose fate is open may be handed over, the first time or again.
fn is_sendable(intent: &Intent, settings: &Settings, view: &View) -> bool {
    let ready = match intent.stage {
        Stage::Stored => view.window_is_settled() && view.sign_until().is_some(),
        Stage::Signed => intent.again(view).is_some(),
        _ => false,
    };
    ready
        && intent.doubt.is_none()
        && not_before(intent, view) <= view.block
        && still_fits(intent, settings, view)
        && obstacle(settings, view).is_none()
}

/// When something is due.
enum Due {
    Now,
    From(u64),
    Never,
}

fn reveal(intent: &Intent, view: &View) -> Due {
    let Stage::Included { epoch, .. } = intent.stage else {
        return Due::Never;
    };
    let reveal_epoch = epoch.saturating_add(view.reveal_period);
    let next = view.block.saturating_add(1);
    if intent.doubt.is_some() {
        return Due::From(next);
    }
    if view.window() < reveal_epoch {
        return match view.epoch.first_block_of(reveal_epoch) {
            // So that it can be in that block.
            Ok(block) => Due::From(block.saturating_sub(1).max(next)),
            Err(_) => Due::Never,
        };
    }
    match intent.form {
        // The chain does this one.
        Form::Plain {} | Form::Timelocked { .. } => Due::From(next),
        Form::Hash { .. } if view.window() > reveal_epoch => Due::Never,
        Form::Hash { .. } if view.commit_reveal && intent.not_before <= view.block => Due::Now,
        Form::Hash { .. } => Due::From(next),
    }
}

/// Block from which an intent may be sent.
fn not_before(intent: &Intent, view: &View) -> u64 {
    intent.not_before.max(rate_limit(view))
}

/// Block from which the chain's rate limit allows an update; a last update of 0 was never one.
fn rate_limit(view: &View) -> u64 {
    match view.last_update() {
        0 => 0,
        block => block.saturating_add(view.rate_limit),
    }
}

/// Block from which a new update may be planned.
fn allowed_from(settings: &Settings, view: &View) -> u64 {
    let last = view.last_update();
    let boundary = last
        .checked_div(settings.every)
        .map_or(0, |passed| (passed.saturating_add(1)).saturating_mul(settings.every));
    rate_limit(view).max(boundary)
}

/// The form that the chain takes now.
fn kind(settings: &Settings, view: &View) -> Kind {
    match settings.method {
        _ if !view.commit_reveal => Kind::Plain,
        Method::Hash => Kind::Hash,
        Method::Timelocked => Kind::Timelocked,
        Method::Auto if view.commit_reveal_version == COMMIT_REVEAL_VERSION => Kind::Timelocked,
        Method::Auto => Kind::Hash,
    }
}

/// What keeps the chain from taking weights of ours, or from ever revealing them.
fn obstacle(settings: &Settings, view: &View) -> Option<Obstacle> {
    let Settings {
        netuid, version_key, ..
    } = *settings;
    let Some(own) = view.registration else {
        return Some(Obstacle::NotRegistered { netuid });
    };
    if view.epoch.tempo == 0 {
        return Some(Obstacle::NoEpochs { netuid });
    }
    if view.version_key != 0 && version_key < view.version_key {
        return Some(Obstacle::VersionKey {
            netuid,
            required: view.version_key,
            own: version_key,
        });
    }
    if !own.owner && own.stake < view.stake_threshold {
        return Some(Obstacle::Stake {
            stake: own.stake,
            threshold: view.stake_threshold,
        });
    }
    if !own.owner && !own.permit {
        return Some(Obstacle::NoPermit { netuid });
    }
    if kind(settings, view) != Kind::Timelocked {
        return None;
    }
    if view.commit_reveal_version != COMMIT_REVEAL_VERSION {
        return Some(Obstacle::CommitRevealVersion {
            chain: view.commit_reveal_version,
            own: COMMIT_REVEAL_VERSION,
        });
    }
    match view.beacon_key {
        Some(key) if key != settings.beacon.public_key => Some(Obstacle::Beacon {
            chain: hex::encode(&key[..8]),
            own: hex::encode(&settings.beacon.public_key[..8]),
        }),
        _ => None,
    }
}

/// The earliest block at which anything can change.
struct Wake {
    block: u64,
    next: u64,
}

impl Wake {
    /// However long nothing is due, the chain is looked at this often: its owner may shorten the tempo or the reveal
    /// period at any time, and so bring a reveal forward.
    const LONGEST: u64 = 8;

    fn new(view: &View) -> Self {
        Self {
            block: view.block.saturating_add(Self::LONGEST),
            next: view.block.saturating_add(1),
        }
    }

    fn at(&mut self, block: u64) {
        self.block = self.block.min(block);
    }

    fn block(&self) -> u64 {
        self.block.max(self.next)
    }

    fn wait(&self) -> Action {
        Action::Wait { until: self.block() }
    }
}
