//! What a validator must not forget: scores, counts and statistics, in one file, keyed by hotkey.

use std::collections::BTreeMap;
use std::sync::Arc;

use axoneme_dataset::Position;
use axoneme_neuron::state::State;
use axoneme_reward::pipeline::PipelineState;
use axoneme_wallet::AccountId;
use serde::{Deserialize, Deserializer, Serialize};

use crate::book::{JudgedRun, Recorded, Scale, ScoreRule};
use crate::memory::MemoryMark;
use crate::scores::{self, LengthMismatch};

/// Everything that outlives the process. Written after every prompt run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidatorState {
    /// Hash of the chain's first block: scores of one network mean nothing on another.
    pub genesis: String,
    /// Prompt runs finished since the first start.
    pub steps: u64,
    /// Forward passes begun since the first start. Each draws from a seed of its own, so a restart does not repeat the
    /// draws of the last one.
    pub forwards: u64,
    /// Block in which our weights were last included, as far as we know.
    pub weights_block: Option<u64>,
    /// One entry per hotkey that was ever asked and is still registered.
    pub neurons: BTreeMap<AccountId, NeuronState>,
    /// Running statistics of the reward functions.
    pub pipeline: PipelineState,
    /// Which files beside this one hold the large part of the state. Since version 2.
    #[serde(default)]
    pub memory: MemoryMark,
    /// Where the dataset stands. Since version 2.
    #[serde(default)]
    pub dataset: Option<Arc<Position>>,
}

/// What is known about one hotkey.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeuronState {
    /// Moving average of its rewards, from which weights are made.
    #[serde(deserialize_with = "finite_or_zero")]
    pub score: f64,
    /// Requests sent to it.
    pub requests: u64,
    /// Sum of its rewards; failed answers count as 0.
    #[serde(deserialize_with = "finite_or_zero")]
    pub reward_sum: f64,
    /// Its share of the weights last set, 0 to 1.
    #[serde(deserialize_with = "finite_or_zero")]
    pub weight: f64,
}

impl NeuronState {
    /// Mean reward over all requests.
    pub fn mean_reward(&self) -> f64 {
        if self.requests == 0 {
            0.0
        } else {
            self.reward_sum / self.requests as f64
        }
    }
}

impl State for ValidatorState {
    const VERSION: u32 = 2;

    /// Version 1 had everything but the files for the large part and the place in the dataset: both start anew.
    fn migrate(version: u32, data: serde_json::Value) -> Option<Self> {
        (version == 1).then(|| serde_json::from_value(data).ok())?
    }
}

impl ValidatorState {
    /// Forgets hotkeys that are no longer registered, and says which. One that is replaced and comes back starts from zero.
    pub fn forget_all_but(&mut self, registered: impl Fn(&AccountId) -> bool) -> Vec<AccountId> {
        let mut forgotten = Vec::new();
        self.neurons.retain(|hotkey, _| {
            let stays = registered(hotkey);
            if !stays {
                forgotten.push(*hotkey);
            }
            stays
        });
        forgotten
    }

    /// Takes a judged run in: scores, counts and the statistics that led to the rewards. Hotkeys that are no longer
    /// registered are forgotten: whoever follows them starts from zero.
    ///
    /// # Errors
    /// When rewards and hotkeys differ in number; nothing was changed then.
    pub fn take_in(
        &mut self,
        run: JudgedRun<'_>,
        rule: ScoreRule,
        registered: impl Fn(&AccountId) -> bool,
    ) -> Result<Recorded, LengthMismatch> {
        let JudgedRun { hotkeys, rewards, .. } = run;
        let mut moved: BTreeMap<AccountId, f64> = self
            .neurons
            .iter()
            .map(|(hotkey, neuron)| (*hotkey, neuron.score))
            .collect();
        let shares = match rule.scale {
            Scale::Rewards => rewards.to_vec(),
            Scale::Softmax | Scale::SoftmaxOfAnswers => scores::softmax_where(rewards, run.answered),
        };
        if rule.scale == Scale::SoftmaxOfAnswers {
            let pairs = hotkeys.iter().zip(&shares).zip(run.answered);
            let answered = pairs.filter(|(_, answered)| **answered);
            let (hotkeys, shares): (Vec<AccountId>, Vec<f64>) =
                answered.map(|((hotkey, share), _)| (*hotkey, *share)).unzip();
            scores::update(&mut moved, &hotkeys, &shares, rule.alpha, rule.unasked)?;
        } else {
            scores::update(&mut moved, hotkeys, &shares, rule.alpha, rule.unasked)?;
        }
        for hotkey in run.zero {
            if let Some(score) = moved.get_mut(hotkey) {
                *score = 0.0;
            }
        }
        let scores = hotkeys
            .iter()
            .map(|hotkey| moved.get(hotkey).copied().unwrap_or_default());
        let scores = scores.collect();
        for (hotkey, score) in moved {
            self.neurons.entry(hotkey).or_default().score = score;
        }
        for (hotkey, reward) in hotkeys.iter().zip(rewards) {
            let neuron = self.neurons.entry(*hotkey).or_default();
            neuron.requests += 1;
            neuron.reward_sum += if reward.is_finite() { *reward } else { 0.0 };
        }
        let forgotten = self.forget_all_but(registered);
        self.pipeline = run.pipeline.clone();
        self.steps += 1;
        Ok(Recorded {
            step: self.steps,
            scores,
            forgotten,
        })
    }

    /// A score for each of `hotkeys`, 0 for those never asked.
    pub fn scores_of<'a>(&self, hotkeys: impl IntoIterator<Item = &'a AccountId>) -> Vec<f64> {
        hotkeys
            .into_iter()
            .map(|hotkey| self.neurons.get(hotkey).map_or(0.0, |neuron| neuron.score))
            .collect()
    }
}

/// JSON has no way to write "not a number" but null; whatever wrote one, it counts as zero.
fn finite_or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?
        .filter(|value| value.is_finite())
        .unwrap_or(0.0))
}
