//! The reward of a language model that is asked for a mark.

mod firewall;
mod template;

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use regex::Regex;

pub use firewall::{detected, detection, detection_prompt};
pub use template::{TAGS, scoring_prompt, tags_of, without_tags};

use super::checked;
use crate::error::RewardError;
use crate::models::TextGenerator;
use crate::pipeline::{RewardFunction, Scores};
use crate::task::Task;

/// Room for `10` and the closing tag in any tokenizer.
pub const MAX_NEW_TOKENS: usize = 4;

/// `prompt_reward_model`: a tenth of the mark from 0 to 10 that a language model gives, shown how by worked examples.
///
/// Different from the network's first validators: tags are taken out of the texts, not every word that is also a tag's
/// name; and the numbered names of real tasks are understood, which there made every question and answer worth 0.
pub struct PromptBased {
    model: Arc<dyn TextGenerator>,
}

impl PromptBased {
    /// With the model behind `model`.
    pub fn new(model: Arc<dyn TextGenerator>) -> Self {
        Self { model }
    }
}

/// The first number from 0 to 10 that stands for itself in `text`; 0 where there is none.
pub fn mark(text: &str) -> f64 {
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b([0-9]|10)\b").expect("a constant pattern"));
    let found = NUMBER.find(text).and_then(|number| number.as_str().parse().ok());
    found.unwrap_or(0.0)
}

#[async_trait]
impl RewardFunction for PromptBased {
    fn name(&self) -> &'static str {
        "prompt_reward_model"
    }

    async fn score(&self, task: &Task, completions: &[String]) -> Result<Scores, RewardError> {
        let mut raw = vec![0.0; completions.len()];
        // A fork's own kind of task has no scoring prompt, and an empty completion needs no model.
        let asked: Vec<(usize, String)> = completions
            .iter()
            .enumerate()
            .filter(|(_, completion)| !completion.is_empty())
            .filter_map(|(index, completion)| Some((index, scoring_prompt(task.kind, &task.base_text, completion)?)))
            .collect();
        if !asked.is_empty() {
            let (places, prompts): (Vec<usize>, Vec<String>) = asked.into_iter().unzip();
            let answers = self.model.continue_texts(prompts, MAX_NEW_TOKENS).await;
            for (place, answer) in places.iter().zip(checked(self.name(), places.len(), answers)?) {
                raw[*place] = mark(&answer) / 10.0;
            }
        }
        Ok(Scores {
            raw,
            extras: Vec::new(),
        })
    }
}
