//! The core validator: a gateway that answers questions by asking the best miners, and trains itself in between.
//!
//! [`inference`] serves: the gating model picks whom to ask, and the best answer goes back. [`train`] keeps the gating model
//! and the scores fresh with prompts of its own. Both use [`CoreValidator::forward`] or parts of it. [`serve`] puts inference
//! on the validator's own axon. Chosen by `neuron.mode = "core"`.

pub mod chat;
pub mod forward;
pub mod history;
pub mod inference;
pub mod judge;
pub mod recall;
pub mod reload;
mod seats;
pub mod serve;
pub mod start;
pub mod train;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axoneme_chain::Metagraph;
use axoneme_dendrite::{AxonTarget, Dendrite};
use axoneme_gating::GatingError;
use axoneme_protocol::{Prompting, PromptingReward};
use axoneme_wallet::AccountId;
use tokio::sync::{Mutex, watch};

use crate::ask::Ask;
use crate::book::{Book, ScoreRule};
use crate::events::Recorder;
use crate::gating::Gating;
use crate::tls_keys::TlsKeys;
use history::History;
use judge::{AnswerJudge, MessageFilter};
pub use seats::Seats;

/// How a core validator asks and learns.
#[derive(Debug, Clone, PartialEq)]
pub struct CoreConfig {
    /// Miners asked for one question of an application.
    pub inference_topk: usize,
    /// How long they may take.
    pub inference_timeout: Duration,
    /// Let the judge pick the best answer instead of the gating model.
    pub inference_judged: bool,
    /// Miners asked for one prompt of the training.
    pub training_topk: usize,
    /// How long they may take.
    pub training_timeout: Duration,
    /// Neurons with a permit and more stake than this, TAO, are not asked.
    pub vpermit_tao_limit: u64,
    /// How scores move.
    pub rule: ScoreRule,
    /// System message of every prompt.
    pub base_prompt: String,
    /// Asks for the next question.
    pub follow_up_prompt: String,
    /// After so many steps the training starts over from a new text.
    pub reset_bootstrap_prompt_frequency: u64,
    /// Ask miners at random for the next question, instead of those whose answers were best.
    pub question_random_sample_uids: bool,
    /// Tell miners what their answers earned.
    pub train_network: bool,
}

/// Tells a miner what it earned. Implemented by the dendrite; a miner that does not train has no such route.
#[async_trait]
pub trait Tell: Send + Sync {
    /// Sends one message to each target; nobody waits for what comes back longer than `timeout`.
    async fn tell(&self, messages: Vec<(AxonTarget, PromptingReward)>, timeout: Duration);
}

#[async_trait]
impl Tell for Dendrite {
    async fn tell(&self, messages: Vec<(AxonTarget, PromptingReward)>, timeout: Duration) {
        let send = |(target, message): (AxonTarget, PromptingReward)| async move {
            let answer = self.call(&target, message, timeout).await;
            let result = if answer.status == 200 { "taken" } else { "not taken" };
            metrics::counter!("validator_rewards_told_total", "result" => result).increment(1);
        };
        futures::future::join_all(messages.into_iter().map(send)).await;
    }
}

/// Everything the two halves share. One per process.
pub struct CoreValidator {
    /// The transport.
    pub ask: Arc<dyn Ask>,
    /// The way back to miners that train.
    pub tell: Arc<dyn Tell>,
    /// Who can be asked.
    pub metagraph: watch::Receiver<Arc<Metagraph>>,
    /// Their TLS keys.
    pub tls_keys: TlsKeys,
    /// The head of the chain, for the record.
    pub blocks: watch::Receiver<u64>,
    /// This validator.
    pub own: AccountId,
    /// Picks whom to ask.
    pub gating: Arc<Gating>,
    /// Who came to sit where since the last step, for the record.
    pub seats: parking_lot::Mutex<Seats>,
    /// Judges answers; without one the gating model's own scores are the rewards.
    pub judge: Option<Arc<dyn AnswerJudge>>,
    /// Refuses messages.
    pub filter: Option<Arc<dyn MessageFilter>>,
    /// Scores and counts.
    pub book: Book,
    /// What was asked lately. Held while a step is taken in, so that steps are taken in one after another.
    pub history: Mutex<History>,
    /// Event records.
    pub events: Arc<Recorder>,
    /// Settings.
    pub config: CoreConfig,
}

impl CoreValidator {
    /// Uids that can be asked: they serve, are not this validator, and are not large validators.
    pub fn available(&self) -> Vec<u16> {
        let metagraph = self.metagraph.borrow().clone();
        crate::sampling::available(&metagraph, &self.own, self.config.vpermit_tao_limit)
    }

    /// The gating model's score of each uid for a text.
    async fn gating_scores(&self, text: &str) -> Result<Scored, GatingError> {
        let vector = self.gating.encode(text).await?;
        let metagraph = self.metagraph.borrow().clone();
        let mut seats = self.seats.lock();
        seats.follow(&self.gating, &metagraph);
        Ok(Scored {
            scores: self.gating.scores(&vector)?,
            seats: seats.len(),
            vector,
        })
    }

    async fn ask_uids(&self, uids: &[u16], question: &Prompting, timeout: Duration) -> Asked {
        let targets = {
            let (metagraph, keys) = (self.metagraph.borrow().clone(), self.tls_keys.borrow().clone());
            crate::ask::targets(&metagraph, &keys, uids)
        };
        let (uids, targets): (Vec<u16>, Vec<AxonTarget>) = targets.into_iter().unzip();
        let replies = self.ask.ask(&targets, question, timeout).await;
        let mut completions: Vec<String> = replies
            .into_iter()
            .map(|reply| {
                if reply.status == 200 {
                    reply.completion
                } else {
                    String::new()
                }
            })
            .collect();
        completions.resize(targets.len(), String::new());
        Asked {
            uids,
            targets,
            completions,
        }
    }

    async fn flags(&self, text: &str) -> bool {
        match &self.filter {
            None => false,
            // What cannot be checked is not let through.
            Some(filter) => filter.flags(text).await.unwrap_or_else(|error| {
                tracing::warn!("the message filter failed, and the message counts as flagged: {error}");
                true
            }),
        }
    }
}

/// What the gating model says of a text.
struct Scored {
    /// By uid.
    scores: Vec<f32>,
    /// The text's vector.
    vector: Vec<f32>,
    /// How many changes of seats were known then.
    seats: usize,
}

/// Who was asked, and what they said; empty where nothing came.
struct Asked {
    uids: Vec<u16>,
    targets: Vec<AxonTarget>,
    completions: Vec<String>,
}
