//! The n-gram blacklist: phrases that too many answers share earn nothing any more.

mod counter;
mod ratio;

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use counter::{NgramCounter, Significant};
pub use ratio::{Haystack, partial_ratio};

use crate::error::{ModelFault, RewardError};
use crate::models::WordPieces;
use crate::pipeline::{Extra, Judged, Mask};
use crate::task::Task;

/// Settings of the n-gram blacklist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NgramConfig {
    /// The shortest phrase, in word pieces. Below 4, everyday phrases become significant.
    pub n_min: usize,
    /// The longest phrase. Work and memory grow with `n_max - n_min`.
    pub n_max: usize,
    /// So many word pieces of a completion are looked at.
    pub word_limit: usize,
    /// The growth of a phrase's score per word.
    pub a: f64,
    /// Phrases that score above this are blacklisted. A phrase in every answer scores 100 times `a` to the power of its
    /// words minus one.
    pub boundary: f64,
    /// How alike, of 100, a passage of the completion must be to a blacklisted phrase, exclusive.
    pub partial_ratio_boundary: u32,
    /// After so many completions all counts are halved.
    pub half_life: u64,
    /// Phrases in a smaller share of completions are never significant.
    pub support: f64,
    /// The allowed error of a count, as a share of all completions; its inverse is the counting window. Nothing is
    /// blacklisted before one window has passed.
    pub error: f64,
    /// Phrases kept; more than that are thinned out. A phrase takes about 100 bytes.
    pub memory_lim: usize,
    /// The factor in the score.
    pub frequency_multiplier: f64,
    /// Characters to delete before counting, as a regular expression; empty deletes none.
    pub preprocess: String,
}

impl Default for NgramConfig {
    fn default() -> Self {
        Self {
            n_min: 5,
            n_max: 10,
            word_limit: 2000,
            a: 1.25,
            boundary: 20.0,
            partial_ratio_boundary: 90,
            half_life: 20_000,
            support: 0.01,
            error: 0.001,
            memory_lim: 1_000_000,
            frequency_multiplier: 100.0,
            // The parentheses and the bar are inside the class, so they stay in the text: the network counts this way.
            preprocess: r"[^(\w|\s)]".to_owned(),
        }
    }
}

/// Why settings of the blacklist are refused.
#[derive(Debug, thiserror::Error)]
pub enum NgramConfigError {
    /// The regular expression does not compile.
    #[error("blacklist.preprocess is not a regular expression")]
    Preprocess(#[source] Box<regex::Error>),
    /// A number is outside its range.
    #[error("blacklist.{name} must be {range}")]
    Range {
        /// The setting.
        name: &'static str,
        /// What it may be.
        range: &'static str,
    },
}

/// `blacklist_filter`. The counts start empty with the process.
pub struct NgramBlacklist {
    boundary: f64,
    ratio_boundary: u32,
    counter: Arc<Mutex<NgramCounter>>,
}

impl NgramBlacklist {
    /// Counts in word pieces of `tokenizer`.
    pub fn new(tokenizer: Arc<dyn WordPieces>, config: NgramConfig) -> Result<Self, NgramConfigError> {
        let (boundary, ratio_boundary) = (config.boundary, config.partial_ratio_boundary);
        let counter = NgramCounter::new(tokenizer, config)?;
        Ok(Self {
            boundary,
            ratio_boundary,
            counter: Arc::new(Mutex::new(counter)),
        })
    }

    /// Runs `work` on the counter on a blocking thread.
    async fn with_counter<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut NgramCounter) -> Result<T, ModelFault> + Send + 'static,
    ) -> Result<T, RewardError> {
        let (name, counter) = (self.name(), self.counter.clone());
        let done = tokio::task::spawn_blocking(move || work(&mut counter.lock())).await;
        let done = done.map_err(|source| RewardError::Interrupted { name, source })?;
        done.map_err(|source| RewardError::Model { name, source })
    }
}

#[async_trait]
impl Mask for NgramBlacklist {
    fn name(&self) -> &'static str {
        "blacklist_filter"
    }

    async fn observe(&self, completions: &[String]) -> Result<(), RewardError> {
        let completions = completions.to_vec();
        self.with_counter(move |counter| completions.iter().try_for_each(|text| counter.add(text)))
            .await
    }

    async fn judge(&self, task: &Task, completions: &[String]) -> Result<Judged, RewardError> {
        let (base_text, completions) = (task.base_text.clone(), completions.to_vec());
        let (boundary, ratio_boundary) = (self.boundary, self.ratio_boundary);
        self.with_counter(move |counter| {
            let table = counter.significance()?;
            let hits = completions
                .iter()
                .map(|text| hit(table, &base_text, text, boundary, ratio_boundary));
            Ok(judged(hits))
        })
        .await
    }
}

/// Why a completion is blacklisted.
enum Hit<'a> {
    /// It is a piece of the text it was asked about (the empty completion always is).
    Copied,
    /// It contains a phrase that is overused.
    Phrase(&'a Significant),
}

fn hit<'a>(
    table: &'a [Significant],
    base_text: &str,
    completion: &str,
    boundary: f64,
    ratio_boundary: u32,
) -> Option<Hit<'a>> {
    if base_text.contains(completion) {
        return Some(Hit::Copied);
    }
    let haystack = Haystack::new(&completion.to_lowercase());
    let overused = table.iter().take_while(|entry| entry.score > boundary);
    overused
        .into_iter()
        .find(|entry| haystack.matches(&entry.text, ratio_boundary))
        .map(Hit::Phrase)
}

fn judged<'a>(hits: impl Iterator<Item = Option<Hit<'a>>>) -> Judged {
    let (mut factor, mut phrases, mut scores) = (Vec::new(), Vec::new(), Vec::new());
    for hit in hits {
        factor.push(if hit.is_some() { 0.0 } else { 1.0 });
        let (phrase, score) = match hit {
            Some(Hit::Phrase(entry)) => (json!(entry.text), json!(entry.score)),
            Some(Hit::Copied) | None => (Value::Null, Value::Null),
        };
        phrases.push(phrase);
        scores.push(score);
    }
    let extras = vec![
        Extra {
            name: "matched_ngram",
            values: phrases,
        },
        Extra {
            name: "significance_score",
            values: scores,
        },
    ];
    Judged {
        raw: factor.clone(),
        factor,
        extras,
    }
}
