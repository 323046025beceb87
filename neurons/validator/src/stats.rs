//! Figures for people, published after every prompt run.

use std::collections::BTreeMap;

use axoneme_wallet::AccountId;

use crate::state::ValidatorState;

/// What the validator has counted, over all its starts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ValidatorStats {
    /// Prompt runs finished.
    pub steps: u64,
    /// Forward passes begun.
    pub forwards: u64,
    /// Block of the weights last set.
    pub weights_block: Option<u64>,
    /// By hotkey; only those that were asked.
    pub neurons: BTreeMap<AccountId, NeuronStats>,
}

/// What the validator has counted about one miner.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct NeuronStats {
    /// Requests sent.
    pub requests: u64,
    /// Mean reward, failed answers counted as 0.
    pub mean_reward: f64,
    /// Moving average.
    pub score: f64,
    /// Share of the weights last set, 0 to 1.
    pub weight: f64,
}

impl From<&ValidatorState> for ValidatorStats {
    fn from(state: &ValidatorState) -> Self {
        let neurons = state.neurons.iter().map(|(hotkey, neuron)| {
            let stats = NeuronStats {
                requests: neuron.requests,
                mean_reward: neuron.mean_reward(),
                score: neuron.score,
                weight: neuron.weight,
            };
            (*hotkey, stats)
        });
        Self {
            steps: state.steps,
            forwards: state.forwards,
            weights_block: state.weights_block,
            neurons: neurons.collect(),
        }
    }
}
