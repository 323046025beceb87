//! The pipeline: reward functions, masks and penalties applied to the answers of one query step.

use async_trait::async_trait;
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::RewardError;
use crate::memory::{Frame, MemoryError};
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
    ///
    /// What it learns here and in [`Mask::observe`] must not count before [`Mask::settle`]: the step may still fail.
    async fn judge(&self, task: &Task, completions: &[String]) -> Result<Judged, RewardError>;

    /// The step is judged: keeps what it taught, and returns that for a journal. Quick, as it runs where the network is
    /// served. `None` when nothing was learnt.
    fn settle(&self) -> Option<Vec<u8>> {
        None
    }

    /// The whole memory; `None` for a mask without one.
    fn memory(&self) -> Option<Vec<u8>> {
        None
    }

    /// Takes a whole memory back. After an error the mask has the one it had.
    fn restore(&self, _memory: &[u8]) -> Result<(), MemoryError> {
        Err(MemoryError::NotRemembering(self.name().to_owned()))
    }

    /// Learns again what one step taught. After an error the mask is as it was.
    fn relearn(&self, _delta: &[u8]) -> Result<(), MemoryError> {
        Err(MemoryError::NotRemembering(self.name().to_owned()))
    }
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

/// The small part of the pipeline's memory, to be saved after every step and given back at the next start. The large
/// part is in [`Pipeline::memories`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineState {
    /// The version of this layout, [`PipelineState::VERSION`]; 1 where none is written.
    #[serde(default = "first_version")]
    pub version: u32,
    /// Steps judged since the first start.
    #[serde(default)]
    pub steps: u64,
    /// Running statistics by the name of the reward function. Entries of functions that are switched off now are kept.
    pub norms: IndexMap<String, RunningNorm>,
}

impl PipelineState {
    /// The newest version. The first one had no count of steps.
    pub const VERSION: u32 = 2;
}

impl Default for PipelineState {
    fn default() -> Self {
        Self {
            version: Self::VERSION,
            steps: 0,
            norms: IndexMap::new(),
        }
    }
}

fn first_version() -> u32 {
    1
}

/// The whole judgement of a query step. Build one with [`Pipeline::builder`].
pub struct Pipeline {
    rewards: Vec<(f64, Box<dyn RewardFunction>)>,
    masks: Vec<Box<dyn Mask>>,
    penalties: Vec<Box<dyn Penalty>>,
    state: PipelineState,
    deltas: Vec<(&'static str, Vec<u8>)>,
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
            deltas: Vec::new(),
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

    /// The memories of all masks that learn, whole, by name: framed with version and checksum. Tens of megabytes after a
    /// day; take them every some hundred steps and write down [`Pipeline::take_deltas`] after each.
    pub fn memories(&self) -> Vec<(&'static str, Vec<u8>)> {
        let masks = self.masks.iter();
        let framed = masks.filter_map(|mask| Some((mask.name(), Frame::Whole.seal(&mask.memory()?))));
        framed.collect()
    }

    /// What the step judged last added to each memory. Framed like the memories; tens of kilobytes. Take them after every
    /// step: the next one replaces them.
    pub fn take_deltas(&mut self) -> Vec<(&'static str, Vec<u8>)> {
        std::mem::take(&mut self.deltas)
    }

    /// Takes one of [`Pipeline::memories`] back. The memory of a mask that is switched off now is skipped.
    ///
    /// # Errors
    /// When the bytes are damaged, newer than this program or made with other settings; the memory is as it was.
    pub fn restore_memory(&mut self, name: &str, bytes: &[u8]) -> Result<(), MemoryError> {
        match self.masks.iter().find(|mask| mask.name() == name) {
            Some(mask) => mask.restore(Frame::Whole.open(bytes)?),
            None => Ok(()),
        }
    }

    /// Takes one of [`Pipeline::take_deltas`] back, on top of the memory it was added to.
    ///
    /// # Errors
    /// As [`Pipeline::restore_memory`].
    pub fn apply_delta(&mut self, name: &str, bytes: &[u8]) -> Result<(), MemoryError> {
        match self.masks.iter().find(|mask| mask.name() == name) {
            Some(mask) => mask.relearn(Frame::Delta.open(bytes)?),
            None => Ok(()),
        }
    }

    /// Takes saved statistics back. Entries that make no sense are dropped.
    pub fn restore(&mut self, mut state: PipelineState) {
        if state.version > PipelineState::VERSION {
            let (found, known) = (state.version, PipelineState::VERSION);
            tracing::warn!(
                found,
                known,
                "saved statistics are of a newer version; starting them anew"
            );
            state = PipelineState::default();
        }
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
        state.version = PipelineState::VERSION;
        self.state = state;
    }

    /// Judges one step. Every part is asked before any statistics move, and after that nothing is awaited: a step that
    /// fails, or whose future is dropped, leaves everything as it was, what [`Pipeline::observe`] was shown included.
    ///
    /// The outcome depends on the memories, the task and the responses (those given to `observe` before too) and on
    /// nothing else, so that a step can be judged again from a record.
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
        self.state.steps = self.state.steps.saturating_add(1);
        self.deltas.clear();
        for mask in &self.masks {
            if let Some(delta) = mask.settle() {
                self.deltas.push((mask.name(), Frame::Delta.seal(&delta)));
            }
        }
        Ok(outcome)
    }

    /// Shows every mask the completions as they came, before they are cleaned and judged. What they learn counts for the
    /// judging of this step and is kept when that is done.
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
