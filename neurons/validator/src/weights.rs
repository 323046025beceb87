//! From scores to weights on chain, once per epoch of the validator.

use std::sync::Arc;
use std::time::Duration;

use axoneme_chain::weights::{WeightLimits, from_scores};
use axoneme_chain::{Chain, ChainError, Hyperparameters, Metagraph};
use axoneme_neuron::{DutyError, ExitCode, Failure, Heart, Readiness};
use axoneme_wallet::{AccountId, Keypair};
use tokio_util::sync::CancellationToken;

use crate::book::Book;
use crate::error::ValidatorError;
use crate::schedule::{Gate, crossed};
use crate::state::ValidatorState;

/// The longest wait for a new block before the chain is looked at anyway.
const LOOK: Duration = Duration::from_secs(30);

/// This program's version as the chain counts it: `1000 · major + 10 · minor + patch`.
pub fn own_version_key() -> u64 {
    let part = |text: &str| text.parse().unwrap_or(0u64);
    1000 * part(env!("CARGO_PKG_VERSION_MAJOR"))
        + 10 * part(env!("CARGO_PKG_VERSION_MINOR"))
        + part(env!("CARGO_PKG_VERSION_PATCH"))
}

/// Settings of the weights duty.
#[derive(Debug, Clone, Copy)]
pub struct WeightsConfig {
    /// The subnet.
    pub netuid: u16,
    /// Blocks between two settings.
    pub epoch_length: u64,
    /// Version sent along.
    pub version_key: u64,
}

/// Whether weights can be set now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Yes.
    Now,
    /// No boundary was crossed since this block.
    SetAt(u64),
    /// The chain's rate limit allows them from this block on.
    NotBefore(u64),
}

/// Whether weights are due at block `now`. `last_update` is the chain's own record of our last weights (or of our
/// registration); `remembered` is ours, which the chain may not show yet.
pub fn due(now: u64, last_update: u64, remembered: Option<u64>, epoch_length: u64, rate_limit: u64) -> Due {
    // A remembered block that lies ahead is of a chain that has been reset since.
    let previous = last_update.max(remembered.filter(|block| *block <= now).unwrap_or(0));
    if !crossed(previous, now, epoch_length) {
        return Due::SetAt(previous);
    }
    let allowed = last_update.saturating_add(rate_limit);
    // A last update of 0 was never one: the chain lets it pass.
    if last_update != 0 && now < allowed {
        Due::NotBefore(allowed)
    } else {
        Due::Now
    }
}

/// Weights ready to be sent, and the same as shares that sum to one.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Pairs of uid and value.
    pub weights: Vec<(u16, u16)>,
    /// By hotkey.
    pub shares: Vec<(AccountId, f64)>,
}

/// The weights that `state` gives the neurons of `metagraph`. `None` while nobody has a score above zero: equal weights
/// for all, which the rule for that case would give, would reward miners that earned nothing.
pub fn plan(
    state: &ValidatorState,
    metagraph: &Metagraph,
    limits: WeightLimits,
) -> Result<Option<Plan>, ValidatorError> {
    let scores = state.scores_of(metagraph.neurons.iter().map(|neuron| &neuron.hotkey));
    if !scores.iter().any(|score| *score > 0.0) {
        return Ok(None);
    }
    let scores: Vec<f32> = scores.into_iter().map(|score| score as f32).collect();
    let weights = from_scores(&scores, limits).map_err(ChainError::from)?;
    let sum: f64 = weights.iter().map(|(_, value)| f64::from(*value)).sum();
    let share = |&(uid, value): &(u16, u16)| Some((metagraph.neuron(uid)?.hotkey, f64::from(value) / sum));
    let shares = weights.iter().filter_map(share).collect();
    Ok(Some(Plan { weights, shares }))
}

/// Refuses subnets whose rules these weights would break.
pub fn check_subnet(netuid: u16, settings: &Hyperparameters, own_key: u64) -> Result<(), ValidatorError> {
    if settings.commit_reveal_weights_enabled {
        return Err(ValidatorError::CommitReveal { netuid });
    }
    let required = settings.weights_version;
    if required != 0 && own_key < required {
        return Err(ValidatorError::VersionKey {
            netuid,
            required,
            own: own_key,
        });
    }
    Ok(())
}

/// Sets weights when they are due.
#[derive(Clone)]
pub struct WeightSetter {
    /// The chain.
    pub chain: Chain,
    /// The key that signs.
    pub hotkey: Arc<Keypair>,
    /// Where the scores are.
    pub book: Book,
    /// Part `weights` says why they could not be set.
    pub readiness: Readiness,
    /// Settings.
    pub config: WeightsConfig,
}

/// What an attempt came to.
enum Attempt {
    /// Weights are on chain, or were already, as of this block.
    Set(u64),
    /// Look again from this block on.
    NotBefore(u64),
}

impl WeightSetter {
    /// Waits for blocks and sets weights whenever a boundary was crossed. Ends with the token, on an error that
    /// may pass, or for good when the hotkey is not registered any more.
    pub async fn run(&self, heart: Heart, cancel: CancellationToken) -> Result<(), DutyError> {
        let mut heads = self.chain.blocks();
        let mut gate = Gate::default();
        loop {
            heart.beat();
            let now = *heads.borrow_and_update();
            if gate.is_open(now, self.config.epoch_length) && self.anything_to_set() {
                match self.attempt(now).await {
                    Ok(Attempt::Set(block)) => {
                        gate.done(block);
                        self.readiness.set("weights", Ok(()));
                    }
                    Ok(Attempt::NotBefore(block)) => gate.not_before(block),
                    Err(error) => {
                        self.report(&error);
                        match error {
                            ValidatorError::NotRegistered { .. } => {
                                let failure = Failure::new(ExitCode::NotRegistered, &error);
                                return Err(DutyError::Fatal(failure));
                            }
                            // Only the subnet's owner can change this: look again at the next boundary.
                            ValidatorError::CommitReveal { .. } | ValidatorError::VersionKey { .. } => {
                                gate.done(now);
                            }
                            error => return Err(error.into()),
                        }
                    }
                }
            }
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                changed = heads.changed() => changed.map_err(DutyError::from)?,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    fn anything_to_set(&self) -> bool {
        self.book.state().neurons.values().any(|neuron| neuron.score > 0.0)
    }

    fn report(&self, error: &ValidatorError) {
        metrics::counter!("validator_weights_total", "result" => "failed").increment(1);
        self.readiness.set("weights", Err(error.to_string()));
        tracing::error!("weights were not set: {error}");
    }

    async fn attempt(&self, now: u64) -> Result<Attempt, ValidatorError> {
        let WeightsConfig {
            netuid,
            epoch_length,
            version_key,
        } = self.config;
        let settings = self.chain.hyperparameters(netuid).await?;
        check_subnet(netuid, &settings, version_key)?;
        // Read anew: a uid that was given to another hotkey since the last refresh must not inherit the old one's weight.
        let metagraph = self.chain.metagraph(netuid).await?;
        let own = metagraph
            .find(&self.hotkey.account_id())
            .ok_or(ValidatorError::NotRegistered { netuid })?;
        let state = self.book.state();
        let head = metagraph.block.max(now);
        match due(
            head,
            own.last_update,
            state.weights_block,
            epoch_length,
            settings.weights_rate_limit,
        ) {
            Due::Now => {}
            // Also where an earlier attempt went through without our hearing of it.
            Due::SetAt(block) => return Ok(Attempt::Set(block)),
            Due::NotBefore(block) => return Ok(Attempt::NotBefore(block)),
        }
        let Some(plan) = plan(&state, &metagraph, settings.weight_limits())? else {
            return Ok(Attempt::NotBefore(head + 1));
        };
        let block = self
            .chain
            .set_weights(&self.hotkey, netuid, &plan.weights, version_key)
            .await?;
        self.book.record_weights(block, &plan.shares);
        metrics::counter!("validator_weights_total", "result" => "set").increment(1);
        tracing::info!(block, neurons = plan.weights.len(), "weights set");
        if let Err(error) = self.book.save().await {
            tracing::error!("the state was not saved: {error}");
        }
        Ok(Attempt::Set(block))
    }
}
