//! The seams to the models of a core validator: what judges answers, and what refuses messages.

use std::sync::Arc;

use async_trait::async_trait;
use axoneme_reward::functions::Dahoas;
use axoneme_reward::functions::dahoas::shifted_difference;
use axoneme_reward::text::trim;
use axoneme_reward::{ModelFault, RewardError, RewardFunction, Task};

use super::chat::{Message, question_text};

/// Says how good answers to a question are, on any scale.
#[async_trait]
pub trait AnswerJudge: Send + Sync {
    /// One number per completion. `question` is the chat so far without the system's messages.
    async fn rewards(&self, question: &str, completions: &[String]) -> Result<Vec<f64>, RewardError>;
}

/// What answers earn: what the judge says, or without one the gating model's own score of who gave them. What is not a number
/// counts as 0.
///
/// # Errors
/// Those of the judge.
pub async fn rewards(
    judge: Option<&dyn AnswerJudge>,
    messages: &[Message],
    scores: &[f32],
    uids: &[u16],
    completions: &[String],
) -> Result<Vec<f64>, RewardError> {
    let rewards = match judge {
        Some(judge) => judge.rewards(&question_text(messages), completions).await?,
        None => {
            let score = |uid: &u16| scores.get(usize::from(*uid)).copied().map_or(0.0, f64::from);
            uids.iter().map(score).collect()
        }
    };
    let finite = |reward: f64| if reward.is_finite() { reward } else { 0.0 };
    Ok(rewards.into_iter().map(finite).collect())
}

/// The highest reward, the first of several; `None` of none.
pub fn best(rewards: &[f64]) -> Option<usize> {
    let higher = |best: Option<usize>, (index, reward): (usize, &f64)| match best {
        Some(best) if *reward <= rewards[best] => Some(best),
        _ => Some(index),
    };
    rewards.iter().enumerate().fold(None, higher)
}

/// Says whether a message is one that must not be asked or shown.
#[async_trait]
pub trait MessageFilter: Send + Sync {
    /// Whether it is.
    async fn flags(&self, message: &str) -> Result<bool, ModelFault>;
}

/// A model that scores a text by itself.
#[async_trait]
pub trait TextScorer: Send + Sync {
    /// One number per text.
    async fn score(&self, texts: Vec<String>) -> Result<Vec<f64>, ModelFault>;
}

#[async_trait]
impl TextScorer for Dahoas {
    async fn score(&self, texts: Vec<String>) -> Result<Vec<f64>, ModelFault> {
        self.scores(&texts).await
    }
}

/// The judge of the network's core validator: how much better a text is with its question than without.
pub struct ShiftedDifference {
    /// The reward model.
    pub scorer: Arc<dyn TextScorer>,
    /// By how much its scores are lifted.
    pub shift: f64,
}

#[async_trait]
impl AnswerJudge for ShiftedDifference {
    async fn rewards(&self, question: &str, completions: &[String]) -> Result<Vec<f64>, RewardError> {
        const NAME: &str = "shifted_difference";
        let fault = |source| RewardError::Model { name: NAME, source };
        let bare: Vec<String> = completions
            .iter()
            .map(|completion| trim(completion).to_owned())
            .collect();
        let full = bare
            .iter()
            .map(|completion| format!("Question: {question}Answer: {completion}"));
        let full = self.scorer.score(full.collect()).await.map_err(fault)?;
        let bare = self.scorer.score(bare).await.map_err(fault)?;
        if full.len() != completions.len() || bare.len() != completions.len() {
            return Err(RewardError::WrongLength {
                name: NAME,
                expected: completions.len(),
                got: full.len().min(bare.len()),
            });
        }
        let pairs = full.into_iter().zip(bare);
        Ok(pairs
            .map(|(full, bare)| shifted_difference(full, bare, self.shift))
            .collect())
    }
}

/// A reward function of the pipeline as the judge, for example the log-probability.
pub struct ByFunction(pub Arc<dyn RewardFunction>);

#[async_trait]
impl AnswerJudge for ByFunction {
    async fn rewards(&self, question: &str, completions: &[String]) -> Result<Vec<f64>, RewardError> {
        let task = Task::new("core", question, Vec::new());
        let trimmed: Vec<String> = completions
            .iter()
            .map(|completion| trim(completion).to_owned())
            .collect();
        let scores = self.0.score(&task, &trimmed).await?;
        if scores.raw.len() != completions.len() {
            return Err(RewardError::WrongLength {
                name: self.0.name(),
                expected: completions.len(),
                got: scores.raw.len(),
            });
        }
        Ok(scores.raw)
    }
}
