//! One prompt run: ask, judge, move the scores, write it down.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axoneme_chain::Metagraph;
use axoneme_dendrite::AxonTarget;
use axoneme_protocol::Prompting;
use axoneme_reward::text::trim;
use axoneme_reward::{Outcome, Pipeline, Response, Task, TaskKind};
use axoneme_wallet::AccountId;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};
use tokio::sync::{Mutex, watch};

use crate::ask::{Ask, Reply};
use crate::book::{Book, ScoreRule};
use crate::completions::clean;
use crate::error::ValidatorError;
use crate::events::Recorder;
use crate::sampling::{available, choose};
use crate::tasks::compose_prompt;

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
    /// The head of the chain, for the record.
    pub blocks: watch::Receiver<u64>,
    /// This validator.
    pub own: AccountId,
    /// One judge for all forward passes: answers are judged one run at a time.
    pub pipeline: Arc<Mutex<Pipeline>>,
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
        let replies = self
            .ask
            .ask(&asked.targets, &Prompting::ask(prompt.clone()), timeout)
            .await;
        if replies.len() != asked.targets.len() {
            return Err(ValidatorError::Answers {
                asked: asked.targets.len(),
                got: replies.len(),
            });
        }
        count_replies(&replies);
        let (replies, outcome, step) = self.judge_and_record(task, &asked, replies).await?;
        // Only now is the run done: a process killed before this line finds the state of the run before.
        if let Err(error) = self.book.save().await {
            metrics::counter!("validator_state_errors_total").increment(1);
            tracing::error!(
                "the state was not saved: {error}; going on, it is tried again after the next prompt run"
            );
        }
        let best = outcome
            .best()
            .map(|index| trim(&replies[index].completion).to_owned())
            .unwrap_or_default();
        let elapsed = started.elapsed();
        self.report(task, step, &asked, &replies, &outcome, elapsed);
        self.events
            .write(&self.event(task, prompt, &asked, &replies, &outcome, &best, elapsed));
        Ok(Some(StepOutcome {
            uids: asked.uids,
            best,
            any_positive: outcome.any_positive(),
        }))
    }
}

impl PromptRun {
    fn select(&self, exclude: &BTreeSet<u16>, count: usize, rng: &mut ChaCha8Rng) -> Asked {
        let metagraph = self.metagraph.borrow().clone();
        let available = available(&metagraph, &self.own, self.config.vpermit_tao_limit);
        let (mut uids, mut targets) = (Vec::new(), Vec::new());
        for uid in choose(&available, exclude, count, rng) {
            let neuron = metagraph.neuron(uid);
            if let Some((neuron, axon)) = neuron.and_then(|neuron| Some((neuron, neuron.axon?))) {
                uids.push(uid);
                targets.push(AxonTarget {
                    hotkey: neuron.hotkey,
                    ip: axon.ip,
                    port: axon.port,
                });
            }
        }
        Asked { uids, targets }
    }

    /// Shows the completions to the filters, cleans and judges them, and takes the rewards into the book. Between the end of
    /// the judging and the book there is no await: either both have learnt from this run or neither.
    async fn judge_and_record(
        &self,
        task: &Task,
        asked: &Asked,
        mut replies: Vec<Reply>,
    ) -> Result<(Vec<Reply>, Outcome, u64), ValidatorError> {
        let mut pipeline = self.pipeline.lock().await;
        let failed = |source| ValidatorError::Reward {
            task: task.name.clone(),
            source,
        };
        let limit = self.config.scoring_timeout;
        let judging = async {
            pipeline
                .observe(&responses(&replies))
                .await
                .map_err(failed)?;
            for reply in &mut replies {
                reply.completion = clean(&task.name, &reply.completion);
            }
            pipeline
                .judge(task, &responses(&replies))
                .await
                .map_err(failed)
        };
        let judged = tokio::time::timeout(limit, judging).await;
        let outcome = judged.map_err(|_| ValidatorError::ScoringTimeout {
            task: task.name.clone(),
            limit,
        })??;
        let metagraph = self.metagraph.borrow().clone();
        let hotkeys = asked.hotkeys();
        let step = self.book.record_step(
            &hotkeys,
            &outcome.rewards,
            pipeline.state(),
            self.config.rule,
            &metagraph,
        )?;
        Ok((replies, outcome, step))
    }

    fn report(
        &self,
        task: &Task,
        step: u64,
        asked: &Asked,
        replies: &[Reply],
        outcome: &Outcome,
        elapsed: Duration,
    ) {
        let kind = kind_label(task.kind);
        let answered = replies.iter().filter(|reply| reply.status == 200).count();
        let mean = outcome.rewards.iter().sum::<f64>() / outcome.rewards.len().max(1) as f64;
        metrics::counter!("validator_steps_total", "task" => kind).increment(1);
        metrics::histogram!("validator_step_seconds", "task" => kind).record(elapsed.as_secs_f64());
        metrics::histogram!("validator_mean_reward", "task" => kind).record(mean);
        tracing::info!(
            step, task = %task.name, asked = asked.uids.len(), answered, mean_reward = format!("{mean:.4}"),
            seconds = format!("{:.2}", elapsed.as_secs_f64()), "prompt run done"
        );
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "one parameter per part of the record"
    )]
    fn event(
        &self,
        task: &Task,
        prompt: String,
        asked: &Asked,
        replies: &[Reply],
        outcome: &Outcome,
        best: &str,
        elapsed: Duration,
    ) -> Map<String, Value> {
        let of = |field: fn(&Reply) -> Value| replies.iter().map(field).collect::<Value>();
        let mut event = if self.config.log_rewards {
            outcome.fields()
        } else {
            Map::new()
        };
        let rewards = if self.config.log_rewards {
            json!(outcome.rewards)
        } else {
            Value::Null
        };
        let hotkeys: Value = asked
            .targets
            .iter()
            .map(|target| json!(target.hotkey.to_string()))
            .collect();
        let fields = [
            ("name", json!(task.name)),
            ("task_type", json!(task.kind.type_name())),
            ("block", json!(*self.blocks.borrow())),
            ("step_length", json!(elapsed.as_secs_f64())),
            ("prompt", json!(prompt)),
            ("uids", json!(asked.uids)),
            ("hotkeys", hotkeys),
            ("completions", of(|reply| json!(reply.completion))),
            (
                "completion_times",
                of(|reply| json!(reply.process_time.unwrap_or(0.0))),
            ),
            (
                "completion_status_codes",
                of(|reply| json!(reply.status.to_string())),
            ),
            (
                "completion_status_messages",
                of(|reply| json!(reply.message)),
            ),
            ("rewards", rewards),
            // There is no gating model in this validator.
            ("gating_loss", Value::Null),
            ("best", json!(best)),
            ("set_weights", Value::Null),
        ];
        event.extend(fields.map(|(name, value)| (name.to_owned(), value)));
        event
    }
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

fn kind_label(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Summary => "summary",
        TaskKind::Question => "question",
        TaskKind::Answer => "answer",
        TaskKind::Other => "other",
    }
}
