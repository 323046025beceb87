//! Two masks of the network's earlier validators, for those who want to judge as they did.

use async_trait::async_trait;

use crate::error::RewardError;
use crate::penalties::{KeywordMatch, Patterns};
use crate::pipeline::{Judged, Mask};
use crate::task::Task;

fn decided(pass: impl Iterator<Item = bool>) -> Judged {
    let factor: Vec<f64> = pass.map(|pass| f64::from(u8::from(pass))).collect();
    Judged {
        raw: factor.clone(),
        factor,
        extras: Vec::new(),
    }
}

/// `blacklist_filter` before phrases were counted: 0 for a completion that is a fixed phrase, the base text, or the best
/// completion of an earlier task of the same forward pass ([`Task::earlier`]).
#[derive(Debug, Clone)]
pub struct PhraseBlacklist {
    phrases: Vec<String>,
}

impl PhraseBlacklist {
    /// Refuses `phrases`.
    pub fn new(phrases: Vec<String>) -> Self {
        Self { phrases }
    }
}

impl Default for PhraseBlacklist {
    /// The one phrase the network refused: praise for the question.
    fn default() -> Self {
        Self::new(vec!["That is an excellent question.".to_owned()])
    }
}

#[async_trait]
impl Mask for PhraseBlacklist {
    fn name(&self) -> &'static str {
        "blacklist_filter"
    }

    async fn judge(&self, task: &Task, completions: &[String]) -> Result<Judged, RewardError> {
        let known = |completion: &String| {
            *completion == task.base_text || self.phrases.contains(completion) || task.earlier.contains(completion)
        };
        Ok(decided(completions.iter().map(|completion| !known(completion))))
    }
}

/// `task_validator_filter`: the labels of the keyword penalty as a mask, without its headings.
#[derive(Debug, Clone, Copy)]
pub struct TaskValidatorFilter {
    labels: KeywordMatch,
}

impl TaskValidatorFilter {
    /// With the labels of `edition`.
    pub fn new(edition: Patterns) -> Self {
        Self {
            labels: KeywordMatch::new(1.0, edition),
        }
    }
}

#[async_trait]
impl Mask for TaskValidatorFilter {
    fn name(&self) -> &'static str {
        "task_validator_filter"
    }

    async fn judge(&self, task: &Task, completions: &[String]) -> Result<Judged, RewardError> {
        let foreign = |completion: &String| self.labels.has_foreign_label(task.kind, completion);
        Ok(decided(completions.iter().map(|completion| !foreign(completion))))
    }
}
