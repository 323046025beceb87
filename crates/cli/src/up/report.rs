//! The table and the JSON document: what the chain says, beside what the validator counted.

use std::fmt::Write as _;

use axoneme_chain::{Chain, ChainError};
use serde::Serialize;
use validator::ValidatorStats;

use super::plan::{Kind, Plan};
use crate::args::Goal;

/// State of the subnet at one block.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    pub(super) network: Network,
    /// Prompt runs the validator has finished.
    pub(super) steps: u64,
    pub(super) neurons: Vec<Row>,
    /// Where weights are hidden first: when they were committed and revealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    commit_reveal: Option<Revealed>,
    /// The same, as the chain has it now.
    #[serde(skip)]
    pub(super) hidden: Option<Hidden>,
    /// Block of the newest epoch.
    #[serde(skip)]
    pub(super) last_epoch: u64,
}

/// Timelocked weights of the validator that came to light.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Revealed {
    /// Block of the commit.
    pub(super) committed_at: u64,
    /// Drand round whose signature opened it.
    pub(super) reveal_round: u64,
    /// Block of the reveal, as the chain's event says.
    pub(super) revealed_at: u64,
}

/// The validator's commits that are not open yet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hidden {
    /// Block at which they were read.
    pub(super) block: u64,
    /// Block and reveal round of each commit, oldest first.
    pub(super) pending: Vec<(u64, u64)>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Network {
    endpoint: String,
    netuid: u16,
    pub(super) block: u64,
    tempo: u16,
}

/// One neuron; fractions are 0..1.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    uid: u16,
    hotkey: String,
    pub(super) kind: Kind,
    /// Requests the validator sent to it.
    requests: u64,
    /// Mean reward of its answers, failed ones counted as 0.
    mean_reward: f64,
    /// The validator's moving average.
    score: f64,
    /// Share of the validator's weights, as stored on chain, that this neuron has.
    pub(super) weight: f64,
    pub(super) incentive: f64,
    dividends: f64,
    /// Block of its newest weights (or of its registration).
    pub(super) last_update: u64,
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
        let hidden = match plan.args.goal() {
            Some(Goal::Revealed) => {
                let view = chain.weights_view(netuid, 0, &plan.validator().hotkey).await?;
                let pending = view.timelocked.iter().map(|commit| (commit.block, commit.reveal_round));
                Some(Hidden {
                    pending: pending.collect(),
                    block: view.block,
                })
            }
            _ => None,
        };
        Ok(Self {
            commit_reveal: None,
            hidden,
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

    /// Adds when weights were committed and revealed.
    pub(super) fn with_reveal(mut self, revealed: Option<Revealed>) -> Self {
        self.commit_reveal = revealed;
        self
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
        if let Some(revealed) = &self.commit_reveal {
            let _ = writeln!(
                text,
                "weights committed in block {}, revealed in block {} with the pulse of round {}",
                revealed.committed_at, revealed.revealed_at, revealed.reveal_round
            );
        }
        text
    }
}
