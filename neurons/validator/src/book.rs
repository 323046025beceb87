//! The validator's book: the state in memory, its file, and the figures made from it.

use std::path::Path;
use std::sync::Arc;

use axoneme_chain::Metagraph;
use axoneme_dataset::Position;
use axoneme_neuron::{StateError, StateStore};
use axoneme_reward::pipeline::PipelineState;
use axoneme_wallet::AccountId;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::error::ValidatorError;
use crate::memory::{JOURNAL_BYTES, Memories, MemoryError, MemoryStore, Remember};
use crate::scores::Unasked;
use crate::state::ValidatorState;
use crate::stats::ValidatorStats;

/// One owner of the state for all forward passes and the weights duty. Cheap to clone.
#[derive(Clone)]
pub struct Book {
    inner: Arc<Inner>,
}

struct Inner {
    current: Mutex<Current>,
    /// Held while a copy of the state is written, so that an older copy never replaces a newer one.
    files: Mutex<Files>,
    stats: watch::Sender<ValidatorStats>,
}

/// What is in memory.
struct Current {
    state: ValidatorState,
    /// What finished runs left to remember and is not on disk yet.
    remember: Vec<Remember>,
    /// Whether the next run should hand over its memories whole.
    wants_whole: bool,
    /// What was on disk at the start, until somebody asks for it.
    memories: Memories,
}

struct Files {
    store: StateStore<ValidatorState>,
    memory: MemoryStore,
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
    /// The files beside it.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

/// Why the state could not be saved. What was on disk is still there, and the next save tries again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// The state file.
    #[error(transparent)]
    State(#[from] StateError),
    /// The files beside it.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

/// A run that has been judged.
#[derive(Debug, Clone, Copy)]
pub struct JudgedRun<'a> {
    /// Who was asked.
    pub hotkeys: &'a [AccountId],
    /// One per hotkey.
    pub rewards: &'a [f64],
    /// Whether each answer was one; only the rule with a softmax makes a difference.
    pub answered: &'a [bool],
    /// Whose scores are set to zero, whatever they were.
    pub zero: &'a [AccountId],
    /// The statistics that led to the rewards.
    pub pipeline: &'a PipelineState,
}

/// What a run changed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recorded {
    /// Number of runs so far.
    pub step: u64,
    /// New scores of those asked, in order.
    pub scores: Vec<f64>,
    /// Hotkeys that were forgotten, because they are no longer registered.
    pub forgotten: Vec<AccountId>,
}

impl Book {
    /// Loads the state before anything is written: a damaged file, or one of another chain, is an error and stays as it
    /// is. `genesis` is the hash of the chain's first block in hex.
    pub fn open(
        store: StateStore<ValidatorState>,
        genesis: &str,
        stats: watch::Sender<ValidatorStats>,
    ) -> Result<Self, OpenError> {
        Self::open_with_journal(store, genesis, stats, JOURNAL_BYTES)
    }

    /// The same with another size, bytes, at which a journal is given up for a new whole memory.
    pub fn open_with_journal(
        store: StateStore<ValidatorState>,
        genesis: &str,
        stats: watch::Sender<ValidatorStats>,
        journal_bytes: u64,
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
        let folder = store.path().parent().map(Path::to_owned).unwrap_or_default();
        let (memory, memories) = MemoryStore::open(&folder, state.memory, journal_bytes)?;
        stats.send_replace(ValidatorStats::from(&state));
        let current = Current {
            state,
            remember: Vec::new(),
            wants_whole: memory.wants_whole(),
            memories,
        };
        let inner = Inner {
            current: Mutex::new(current),
            files: Mutex::new(Files { store, memory }),
            stats,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What is remembered cannot be added to any more: the next run should leave it whole.
    pub fn want_whole(&self) {
        self.inner.current.lock().wants_whole = true;
    }

    /// A copy of the state as it is now.
    pub fn state(&self) -> ValidatorState {
        self.inner.current.lock().state.clone()
    }

    /// What was remembered at the start of the process. Given out once: it can be large.
    pub fn take_memories(&self) -> Memories {
        std::mem::take(&mut self.inner.current.lock().memories)
    }

    /// Whether the next run should leave its memories whole instead of what it added to them.
    pub fn wants_whole(&self) -> bool {
        self.inner.current.lock().wants_whole
    }

    /// Counts a forward pass and returns its number, from 0.
    pub fn begin_forward(&self) -> u64 {
        let mut current = self.inner.current.lock();
        let number = current.state.forwards;
        current.state.forwards += 1;
        number
    }

    /// Notes where the dataset stands; it is saved with the next run.
    pub fn set_position(&self, position: Arc<Position>) {
        self.inner.current.lock().state.dataset = Some(position);
    }

    /// Takes a judged run in, as one unit: scores, counts, the statistics that led to the rewards, and what is to be
    /// remembered of it. Hotkeys that `metagraph` no longer has are forgotten: whoever follows them starts from zero.
    pub fn record_step(
        &self,
        run: JudgedRun<'_>,
        remember: Remember,
        rule: ScoreRule,
        metagraph: &Metagraph,
    ) -> Result<Recorded, ValidatorError> {
        let mut current = self.inner.current.lock();
        let recorded = current
            .state
            .take_in(run, rule, |hotkey| metagraph.find(hotkey).is_some())?;
        self.inner.stats.send_replace(ValidatorStats::from(&current.state));
        if matches!(remember, Remember::Whole(_)) {
            // All that came before is in it.
            current.remember.clear();
            current.wants_whole = false;
        }
        current.remember.push(remember);
        Ok(recorded)
    }

    /// Takes over what another process wrote: scores and counts as they are there. For a process that only reads.
    pub fn take_over(&self, state: ValidatorState) {
        let mut current = self.inner.current.lock();
        current.state = state;
        self.inner.stats.send_replace(ValidatorStats::from(&current.state));
    }

    /// Takes in that our weights are on chain; `shares` sum to one.
    pub fn record_weights(&self, block: u64, shares: &[(AccountId, f64)]) {
        let mut current = self.inner.current.lock();
        let state = &mut current.state;
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
    ///
    /// The memories go first and the state file, which names them, last: it alone decides what counts.
    pub fn save_now(&self) -> Result<(), SaveError> {
        let mut files = self.inner.files.lock();
        let (mut state, remember) = {
            let mut current = self.inner.current.lock();
            (current.state.clone(), std::mem::take(&mut current.remember))
        };
        let written = files.memory.write(&remember);
        let wants_whole = files.memory.wants_whole();
        {
            let mut current = self.inner.current.lock();
            // A whole memory may have been handed over meanwhile.
            let under_way = current.remember.iter().any(|run| matches!(run, Remember::Whole(_)));
            current.wants_whole = wants_whole && !under_way;
        }
        state.memory = written?;
        self.inner.current.lock().state.memory = state.memory;
        files.store.save(&state)?;
        files.memory.sweep();
        Ok(())
    }
}

/// How a run moves the scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreRule {
    /// Share of the new reward.
    pub alpha: f64,
    /// What happens to neurons that were not asked.
    pub unasked: Unasked,
    /// What is averaged.
    pub scale: Scale,
}

/// What a score is the moving average of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// The rewards.
    #[default]
    Rewards,
    /// The softmax of the rewards of those that answered, and 0 for the others: the core validator's rule.
    Softmax,
    /// The same, but those that did not answer keep their score: the core validator's average over its history.
    SoftmaxOfAnswers,
}
