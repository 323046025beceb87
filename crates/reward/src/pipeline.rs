//! The pipeline: reward functions, masks and penalties applied to the answers of one query step.

use async_trait::async_trait;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::RewardError;
use crate::normalise::RunningNorm;
use crate::record::{FunctionRecord, Kind, Outcome};
use crate::task::Task;
use crate::text::trim;

/// One miner's answer. Only an answer with status 200 can earn anything.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// The status code the dendrite classed the call with.
    pub status: u16,
    /// The completion, empty when there is none.
    pub completion: String,
}

impl Response {
    fn succeeded(&self) -> bool {
        self.status == 200
    }
}

/// A named list of further values for the event record, one per completion.
#[derive(Debug, Clone, PartialEq)]
pub struct Extra {
    /// Appended to the function's name.
    pub name: &'static str,
    /// One per completion; null where there is none.
    pub values: Vec<Value>,
}

/// What a reward function found: one raw number per completion, of any scale.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scores {
    /// One per completion. A value that is not finite counts as 0 after normalisation.
    pub raw: Vec<f64>,
    /// For the event record only.
    pub extras: Vec<Extra>,
}

/// What a mask found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judged {
    /// The number the decision was made on, for the event record.
    pub raw: Vec<f64>,
    /// The factor, 0 or 1.
    pub factor: Vec<f64>,
    /// For the event record only.
    pub extras: Vec<Extra>,
}

/// Says how good completions are, on any scale: the pipeline normalises.
#[async_trait]
pub trait RewardFunction: Send + Sync {
    /// The key in event records, for example `dpo_reward_model`.
    fn name(&self) -> &'static str;

    /// One raw reward per completion. The completions are trimmed and come from successful answers only; the list may
    /// be empty.
    async fn score(&self, task: &Task, completions: &[String]) -> Result<Scores, RewardError>;
}

/// Lets a completion earn its reward, or not.
#[async_trait]
pub trait Mask: Send + Sync {
    /// The key in event records.
    fn name(&self) -> &'static str;

    /// Sees every non-empty completion as it came, failed answers' too, before any is judged.
    async fn observe(&self, _completions: &[String]) -> Result<(), RewardError> {
        Ok(())
    }

    /// One decision per completion; the same completions as [`RewardFunction::score`] gets.
    async fn judge(&self, task: &Task, completions: &[String]) -> Result<Judged, RewardError>;
}

/// Takes a share of the reward away.
#[async_trait]
pub trait Penalty: Send + Sync {
    /// The key in event records.
    fn name(&self) -> &'static str;

    /// The largest share it may take, 0 to 1.
    fn max(&self) -> f64;

    /// One raw penalty per completion, untrimmed, of all answers.
    async fn raw(&self, task: &Task, completions: &[String]) -> Result<Vec<f64>, RewardError>;
}

/// The pipeline's memory, to be saved after every step and given back at the next start.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PipelineState {
    /// Running statistics by the name of the reward function. Entries of functions that are switched off now are kept.
    pub norms: IndexMap<String, RunningNorm>,
}

/// The whole judgement of a query step. Build one with [`Pipeline::builder`].
pub struct Pipeline {
    rewards: Vec<(f64, Box<dyn RewardFunction>)>,
    masks: Vec<Box<dyn Mask>>,
    penalties: Vec<Box<dyn Penalty>>,
    state: PipelineState,
}

/// Collects the parts of a [`Pipeline`].
#[derive(Default)]
pub struct PipelineBuilder {
    rewards: Vec<(f64, Box<dyn RewardFunction>)>,
    masks: Vec<Box<dyn Mask>>,
    penalties: Vec<Box<dyn Penalty>>,
}

impl PipelineBuilder {
    /// Adds a reward function. One of weight 0 is left out: it costs nothing and leaves no fields in events.
    pub fn reward(mut self, weight: f64, function: impl RewardFunction + 'static) -> Self {
        if weight != 0.0 {
            self.rewards.push((weight, Box::new(function)));
        }
        self
    }

    /// Adds a mask; they apply in the order added.
    pub fn mask(mut self, mask: impl Mask + 'static) -> Self {
        self.masks.push(Box::new(mask));
        self
    }

    /// Adds a penalty; they apply in the order added.
    pub fn penalty(mut self, penalty: impl Penalty + 'static) -> Self {
        self.penalties.push(Box::new(penalty));
        self
    }

    /// The pipeline, if the weights given sum to one.
    pub fn build(self) -> Result<Pipeline, crate::WeightError> {
        let weights: Vec<(&str, f64)> = self.rewards.iter().map(|(weight, f)| (f.name(), *weight)).collect();
        crate::check_weights(&weights)?;
        let Self {
            rewards,
            masks,
            penalties,
        } = self;
        Ok(Pipeline {
            rewards,
            masks,
            penalties,
            state: PipelineState::default(),
        })
    }
}

impl Pipeline {
    /// An empty builder.
    pub fn builder() -> PipelineBuilder {
        PipelineBuilder::default()
    }

    /// The names of all parts, in order of application.
    pub fn names(&self) -> Vec<&'static str> {
        let rewards = self.rewards.iter().map(|(_, function)| function.name());
        rewards
            .chain(self.masks.iter().map(|m| m.name()))
            .chain(self.penalties.iter().map(|p| p.name()))
            .collect()
    }

    /// What to save.
    pub fn state(&self) -> &PipelineState {
        &self.state
    }

    /// Takes saved statistics back. Entries that make no sense are dropped.
    pub fn restore(&mut self, mut state: PipelineState) {
        state.norms.retain(|name, norm| {
            let sound = norm.is_sound();
            if !sound {
                tracing::warn!(
                    name,
                    "saved statistics of a reward function make no sense; starting them anew"
                );
            }
            sound
        });
        self.state = state;
    }

    /// Judges one step. Every part is asked before any statistics move, so a step that fails leaves them as they were.
    ///
    /// Takes `&mut self`: two steps must not learn at the same time.
    pub async fn judge(&mut self, task: &Task, responses: &[Response]) -> Result<Outcome, RewardError> {
        let all: Vec<String> = responses.iter().map(|response| response.completion.clone()).collect();
        let successful: Vec<usize> = (0..responses.len())
            .filter(|index| responses[*index].succeeded())
            .collect();
        let completions: Vec<String> = successful.iter().map(|index| trim(&all[*index]).to_owned()).collect();

        let mut found = Vec::with_capacity(self.rewards.len());
        for (weight, function) in &self.rewards {
            let scores = function.score(task, &completions).await?;
            check_length(function.name(), completions.len(), scores.raw.len())?;
            found.push((*weight, function.name(), scores));
        }
        let mut judged = Vec::with_capacity(self.masks.len());
        for mask in &self.masks {
            let verdict = mask.judge(task, &completions).await?;
            check_length(mask.name(), completions.len(), verdict.raw.len())?;
            check_length(mask.name(), completions.len(), verdict.factor.len())?;
            judged.push((mask.name(), verdict));
        }
        let mut taken = Vec::with_capacity(self.penalties.len());
        for penalty in &self.penalties {
            let raw = penalty.raw(task, &all).await?;
            check_length(penalty.name(), all.len(), raw.len())?;
            taken.push((penalty.name(), penalty.max(), raw));
        }

        let place = Placement {
            successful: &successful,
            total: responses.len(),
        };
        let mut outcome = Outcome {
            rewards: vec![0.0; responses.len()],
            records: Vec::new(),
        };
        for (weight, name, scores) in found {
            let normalised = self
                .state
                .norms
                .entry(name.to_owned())
                .or_default()
                .normalise(&scores.raw);
            let record = place.record(name, Kind::Reward, &scores.raw, &normalised, scores.extras);
            outcome.add_weighted(weight, record);
        }
        for (name, verdict) in judged {
            let record = place.record(name, Kind::Mask, &verdict.raw, &verdict.factor, verdict.extras);
            outcome.multiply(record);
        }
        for (name, max, raw) in taken {
            outcome.penalise(name, max, raw);
        }
        Ok(outcome)
    }

    /// Shows every mask the completions as they came, before they are cleaned and judged.
    pub async fn observe(&mut self, responses: &[Response]) -> Result<(), RewardError> {
        let seen: Vec<String> = responses
            .iter()
            .map(|r| &r.completion)
            .filter(|completion| !completion.is_empty())
            .cloned()
            .collect();
        for mask in &self.masks {
            mask.observe(&seen).await?;
        }
        Ok(())
    }
}

/// Puts values of successful answers back where they belong among all answers.
struct Placement<'a> {
    successful: &'a [usize],
    total: usize,
}

impl Placement<'_> {
    fn record(
        &self,
        name: &'static str,
        kind: Kind,
        raw: &[f64],
        normalised: &[f64],
        extras: Vec<Extra>,
    ) -> FunctionRecord {
        let mut record = FunctionRecord {
            name,
            kind,
            raw: vec![f64::NAN; self.total],
            normalised: vec![0.0; self.total],
            extras,
        };
        for (from, to) in self.successful.iter().enumerate() {
            record.raw[*to] = raw[from];
            record.normalised[*to] = normalised[from];
        }
        for extra in &mut record.extras {
            let mut placed = vec![Value::Null; self.total];
            for (value, to) in extra.values.drain(..).zip(self.successful) {
                placed[*to] = value;
            }
            extra.values = placed;
        }
        record
    }
}

fn check_length(name: &'static str, expected: usize, got: usize) -> Result<(), RewardError> {
    if expected == got {
        Ok(())
    } else {
        Err(RewardError::WrongLength { name, expected, got })
    }
}
