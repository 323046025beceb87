//! One prompt run: ask, judge, move the scores, write it down.

mod done;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axoneme_chain::Metagraph;
use axoneme_dendrite::AxonTarget;
use axoneme_protocol::Prompting;
use axoneme_reward::text::trim;
use axoneme_reward::{Outcome, Pipeline, Response, Task};
use axoneme_wallet::AccountId;
use rand_chacha::ChaCha8Rng;
use tokio::sync::{Mutex, watch};

use crate::ask::{Ask, Reply, targets};
use crate::book::{Book, JudgedRun, Recorded, ScoreRule};
use crate::completions::clean;
use crate::error::ValidatorError;
use crate::events::Recorder;
use crate::gating::Gating;
use crate::recall::remember;
use crate::sampling::{available, choose};
use crate::tasks::compose_prompt;
use crate::tls_keys::TlsKeys;
use done::Done;

/// What a forward pass needs to know about a finished run.
#[derive(Debug, Clone, PartialEq)]
pub struct StepOutcome {
    /// Who was asked, in order.
    pub uids: Vec<u16>,
    /// The completion with the highest reward, trimmed; the first of several.
    pub best: String,
    /// Whether anybody earned anything.
    pub any_positive: bool,
}

/// Runs one task past some miners.
#[async_trait]
pub trait QueryStep: Send + Sync {
    /// Asks up to `count` miners, preferring those not in `exclude`, and judges them. `None` when no miner can be asked.
    async fn run(
        &self,
        task: &Task,
        count: usize,
        timeout: Duration,
        exclude: &BTreeSet<u16>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Option<StepOutcome>, ValidatorError>;
}

/// Settings of a run.
#[derive(Debug, Clone, Copy)]
pub struct StepConfig {
    /// Neurons with a permit and more stake than this, TAO, are not asked.
    pub vpermit_tao_limit: u64,
    /// How scores move.
    pub rule: ScoreRule,
    /// How long judging may take.
    pub scoring_timeout: Duration,
    /// Whether rewards go into the event record.
    pub log_rewards: bool,
}

/// The real run: over the transport, with the pipeline, into the book.
pub struct PromptRun {
    /// The transport.
    pub ask: Arc<dyn Ask>,
    /// Who can be asked.
    pub metagraph: watch::Receiver<Arc<Metagraph>>,
    /// Their TLS keys.
    pub tls_keys: TlsKeys,
    /// The head of the chain, for the record.
    pub blocks: watch::Receiver<u64>,
    /// This validator.
    pub own: AccountId,
    /// One judge for all forward passes: answers are judged one run at a time.
    pub pipeline: Arc<Mutex<Pipeline>>,
    /// The model that learns which miners suit a prompt; it is trained and asks nobody.
    pub gating: Option<Arc<Gating>>,
    /// Scores and counts.
    pub book: Book,
    /// Event records.
    pub events: Arc<Recorder>,
    /// Settings.
    pub config: StepConfig,
}

/// Whom a run asks.
struct Asked {
    uids: Vec<u16>,
    targets: Vec<AxonTarget>,
}

impl Asked {
    fn hotkeys(&self) -> Vec<AccountId> {
        self.targets.iter().map(|target| target.hotkey).collect()
    }
}

#[async_trait]
impl QueryStep for PromptRun {
    async fn run(
        &self,
        task: &Task,
        count: usize,
        timeout: Duration,
        exclude: &BTreeSet<u16>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Option<StepOutcome>, ValidatorError> {
        let started = Instant::now();
        let prompt = compose_prompt(task);
        let asked = self.select(exclude, count, rng);
        if asked.uids.is_empty() {
            return Ok(None);
        }
        let question = Prompting::ask(prompt.clone());
        // While the miners think there is time for the prompt's vector.
        let (replies, vector) = tokio::join!(self.ask.ask(&asked.targets, &question, timeout), self.vector(&prompt));
        if replies.len() != asked.targets.len() {
            return Err(ValidatorError::Answers {
                asked: asked.targets.len(),
                got: replies.len(),
            });
        }
        count_replies(&replies);
        let Judged {
            raw,
            replies,
            outcome,
            gating_loss,
            seats,
            recorded,
        } = self.judge_and_record(task, &asked, replies, vector).await?;
        // Only now is the run done: a process killed before this line finds the state of the run before.
        if let Err(error) = self.book.save().await {
            metrics::counter!("validator_state_errors_total").increment(1);
            tracing::error!("the state was not saved: {error}; going on, it is tried again after the next prompt run");
        }
        let best = outcome
            .best()
            .map(|index| trim(&replies[index].completion).to_owned())
            .unwrap_or_default();
        let done = Done {
            task,
            prompt,
            asked,
            raw,
            replies,
            outcome,
            gating_loss,
            seats,
            recorded,
            best,
            elapsed: started.elapsed(),
        };
        done.report();
        self.events
            .write(&done.event(*self.blocks.borrow(), self.config.log_rewards));
        Ok(Some(StepOutcome {
            any_positive: done.outcome.any_positive(),
            uids: done.asked.uids,
            best: done.best,
        }))
    }
}

impl PromptRun {
    fn select(&self, exclude: &BTreeSet<u16>, count: usize, rng: &mut ChaCha8Rng) -> Asked {
        let metagraph = self.metagraph.borrow().clone();
        let tls_keys = self.tls_keys.borrow().clone();
        let available = available(&metagraph, &self.own, self.config.vpermit_tao_limit);
        let chosen = choose(&available, exclude, count, rng);
        let (uids, targets) = targets(&metagraph, &tls_keys, &chosen).into_iter().unzip();
        Asked { uids, targets }
    }

    /// Shows the completions to the filters, cleans and judges them, and takes the rewards into the book. Between the end of
    /// the judging and the book there is no await: either both have learnt from this run or neither.
    async fn judge_and_record(
        &self,
        task: &Task,
        asked: &Asked,
        mut replies: Vec<Reply>,
        vector: Option<Vec<f32>>,
    ) -> Result<Judged, ValidatorError> {
        let raw = replies.iter().map(|reply| reply.completion.clone()).collect();
        let mut pipeline = self.pipeline.lock().await;
        let failed = |source| ValidatorError::Reward {
            task: task.name.clone(),
            source,
        };
        let limit = self.config.scoring_timeout;
        let judging = async {
            pipeline.observe(&responses(&replies)).await.map_err(failed)?;
            for reply in &mut replies {
                reply.completion = clean(&task.name, &reply.completion);
            }
            pipeline.judge(task, &responses(&replies)).await.map_err(failed)
        };
        let judged = tokio::time::timeout(limit, judging).await;
        let outcome = judged.map_err(|_| ValidatorError::ScoringTimeout {
            task: task.name.clone(),
            limit,
        })??;
        let metagraph = self.metagraph.borrow().clone();
        let hotkeys = asked.hotkeys();
        let answered: Vec<bool> = replies.iter().map(|reply| reply.status == 200).collect();
        let seats = self.gating.as_ref().and_then(|gating| gating.follow(&metagraph));
        let gating_loss = vector.and_then(|vector| self.train_gating(&asked.uids, &vector, &outcome.rewards));
        let remember = remember(&mut pipeline, self.gating.as_deref(), self.book.wants_whole());
        let run = JudgedRun {
            hotkeys: &hotkeys,
            rewards: &outcome.rewards,
            answered: &answered,
            zero: &[],
            pipeline: pipeline.state(),
        };
        let recorded = self.book.record_step(run, remember, self.config.rule, &metagraph)?;
        Ok(Judged {
            raw,
            replies,
            outcome,
            gating_loss,
            seats,
            recorded,
        })
    }

    /// The vector of a prompt. Without one nothing is learnt from this run, and nothing else is the worse for it.
    async fn vector(&self, prompt: &str) -> Option<Vec<f32>> {
        let encoded = self.gating.as_ref()?.encode(prompt).await;
        encoded.inspect_err(|error| tracing::warn!("{error}")).ok()
    }

    fn train_gating(&self, uids: &[u16], vector: &[f32], rewards: &[f64]) -> Option<f32> {
        let trained = self.gating.as_ref()?.train(uids, vector, rewards);
        trained.inspect_err(|error| tracing::warn!("{error}")).ok()
    }
}

/// A run that is judged and in the book.
struct Judged {
    /// Completions as they came.
    raw: Vec<String>,
    /// The same answers with their completions cleaned.
    replies: Vec<Reply>,
    outcome: Outcome,
    gating_loss: Option<f32>,
    /// Who sits at each uid, if that has changed since the run before.
    seats: Option<Vec<AccountId>>,
    recorded: Recorded,
}

fn responses(replies: &[Reply]) -> Vec<Response> {
    let response = |reply: &Reply| Response {
        status: reply.status,
        completion: reply.completion.clone(),
    };
    replies.iter().map(response).collect()
}

fn count_replies(replies: &[Reply]) {
    for reply in replies {
        // A miner chooses its status freely: only a few classes become labels.
        let class = match reply.status {
            200 => "ok",
            401 | 403 => "refused",
            408 => "timeout",
            429 | 503 => "busy",
            _ => "failed",
        };
        metrics::counter!("validator_answers_total", "outcome" => class).increment(1);
    }
}
