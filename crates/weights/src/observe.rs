//! Taking in what the chain shows.
//!
//! The proofs, and why they hold:
//! * *Included*: the commit itself is among the pending ones, or (without commit–reveal) our row is what we sent and
//!   `LastUpdate` is later than the newest final block it was planned at. Once that block is final no transaction of it is left.
//! * *Revealed*: the commit is not pending any more and our row is what it says, in a block that became final itself:
//!   its hash is compared, since another block of the same number may show something else. Where our row would be the
//!   same without it, the chain's event of the reveal is looked up.
//! * *Expired, superseded, round out*: likewise seen in a block that became final itself.
//! * *Not included, and never will be*: the final chain is beyond the last block in which its only transaction is valid,
//!   or has it as a failed one; and there was no update of ours since, or a search found it in no block.
//!
//! Until one of these holds the intent is in flight and no other is made.

use crate::intent::{Doubt, Form, Intent, Kind};
use crate::ledger::Ledger;
use crate::settings::Settings;
use crate::stage::{Stage, Why};
use crate::view::View;

/// An intent that went on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The window it was planned for.
    pub window: u64,
    /// Its form.
    pub kind: Kind,
    /// How far it had come.
    pub from: Stage,
    /// How far it has come.
    pub to: Stage,
}

/// How an intent stands by what one view shows.
enum Shown {
    /// Whatever happens to the view's block.
    Surely(Stage),
    /// If the view's block becomes final.
    IfFinal(Stage),
}

use Shown::{IfFinal, Surely};

/// Brings the intents of one mechanism up to what the chain shows.
pub fn observe(ledger: &mut Ledger, settings: &Settings, view: &View) -> Vec<Change> {
    let Settings { netuid, mecid, .. } = *settings;
    let mut changes = Vec::new();
    for at in ledger.of(netuid, mecid) {
        let intent = &ledger.intents[at];
        // A node that is so far behind knows nothing about it.
        if intent.stage.is_over() && !is_revived(intent, view) || view.block < intent.after {
            continue;
        }
        let replaced = another_shows(ledger, at, view);
        let ambiguous = is_ambiguous(ledger, at);
        let intent = &mut ledger.intents[at];
        let to = match confirmed(intent, view, ambiguous) {
            Some(end) => end,
            None => {
                let shown = look(intent, settings, view, replaced, ambiguous);
                believed(intent, view, shown, ambiguous)
            }
        };
        if let Stage::Included { epoch, .. } = to {
            intent.landed = Some(epoch);
        }
        if intent.stage.label() != to.label() {
            changes.push(Change {
                window: intent.window,
                kind: intent.form.kind(),
                from: intent.stage.clone(),
                to: to.clone(),
            });
        }
        intent.stage = to;
        if intent.stage.is_over() {
            (intent.signed, intent.doubt) = (None, None);
        }
        if let Stage::Revealed { block } = intent.stage {
            ledger.note_revealed(netuid, mecid, block);
        }
    }
    ledger.prune(netuid, mecid);
    changes
}

/// Whether a commit by hash that was given up can be revealed after all: the chain still has it, and the owner has made
/// the reveal period longer.
fn is_revived(intent: &Intent, view: &View) -> bool {
    let why = Why::NotRevealedInTime;
    matches!(intent.stage, Stage::Expired { why: end, .. } if end == why)
        && pending(intent, view).is_some_and(|(_, epoch)| view.window() <= last_window(epoch, view))
}

/// The window in which a commit of this epoch is revealed.
fn last_window(epoch: u64, view: &View) -> u64 {
    epoch.saturating_add(view.reveal_period)
}

/// The end that was in doubt, if its block is final now; the doubt is gone if another block is.
fn confirmed(intent: &mut Intent, view: &View, ambiguous: bool) -> Option<Stage> {
    let doubt = intent.doubt.as_ref()?;
    let hash = view.finals.get(&doubt.block)?;
    if doubt.hash != *hash {
        intent.doubt = None;
        return None;
    }
    let unchecked = ambiguous && !doubt.checked && matches!(doubt.end, Stage::Revealed { .. });
    intent.doubt.take_if(|_| !unchecked).map(|doubt| doubt.end)
}

fn believed(intent: &mut Intent, view: &View, shown: Shown, ambiguous: bool) -> Stage {
    match shown {
        Surely(stage) => {
            // A view that is older than the doubt does not refute it.
            intent.doubt.take_if(|doubt| doubt.block <= view.block);
            stage
        }
        // What the row does not prove is looked up once its block is final.
        IfFinal(end) if view.finalized >= view.block && !(ambiguous && matches!(end, Stage::Revealed { .. })) => end,
        IfFinal(end) => {
            intent.doubt.get_or_insert(Doubt {
                block: view.block,
                hash: view.hash,
                end,
                checked: false,
            });
            intent.stage.clone()
        }
    }
}

/// Whether our row is that of another intent, which took this one's place. Openly set weights can be overwritten by an
/// earlier commit that is revealed after them.
fn another_shows(ledger: &Ledger, at: usize, view: &View) -> bool {
    let this = &ledger.intents[at];
    ledger.intents.iter().enumerate().any(|(other_at, other)| {
        (other.netuid, other.mecid) == (this.netuid, this.mecid)
            && other_at != at
            && (other.planned_at > this.planned_at || this.form.kind() == Kind::Plain)
            && !matches!(other.stage, Stage::Stored | Stage::Abandoned { .. })
            && view.shows(&other.uids, &other.values)
    })
}

/// Whether our row looks the same with and without this commit being revealed, so that the chain has to be asked for the
/// reveal itself. Weights that are set openly move `LastUpdate` too, which tells.
pub(crate) fn is_ambiguous(ledger: &Ledger, at: usize) -> bool {
    let this = &ledger.intents[at];
    let another = |(other_at, other): (usize, &Intent)| {
        other_at != at
            && other.says_the_same_as(this)
            && !matches!(other.stage, Stage::Stored | Stage::Abandoned { .. })
    };
    this.form.kind() != Kind::Plain && (this.repeats || ledger.intents.iter().enumerate().any(another))
}

/// The block and epoch of the commit among the pending ones.
fn pending(intent: &Intent, view: &View) -> Option<(u64, u64)> {
    match &intent.form {
        Form::Plain {} => None,
        Form::Hash { hash, .. } => {
            let found = view.hash_commits.iter().find(|commit| commit.hash == *hash);
            found.map(|commit| (commit.block, commit.epoch))
        }
        Form::Timelocked { ciphertext, .. } => {
            let found = view.timelocked.iter().find(|commit| commit.ciphertext == *ciphertext);
            found.map(|commit| (commit.block, commit.epoch))
        }
    }
}

/// Whether the view shows it: as a pending commit, or as our row where that tells.
pub(crate) fn is_shown(intent: &Intent, view: &View, ambiguous: bool) -> bool {
    pending(intent, view).is_some() || !ambiguous && is_row(intent, view)
}

/// Whether our row is what it says, and was not before it was planned.
fn is_row(intent: &Intent, view: &View) -> bool {
    view.last_update() > intent.after && view.shows(&intent.uids, &intent.values)
}

fn look(intent: &mut Intent, settings: &Settings, view: &View, replaced: bool, ambiguous: bool) -> Shown {
    if intent.stage == Stage::Stored {
        return Surely(stored(intent, settings, view));
    }
    let is_plain = intent.form.kind() == Kind::Plain;
    if let Some((block, epoch)) = pending(intent, view) {
        note_landed(intent, view, block, epoch);
        // A reveal would be in the next block at the earliest.
        let late = view.window() > last_window(epoch, view);
        return match intent.form {
            Form::Hash { .. } if late => IfFinal(Stage::Expired {
                block: view.block,
                why: Why::NotRevealedInTime,
            }),
            _ => Surely(Stage::Included { block, epoch }),
        };
    }
    let included = matches!(intent.stage, Stage::Included { .. });
    if is_row(intent, view) && (included || !ambiguous) {
        if !is_plain {
            return IfFinal(Stage::Revealed { block: view.block });
        }
        // Plain weights show at once: it is their own block that has to be final.
        let block = view.last_update();
        let epoch = epoch_of(block, view);
        note_landed(intent, view, block, epoch);
        return Surely(match intent.signed {
            None => Stage::Revealed { block },
            Some(_) => Stage::Included { block, epoch },
        });
    }
    match intent.stage {
        Stage::Included { block, .. } if intent.signed.is_none() => match replaced {
            _ if view.block < block => Surely(intent.stage.clone()),
            _ if is_plain => Surely(Stage::Revealed { block }),
            true => IfFinal(Stage::Superseded { block: view.block }),
            false => IfFinal(Stage::Expired {
                block: view.block,
                why: Why::Dropped,
            }),
        },
        _ => missing(intent, settings, view),
    }
}

/// Notes where it is included; in a final block its transaction is used up.
fn note_landed(intent: &mut Intent, view: &View, block: u64, epoch: u64) {
    intent.landed = Some(epoch);
    if block <= view.finalized {
        intent.signed = None;
    }
}

/// It is on disk, and no transaction of it can be included.
fn stored(intent: &mut Intent, settings: &Settings, view: &View) -> Stage {
    let over = |why| Stage::Abandoned { block: view.block, why };
    if intent.refused.is_some() {
        over(Why::Refused)
    } else if intent.window != view.window() || !still_fits(intent, settings, view) {
        over(Why::Changed)
    } else {
        Stage::Stored
    }
}

/// The view does not show it, and it is in no final block as far as we know.
fn missing(intent: &mut Intent, settings: &Settings, view: &View) -> Shown {
    let updated = view.last_update() > intent.after;
    intent
        .signed
        .take_if(|signed| !updated && view.finalized >= signed.valid_until);
    if intent.signed.is_none() {
        // Dead. The same again, if it is still of use.
        intent.landed = None;
        return Surely(match stored(intent, settings, view) {
            Stage::Abandoned {
                block,
                why: Why::Changed,
            } => Stage::Abandoned {
                block,
                why: Why::NotIncluded,
            },
            stage => stage,
        });
    }
    let overdue = matches!(intent.form, Form::Timelocked { round, .. } if round < view.last_round);
    match overdue && !updated {
        true => IfFinal(Stage::Abandoned {
            block: view.block,
            why: Why::RoundOut,
        }),
        false => Surely(Stage::Signed),
    }
}

/// The epoch a block of the recent past belongs to.
pub(crate) fn epoch_of(block: u64, view: &View) -> u64 {
    let current = view.epoch.subnet_epoch_index;
    match block >= view.epoch.last_epoch_block {
        true => current,
        false => current.saturating_sub(1),
    }
}

/// Whether the chain would take the intent if it were sent now, and do with it what it is meant for.
pub(crate) fn still_fits(intent: &Intent, settings: &Settings, view: &View) -> bool {
    let round_fits = match intent.form {
        Form::Timelocked { round, .. } => {
            round >= view.last_round && crate::plan::last_round(settings, view).is_ok_and(|last| round <= last)
        }
        _ => true,
    };
    intent.form.kind().suits(view)
        && round_fits
        && intent.refused.is_none()
        && (view.version_key == 0 || view.version_key <= intent.version_key)
        && intent.uids.iter().all(|uid| *uid < view.neurons)
}
