//! The diversity mask: an answer that another miner also gave, or that was given before, earns nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::RewardError;
use crate::masks::cosine;
use crate::models::SentenceEmbedder;
use crate::pipeline::{Extra, Judged, Mask};
use crate::task::Task;

/// Settings of the diversity mask.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiversityConfig {
    /// So many of the oldest answers kept are not compared with.
    pub history_skip: usize,
    /// Answers kept. Each takes about 1.5 kB with MiniLM: 24 MB at the default.
    pub history_len: usize,
    /// The raw value above which an answer counts as new; 0.2 is a cosine of 0.9347 to the nearest other one.
    pub bound: f64,
}

impl Default for DiversityConfig {
    fn default() -> Self {
        Self {
            history_skip: 500,
            history_len: 15_500,
            bound: 0.2,
        }
    }
}

/// `diversity_reward_model`. The history starts empty with the process and does not count until it is longer than
/// [`DiversityConfig::history_skip`].
pub struct Diversity {
    embedder: Arc<dyn SentenceEmbedder>,
    config: DiversityConfig,
    history: Arc<Mutex<VecDeque<Vec<f32>>>>,
}

impl Diversity {
    /// With the model behind `embedder`.
    pub fn new(embedder: Arc<dyn SentenceEmbedder>, config: DiversityConfig) -> Self {
        Self {
            embedder,
            config,
            history: Arc::default(),
        }
    }

    /// The number of answers remembered.
    pub fn history_len(&self) -> usize {
        self.history.lock().len()
    }
}

#[async_trait]
impl Mask for Diversity {
    fn name(&self) -> &'static str {
        "diversity_reward_model"
    }

    async fn judge(&self, _task: &Task, completions: &[String]) -> Result<Judged, RewardError> {
        if completions.is_empty() {
            return Ok(Judged::default());
        }
        let vectors = self.embedder.embed(completions.to_vec()).await;
        let vectors = vectors.map_err(|source| RewardError::Model {
            name: self.name(),
            source,
        })?;
        let (config, history) = (self.config, self.history.clone());
        // Up to fifty answers against fifteen thousand: too long for the thread that serves the network.
        let compare = tokio::task::spawn_blocking(move || judge_vectors(vectors, &mut history.lock(), config));
        compare.await.map_err(|source| RewardError::Interrupted {
            name: self.name(),
            source,
        })
    }
}

fn judge_vectors(vectors: Vec<Vec<f32>>, history: &mut VecDeque<Vec<f32>>, config: DiversityConfig) -> Judged {
    let batch = batch_values(&vectors);
    let historic = historic_values(&vectors, history, config.history_skip);
    let raw: Vec<f64> = match &historic {
        Some(historic) => batch.iter().zip(historic).map(|(b, h)| b * h).collect(),
        None => batch.clone(),
    };
    let factor = raw
        .iter()
        .map(|raw| if *raw > config.bound { 1.0 } else { 0.0 })
        .collect();
    let historic_field = match historic {
        Some(values) => values.iter().map(|value| json!(value)).collect(),
        None => vec![Value::Null; raw.len()],
    };
    let extras = vec![
        Extra {
            name: "batch",
            values: batch.iter().map(|value| json!(value)).collect(),
        },
        Extra {
            name: "historic",
            values: historic_field,
        },
    ];
    remember(history, vectors, config.history_len);
    Judged { raw, factor, extras }
}

/// How far each answer is from the nearest other one of its step, as a value from 0.018 to 1. A lone answer has nothing
/// to be compared with and gets 1 (the network's first validators compared it with itself and gave it nothing).
pub fn batch_values(vectors: &[Vec<f32>]) -> Vec<f64> {
    if vectors.len() == 1 {
        return vec![1.0];
    }
    let nearest = |index: usize| second_smallest(vectors.iter().map(|other| distance(&vectors[index], other)));
    (0..vectors.len()).map(|index| batch_value(nearest(index))).collect()
}

/// The same against earlier answers; `None` while there are too few of them.
fn historic_values(vectors: &[Vec<f32>], history: &VecDeque<Vec<f32>>, skip: usize) -> Option<Vec<f64>> {
    if history.len() < skip + 2 {
        return None;
    }
    let value = |vector: &Vec<f32>| {
        let distances = history.iter().skip(skip).map(|row| distance(vector, row));
        // A lone answer is held against the nearest row, as the network does.
        historic_value(if vectors.len() == 1 {
            distances.fold(f64::INFINITY, f64::min)
        } else {
            second_smallest(distances)
        })
    };
    Some(vectors.iter().map(value).collect())
}

fn remember(history: &mut VecDeque<Vec<f32>>, vectors: Vec<Vec<f32>>, limit: usize) {
    for vector in vectors {
        if history.back() != Some(&vector) {
            history.push_back(vector);
        }
    }
    history.drain(..history.len().saturating_sub(limit));
}

/// Opposite vectors count as equal.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    1.0 - cosine(a, b).abs()
}

fn second_smallest(values: impl Iterator<Item = f64>) -> f64 {
    let (mut first, mut second) = (f64::INFINITY, f64::INFINITY);
    for value in values {
        if value < first {
            (first, second) = (value, first);
        } else if value < second {
            second = value;
        }
    }
    second
}

/// The curve for distances within a step.
pub fn batch_value(distance: f64) -> f64 {
    1.0 / (1.0 + (-40.0 * distance + 4.0).exp())
}

/// The curve for distances to earlier answers: much steeper, since only near copies should count.
pub fn historic_value(distance: f64) -> f64 {
    1.0 / (1.0 + (-1000.0 * distance + 50.0).exp())
}
