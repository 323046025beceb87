//! How far the subnet is on its way to the goal.

use super::plan::Kind;
use super::report::{Report, Revealed};
use crate::args::Goal;

/// Prompt runs of one forward pass: before that many, chance decides whose weights are larger.
const WHOLE_PASS: u64 = 9;

/// What has been reached, from one report to the next.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    goal: Goal,
    steps: u64,
    /// Block at which the validator was first seen to have finished a whole forward pass.
    whole_pass: Option<u64>,
    /// Whether weights set since then are on chain.
    weights: bool,
    /// A timelocked commit made since then, and that the chain has no longer.
    commit: Option<Commit>,
    /// That commit, come to light.
    revealed: Option<Revealed>,
    /// Commits that were dropped without being revealed.
    expired: u32,
    /// Whether an epoch has run on those weights.
    incentive: bool,
}

/// A commit that was seen on chain.
#[derive(Debug, Clone)]
struct Commit {
    block: u64,
    round: u64,
    /// Whether the chain has it no longer.
    gone: bool,
}

impl Progress {
    pub(super) fn new(goal: Goal) -> Self {
        Self {
            goal,
            steps: 0,
            whole_pass: None,
            weights: false,
            commit: None,
            revealed: None,
            expired: 0,
            incentive: false,
        }
    }

    /// Takes a look at the newest report.
    pub(super) fn update(&mut self, report: &Report) {
        self.steps = report.steps;
        if report.steps >= WHOLE_PASS && self.whole_pass.is_none() {
            self.whole_pass = Some(report.network.block);
        }
        let Some(since) = self.whole_pass else {
            return;
        };
        match self.goal {
            Goal::Incentive => self.look_for_incentive(report, since),
            Goal::Revealed => self.look_for_reveal(report, since),
        }
    }

    fn look_for_incentive(&mut self, report: &Report, since: u64) {
        let Some(validator) = report.neurons.iter().find(|row| row.kind == Kind::Validator) else {
            return;
        };
        let given = report.neurons.iter().any(|row| row.weight > 0.0);
        self.weights = given && validator.last_update >= since;
        // An epoch runs at the beginning of a block, so weights set in that block come too late for it.
        self.incentive = self.weights && earned(report) && report.last_epoch > validator.last_update;
    }

    fn look_for_reveal(&mut self, report: &Report, since: u64) {
        let Some(hidden) = &report.hidden else {
            return;
        };
        if let Some(revealed) = self.revealed {
            // The chain reveals at the beginning of a block, before the epoch that may be in it.
            self.incentive = ranked(report) && report.last_epoch >= revealed.revealed_at;
            return;
        }
        match &mut self.commit {
            None => {
                let first = hidden.pending.iter().find(|(block, _)| *block >= since);
                self.commit = first.map(|&(block, round)| Commit {
                    block,
                    round,
                    gone: false,
                });
            }
            Some(commit) => commit.gone = !hidden.pending.iter().any(|(block, _)| *block == commit.block),
        }
    }

    /// Block of a commit that the chain has no longer: whether it was revealed is to be asked for, and [`Self::learn`] to
    /// be told.
    pub(super) fn asks(&self) -> Option<u64> {
        let commit = self.commit.as_ref().filter(|commit| commit.gone);
        commit.filter(|_| self.revealed.is_none()).map(|commit| commit.block)
    }

    /// Takes in when the commit was revealed; `None` says that it was dropped.
    pub(super) fn learn(&mut self, revealed_at: Option<u64>) {
        let Some(commit) = &self.commit else { return };
        match revealed_at {
            Some(revealed_at) => {
                self.revealed = Some(Revealed {
                    committed_at: commit.block,
                    reveal_round: commit.round,
                    revealed_at,
                });
            }
            None => {
                self.expired += 1;
                self.commit = None;
            }
        }
    }

    pub(super) fn reached(&self) -> bool {
        self.incentive
    }

    /// The commit that came to light.
    pub(super) fn revealed(&self) -> Option<Revealed> {
        self.revealed
    }

    /// What has not happened yet, for the message at the deadline.
    pub(super) fn missing(&self) -> String {
        let steps = self.steps;
        if self.whole_pass.is_none() {
            return format!("the validator has finished {steps} of the {WHOLE_PASS} prompt runs of a forward pass");
        }
        match (self.goal, &self.commit, self.revealed) {
            (Goal::Incentive, ..) if !self.weights => {
                format!("after {steps} prompt runs the validator's weights are not on chain")
            }
            (Goal::Revealed, None, _) => {
                let expired = self.expired;
                format!("after {steps} prompt runs the validator has no commit on chain; {expired} expired unrevealed")
            }
            (Goal::Revealed, Some(commit), None) => {
                let Commit { block, round, .. } = commit;
                format!("the weights committed at block {block} wait for the pulse of round {round}")
            }
            _ => format!("after {steps} prompt runs weights are on chain, but no epoch has ranked the miners by them"),
        }
    }
}

/// Whether the consensus tells one miner from another.
fn ranked(report: &Report) -> bool {
    let miners = || report.neurons.iter().filter(|row| row.kind != Kind::Validator);
    let most = miners().map(|row| row.incentive).fold(0.0, f64::max);
    most > 0.0 && miners().any(|row| row.incentive < most)
}

fn earned(report: &Report) -> bool {
    report.neurons.iter().any(|row| row.incentive > 0.0)
}
