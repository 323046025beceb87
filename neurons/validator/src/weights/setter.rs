//! The loop that keeps the machine of the weights going.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axoneme_chain::weights::WeightLimits;
use axoneme_chain::{Chain, Class, Metagraph};
use axoneme_neuron::{DutyError, ExitCode, Failure, Heart, Readiness, StateStore};
use axoneme_wallet::{AccountId, Keypair};
use axoneme_weights::{
    Change, Intent, Ledger, Obstacle, OnChain, Settings, Stage, Tick, View, WeightsError, WeightsSource, Worker,
};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::{WeightsConfig, plan, shares};
use crate::book::Book;
use crate::error::ValidatorError;
use crate::events::Recorder;
use crate::state::ValidatorState;

/// The record of what was sent, below the folder of a validator's data.
pub const LEDGER: &str = "weights/ledger.json";

/// The longest wait for a new block before the chain is looked at anyway.
const LOOK: Duration = Duration::from_secs(30);
/// A head that falls back by more blocks than this is no fork that lost: the chain has been reset.
const RESET: u64 = 100;

/// Weights from the book's scores.
struct Scores {
    chain: Chain,
    netuid: u16,
    book: Book,
    events: Arc<Recorder>,
}

#[async_trait]
impl WeightsSource for Scores {
    async fn weights(&self, view: &View) -> Result<Option<Vec<(u16, u16)>>, String> {
        let state = self.book.state();
        if !state.neurons.values().any(|neuron| neuron.score > 0.0) {
            return Ok(None);
        }
        // Read anew: a uid that was given to another hotkey since the last refresh must not inherit the old one's weight.
        let metagraph = self.chain.metagraph(self.netuid).await;
        let metagraph = metagraph.map_err(|error| error.to_string())?;
        let limits = WeightLimits {
            min_allowed: view.min_allowed,
            max_weight: view.max_weight,
            exclude_quantile: 0,
        };
        let planned = plan(&state, &metagraph, limits).map_err(|error| error.to_string())?;
        if let Some(plan) = &planned {
            self.events.write(&record(&state, &metagraph, limits, &plan.weights));
        }
        Ok(planned.map(|plan| plan.weights))
    }
}

/// Sets weights when they are due, and sees to it that they are revealed.
#[derive(Clone)]
pub struct WeightSetter {
    /// The chain.
    pub chain: Chain,
    /// The key that signs.
    pub hotkey: Arc<Keypair>,
    /// Where the scores are.
    pub book: Book,
    /// One line says of each plan what it was made of.
    pub events: Arc<Recorder>,
    /// Part `weights` says why they could not be set, or were not revealed.
    pub readiness: Readiness,
    /// Settings.
    pub config: WeightsConfig,
    /// The record of what was sent: [`LEDGER`] in the folder of this validator's data.
    pub ledger: PathBuf,
}

type Machine = Worker<OnChain, StateStore<Ledger>, Scores, ChaCha20Rng>;

impl WeightSetter {
    /// Takes a step at every block at which one may be due. Ends with the token, on an error that may pass, or for good
    /// when the hotkey is not registered any more or the record is not ours.
    pub async fn run(&self, heart: Heart, cancel: CancellationToken) -> Result<(), DutyError> {
        let mut heads = self.chain.blocks();
        let mut machine = self.machine(*heads.borrow_and_update())?;
        let mut wake = 0;
        loop {
            heart.beat();
            let now = *heads.borrow_and_update();
            // A head far below the block we wait for is of a chain that has been reset.
            if now.saturating_add(RESET) < wake {
                // It holds the lock of its record.
                drop(machine);
                machine = self.machine(now)?;
                wake = 0;
            }
            if now >= wake {
                let tick = machine.tick().await.map_err(|error| self.stopped(error))?;
                wake = tick.wake;
                self.note(&tick, machine.ledger()).await;
                if let Some(Obstacle::NotRegistered { netuid }) = tick.obstacle {
                    let error = ValidatorError::NotRegistered { netuid };
                    return Err(DutyError::Fatal(Failure::new(ExitCode::NotRegistered, &error)));
                }
            }
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                changed = heads.changed() => changed.map_err(DutyError::from)?,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// The machine, going on where its record on disk stopped.
    fn machine(&self, head: u64) -> Result<Machine, DutyError> {
        let fatal = |error: &(dyn std::error::Error + 'static)| DutyError::Fatal(Failure::new(ExitCode::State, error));
        let store = StateStore::open(&self.ledger).map_err(|error| fatal(&error))?;
        let mut ledger: Option<Ledger> = store.load().map_err(|error| fatal(&error))?;
        // Only a development chain begins anew with the same first block. Elsewhere such a node is behind, and what is on
        // its way must not be forgotten.
        let local = self.chain.config().is_local();
        if let Some(old) = ledger.take_if(|ledger| local && head.saturating_add(RESET) < ledger.newest()) {
            let (newest, path) = (old.newest(), self.ledger.display());
            tracing::warn!(head, newest, "the local chain has begun anew: {path} is, too");
        }
        let WeightsConfig { netuid, mecid, .. } = self.config;
        let chain = OnChain {
            chain: self.chain.clone(),
            hotkey: Arc::clone(&self.hotkey),
            netuid,
            mecid,
        };
        let source = Scores {
            chain: self.chain.clone(),
            netuid,
            book: self.book.clone(),
            events: Arc::clone(&self.events),
        };
        let settings = Settings {
            netuid,
            mecid,
            version_key: self.config.version_key,
            every: self.config.epoch_length,
            method: self.config.method,
            beacon: self.config.beacon,
        };
        let genesis = self.chain.genesis_hash();
        let hotkey = self.hotkey.account_id().0;
        Worker::new(
            (chain, genesis),
            (store, ledger),
            source,
            ChaCha20Rng::from_os_rng(),
            hotkey,
            settings,
        )
        .map_err(|error| fatal(&error))
    }

    /// An error of the machine itself; what passes is worth a try after a pause.
    fn stopped(&self, error: WeightsError) -> DutyError {
        self.report(&error.to_string());
        error.into()
    }

    fn report(&self, problem: &str) {
        metrics::counter!("validator_weights_total", "result" => "failed").increment(1);
        self.readiness.set("weights", Err(problem.to_owned()));
        tracing::error!("weights: {problem}");
    }

    /// Passes on what a step came to.
    async fn note(&self, tick: &Tick, ledger: &Ledger) {
        let refused = tick.failed.as_ref().filter(|error| error.class() != Class::Transient);
        let WeightsConfig { netuid, mecid, .. } = self.config;
        match (&tick.obstacle, refused, unrevealed(ledger, netuid, mecid)) {
            (Some(obstacle), ..) => self.report(&obstacle.to_string()),
            (None, Some(error), _) => self.report(&error.to_string()),
            // Counted and logged when it was noticed.
            (None, None, Some(problem)) => self.readiness.set("weights", Err(problem)),
            (None, None, None) => self.readiness.set("weights", Ok(())),
        }
        for change in &tick.changes {
            let Some(block) = included_in(change) else { continue };
            let shares = self.shares(change, ledger).await;
            self.book.record_weights(block, &shares);
            metrics::counter!("validator_weights_total", "result" => "set").increment(1);
            if let Err(error) = self.book.save().await {
                tracing::error!("the state was not saved: {error}");
            }
        }
    }

    /// What has just been included, as shares that sum to one.
    async fn shares(&self, change: &Change, ledger: &Ledger) -> Vec<(AccountId, f64)> {
        let WeightsConfig { netuid, mecid, .. } = self.config;
        let intent = newest(ledger, netuid, mecid, |intent| intent.window == change.window);
        let (Some(intent), Ok(metagraph)) = (intent, self.chain.metagraph(netuid).await) else {
            return Vec::new();
        };
        let weights: Vec<(u16, u16)> = intent.uids.iter().copied().zip(intent.values.iter().copied()).collect();
        shares(&weights, &metagraph)
    }
}

/// What a plan was made of, for replaying: scores are those after the run it names.
fn record(
    state: &ValidatorState,
    metagraph: &Metagraph,
    limits: WeightLimits,
    weights: &[(u16, u16)],
) -> Map<String, Value> {
    let hotkeys: Vec<String> = metagraph
        .neurons
        .iter()
        .map(|neuron| neuron.hotkey.to_string())
        .collect();
    let fields = [
        ("name", json!("weights")),
        ("after_step", json!(state.steps)),
        ("block", json!(metagraph.block)),
        ("hotkeys", json!(hotkeys)),
        ("min_allowed_weights", json!(limits.min_allowed)),
        ("max_weight_limit", json!(limits.max_weight)),
        ("weights", json!(weights)),
    ];
    fields
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}

/// The newest such intent of a mechanism: the record may hold those of another one, which was set before.
fn newest(ledger: &Ledger, netuid: u16, mecid: u8, is_it: impl Fn(&Intent) -> bool) -> Option<&Intent> {
    let own = ledger.of(netuid, mecid).into_iter().rev();
    own.map(|at| &ledger.intents[at]).find(|intent| is_it(intent))
}

/// Why the newest weights that were included are not revealed and never will be, if that is so.
fn unrevealed(ledger: &Ledger, netuid: u16, mecid: u8) -> Option<String> {
    let newest = newest(ledger, netuid, mecid, |intent| {
        matches!(
            intent.stage,
            Stage::Revealed { .. } | Stage::Superseded { .. } | Stage::Expired { .. }
        )
    });
    match newest.map(|intent| (&intent.stage, intent.window)) {
        Some((Stage::Expired { why, .. }, window)) => Some(format!(
            "those of window {window} were committed and never revealed: {why}"
        )),
        _ => None,
    }
}

/// The block, when weights have just been found on the chain.
fn included_in(change: &Change) -> Option<u64> {
    match (&change.from, &change.to) {
        (Stage::Stored | Stage::Signed, Stage::Included { block, .. } | Stage::Revealed { block }) => Some(*block),
        _ => None,
    }
}
