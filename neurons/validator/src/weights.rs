//! From scores to weights on chain, once per epoch.
//!
//! What is sent when, in which form, and until it is revealed, is the business of [`axoneme_weights`]. Here is where
//! weights come from ([`plan`]); [`WeightSetter`] keeps the machine going.

mod setter;

use axoneme_chain::weights::{WeightLimits, from_scores};
use axoneme_chain::{ChainError, Hyperparameters, Metagraph};
use axoneme_timelock::Beacon;
use axoneme_wallet::AccountId;
use axoneme_weights::{Method, Obstacle};

use crate::error::ValidatorError;
use crate::state::ValidatorState;

pub use setter::{LEDGER, WeightSetter};

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
    /// The mechanism in it whose weights are set; 0 is the main one.
    pub mecid: u8,
    /// Blocks between two settings.
    pub epoch_length: u64,
    /// Version sent along.
    pub version_key: u64,
    /// How to commit where weights have to be committed.
    pub method: Method,
    /// Beacon of timelocked weights.
    pub beacon: Beacon,
}

/// The beacon that `--neuron.drand_beacon` means. `announced` is the key that the chain names, which `auto` follows on a chain
/// on this machine only: elsewhere a chain that names another beacon than quicknet is better asked about.
///
/// # Errors
/// [`ValidatorError::Beacon`].
pub fn beacon(given: &str, local: bool, announced: Option<&[u8]>) -> Result<Beacon, ValidatorError> {
    let wrong = |problem: String| ValidatorError::Beacon {
        given: given.to_owned(),
        problem,
    };
    let with_key = |key: &[u8]| {
        let key = <[u8; 96]>::try_from(key).map_err(|_| wrong(format!("a key has 96 bytes, not {}", key.len())))?;
        Beacon::with_key(key).map_err(|error| wrong(error.to_string()))
    };
    match (given, announced) {
        ("auto", Some(key)) if local => with_key(key),
        ("auto", None) if local => Ok(Beacon::dev()),
        ("auto" | "quicknet", _) => Ok(Beacon::quicknet()),
        ("dev", _) => Ok(Beacon::dev()),
        (hex, _) => with_key(&hex::decode(hex.trim_start_matches("0x")).map_err(|error| wrong(error.to_string()))?),
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
    let shares = shares(&weights, metagraph);
    Ok(Some(Plan { weights, shares }))
}

/// Weights as shares that sum to one, by hotkey.
fn shares(weights: &[(u16, u16)], metagraph: &Metagraph) -> Vec<(AccountId, f64)> {
    let sum: f64 = weights.iter().map(|(_, value)| f64::from(*value)).sum();
    let share = |&(uid, value): &(u16, u16)| Some((metagraph.neuron(uid)?.hotkey, f64::from(value) / sum));
    weights.iter().filter_map(share).collect()
}

/// Refuses a mechanism that the subnet, which has `count` of them, does not have.
pub fn check_mechanism(netuid: u16, mecid: u8, count: u8) -> Result<(), ValidatorError> {
    // A subnet that was never split is one mechanism.
    let count = count.max(1);
    match mecid < count {
        true => Ok(()),
        false => Err(ValidatorError::Mechanism {
            given: mecid,
            netuid,
            count,
        }),
    }
}

/// Refuses subnets whose rules these weights would break.
pub fn check_subnet(netuid: u16, settings: &Hyperparameters, own_key: u64) -> Result<(), ValidatorError> {
    let required = settings.weights_version;
    if required != 0 && own_key < required {
        let own = own_key;
        return Err(Obstacle::VersionKey { netuid, required, own }.into());
    }
    Ok(())
}
