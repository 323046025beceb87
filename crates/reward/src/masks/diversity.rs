//! The diversity mask: an answer that another miner also gave, or that was given before, earns nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::RewardError;
use crate::masks::cosine;
use crate::memory::{MemoryError, Reader, Writer};
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
    /// What becomes of the raw value.
    pub rule: DiversityRule,
}

/// How the raw value of the diversity mask becomes a factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiversityRule {
    /// 1 above the bound, else 0.
    #[default]
    Bound,
    /// The raw value itself, as validators did before the bound was introduced.
    Product,
}

impl Default for DiversityConfig {
    fn default() -> Self {
        Self {
            history_skip: 500,
            history_len: 15_500,
            bound: 0.2,
            rule: DiversityRule::Bound,
        }
    }
}

/// `diversity_reward_model`. The history does not count until it is longer than [`DiversityConfig::history_skip`].
pub struct Diversity {
    embedder: Arc<dyn SentenceEmbedder>,
    config: DiversityConfig,
    history: Arc<Mutex<VecDeque<Vec<f32>>>>,
    /// The answers of the step under way.
    judged: Mutex<Option<Arc<Vec<Vec<f32>>>>>,
}

impl Diversity {
    /// With the model behind `embedder`.
    pub fn new(embedder: Arc<dyn SentenceEmbedder>, config: DiversityConfig) -> Self {
        Self {
            embedder,
            config,
            history: Arc::default(),
            judged: Mutex::new(None),
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
        self.judged.lock().take();
        if completions.is_empty() {
            return Ok(Judged::default());
        }
        let vectors = self.embedder.embed(completions.to_vec()).await;
        let vectors = vectors.map_err(|source| RewardError::Model {
            name: self.name(),
            source,
        })?;
        let vectors = Arc::new(vectors);
        let (config, history, compared) = (self.config, self.history.clone(), vectors.clone());
        // Up to fifty answers against fifteen thousand: too long for the thread that serves the network.
        let compare = tokio::task::spawn_blocking(move || judge_vectors(&compared, &history.lock(), config));
        let judged = compare.await.map_err(|source| RewardError::Interrupted {
            name: self.name(),
            source,
        })?;
        *self.judged.lock() = Some(vectors);
        Ok(judged)
    }

    fn settle(&self) -> Option<Vec<u8>> {
        let vectors = self.judged.lock().take()?;
        let sound: Vec<&Vec<f32>> = vectors.iter().filter(|vector| is_finite(vector)).collect();
        remember(&mut self.history.lock(), sound.iter().copied(), self.config.history_len);
        Some(write(sound.into_iter()))
    }

    fn memory(&self) -> Option<Vec<u8>> {
        Some(write(self.history.lock().iter()))
    }

    fn restore(&self, memory: &[u8]) -> Result<(), MemoryError> {
        let rows = read(memory)?;
        let mut history = self.history.lock();
        *history = rows.into();
        let over = history.len().saturating_sub(self.config.history_len);
        history.drain(..over);
        Ok(())
    }

    fn relearn(&self, delta: &[u8]) -> Result<(), MemoryError> {
        let rows = read(delta)?;
        remember(&mut self.history.lock(), rows.iter(), self.config.history_len);
        Ok(())
    }
}

/// Rows of one length, bit for bit.
fn write<'a>(rows: impl ExactSizeIterator<Item = &'a Vec<f32>>) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.u64(rows.len() as u64);
    for row in rows {
        writer.u64(row.len() as u64);
        row.iter().for_each(|value| writer.f32(*value));
    }
    writer.done()
}

fn read(bytes: &[u8]) -> Result<Vec<Vec<f32>>, MemoryError> {
    let mut reader = Reader::new(bytes);
    let mut rows = Vec::new();
    for _ in 0..reader.count()? {
        let row = (0..reader.count()?)
            .map(|_| reader.f32())
            .collect::<Result<Vec<_>, _>>()?;
        rows.push(row);
    }
    reader.end()?;
    if rows.windows(2).any(|pair| pair[0].len() != pair[1].len()) {
        return Err(MemoryError::Damaged("rows of different lengths"));
    }
    Ok(rows)
}

fn judge_vectors(vectors: &[Vec<f32>], history: &VecDeque<Vec<f32>>, config: DiversityConfig) -> Judged {
    let batch = batch_values(vectors);
    let historic = historic_values(vectors, history, config.history_skip);
    let raw: Vec<f64> = match &historic {
        Some(historic) => batch.iter().zip(historic).map(|(b, h)| b * h).collect(),
        None => batch.clone(),
    };
    // A value that is not a number is above nothing.
    let factor = match config.rule {
        DiversityRule::Bound => raw.iter().map(|raw| f64::from(u8::from(*raw > config.bound))).collect(),
        DiversityRule::Product => raw.clone(),
    };
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
    Judged { raw, factor, extras }
}

/// How far each answer is from the nearest other one of its step, as a value from 0.018 to 1. A lone answer has nothing
/// to be compared with and gets 1 (the network's first validators compared it with itself and gave it nothing).
pub fn batch_values(vectors: &[Vec<f32>]) -> Vec<f64> {
    if let [only] = vectors {
        return vec![if is_finite(only) { 1.0 } else { f64::NAN }];
    }
    let nearest = |index: usize| second_smallest(vectors.iter().map(|other| distance(&vectors[index], other)));
    let value = |index: usize| match is_finite(&vectors[index]) {
        true => batch_value(nearest(index)),
        false => f64::NAN,
    };
    (0..vectors.len()).map(value).collect()
}

fn is_finite(vector: &[f32]) -> bool {
    vector.iter().all(|value| value.is_finite())
}

/// The same against earlier answers; `None` while there are too few of them.
fn historic_values(vectors: &[Vec<f32>], history: &VecDeque<Vec<f32>>, skip: usize) -> Option<Vec<f64>> {
    let of_this_model = history.back().map(Vec::len) == vectors.first().map(Vec::len);
    if history.len() < skip.saturating_add(2) || !of_this_model {
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

/// Rows of another length are those of another model and are forgotten.
fn remember<'a>(history: &mut VecDeque<Vec<f32>>, vectors: impl Iterator<Item = &'a Vec<f32>>, limit: usize) {
    for vector in vectors {
        if history.back().is_some_and(|row| row.len() != vector.len()) {
            history.clear();
        }
        if history.back() != Some(vector) {
            history.push_back(vector.clone());
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
