//! One question to some miners, judged, and learnt from.

use std::sync::Arc;
use std::time::Duration;

use axoneme_gating::top_k;
use axoneme_protocol::PromptingReward;
use axoneme_wallet::AccountId;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

use super::chat::{Message, gating_text, question_of, question_text};
use super::history::{self, Entry};
use super::{Asked, CoreValidator};
use crate::book::{JudgedRun, Recorded};
use crate::error::ValidatorError;
use crate::gating;
use crate::memory::{Memories, Piece, Remember};

/// An answer of this many characters or fewer is none.
pub const TOO_SHORT: usize = 10;

/// What is asked, and of whom.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The chat so far.
    pub messages: &'a [Message],
    /// Miners to ask; `None` asks all.
    pub topk: Option<usize>,
    /// Ask at random instead of those the gating model prefers.
    pub random: bool,
    /// Whether the gating model learns from it.
    pub train_gating: bool,
    /// Whether the miners hear what they earned.
    pub train_network: bool,
    /// How long they may take.
    pub timeout: Duration,
    /// Whether a question is being asked for; for the record.
    pub is_question: bool,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct CoreOutcome {
    /// The completion with the highest reward, the first of several.
    pub completion: String,
    /// Those that answered.
    pub uids: Vec<u16>,
    /// Their answers.
    pub completions: Vec<String>,
    /// What those earned.
    pub rewards: Vec<f64>,
    /// All that were asked, in order.
    pub all_uids: Vec<u16>,
}

impl CoreValidator {
    /// Asks, judges and learns. `None` when nobody can be asked or nobody gave an answer: then nothing has changed.
    ///
    /// # Errors
    /// When the models fail; nothing has changed then either.
    pub async fn forward(
        &self,
        question: Question<'_>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Option<CoreOutcome>, ValidatorError> {
        let mut available = self.available();
        if available.is_empty() {
            return Ok(None);
        }
        let text = gating_text(question.messages);
        let (scores, vector) = self.gating_scores(&text).await?;
        let count = question.topk.unwrap_or(available.len()).min(available.len());
        let chosen = if question.random {
            available.shuffle(rng);
            available.truncate(count);
            available
        } else {
            top_k(&scores, &available, count)
        };
        let asked = self
            .ask_uids(&chosen, &question_of(question.messages), question.timeout)
            .await;
        let answered: Vec<bool> = asked.completions.iter().map(|text| is_answer(text)).collect();
        let pick = |index: &usize| answered[*index];
        let successful: Vec<usize> = (0..asked.uids.len()).filter(pick).collect();
        if successful.is_empty() {
            return Ok(None);
        }
        let uids: Vec<u16> = successful.iter().map(|index| asked.uids[*index]).collect();
        let completions: Vec<String> = successful
            .iter()
            .map(|index| asked.completions[*index].clone())
            .collect();
        let rewards = match &self.judge {
            Some(judge) => {
                let judged = judge.rewards(&question_text(question.messages), &completions).await;
                judged.map_err(|source| ValidatorError::Reward {
                    task: "a chat".into(),
                    source,
                })?
            }
            None => uids
                .iter()
                .map(|uid| scores.get(usize::from(*uid)).copied().map_or(0.0, f64::from))
                .collect(),
        };
        let rewards: Vec<f64> = rewards
            .iter()
            .map(|reward| if reward.is_finite() { *reward } else { 0.0 })
            .collect();

        let taken = self
            .take_in(&question, &asked, &answered, &uids, &rewards, &vector)
            .await?;
        if let Err(error) = self.book.save().await {
            metrics::counter!("validator_state_errors_total").increment(1);
            tracing::error!("the state was not saved: {error}; it is tried again after the next step");
        }
        if question.train_network {
            self.tell_rewards(&question, &asked, &answered, &rewards).await;
        }
        let mut best = 0;
        for (index, reward) in rewards.iter().enumerate() {
            if *reward > rewards[best] {
                best = index;
            }
        }
        let outcome = CoreOutcome {
            completion: completions[best].clone(),
            uids,
            completions,
            rewards,
            all_uids: asked.uids.clone(),
        };
        self.events.write(&self.record(&question, &asked, &outcome, taken));
        Ok(Some(outcome))
    }

    /// Gating model, history and scores learn from a step as one unit: nothing is awaited in between.
    async fn take_in(
        &self,
        question: &Question<'_>,
        asked: &Asked,
        answered: &[bool],
        uids: &[u16],
        rewards: &[f64],
        vector: &[f32],
    ) -> Result<Taken, ValidatorError> {
        let mut history = self.history.lock().await;
        let metagraph = self.metagraph.borrow().clone();
        self.gating.follow(&metagraph);
        let mut gating_loss = None;
        if question.train_gating {
            gating_loss = Some(self.gating.train(uids, vector, rewards)?);
        }
        let hotkeys: Vec<AccountId> = asked.targets.iter().map(|target| target.hotkey).collect();
        let mut earned = rewards.iter().copied();
        let of_all: Vec<f64> = answered
            .iter()
            .map(|answered| if *answered { earned.next().unwrap_or(0.0) } else { 0.0 })
            .collect();
        history.push(Entry {
            uids: uids.to_vec(),
            rewards: rewards.to_vec(),
            hotkeys: Arc::new(metagraph.neurons.iter().map(|neuron| neuron.hotkey).collect()),
            block: *self.blocks.borrow(),
        });
        let remember = if self.book.wants_whole() {
            let gating = self.gating.whole()?;
            Remember::Whole(vec![
                Piece::new(gating::NAME, gating),
                Piece::new(history::NAME, history.whole()),
            ])
        } else {
            let gating = self.gating.take_addition().map(|bytes| Piece::new(gating::NAME, bytes));
            let history = history.take_addition().map(|bytes| Piece::new(history::NAME, bytes));
            Remember::Additions(gating.into_iter().chain(history).collect())
        };
        let state = self.book.state();
        let run = JudgedRun {
            hotkeys: &hotkeys,
            rewards: &of_all,
            answered,
            pipeline: &state.pipeline,
        };
        let recorded = self.book.record_step(run, remember, self.config.rule, &metagraph)?;
        Ok(Taken { gating_loss, recorded })
    }

    /// Sets the scores of validators above the stake limit to zero: they are not asked, and earn nothing here.
    pub fn zero_large_validators(&self) {
        let metagraph = self.metagraph.borrow().clone();
        let limit = self.config.vpermit_tao_limit;
        self.book
            .zero_scores(|hotkey| is_large_validator(&metagraph, hotkey, limit));
    }

    async fn tell_rewards(&self, question: &Question<'_>, asked: &Asked, answered: &[bool], rewards: &[f64]) {
        let asked_for = question_of(question.messages);
        let answered = (0..asked.targets.len()).filter(|index| answered[*index]);
        let message = |(index, reward): (usize, &f64)| {
            let message = PromptingReward {
                roles: asked_for.roles.clone(),
                messages: asked_for.messages.clone(),
                completion: asked.completions[index].clone(),
                reward: *reward,
            };
            (asked.targets[index], message)
        };
        let messages = answered.zip(rewards).map(message).collect();
        self.tell.tell(messages, question.timeout).await;
    }

    fn record(
        &self,
        question: &Question<'_>,
        asked: &Asked,
        outcome: &CoreOutcome,
        taken: Taken,
    ) -> Map<String, Value> {
        let hotkeys: Vec<String> = asked.targets.iter().map(|target| target.hotkey.to_string()).collect();
        let forgotten: Vec<String> = taken.recorded.forgotten.iter().map(ToString::to_string).collect();
        let fields = [
            ("name", json!("core")),
            ("step", json!(taken.recorded.step)),
            ("block", json!(*self.blocks.borrow())),
            ("prompt", json!(gating_text(question.messages))),
            ("is_question", json!(question.is_question)),
            ("completion", json!(outcome.completion)),
            ("all_completions", json!(outcome.completions)),
            ("successful_uids", json!(outcome.uids)),
            ("rewards", json!(outcome.rewards)),
            ("all_uids", json!(asked.uids)),
            ("hotkeys", json!(hotkeys)),
            ("scores", json!(taken.recorded.scores)),
            ("forgotten", json!(forgotten)),
            ("gating_loss", json!(taken.gating_loss.map(f64::from))),
        ];
        fields
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect()
    }

    /// Gives gating model and history back what they remembered at the end of the last process.
    pub async fn recall(&self) {
        let memories = self.book.take_memories();
        if !self.restore(&memories).await {
            self.book.want_whole();
        }
    }

    /// The same from given memories; whether all of it could be used.
    pub async fn restore(&self, memories: &Memories) -> bool {
        let mut history = self.history.lock().await;
        let mut complete = true;
        let whole = memories.snapshot.iter().map(|piece| (piece, true));
        let added = memories.additions.iter().flatten().map(|piece| (piece, false));
        for (piece, whole) in whole.chain(added) {
            let restored = match (piece.name.as_str(), whole) {
                (gating::NAME, true) => self.gating.restore(&piece.bytes),
                (gating::NAME, false) => self.gating.relearn(&piece.bytes),
                (history::NAME, true) => history.restore(&piece.bytes),
                (history::NAME, false) => history.relearn(&piece.bytes),
                _ => Ok(()),
            };
            if let Err(error) = restored {
                tracing::warn!(memory = piece.name, "what it remembered cannot be used: {error}");
                complete = false;
            }
        }
        complete
    }
}

struct Taken {
    gating_loss: Option<f32>,
    recorded: Recorded,
}

/// Whether a completion is long enough to be an answer.
pub fn is_answer(completion: &str) -> bool {
    completion.chars().nth(TOO_SHORT).is_some()
}

fn is_large_validator(metagraph: &axoneme_chain::Metagraph, hotkey: &AccountId, limit_tao: u64) -> bool {
    let limit = limit_tao.saturating_mul(axoneme_chain::RAO_PER_TAO);
    let neuron = metagraph.find(hotkey);
    neuron.is_some_and(|neuron| neuron.validator_permit && neuron.total_stake > limit)
}
