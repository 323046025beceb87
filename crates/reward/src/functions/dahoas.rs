//! The reward model with a value at every token: how much the prompt makes the completion better than it is alone.

use std::sync::Arc;

use async_trait::async_trait;

use super::{aside, checked};
use crate::error::{ModelFault, RewardError};
use crate::models::{ModelInput, TokenValues};
use crate::pipeline::{RewardFunction, Scores};
use crate::task::Task;

/// What the model's texts begin with; plain text for its tokenizer.
const START: &str = "<|startoftext|>";
/// What they end with.
const END: &str = "<|endoftext|>";

/// What the core validator adds to both scores.
pub const DEFAULT_SHIFT: f64 = 3.0;

/// `dahoas_reward_model`: score(prompt + completion) − score(completion), where a text's score is the value at the token
/// before its first end token.
///
/// The network's first validators scored single characters here and then failed; this is what they meant.
pub struct Dahoas {
    model: Arc<dyn TokenValues>,
}

impl Dahoas {
    /// With the model behind `model`.
    pub fn new(model: Arc<dyn TokenValues>) -> Self {
        Self { model }
    }

    /// The score of each text.
    pub async fn scores(&self, texts: &[String]) -> Result<Vec<f64>, ModelFault> {
        let (model, texts) = (self.model.clone(), texts.to_vec());
        let expected = texts.len();
        let inputs = aside(move || texts.iter().map(|text| ids(&*model, text)).collect()).await?;
        let values = self.model.values(inputs).await?;
        if values.len() != expected {
            return Err(format!("{} lists of values came for {expected} texts", values.len()).into());
        }
        let last = |values: &Vec<f32>| values.last().map_or(f64::NAN, |value| f64::from(*value));
        Ok(values.iter().map(last).collect())
    }

    /// As the core validator judges answers to `text`, its messages joined: `Question: ` + text + `Answer: ` + completion
    /// against the completion alone, both shifted and cut off at zero.
    pub async fn shifted(&self, text: &str, completions: &[String], shift: f64) -> Result<Vec<f64>, RewardError> {
        let full = |completion: &String| format!("Question: {text}Answer: {completion}");
        let (full, alone) = self.both(completions.iter().map(full), completions).await?;
        let pairs = full.iter().zip(&alone);
        Ok(pairs
            .map(|(full, alone)| shifted_difference(*full, *alone, shift))
            .collect())
    }

    async fn both(
        &self,
        full: impl Iterator<Item = String>,
        completions: &[String],
    ) -> Result<(Vec<f64>, Vec<f64>), RewardError> {
        let texts: Vec<String> = full.chain(completions.iter().cloned()).collect();
        let mut full = checked("dahoas_reward_model", texts.len(), self.scores(&texts).await)?;
        let alone = full.split_off(completions.len());
        Ok((full, alone))
    }
}

/// The ids up to where the value is read: what follows cannot change it, as the model only looks back.
fn ids(model: &dyn TokenValues, text: &str) -> Result<ModelInput, ModelFault> {
    let mut ids = model.ids(&format!("{START}{text}{END}"))?;
    if let Some(end) = ids.iter().position(|id| model.end_token() == Some(*id)) {
        ids.truncate(end);
    }
    ids.truncate(model.max_tokens().unwrap_or(usize::MAX));
    Ok(ModelInput::Ids(ids))
}

/// relu(full + shift) − relu(alone + shift).
pub fn shifted_difference(full: f64, alone: f64, shift: f64) -> f64 {
    // `f64::max` would turn an undefined score into 0.
    let relu = |value: f64| if value < 0.0 { 0.0 } else { value };
    relu(full + shift) - relu(alone + shift)
}

#[async_trait]
impl RewardFunction for Dahoas {
    fn name(&self) -> &'static str {
        "dahoas_reward_model"
    }

    async fn score(&self, task: &Task, completions: &[String]) -> Result<Scores, RewardError> {
        if completions.is_empty() {
            return Ok(Scores::default());
        }
        let joined = completions
            .iter()
            .map(|completion| format!("{}{completion}", task.base_text));
        let (full, alone) = self.both(joined, completions).await?;
        Ok(Scores {
            raw: full.iter().zip(&alone).map(|(full, alone)| full - alone).collect(),
            extras: Vec::new(),
        })
    }
}
