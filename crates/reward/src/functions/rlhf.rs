//! The reward model that reads prompt and completion as a pair of sentences.

use std::sync::Arc;

use async_trait::async_trait;

use super::{checked, first_logit};
use crate::error::RewardError;
use crate::models::{ModelInput, TextClassifier};
use crate::pipeline::{RewardFunction, Scores};
use crate::task::Task;

/// `rlhf_reward_model`: the one logit of a sequence classifier over the pair (base text, completion), for example
/// `OpenAssistant/reward-model-deberta-v3-large-v2`.
pub struct Rlhf {
    model: Arc<dyn TextClassifier>,
}

impl Rlhf {
    /// With the model behind `model`.
    pub fn new(model: Arc<dyn TextClassifier>) -> Self {
        Self { model }
    }
}

#[async_trait]
impl RewardFunction for Rlhf {
    fn name(&self) -> &'static str {
        "rlhf_reward_model"
    }

    async fn score(&self, task: &Task, completions: &[String]) -> Result<Scores, RewardError> {
        if completions.is_empty() {
            return Ok(Scores::default());
        }
        let pair = |completion: &String| ModelInput::Pair(task.base_text.clone(), completion.clone());
        let logits = self.model.logits(completions.iter().map(pair).collect()).await;
        let logits = checked(self.name(), completions.len(), logits)?;
        Ok(Scores {
            raw: logits.iter().map(|logits| first_logit(logits)).collect(),
            extras: Vec::new(),
        })
    }
}
