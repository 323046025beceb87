//! A run that is over, as the log and the event record show it.

use std::time::Duration;

use axoneme_reward::{Outcome, Task, TaskKind};
use axoneme_wallet::AccountId;
use serde_json::{Map, Value, json};

use super::Asked;
use crate::ask::Reply;
use crate::book::Recorded;

/// Everything about a run.
pub(super) struct Done<'a> {
    pub task: &'a Task,
    pub prompt: String,
    pub asked: Asked,
    /// Completions as they came, before they were cleaned.
    pub raw: Vec<String>,
    pub replies: Vec<Reply>,
    pub outcome: Outcome,
    pub gating_loss: Option<f32>,
    /// Who sits at each uid, if that has changed since the run before.
    pub seats: Option<Vec<AccountId>>,
    pub recorded: Recorded,
    pub best: String,
    pub elapsed: Duration,
}

impl Done<'_> {
    /// The log line and the metrics.
    pub fn report(&self) {
        let step = self.recorded.step;
        let kind = kind_label(self.task.kind);
        let rewards = &self.outcome.rewards;
        let answered = self.replies.iter().filter(|reply| reply.status == 200).count();
        let mean = rewards.iter().sum::<f64>() / rewards.len().max(1) as f64;
        let seconds = self.elapsed.as_secs_f64();
        metrics::counter!("validator_steps_total", "task" => kind).increment(1);
        metrics::histogram!("validator_step_seconds", "task" => kind).record(seconds);
        metrics::histogram!("validator_mean_reward", "task" => kind).record(mean);
        tracing::info!(
            step, task = %self.task.name, asked = self.asked.uids.len(), answered, mean_reward = format!("{mean:.4}"),
            seconds = format!("{seconds:.2}"), "prompt run done"
        );
    }

    /// The event record, with the field names of the network's own.
    pub fn event(&self, block: u64, log_rewards: bool) -> Map<String, Value> {
        let of = |field: fn(&Reply) -> Value| self.replies.iter().map(field).collect::<Value>();
        let mut event = if log_rewards { self.outcome.fields() } else { Map::new() };
        let rewards = if log_rewards {
            json!(self.outcome.rewards)
        } else {
            Value::Null
        };
        let hotkeys: Value = self
            .asked
            .targets
            .iter()
            .map(|target| json!(target.hotkey.to_string()))
            .collect();
        let cleaned = self
            .replies
            .iter()
            .zip(&self.raw)
            .any(|(reply, raw)| reply.completion != *raw);
        let forgotten: Vec<String> = self.recorded.forgotten.iter().map(ToString::to_string).collect();
        let seats: Option<Vec<String>> = self
            .seats
            .as_ref()
            .map(|all| all.iter().map(ToString::to_string).collect());
        let fields = [
            ("name", json!(self.task.name)),
            ("step", json!(self.recorded.step)),
            ("task_type", json!(self.task.kind.type_name())),
            ("block", json!(block)),
            ("step_length", json!(self.elapsed.as_secs_f64())),
            ("prompt", json!(self.prompt)),
            ("uids", json!(self.asked.uids)),
            ("hotkeys", hotkeys),
            ("completions", of(|reply| json!(reply.completion))),
            ("completion_times", of(|reply| json!(reply.process_time.unwrap_or(0.0)))),
            ("completion_status_codes", of(|reply| json!(reply.status.to_string()))),
            ("completion_status_messages", of(|reply| json!(reply.message))),
            ("rewards", rewards),
            ("gating_loss", json!(self.gating_loss.map(f64::from))),
            ("best", json!(self.best)),
            ("set_weights", Value::Null),
            // What it takes to judge the same answers again.
            ("base_text", json!(self.task.base_text)),
            ("criteria", json!(self.task.criteria)),
            ("raw_completions", if cleaned { json!(self.raw) } else { Value::Null }),
            ("scores", json!(self.recorded.scores)),
            ("forgotten", json!(forgotten)),
            ("seats", json!(seats)),
        ];
        event.extend(fields.map(|(name, value)| (name.to_owned(), value)));
        event
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
