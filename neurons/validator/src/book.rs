//! The validator's book: the state in memory, its file, and the figures made from it.

use std::sync::Arc;

use axoneme_chain::Metagraph;
use axoneme_neuron::{StateError, StateStore};
use axoneme_reward::pipeline::PipelineState;
use axoneme_wallet::AccountId;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::error::ValidatorError;
use crate::scores::{self, Unasked};
use crate::state::ValidatorState;
use crate::stats::ValidatorStats;

/// One owner of the state for all forward passes and the weights duty. Cheap to clone.
#[derive(Clone)]
pub struct Book {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<ValidatorState>,
    /// Held while a copy of the state is written, so that an older copy never replaces a newer one.
    store: Mutex<StateStore<ValidatorState>>,
    stats: watch::Sender<ValidatorStats>,
}

/// The saved state belongs to another network.
#[derive(Debug, thiserror::Error)]
#[error(
    "the state in {path} was written on another chain (genesis {found}, this chain has {expected}); choose another \
     --neuron.name, or move the file away to start from zero"
)]
pub struct OtherChain {
    /// The state file.
    pub path: String,
    /// Genesis hash in the file.
    pub found: String,
    /// Genesis hash of the chain.
    pub expected: String,
}

/// Why a book cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file.
    #[error(transparent)]
    State(#[from] StateError),
    /// What is in it.
    #[error(transparent)]
    OtherChain(#[from] OtherChain),
}

impl Book {
    /// Loads the state before anything is written: a damaged file, or one of another chain, is an error and stays as it
    /// is. `genesis` is the hash of the chain's first block in hex.
    pub fn open(
        store: StateStore<ValidatorState>,
        genesis: &str,
        stats: watch::Sender<ValidatorStats>,
    ) -> Result<Self, OpenError> {
        let mut state = store.load()?.unwrap_or_default();
        if state.genesis.is_empty() {
            state.genesis = genesis.to_owned();
        }
        if state.genesis != genesis {
            let path = store.path().display().to_string();
            return Err(OtherChain {
                path,
                found: state.genesis,
                expected: genesis.to_owned(),
            }
            .into());
        }
        stats.send_replace(ValidatorStats::from(&state));
        let inner = Inner {
            state: Mutex::new(state),
            store: Mutex::new(store),
            stats,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// A copy of the state as it is now.
    pub fn state(&self) -> ValidatorState {
        self.inner.state.lock().clone()
    }

    /// Counts a forward pass and returns its number, from 0.
    pub fn begin_forward(&self) -> u64 {
        let mut state = self.inner.state.lock();
        let number = state.forwards;
        state.forwards += 1;
        number
    }

    /// Takes a judged run in, as one unit: scores, counts and the statistics that led to the rewards. Hotkeys that
    /// `metagraph` no longer has are forgotten. Returns the number of runs so far.
    pub fn record_step(
        &self,
        hotkeys: &[AccountId],
        rewards: &[f64],
        pipeline: &PipelineState,
        rule: ScoreRule,
        metagraph: &Metagraph,
    ) -> Result<u64, ValidatorError> {
        let mut state = self.inner.state.lock();
        let mut moved = state
            .neurons
            .iter()
            .map(|(hotkey, neuron)| (*hotkey, neuron.score))
            .collect();
        scores::update(&mut moved, hotkeys, rewards, rule.alpha, rule.unasked)?;
        for (hotkey, score) in moved {
            state.neurons.entry(hotkey).or_default().score = score;
        }
        for (hotkey, reward) in hotkeys.iter().zip(rewards) {
            let neuron = state.neurons.entry(*hotkey).or_default();
            neuron.requests += 1;
            neuron.reward_sum += if reward.is_finite() { *reward } else { 0.0 };
        }
        state.forget_all_but(|hotkey| metagraph.find(hotkey).is_some());
        state.pipeline = pipeline.clone();
        state.steps += 1;
        self.inner.stats.send_replace(ValidatorStats::from(&*state));
        Ok(state.steps)
    }

    /// Takes in that our weights are on chain; `shares` sum to one.
    pub fn record_weights(&self, block: u64, shares: &[(AccountId, f64)]) {
        let mut state = self.inner.state.lock();
        state.weights_block = Some(block);
        state.neurons.values_mut().for_each(|neuron| neuron.weight = 0.0);
        for (hotkey, share) in shares {
            state.neurons.entry(*hotkey).or_default().weight = *share;
        }
        self.inner.stats.send_replace(ValidatorStats::from(&*state));
    }

    /// Writes the state to disk, on a thread that may block.
    pub async fn save(&self) -> Result<(), ValidatorError> {
        let book = self.clone();
        let saved = tokio::task::spawn_blocking(move || book.save_now()).await;
        Ok(saved.map_err(|source| ValidatorError::Interrupted {
            what: "saving the state",
            source,
        })??)
    }

    /// The same on this thread; for the end of the process.
    pub fn save_now(&self) -> Result<(), StateError> {
        let store = self.inner.store.lock();
        let state = self.state();
        store.save(&state)
    }
}

/// How a run moves the scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreRule {
    /// Share of the new reward.
    pub alpha: f64,
    /// What happens to neurons that were not asked.
    pub unasked: Unasked,
}
