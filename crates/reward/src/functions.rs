//! The reward functions that ship.

pub mod dahoas;
pub mod dpo;
pub mod prompt_based;
pub mod reciprocate;
mod rlhf;

pub use dahoas::{Dahoas, shifted_difference};
pub use dpo::Dpo;
pub use prompt_based::PromptBased;
pub use reciprocate::{PairFormat, Reciprocate};
pub use rlhf::Rlhf;

use crate::error::{ModelFault, RewardError};

/// A model's failure, or a list of the wrong length, as the function's error.
pub(crate) fn checked<T>(
    name: &'static str,
    expected: usize,
    found: Result<Vec<T>, ModelFault>,
) -> Result<Vec<T>, RewardError> {
    let found = found.map_err(|source| RewardError::Model { name, source })?;
    if found.len() == expected {
        Ok(found)
    } else {
        let got = found.len();
        Err(RewardError::WrongLength { name, expected, got })
    }
}

/// Does `work`, tokenising as a rule, where it does not hold up what serves the network: a miner may write a quarter of a
/// megabyte.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ModelFault> + Send + 'static,
) -> Result<T, ModelFault> {
    tokio::task::spawn_blocking(work).await?
}

/// The one number of a one-label head; not a number when the model has none to give.
pub(crate) fn first_logit(logits: &[f32]) -> f64 {
    logits.first().map_or(f64::NAN, |logit| f64::from(*logit))
}
