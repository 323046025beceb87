//! Where a validator's weights stand, by what the chain says.

use axoneme_chain::{HashCommit, WeightsView};
use serde::Serialize;

use super::record::Record;

/// How far a commit is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reveal {
    /// Its epoch is still to come.
    Waiting,
    /// It can be revealed now, by the validator (hash) or the chain (timelocked).
    Due,
    /// Its epoch has passed.
    Expired,
}

impl Reveal {
    fn of(now: u64, due: u64) -> Self {
        match now.cmp(&due) {
            std::cmp::Ordering::Less => Self::Waiting,
            std::cmp::Ordering::Equal => Self::Due,
            std::cmp::Ordering::Greater => Self::Expired,
        }
    }

    fn words(&self) -> &'static str {
        match self {
            Self::Waiting => "waits",
            Self::Due => "due now",
            Self::Expired => "expired",
        }
    }
}

/// One commit as people read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Commit {
    kind: &'static str,
    block: u64,
    epoch: u64,
    reveal_epoch: u64,
    reveal: Reveal,
    /// Of a timelocked commit.
    round: Option<u64>,
    /// Whether the chain has the round's pulse.
    pulse: Option<bool>,
}

/// Where a validator's weights stand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Standing {
    netuid: u16,
    mecid: u8,
    hotkey: String,
    block: u64,
    epoch: u64,
    next_epoch_block: Option<u64>,
    uid: Option<u16>,
    validator_permit: bool,
    stake_tao: f64,
    stake_threshold_tao: f64,
    commit_reveal: bool,
    reveal_period: u64,
    version_key: u64,
    /// One word: unregistered, never_set, committed, set.
    state: &'static str,
    last_update: Option<u64>,
    allowed_from: u64,
    last_drand_round: Option<u64>,
    commits: Vec<Commit>,
    /// uid and value of what is revealed, or was set directly.
    weights: Vec<(u16, u16)>,
    /// What the validator means to do, where its record is on this machine.
    record: Option<Record>,
}

impl Standing {
    pub(super) fn of(view: &WeightsView, record: Option<Record>) -> Self {
        let epoch = view.epoch.epoch_at(view.block);
        let by_hash = |commit: &HashCommit| {
            let due = commit.epoch.saturating_add(view.reveal_period);
            Commit {
                kind: "hash",
                block: commit.block,
                epoch: commit.epoch,
                reveal_epoch: due,
                reveal: Reveal::of(epoch, due),
                round: None,
                pulse: None,
            }
        };
        let mut commits: Vec<Commit> = view.commits.iter().map(by_hash).collect();
        commits.extend(view.timelocked.iter().map(|commit| {
            let due = commit.epoch.saturating_add(view.reveal_period);
            Commit {
                kind: "timelocked",
                block: commit.block,
                epoch: commit.epoch,
                reveal_epoch: due,
                reveal: Reveal::of(epoch, due),
                round: Some(commit.reveal_round),
                pulse: view.last_drand_round.map(|last| last >= commit.reveal_round),
            }
        }));
        let open = commits.iter().any(|commit| commit.reveal != Reveal::Expired);
        let state = match view.uid {
            None => "unregistered",
            Some(_) if open => "committed",
            Some(_) if view.weights.is_empty() => "never_set",
            Some(_) => "set",
        };
        Self {
            netuid: view.netuid,
            mecid: view.mecid,
            hotkey: view.hotkey.to_string(),
            block: view.block,
            epoch,
            next_epoch_block: view.epoch.next_start(),
            uid: view.uid,
            validator_permit: view.validator_permit,
            stake_tao: view.stake_weight as f64 / 1e9,
            stake_threshold_tao: view.stake_threshold as f64 / 1e9,
            commit_reveal: view.commit_reveal,
            reveal_period: view.reveal_period,
            version_key: view.version_key,
            state,
            last_update: view.last_update,
            allowed_from: view.allowed_from(),
            last_drand_round: view.last_drand_round,
            commits,
            weights: view.weights.clone(),
            record,
        }
    }

    pub(super) fn table(&self) -> String {
        let or_dash = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let uid = or_dash(self.uid.map(u64::from));
        let how = if self.commit_reveal {
            format!("commit-reveal, revealed {} epochs later", self.reveal_period)
        } else {
            "set directly".to_owned()
        };
        let mut text = format!(
            "{}\nsubnet {} mechanism {}, uid {uid}, block {}, epoch {} (next in block {})\n\
             permit {}, stake {:.3} of at least {:.3} TAO, version key {}\nweights are {how}\n\
             state        {}\nlast update  {}\nnext from    block {}\n",
            self.hotkey,
            self.netuid,
            self.mecid,
            self.block,
            self.epoch,
            or_dash(self.next_epoch_block),
            if self.validator_permit { "yes" } else { "no" },
            self.stake_tao,
            self.stake_threshold_tao,
            self.version_key,
            self.state.replace('_', " "),
            or_dash(self.last_update),
            self.allowed_from,
        );
        for commit in &self.commits {
            let round = match (commit.round, commit.pulse) {
                (Some(round), Some(true)) => format!(", round {round} (its pulse is on chain)"),
                (Some(round), Some(false)) => {
                    format!(", round {round} (the chain is at {})", or_dash(self.last_drand_round))
                }
                (Some(round), None) => format!(", round {round} (the chain has no beacon)"),
                (None, _) => String::new(),
            };
            text += &format!(
                "commit       {} in block {}, epoch {}; reveal in epoch {}: {}{round}\n",
                commit.kind,
                commit.block,
                commit.epoch,
                commit.reveal_epoch,
                commit.reveal.words(),
            );
        }
        let total: f64 = self.weights.iter().map(|(_, value)| f64::from(*value)).sum();
        for (uid, value) in &self.weights {
            let share = if total > 0.0 { f64::from(*value) / total } else { 0.0 };
            text += &format!("weight       uid {uid:>4}  {value:>5}  {:>6.2} %\n", 100.0 * share);
        }
        if let Some(record) = &self.record {
            text += &record.table();
        }
        text.truncate(text.trim_end().len());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(state: &'static str, commits: Vec<Commit>) -> Standing {
        Standing {
            netuid: 2,
            mecid: 0,
            hotkey: "5F".into(),
            block: 100,
            epoch: 7,
            next_epoch_block: Some(111),
            uid: Some(3),
            validator_permit: true,
            stake_tao: 1000.0,
            stake_threshold_tao: 0.0,
            commit_reveal: true,
            reveal_period: 1,
            version_key: 0,
            state,
            last_update: Some(95),
            allowed_from: 105,
            last_drand_round: Some(50),
            commits,
            weights: vec![(1, 65_535), (2, 21_845)],
            record: None,
        }
    }

    #[test]
    fn a_commit_waits_is_due_and_expires_by_epoch() {
        assert_eq!(Reveal::of(6, 7), Reveal::Waiting);
        assert_eq!(Reveal::of(7, 7), Reveal::Due);
        assert_eq!(Reveal::of(8, 7), Reveal::Expired);
    }

    #[test]
    fn the_table_tells_of_commits_rounds_and_shares() {
        let commit = Commit {
            kind: "timelocked",
            block: 95,
            epoch: 7,
            reveal_epoch: 8,
            reveal: Reveal::Waiting,
            round: Some(60),
            pulse: Some(false),
        };
        let text = standing("committed", vec![commit]).table();
        for wanted in [
            "state        committed",
            "reveal in epoch 8: waits, round 60 (the chain is at 50)",
            "75.00 %",
            "25.00 %",
        ] {
            assert!(text.contains(wanted), "{wanted}:\n{text}");
        }
    }
}
