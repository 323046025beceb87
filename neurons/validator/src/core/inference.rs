//! Answering an application: the gating model picks whom to ask, the best answer goes back.

use std::time::Duration;

use axoneme_gating::{GatingError, top_k};
use axoneme_reward::RewardError;

use super::CoreValidator;
use super::chat::{Message, gating_text, last_user_message, question_of, question_text};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// The message filter.
    #[error("the question was refused by the message filter")]
    Refused,
    /// An empty chat.
    #[error("there is no message to answer")]
    NothingAsked,
    /// Nobody serves.
    #[error("no miner can be asked: none serves an axon")]
    NobodyToAsk,
    /// Nobody said anything that can be passed on.
    #[error("none of {asked} miners gave an answer that can be passed on")]
    NoAnswer {
        /// Miners asked.
        asked: usize,
    },
    /// The gating model.
    #[error("the gating model failed")]
    Gating(#[from] GatingError),
    /// The judge.
    #[error("the answers could not be judged")]
    Judge(#[from] RewardError),
}

/// An answer that can be passed on.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Who gave it.
    pub uid: u16,
    /// What was said.
    pub completion: String,
}

impl CoreValidator {
    /// All answers that can be passed on, the best first: by the gating model's score of who gave them, or by the judge's if
    /// that is configured. Nothing is learnt from it.
    ///
    /// # Errors
    /// One for each way in which there is no answer.
    pub async fn inference(&self, messages: &[Message], timeout: Duration) -> Result<Vec<Candidate>, InferenceError> {
        if messages.is_empty() {
            return Err(InferenceError::NothingAsked);
        }
        if let Some(asked) = last_user_message(messages)
            && self.flags(asked).await
        {
            return Err(InferenceError::Refused);
        }
        let available = self.available();
        if available.is_empty() {
            return Err(InferenceError::NobodyToAsk);
        }
        let scored = self.gating_scores(&gating_text(messages)).await?;
        let chosen = top_k(&scored.scores, &available, self.config.inference_topk);
        let asked = self.ask_uids(&chosen, &question_of(messages), timeout).await;
        let mut candidates = Vec::new();
        // The best was asked last.
        for (uid, completion) in asked.uids.iter().zip(&asked.completions).rev() {
            if !completion.trim().is_empty() && !self.flags(completion).await {
                candidates.push(Candidate {
                    uid: *uid,
                    completion: completion.clone(),
                });
            }
        }
        if candidates.is_empty() {
            let asked = asked.uids.len();
            return Err(InferenceError::NoAnswer { asked });
        }
        if let (true, Some(judge)) = (self.config.inference_judged, &self.judge) {
            let completions: Vec<String> = candidates
                .iter()
                .map(|candidate| candidate.completion.clone())
                .collect();
            let rewards = judge.rewards(&question_text(messages), &completions).await?;
            let finite = |reward: f64| if reward.is_finite() { reward } else { f64::NEG_INFINITY };
            let mut judged: Vec<(f64, Candidate)> = rewards.into_iter().map(finite).zip(candidates).collect();
            judged.sort_by(|(a, _), (b, _)| b.total_cmp(a));
            candidates = judged.into_iter().map(|(_, candidate)| candidate).collect();
        }
        Ok(candidates)
    }
}
