//! The table and the JSON document: what the chain says, beside what the validator counted.

use std::fmt::Write as _;

use axoneme_chain::{Chain, ChainError};
use serde::Serialize;
use validator::ValidatorStats;

use super::plan::{Kind, Plan};

/// State of the subnet at one block.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    network: Network,
    /// Prompt runs the validator has finished.
    steps: u64,
    neurons: Vec<Row>,
    /// Block of the newest epoch.
    #[serde(skip)]
    last_epoch: u64,
}

#[derive(Debug, Clone, Serialize)]
struct Network {
    endpoint: String,
    netuid: u16,
    block: u64,
    tempo: u16,
}

/// One neuron; fractions are 0..1.
#[derive(Debug, Clone, Serialize)]
struct Row {
    uid: u16,
    hotkey: String,
    kind: Kind,
    /// Requests the validator sent to it.
    requests: u64,
    /// Mean reward of its answers, failed ones counted as 0.
    mean_reward: f64,
    /// The validator's moving average.
    score: f64,
    /// Share of the validator's weights, as stored on chain, that this neuron has.
    weight: f64,
    incentive: f64,
    dividends: f64,
    /// Block of its newest weights (or of its registration).
    last_update: u64,
}

/// Prompt runs of one forward pass: before that many, chance decides whose weights are larger.
const WHOLE_PASS: u64 = 9;

/// How far the subnet is on its way to incentive.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress {
    steps: u64,
    /// Block at which the validator was first seen to have finished a whole forward pass.
    whole_pass: Option<u64>,
    /// Whether weights set since then are on chain.
    weights: bool,
    /// Whether an epoch has run on those weights.
    incentive: bool,
}

impl Progress {
    /// Takes a look at the newest report.
    pub(super) fn update(&mut self, report: &Report) {
        self.steps = report.steps;
        if report.steps >= WHOLE_PASS && self.whole_pass.is_none() {
            self.whole_pass = Some(report.network.block);
        }
        let validator = report.neurons.iter().find(|row| row.kind == Kind::Validator);
        let (Some(since), Some(validator)) = (self.whole_pass, validator) else {
            return;
        };
        let given = report.neurons.iter().any(|row| row.weight > 0.0);
        self.weights = given && validator.last_update >= since;
        let earned = report.neurons.iter().any(|row| row.incentive > 0.0);
        // An epoch runs at the beginning of a block, so weights set in that block come too late for it.
        self.incentive = self.weights && earned && report.last_epoch > validator.last_update;
    }

    pub(super) fn reached(&self) -> bool {
        self.incentive
    }

    /// What has not happened yet, for the message at the deadline.
    pub(super) fn missing(&self) -> String {
        let steps = self.steps;
        if self.whole_pass.is_none() {
            format!("the validator has finished {steps} of the {WHOLE_PASS} prompt runs of a forward pass")
        } else if !self.weights {
            format!("after {steps} prompt runs the validator's weights are not on chain")
        } else {
            format!("after {steps} prompt runs weights are on chain, but no epoch has used them")
        }
    }
}

impl Report {
    /// Reads metagraph and weights, and puts the validator's own figures beside them.
    pub(super) async fn read(
        chain: &Chain,
        netuid: u16,
        plan: &Plan,
        stats: &ValidatorStats,
    ) -> Result<Self, ChainError> {
        let metagraph = chain.metagraph(netuid).await?;
        let weights = chain.weights(netuid).await?;
        let validator = metagraph.find(&plan.validator().hotkey);
        let row = validator.and_then(|validator| weights.iter().find(|(uid, _)| *uid == validator.uid));
        let row = row.map_or(&[][..], |(_, row)| row);
        let sum: f64 = row.iter().map(|(_, value)| f64::from(*value)).sum();
        let weight = |uid: u16| match row.iter().find(|(to, _)| *to == uid) {
            Some((_, value)) if sum > 0.0 => f64::from(*value) / sum,
            _ => 0.0,
        };
        let neurons = metagraph.neurons.iter().filter_map(|neuron| {
            let counted = stats.neurons.get(&neuron.hotkey);
            Some(Row {
                uid: neuron.uid,
                hotkey: neuron.hotkey.to_string(),
                kind: plan.kind_of(&neuron.hotkey)?,
                requests: counted.map_or(0, |counted| counted.requests),
                mean_reward: counted.map_or(0.0, |counted| counted.mean_reward),
                score: counted.map_or(0.0, |counted| counted.score),
                weight: weight(neuron.uid),
                incentive: neuron.incentive,
                dividends: neuron.dividends,
                last_update: neuron.last_update,
            })
        });
        Ok(Self {
            network: Network {
                endpoint: axoneme_neuron::preflight::endpoints(chain),
                netuid,
                block: metagraph.block,
                tempo: metagraph.tempo,
            },
            steps: stats.steps,
            neurons: neurons.collect(),
            last_epoch: metagraph.last_step,
        })
    }

    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(super) fn table(&self) -> String {
        let Network {
            netuid, block, tempo, ..
        } = &self.network;
        let mut text = format!(
            "subnet {netuid}   block {block}   tempo {tempo}   last epoch at {}   prompt runs {}\n",
            self.last_epoch, self.steps
        );
        let _ = writeln!(
            text,
            "{:>3}  {:<13} {:<9} {:>8} {:>11} {:>7} {:>7} {:>9} {:>9} {:>11}",
            "uid",
            "hotkey",
            "kind",
            "requests",
            "mean reward",
            "score",
            "weight",
            "incentive",
            "dividends",
            "last update"
        );
        for row in &self.neurons {
            let hotkey = format!("{}…{}", &row.hotkey[..6], &row.hotkey[row.hotkey.len() - 5..]);
            let _ = writeln!(
                text,
                "{:>3}  {:<13} {:<9} {:>8} {:>11.4} {:>7.4} {:>7.4} {:>9.4} {:>9.4} {:>11}",
                row.uid,
                hotkey,
                row.kind.name(),
                row.requests,
                row.mean_reward,
                row.score,
                row.weight,
                row.incentive,
                row.dividends,
                row.last_update
            );
        }
        text
    }
}
