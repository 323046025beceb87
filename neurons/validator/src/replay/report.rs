//! What came of a replay, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use axoneme_wallet::AccountId;
use serde_json::{Value, json};

/// Differences that are listed; more are counted.
const LISTED: usize = 100;
/// Longest value shown to people, characters.
const SHOWN: usize = 100;

/// A field that is not what it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Number of the run.
    pub step: u64,
    /// Name of the field.
    pub field: String,
    /// As it was recorded.
    pub then: Value,
    /// As it is now.
    pub now: Value,
}

/// One miner, then and now.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Miner {
    /// Times it was asked.
    pub asked: u64,
    /// Sum of recorded rewards; `None` where rewards were not recorded.
    pub rewards_then: Option<f64>,
    /// Sum of rewards now.
    pub rewards_now: f64,
    /// Last recorded score.
    pub score_then: Option<f64>,
    /// Score now.
    pub score_now: f64,
}

/// The result of a replay.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Whether other settings judged.
    pub other_settings: bool,
    /// Runs judged again.
    pub steps: u64,
    /// Runs of which every field is the same, bit for bit.
    pub agreeing: u64,
    /// Runs without a record: killed between saving and writing.
    pub missing: u64,
    /// Records of runs that were already judged.
    pub repeated: u64,
    /// Weights made again.
    pub weights: u64,
    /// Weights that are the same.
    pub agreeing_weights: u64,
    /// Number of the last run.
    pub steps_at_end: u64,
    /// Lines that could not be read.
    pub damaged: u64,
    /// How many fields differ.
    pub difference_count: u64,
    /// The first of them.
    pub differences: Vec<Difference>,
    /// By hotkey.
    pub miners: BTreeMap<AccountId, Miner>,
}

impl Report {
    pub(super) fn new(other_settings: bool) -> Self {
        Self {
            other_settings,
            steps: 0,
            agreeing: 0,
            missing: 0,
            repeated: 0,
            weights: 0,
            agreeing_weights: 0,
            steps_at_end: 0,
            damaged: 0,
            difference_count: 0,
            differences: Vec::new(),
            miners: BTreeMap::new(),
        }
    }

    /// Whether there was something to compare, and all of it is the same.
    pub fn agrees(&self) -> bool {
        self.steps > 0 && self.difference_count == 0
    }

    pub(super) fn differs(&mut self, difference: Difference) {
        self.difference_count += 1;
        if self.differences.len() < LISTED {
            self.differences.push(difference);
        }
    }

    pub(super) fn reward(&mut self, hotkey: &AccountId, then: Option<f64>, now: f64) {
        let miner = self.miners.entry(*hotkey).or_default();
        miner.asked += 1;
        miner.rewards_now += now;
        if let Some(then) = then {
            *miner.rewards_then.get_or_insert(0.0) += then;
        }
    }

    pub(super) fn recorded_score(&mut self, hotkey: &AccountId, score: f64) {
        self.miners.entry(*hotkey).or_default().score_then = Some(score);
    }

    pub(super) fn final_score(&mut self, hotkey: &AccountId, score: f64) {
        if let Some(miner) = self.miners.get_mut(hotkey) {
            miner.score_now = score;
        }
    }

    /// Miners with their share of all scores then and now, the best of now first.
    fn ranked(&self) -> Vec<(&AccountId, &Miner, f64, f64)> {
        let (mut then, mut now) = (0.0, 0.0);
        for miner in self.miners.values() {
            then += miner.score_then.unwrap_or(0.0);
            now += miner.score_now;
        }
        let share = |score: f64, sum: f64| if sum > 0.0 { score / sum } else { 0.0 };
        let mut ranked: Vec<_> = self
            .miners
            .iter()
            .map(|(hotkey, miner)| {
                let was = share(miner.score_then.unwrap_or(0.0), then);
                (hotkey, miner, was, share(miner.score_now, now))
            })
            .collect();
        ranked.sort_by(|a, b| b.1.score_now.total_cmp(&a.1.score_now));
        ranked
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let miner = |(hotkey, miner, was, is): (&AccountId, &Miner, f64, f64)| {
            let mean = |sum: f64| sum / miner.asked.max(1) as f64;
            json!({
                "hotkey": hotkey.to_string(), "asked": miner.asked,
                "mean_reward": {"then": miner.rewards_then.map(mean), "now": mean(miner.rewards_now)},
                "score": {"then": miner.score_then, "now": miner.score_now},
                "weight": {"then": was, "now": is},
            })
        };
        let difference = |difference: &Difference| {
            let Difference { step, field, then, now } = difference;
            json!({"step": step, "field": field, "then": then, "now": now})
        };
        json!({
            "other_settings": self.other_settings, "agrees": self.agrees(), "runs": self.steps,
            "agreeing_runs": self.agreeing, "missing_runs": self.missing, "repeated_records": self.repeated,
            "damaged_lines": self.damaged, "weights": self.weights, "agreeing_weights": self.agreeing_weights,
            "differing_fields": self.difference_count,
            "differences": self.differences.iter().map(difference).collect::<Vec<_>>(),
            "miners": self.ranked().into_iter().map(miner).collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} prompt runs judged again, up to run {}",
            self.steps, self.steps_at_end
        )?;
        if self.missing + self.repeated + self.damaged > 0 {
            writeln!(
                f,
                "{} runs have no record, {} records are repeated, {} lines are damaged",
                self.missing, self.repeated, self.damaged
            )?;
        }
        if self.other_settings {
            writeln!(
                f,
                "Judged by other settings than the recorded ones: what they would have changed."
            )?;
        } else if self.agrees() {
            let weights = self.weights;
            writeln!(
                f,
                "Rewards, scores and {weights} settings of weights agree with the record, bit for bit."
            )?;
        } else {
            let fields = self.difference_count;
            writeln!(f, "{} runs agree, bit for bit; {fields} fields differ:", self.agreeing)?;
            for difference in &self.differences {
                let Difference { step, field, then, now } = difference;
                writeln!(f, "  run {step}, {field}: {} then, {} now", shown(then), shown(now))?;
            }
        }
        writeln!(f)?;
        writeln!(
            f,
            "{:<48} {:>6} {:>17} {:>17} {:>17}",
            "", "", "mean reward", "score", "weight"
        )?;
        writeln!(
            f,
            "{:<48} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
            "hotkey", "asked", "then", "now", "then", "now", "then", "now"
        )?;
        for (hotkey, miner, was, is) in self.ranked() {
            let mean = |sum: f64| sum / miner.asked.max(1) as f64;
            let optional = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.4}"));
            writeln!(
                f,
                "{:<48} {:>6} {:>8} {:>8.4} {:>8} {:>8.4} {was:>8.4} {is:>8.4}",
                hotkey.to_string(),
                miner.asked,
                optional(miner.rewards_then.map(mean)),
                mean(miner.rewards_now),
                optional(miner.score_then),
                miner.score_now,
            )?;
        }
        Ok(())
    }
}

fn shown(value: &Value) -> String {
    let mut text = String::new();
    let _ = write!(text, "{value}");
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
