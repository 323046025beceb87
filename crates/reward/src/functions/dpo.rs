//! The log-probability reward: how likely a language model finds the completion after the text of the task.

use std::sync::Arc;

use async_trait::async_trait;

use crate::error::RewardError;
use crate::models::{LogProbScorer, RepeatPenalty};
use crate::pipeline::{RewardFunction, Scores};
use crate::task::Task;
use crate::text::trim;

/// The reward of completions that are empty, five characters or fewer, or cannot be scored.
pub const FLOOR: f64 = -11.0;

/// Completions of this many characters or fewer get the [`FLOOR`]: the mean over so few tokens says nothing.
pub const TOO_SHORT: usize = 5;

/// `dpo_reward_model`: the mean log-probability under a reference model.
pub struct Dpo {
    scorer: Arc<dyn LogProbScorer>,
    repeat: RepeatPenalty,
}

impl Dpo {
    /// With the model behind `scorer`.
    pub fn new(scorer: Arc<dyn LogProbScorer>, repeat: RepeatPenalty) -> Self {
        Self { scorer, repeat }
    }
}

#[async_trait]
impl RewardFunction for Dpo {
    fn name(&self) -> &'static str {
        "dpo_reward_model"
    }

    async fn score(&self, task: &Task, completions: &[String]) -> Result<Scores, RewardError> {
        let long_enough = |text: &String| text.chars().nth(TOO_SHORT).is_some() && !trim(text).is_empty();
        let scored: Vec<usize> = (0..completions.len())
            .filter(|index| long_enough(&completions[*index]))
            .collect();
        let texts: Vec<String> = scored.iter().map(|index| completions[*index].clone()).collect();
        let mut raw = vec![FLOOR; completions.len()];
        if !texts.is_empty() {
            let found = self.scorer.mean_log_prob(&task.base_text, &texts, self.repeat).await;
            let found = found.map_err(|source| RewardError::Model {
                name: self.name(),
                source,
            })?;
            if found.len() != texts.len() {
                let (expected, got) = (texts.len(), found.len());
                return Err(RewardError::WrongLength {
                    name: self.name(),
                    expected,
                    got,
                });
            }
            for (index, score) in scored.into_iter().zip(found) {
                raw[index] = score.filter(|score| score.is_finite()).unwrap_or(FLOOR);
            }
        }
        Ok(Scores {
            raw,
            extras: Vec::new(),
        })
    }
}
