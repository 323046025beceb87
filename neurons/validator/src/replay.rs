//! Judging recorded answers again.
//!
//! A record of a prompt run holds what the judges saw (the task and the answers as they came) and what they said. The
//! header of the run it belongs to holds the settings and what was remembered at its start ([`start`]). So the rewards,
//! the scores and the weights can be worked out anew: with the same settings and models they are the same, bit for bit
//! on a CPU, and with others the difference is what those settings would have changed. Later prompts, which are made
//! of the best answers, stay as they were. The same goes for the steps of a core validator.

pub mod command;
mod core;
pub mod report;
pub mod start;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use axoneme_chain::weights::{WeightLimits, from_scores};
use axoneme_reward::text::trim;
use axoneme_reward::{Pipeline, Response, Task};
use axoneme_wallet::AccountId;
use serde_json::{Map, Value, json};

use crate::book::{JudgedRun, ScoreRule};
use crate::completions::clean;
use crate::core::judge::AnswerJudge;
use crate::gating::Gating;
use crate::recall;
use crate::state::ValidatorState;
use report::{Difference, Report};
use start::Start;

/// Records that may wait for an earlier one: forward passes under way at the same time finish their writing in any order.
const WAITING: usize = 256;

/// Why a file cannot be replayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// It has no beginning.
    #[error(
        "{path} does not say what was remembered when its first run began: it goes on from an earlier file, or was written \
         by an older validator; give replay the folder with all event files"
    )]
    NoStart {
        /// The file.
        path: std::path::PathBuf,
    },
    /// The beginning cannot be used.
    #[error("what was remembered at the beginning cannot be used: {0}")]
    BadStart(String),
    /// A record cannot be used.
    #[error("the record of run {step} cannot be judged again: {reason}")]
    Record {
        /// Its number.
        step: u64,
        /// Why not.
        reason: String,
    },
    /// The judges failed.
    #[error("run {step} could not be judged")]
    Judge {
        /// Its number.
        step: u64,
        /// Why not.
        #[source]
        source: axoneme_reward::RewardError,
    },
}

/// Judges records again, one after another.
pub struct Replay {
    pipeline: Pipeline,
    gating: Option<Arc<Gating>>,
    /// The judge of a core validator, if it has one.
    answers: Option<Arc<dyn AnswerJudge>>,
    rule: ScoreRule,
    /// Whether other settings than the recorded ones judge: then nothing has to agree.
    other_settings: bool,
    state: ValidatorState,
    started: bool,
    waiting: BTreeMap<u64, Map<String, Value>>,
    weights: BTreeMap<u64, Vec<Map<String, Value>>>,
    report: Report,
}

impl Replay {
    /// With these judges, fresh from their settings.
    pub fn new(pipeline: Pipeline, gating: Option<Arc<Gating>>, rule: ScoreRule, other_settings: bool) -> Self {
        Self {
            pipeline,
            gating,
            answers: None,
            rule,
            other_settings,
            state: ValidatorState::default(),
            started: false,
            waiting: BTreeMap::new(),
            weights: BTreeMap::new(),
            report: Report::new(other_settings),
        }
    }

    /// With the judge of a core validator; without one its gating model's scores are the rewards.
    pub fn with_answers(mut self, answers: Option<Arc<dyn AnswerJudge>>) -> Self {
        self.answers = answers;
        self
    }

    /// A run of the validator begins. Its header says what was remembered; files it names are in `folder`.
    ///
    /// # Errors
    /// When what it says cannot be used.
    pub async fn begin(&mut self, header: &Map<String, Value>, folder: &Path) -> Result<(), ReplayError> {
        self.flush().await?;
        let Some(start) = Start::read(header, folder).map_err(ReplayError::BadStart)? else {
            // The same run in the next file.
            return Ok(());
        };
        // With other settings what they remember goes on, as far as nothing is missing in between.
        let goes_on = self.started && start.state.steps == self.state.steps;
        if !(self.other_settings && goes_on) {
            self.pipeline.restore(start.state.pipeline.clone());
            let complete = recall::restore(&start.memories, &mut self.pipeline, self.gating.as_deref());
            if !complete && !self.other_settings {
                return Err(ReplayError::BadStart(
                    "the settings or models have changed since".into(),
                ));
            }
            self.state = start.state;
        }
        self.started = true;
        Ok(())
    }

    /// Whether a beginning was found.
    pub fn has_begun(&self) -> bool {
        self.started
    }

    /// The next line of the file.
    ///
    /// # Errors
    /// When a record cannot be used, or the judges fail.
    pub async fn event(&mut self, event: Map<String, Value>) -> Result<(), ReplayError> {
        if event.get("name").and_then(Value::as_str) == Some("weights") {
            let after = number(&event, "after_step");
            self.weights.entry(after).or_default().push(event);
            return self.advance(WAITING).await;
        }
        let is_run = event.contains_key("uids") && event.contains_key("base_text");
        if !is_run && !core::is_step(&event) {
            return Ok(());
        }
        self.waiting.insert(number(&event, "step"), event);
        self.advance(WAITING).await
    }

    /// The end of the file: what came of it.
    ///
    /// # Errors
    /// As [`Replay::event`].
    pub async fn finish(mut self) -> Result<Report, ReplayError> {
        self.flush().await?;
        self.report.steps_at_end = self.state.steps;
        for (hotkey, neuron) in &self.state.neurons {
            self.report.final_score(hotkey, neuron.score);
        }
        Ok(self.report)
    }

    async fn flush(&mut self) -> Result<(), ReplayError> {
        self.advance(0).await?;
        self.weights.clear();
        Ok(())
    }

    /// Judges what is due; with more than `patience` records waiting, the missing one is given up.
    async fn advance(&mut self, patience: usize) -> Result<(), ReplayError> {
        loop {
            self.check_weights();
            let Some((&step, _)) = self.waiting.first_key_value() else {
                return Ok(());
            };
            let next = self.state.steps + 1;
            if step > next && self.waiting.len() <= patience {
                return Ok(());
            }
            let Some(event) = self.waiting.remove(&step) else {
                return Ok(());
            };
            if step < next {
                self.report.repeated += 1;
                continue;
            }
            self.report.missing += step - next;
            self.state.steps = step - 1;
            match core::is_step(&event) {
                true => self.judge_step(step, &event).await?,
                false => self.judge(step, &event).await?,
            }
        }
    }

    async fn judge(&mut self, step: u64, event: &Map<String, Value>) -> Result<(), ReplayError> {
        let run = Run::read(event).map_err(|reason| ReplayError::Record { step, reason })?;
        let failed = |source| ReplayError::Judge { step, source };
        self.pipeline.observe(&run.responses(&run.raw)).await.map_err(failed)?;
        let cleaned: Vec<String> = run.raw.iter().map(|text| clean(&run.task.name, text)).collect();
        let responses = run.responses(&cleaned);
        let outcome = self.pipeline.judge(&run.task, &responses).await.map_err(failed)?;
        self.pipeline.take_deltas();
        let gating_loss = self.train_gating(&run, &outcome.rewards).await;
        let answered: Vec<bool> = run.statuses.iter().map(|status| *status == 200).collect();
        let judged = JudgedRun {
            hotkeys: &run.hotkeys,
            rewards: &outcome.rewards,
            answered: &answered,
            zero: &[],
            pipeline: self.pipeline.state(),
        };
        let recorded = self
            .state
            .take_in(judged, self.rule, |hotkey| !run.forgotten.contains(hotkey))
            .map_err(|error| ReplayError::Record {
                step,
                reason: error.to_string(),
            })?;

        self.report.steps += 1;
        let then = event
            .get("rewards")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        for (index, hotkey) in run.hotkeys.iter().enumerate() {
            let before = then.get(index).and_then(Value::as_f64);
            self.report.reward(hotkey, before, outcome.rewards[index]);
            if let Some(score) = event.get("scores").and_then(|scores| scores.get(index)?.as_f64()) {
                self.report.recorded_score(hotkey, score);
            }
        }
        let best = outcome
            .best()
            .map(|index| trim(&cleaned[index]).to_owned())
            .unwrap_or_default();
        let mut now = Map::from_iter([
            ("best".to_owned(), json!(best)),
            ("scores".to_owned(), json!(recorded.scores)),
        ]);
        now.insert("completions".to_owned(), json!(cleaned));
        if event.get("rewards").is_some_and(|rewards| !rewards.is_null()) {
            now.extend(outcome.fields());
            now.insert("rewards".to_owned(), json!(outcome.rewards));
        }
        if event.get("gating_loss").is_some_and(|loss| !loss.is_null()) {
            now.insert("gating_loss".to_owned(), json!(gating_loss.map(f64::from)));
        }
        self.compare(step, event, now);
        Ok(())
    }

    /// Holds what came of a run now against its record.
    fn compare(&mut self, step: u64, event: &Map<String, Value>, now: Map<String, Value>) {
        let mut agrees = true;
        for (field, now) in now {
            let then = event.get(&field).cloned().unwrap_or(Value::Null);
            if then != now {
                agrees = false;
                self.report.differs(Difference { step, field, then, now });
            }
        }
        self.report.agreeing += u64::from(agrees);
    }

    async fn train_gating(&self, run: &Run, rewards: &[f64]) -> Option<f32> {
        let gating = self.gating.as_ref()?;
        if let Some(seats) = &run.seats {
            gating.follow_seats(seats);
        }
        let vector = gating.encode(&run.prompt).await.ok()?;
        let loss = gating.train(&run.uids, &vector, rewards).ok();
        gating.take_addition();
        loss
    }

    /// Weights that were made from the scores as they are now.
    fn check_weights(&mut self) {
        let due: Vec<Map<String, Value>> = self.weights.remove(&self.state.steps).unwrap_or_default();
        for event in due {
            let Some((now, then)) = weights_again(&self.state, &event) else {
                continue;
            };
            self.report.weights += 1;
            let agrees = now == then;
            self.report.agreeing_weights += u64::from(agrees);
            if !agrees {
                let (step, field) = (self.state.steps, "weights".to_owned());
                self.report.differs(Difference { step, field, then, now });
            }
        }
    }
}

/// The fields of a record, read with the name of what is wrong.
struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_null())
    }

    fn read<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, String> {
        let value = self.0.get(name).cloned().unwrap_or(Value::Null);
        serde_json::from_value(value).map_err(|error| format!("{name}: {error}"))
    }

    fn addresses(&self, name: &str) -> Result<Vec<AccountId>, String> {
        parse(name, &self.read::<Vec<String>>(name)?)
    }
}

fn parse(name: &str, texts: &[String]) -> Result<Vec<AccountId>, String> {
    let read = |text: &String| text.parse::<AccountId>().map_err(|error| format!("{name}: {error}"));
    texts.iter().map(read).collect()
}

/// What a record says about a run.
struct Run {
    task: Task,
    prompt: String,
    uids: Vec<u16>,
    hotkeys: Vec<AccountId>,
    statuses: Vec<u16>,
    /// Completions as they came.
    raw: Vec<String>,
    forgotten: Vec<AccountId>,
    /// Who sat at each uid, if that had changed.
    seats: Option<Vec<AccountId>>,
}

impl Run {
    fn read(event: &Map<String, Value>) -> Result<Self, String> {
        let fields = Fields(event);
        let raw = match fields.has("raw_completions") {
            false => fields.read("completions")?,
            true => fields.read::<Vec<String>>("raw_completions")?,
        };
        let statuses: Vec<String> = fields.read("completion_status_codes")?;
        let statuses: Vec<u16> = statuses.iter().map(|status| status.parse().unwrap_or(0)).collect();
        let hotkeys = fields.addresses("hotkeys")?;
        let uids: Vec<u16> = fields.read("uids")?;
        if [raw.len(), statuses.len(), uids.len()] != [hotkeys.len(); 3] {
            return Err("its lists are of different lengths".into());
        }
        Ok(Self {
            task: Task::new(
                fields.read::<String>("name")?,
                fields.read::<String>("base_text")?,
                fields.read("criteria")?,
            ),
            prompt: fields.read("prompt")?,
            uids,
            hotkeys,
            statuses,
            raw,
            forgotten: match fields.has("forgotten") {
                true => fields.addresses("forgotten")?,
                false => Vec::new(),
            },
            seats: match fields.has("seats") {
                true => Some(fields.addresses("seats")?),
                false => None,
            },
        })
    }

    fn responses(&self, completions: &[String]) -> Vec<Response> {
        let response = |(status, completion): (&u16, &String)| Response {
            status: *status,
            completion: completion.clone(),
        };
        self.statuses.iter().zip(completions).map(response).collect()
    }
}

/// The weights of a record, from the scores of today and as they were.
fn weights_again(state: &ValidatorState, event: &Map<String, Value>) -> Option<(Value, Value)> {
    let hotkeys: Vec<String> = serde_json::from_value(event.get("hotkeys")?.clone()).ok()?;
    let hotkeys: Vec<AccountId> = hotkeys.iter().map(|text| text.parse().ok()).collect::<Option<_>>()?;
    let limit = |name: &str| u16::try_from(event.get(name)?.as_u64()?).ok();
    let limits = WeightLimits {
        min_allowed: limit("min_allowed_weights")?,
        max_weight: limit("max_weight_limit")?,
        exclude_quantile: 0,
    };
    let scores: Vec<f32> = state
        .scores_of(&hotkeys)
        .into_iter()
        .map(|score| score as f32)
        .collect();
    let now = from_scores(&scores, limits).ok()?;
    Some((json!(now), event.get("weights")?.clone()))
}

fn number(event: &Map<String, Value>, field: &str) -> u64 {
    event.get(field).and_then(Value::as_u64).unwrap_or(0)
}
