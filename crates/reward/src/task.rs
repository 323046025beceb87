//! What miners were asked to do, and the criteria their answers are held against.

mod criterion;

use serde::{Deserialize, Serialize};

pub use criterion::{ContentMatch, Criterion, Layout, LengthUnit};

/// The kind of a task, told by its name as events and miners know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Summarise a text; named `augment`.
    Summary,
    /// Ask a question about a context; named `followup` and the number of the round.
    Question,
    /// Answer a question about a context; named `answer` and the number of the round.
    Answer,
    /// Any other name: a fork's own task.
    Other,
}

impl TaskKind {
    /// The kind a task name stands for.
    pub fn of_name(name: &str) -> Self {
        match name {
            "augment" => Self::Summary,
            name if name.starts_with("followup") => Self::Question,
            name if name.starts_with("answer") => Self::Answer,
            _ => Self::Other,
        }
    }

    /// The name of the kind in event records.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Summary => "summarization",
            Self::Question => "question-generation",
            Self::Answer => "question-answer",
            Self::Other => "other",
        }
    }
}

/// One task as the reward functions see it. They judge against `base_text`, not against the composed prompt with
/// its criteria. Written into event records, so that a step can be judged again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task {
    /// `augment`, `followup0`, `answer0`, ...
    pub name: String,
    /// The kind `name` stands for.
    pub kind: TaskKind,
    /// The text the task is about.
    pub base_text: String,
    /// What the answer is asked to keep to.
    pub criteria: Vec<Criterion>,
    /// The best completions of this forward pass so far, for masks that refuse to pay for them twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<String>,
}

impl Task {
    /// A task; its kind follows from the name.
    pub fn new(name: impl Into<String>, base_text: impl Into<String>, criteria: Vec<Criterion>) -> Self {
        let name = name.into();
        Self {
            kind: TaskKind::of_name(&name),
            name,
            base_text: base_text.into(),
            criteria,
            earlier: Vec::new(),
        }
    }

    /// The same task with the best completions of its forward pass so far.
    pub fn after(mut self, earlier: Vec<String>) -> Self {
        self.earlier = earlier;
        self
    }
}
