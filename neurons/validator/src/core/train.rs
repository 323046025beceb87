//! Training: prompts of its own, so that gating model and scores stay fresh while nobody asks.

use std::sync::Arc;
use std::time::Duration;

use axoneme_gating::top_k;
use axoneme_neuron::{DutyError, Failure, Heart, Readiness};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use tokio_util::sync::CancellationToken;

use super::CoreValidator;
use super::chat::{Message, question_of};
use super::forward::{CoreOutcome, Question, is_answer};
use crate::dataset::Dataset;
use crate::error::ValidatorError;
use crate::passes::stream;

/// How long miners may take to think of the next question.
const QUESTION_TIMEOUT: Duration = Duration::from_secs(12);
/// Attempts to get a next question before the training starts over from a new text.
const TRIES: usize = 5;
/// First and longest pause after a step that came to nothing.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(12));
/// What a model says of itself does not belong into the next prompt.
const SELF_TALK: [&str; 3] = ["As an AI language model, ", "as an AI language model, ", "As an AI, "];

/// The training loop.
pub struct Training {
    /// What is trained.
    pub core: Arc<CoreValidator>,
    /// Texts to start from.
    pub dataset: Dataset,
    /// Every step draws from a stream of its own of this seed.
    pub seed: u64,
    /// Part `forward` says why nothing is learnt.
    pub readiness: Readiness,
    /// Fails when this validator has lost its place in the subnet.
    pub registered: Box<dyn Fn() -> Result<(), Failure> + Send + Sync>,
}

/// Where the training is.
struct Thread {
    base_prompt: String,
    bootstrap: String,
    prompt: String,
    steps: u64,
}

impl Training {
    /// Trains until `cancel`. Errors are logged and followed by a pause that doubles.
    ///
    /// # Errors
    /// [`DutyError::Fatal`] when this validator is not registered any more.
    pub async fn run(self: Arc<Self>, heart: Heart, cancel: CancellationToken) -> Result<(), DutyError> {
        let mut pause = PAUSES.0;
        let mut thread = None;
        loop {
            heart.beat();
            (self.registered)().map_err(DutyError::Fatal)?;
            let number = self.core.book.begin_forward();
            let mut rng = stream(self.seed, number);
            let step = tokio::select! {
                step = self.step(&mut thread, &mut rng) => step,
                () = cancel.cancelled() => return Ok(()),
            };
            let reason = match step {
                Ok(true) => {
                    self.readiness.set("forward", Ok(()));
                    pause = PAUSES.0;
                    continue;
                }
                Ok(false) => "no miner can be asked, or none gave an answer".to_owned(),
                Err(error) => axoneme_neuron::exit::with_causes(&error),
            };
            tracing::warn!(step = number, "a training step came to nothing: {reason}");
            self.readiness.set("forward", Err(reason));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = cancel.cancelled() => return Ok(()),
            }
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn next_text(&self) -> Result<String, ValidatorError> {
        let text = self.dataset.next().await?;
        self.core.book.set_position(self.dataset.position());
        Ok(text)
    }

    /// One step: ask the current prompt, and find the next one. Whether anything was learnt.
    async fn step(&self, thread: &mut Option<Thread>, rng: &mut ChaCha8Rng) -> Result<bool, ValidatorError> {
        let config = &self.core.config;
        if thread.is_none() {
            let text = self.next_text().await?;
            *thread = Some(Thread {
                base_prompt: config.base_prompt.clone(),
                bootstrap: text.clone(),
                prompt: text,
                steps: 0,
            });
        }
        let Some(at) = thread.as_mut() else { return Ok(false) };
        let messages = [
            Message::new("system", at.base_prompt.clone()),
            Message::new("user", at.prompt.clone()),
        ];
        let question = Question {
            messages: &messages,
            topk: Some(config.training_topk),
            random: true,
            train_gating: true,
            train_network: config.train_network,
            timeout: config.training_timeout,
            is_question: false,
            zero_large: true,
        };
        let Some(outcome) = self.core.forward(question, rng).await? else {
            // Perhaps this prompt is the reason.
            *thread = None;
            return Ok(false);
        };
        at.steps += 1;
        at.bootstrap = without_self_talk(&outcome.completion);
        let often = config.reset_bootstrap_prompt_frequency;
        if often > 0 && at.steps.is_multiple_of(often) {
            at.bootstrap = self.next_text().await?;
            at.base_prompt = at.bootstrap.clone();
        }
        match self.next_question(at, &outcome, rng).await? {
            Some(question) => at.prompt = question,
            None => *thread = None,
        }
        Ok(true)
    }

    /// A follow-up question that the judge likes, or any valid one where there is no judge.
    async fn next_question(
        &self,
        at: &mut Thread,
        outcome: &CoreOutcome,
        rng: &mut ChaCha8Rng,
    ) -> Result<Option<String>, ValidatorError> {
        let core = &self.core;
        let mut uids = by_reward(outcome);
        if core.config.question_random_sample_uids {
            uids = draw(core, rng);
        }
        for _ in 0..TRIES {
            let asked_for = format!("{}\n\n{}", at.bootstrap, core.config.follow_up_prompt);
            let messages = [
                Message::new("system", at.base_prompt.clone()),
                Message::new("user", asked_for),
            ];
            let asked = core.ask_uids(&uids, &question_of(&messages), QUESTION_TIMEOUT).await;
            let mut valid = Vec::new();
            for completion in &asked.completions {
                if is_answer(completion) && !core.flags(completion).await {
                    valid.push(completion.clone());
                }
            }
            let accepted = match &core.judge {
                _ if valid.is_empty() => None,
                None => valid.first(),
                Some(judge) => {
                    let rewards = judge.rewards(&at.bootstrap, &valid).await;
                    let rewards = rewards.map_err(|source| ValidatorError::Reward {
                        task: "a question".into(),
                        source,
                    })?;
                    let positive = rewards.iter().position(|reward| *reward > 0.0);
                    // A judge whose scale has no positive numbers would never accept one.
                    let any = rewards.iter().all(|reward| *reward < 0.0).then_some(0);
                    positive.or(any).and_then(|index| valid.get(index))
                }
            };
            if let Some(question) = accepted {
                return Ok(Some(question.clone()));
            }
            uids = draw(core, rng);
            at.bootstrap = self.next_text().await?;
        }
        Ok(None)
    }
}

/// Those that answered, the best first: its question counts if it is any good.
fn by_reward(outcome: &CoreOutcome) -> Vec<u16> {
    let size = outcome.uids.iter().map(|uid| usize::from(*uid) + 1).max().unwrap_or(0);
    let mut scores = vec![f32::NEG_INFINITY; size];
    for (uid, reward) in outcome.uids.iter().zip(&outcome.rewards) {
        scores[usize::from(*uid)] = *reward as f32;
    }
    let mut uids = top_k(&scores, &outcome.uids, outcome.uids.len());
    uids.reverse();
    uids
}

fn draw(core: &CoreValidator, rng: &mut ChaCha8Rng) -> Vec<u16> {
    let mut uids = core.available();
    uids.shuffle(rng);
    uids.truncate(core.config.training_topk);
    uids
}

fn without_self_talk(text: &str) -> String {
    SELF_TALK
        .iter()
        .fold(text.to_owned(), |text, phrase| text.replace(phrase, ""))
}
