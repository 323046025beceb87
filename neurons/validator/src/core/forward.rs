//! One question to some miners, judged, and learnt from.

use std::sync::Arc;
use std::time::Duration;

use axoneme_chain::Metagraph;
use axoneme_gating::top_k;
use axoneme_protocol::PromptingReward;
use axoneme_wallet::AccountId;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

use super::chat::{Message, gating_text, question_of};
use super::history::{self, Entry};
use super::{Asked, CoreValidator, Scored, judge};
use crate::book::{JudgedRun, Recorded};
use crate::error::ValidatorError;
use crate::gating;
use crate::memory::{Piece, Remember};

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
    /// Whether validators that have grown too large to be asked lose their scores with it.
    pub zero_large: bool,
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
        let scored = self.gating_scores(&text).await?;
        let count = question.topk.unwrap_or(available.len()).min(available.len());
        let chosen = if question.random {
            available.shuffle(rng);
            available.truncate(count);
            available
        } else {
            top_k(&scored.scores, &available, count)
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
        let judge = self.judge.as_deref();
        let rewards = judge::rewards(judge, question.messages, &scored.scores, &uids, &completions);
        let rewards = rewards.await.map_err(|source| ValidatorError::Reward {
            task: "a chat".into(),
            source,
        })?;

        let taken = self
            .take_in(&question, &asked, &answered, &uids, &rewards, &scored)
            .await?;
        let outcome = CoreOutcome {
            completion: judge::best(&rewards).map_or_else(String::new, |best| completions[best].clone()),
            uids,
            completions,
            rewards,
            all_uids: asked.uids.clone(),
        };
        metrics::counter!("validator_steps_total", "task" => "core").increment(1);
        // At once, so that a validator that is stopped now has a record of all it has learnt.
        self.events.write(&self.record(&question, &asked, &outcome, taken));
        if let Err(error) = self.book.save().await {
            metrics::counter!("validator_state_errors_total").increment(1);
            tracing::error!("the state was not saved: {error}; it is tried again after the next step");
        }
        if question.train_network {
            self.tell_rewards(&question, &asked, &answered, &outcome.rewards).await;
        }
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
        scored: &Scored,
    ) -> Result<Taken, ValidatorError> {
        let mut history = self.history.lock().await;
        let metagraph = self.metagraph.borrow().clone();
        let (gating_loss, seats) = {
            let mut seats = self.seats.lock();
            seats.follow(&self.gating, &metagraph);
            let loss = match question.train_gating {
                true => Some(self.gating.train(uids, &scored.vector, rewards)?),
                false => None,
            };
            (loss, seats.take(scored.seats))
        };
        let hotkeys: Vec<AccountId> = asked.targets.iter().map(|target| target.hotkey).collect();
        let of_all = for_all(rewards, answered);
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
        let scored = |hotkey: &AccountId| {
            let known = state.neurons.get(hotkey).is_some_and(|neuron| neuron.score != 0.0);
            known || hotkeys.contains(hotkey)
        };
        let mut zero = match question.zero_large {
            true => large_validators(&metagraph, self.config.vpermit_tao_limit),
            false => Vec::new(),
        };
        zero.retain(scored);
        let run = JudgedRun {
            hotkeys: &hotkeys,
            rewards: &of_all,
            answered,
            zero: &zero,
            pipeline: &state.pipeline,
        };
        let recorded = self.book.record_step(run, remember, self.config.rule, &metagraph)?;
        Ok(Taken {
            gating_loss,
            seats,
            zero,
            recorded,
        })
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
        let texts = |hotkeys: &[AccountId]| -> Vec<String> { hotkeys.iter().map(ToString::to_string).collect() };
        let seats =
            |seats: &[Vec<AccountId>]| -> Vec<Vec<String>> { seats.iter().map(|hotkeys| texts(hotkeys)).collect() };
        let hotkeys: Vec<AccountId> = asked.targets.iter().map(|target| target.hotkey).collect();
        let (before, after) = &taken.seats;
        let fields = [
            ("name", json!("core")),
            ("step", json!(taken.recorded.step)),
            ("block", json!(*self.blocks.borrow())),
            ("messages", json!(question.messages)),
            ("prompt", json!(gating_text(question.messages))),
            ("is_question", json!(question.is_question)),
            ("completion", json!(outcome.completion)),
            ("all_completions", json!(outcome.completions)),
            ("successful_uids", json!(outcome.uids)),
            ("rewards", json!(outcome.rewards)),
            ("all_uids", json!(asked.uids)),
            ("hotkeys", json!(texts(&hotkeys))),
            ("scores", json!(taken.recorded.scores)),
            ("forgotten", json!(texts(&taken.recorded.forgotten))),
            ("zeroed", json!(texts(&taken.zero))),
            ("gating_loss", json!(taken.gating_loss.map(f64::from))),
            ("seats", json!(seats(before))),
            ("seats_after", json!(seats(after))),
        ];
        fields
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect()
    }
}

struct Taken {
    gating_loss: Option<f32>,
    /// Who sat where when the gating model gave its scores, and when it learnt, as far as that had changed.
    seats: (Vec<Vec<AccountId>>, Vec<Vec<AccountId>>),
    /// Whose scores were set to zero.
    zero: Vec<AccountId>,
    recorded: Recorded,
}

/// The rewards of those that answered, with 0 for those that did not.
pub fn for_all(rewards: &[f64], answered: &[bool]) -> Vec<f64> {
    let mut earned = rewards.iter().copied();
    let of = |answered: &bool| if *answered { earned.next().unwrap_or(0.0) } else { 0.0 };
    answered.iter().map(of).collect()
}

/// Whether a completion is long enough to be an answer.
pub fn is_answer(completion: &str) -> bool {
    completion.chars().nth(TOO_SHORT).is_some()
}

/// Validators with more stake than `limit_tao`: they are not asked, and earn nothing here.
pub fn large_validators(metagraph: &Metagraph, limit_tao: u64) -> Vec<AccountId> {
    let limit = limit_tao.saturating_mul(axoneme_chain::RAO_PER_TAO);
    let large = metagraph
        .neurons
        .iter()
        .filter(|neuron| neuron.validator_permit && neuron.total_stake > limit);
    large.map(|neuron| neuron.hotkey).collect()
}
