//! What came out of a step, whole enough that an event record can be checked by hand.

use serde_json::{Map, Value, json};

use crate::pipeline::Extra;

/// Where a record comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A reward function.
    Reward,
    /// A mask.
    Mask,
    /// A penalty.
    Penalty,
}

/// What one function found for every answer of the step.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionRecord {
    /// The function's name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// As it came; not a number for answers that failed.
    pub raw: Vec<f64>,
    /// For a reward its normalised value, for a mask its factor, for a penalty the share taken.
    pub normalised: Vec<f64>,
    /// Further values.
    pub extras: Vec<Extra>,
}

/// The rewards of a step and how they came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// One per answer; never negative, always finite.
    pub rewards: Vec<f64>,
    /// One per function, in the order of application.
    pub records: Vec<FunctionRecord>,
}

impl Outcome {
    /// The index of the highest reward, the first of several. `None` when there are no answers.
    pub fn best(&self) -> Option<usize> {
        let mut best = None;
        for (index, reward) in self.rewards.iter().enumerate() {
            if best.is_none_or(|best: usize| *reward > self.rewards[best]) {
                best = Some(index);
            }
        }
        best
    }

    /// Whether any answer earned anything.
    pub fn any_positive(&self) -> bool {
        self.rewards.iter().any(|reward| *reward > 0.0)
    }

    /// The fields of the event record: `{name}`, `{name}_normalized` and `{name}_{extra}` for rewards and masks,
    /// `{name}_raw`, `_adjusted` and `_applied` for penalties. A number that is not finite is the text `"nan"`.
    pub fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        for record in &self.records {
            let name = record.name;
            match record.kind {
                Kind::Penalty => {
                    let applied: Vec<f64> = record.normalised.iter().map(|share| 1.0 - share).collect();
                    fields.insert(format!("{name}_raw"), numbers(&record.raw));
                    fields.insert(format!("{name}_adjusted"), numbers(&record.normalised));
                    fields.insert(format!("{name}_applied"), numbers(&applied));
                }
                Kind::Reward | Kind::Mask => {
                    fields.insert(name.to_owned(), numbers(&record.raw));
                    fields.insert(format!("{name}_normalized"), numbers(&record.normalised));
                }
            }
            for extra in &record.extras {
                fields.insert(format!("{name}_{}", extra.name), Value::Array(extra.values.clone()));
            }
        }
        fields
    }

    pub(crate) fn add_weighted(&mut self, weight: f64, record: FunctionRecord) {
        for (reward, value) in self.rewards.iter_mut().zip(&record.normalised) {
            *reward += weight * finite_or_zero(*value);
        }
        self.records.push(record);
    }

    pub(crate) fn multiply(&mut self, record: FunctionRecord) {
        for (reward, factor) in self.rewards.iter_mut().zip(&record.normalised) {
            *reward *= finite_or_zero(*factor);
        }
        self.records.push(record);
    }

    pub(crate) fn penalise(&mut self, name: &'static str, max: f64, raw: Vec<f64>) {
        let adjusted: Vec<f64> = raw
            .iter()
            .map(|share| finite_or_zero(*share).clamp(0.0, 1.0).min(max.clamp(0.0, 1.0)))
            .collect();
        for (reward, share) in self.rewards.iter_mut().zip(&adjusted) {
            *reward *= 1.0 - share;
        }
        self.records.push(FunctionRecord {
            name,
            kind: Kind::Penalty,
            raw,
            normalised: adjusted,
            extras: Vec::new(),
        });
    }
}

fn finite_or_zero(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

fn numbers(values: &[f64]) -> Value {
    values
        .iter()
        .map(|value| if value.is_finite() { json!(value) } else { json!("nan") })
        .collect()
}
