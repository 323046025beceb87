//! The n-gram blacklist: phrases that too many answers share earn nothing any more.

mod counter;
mod memory;
mod ratio;

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use counter::{NgramCounter, Significant};
pub use ratio::{Haystack, partial_ratio};

use crate::error::{ModelFault, RewardError};
use crate::memory::MemoryError;
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

/// `blacklist_filter`. What a step adds counts for its own judging at once, and for good when the step is settled.
pub struct NgramBlacklist {
    boundary: f64,
    ratio_boundary: u32,
    shelf: Arc<Mutex<Shelf>>,
}

struct Shelf {
    counter: NgramCounter,
    /// Settled but not counted yet: that is work for a blocking thread.
    due: Vec<Vec<u32>>,
    /// What the step under way has shown, as word pieces.
    shown: Vec<Vec<u32>>,
    /// The counter as it is after this step, where the step makes it work its table out anew.
    next: Option<NgramCounter>,
    judged: bool,
}

impl Shelf {
    /// The counter with everything settled in it.
    fn settled(&mut self) -> &mut NgramCounter {
        for ids in self.due.drain(..) {
            self.counter.add_ids(&ids);
        }
        &mut self.counter
    }
}

impl NgramBlacklist {
    /// Counts in word pieces of `tokenizer`.
    pub fn new(tokenizer: Arc<dyn WordPieces>, config: NgramConfig) -> Result<Self, NgramConfigError> {
        let (boundary, ratio_boundary) = (config.boundary, config.partial_ratio_boundary);
        let shelf = Shelf {
            counter: NgramCounter::new(tokenizer, config)?,
            due: Vec::new(),
            shown: Vec::new(),
            next: None,
            judged: false,
        };
        Ok(Self {
            boundary,
            ratio_boundary,
            shelf: Arc::new(Mutex::new(shelf)),
        })
    }

    /// Runs `work` on a blocking thread. It may count what is settled, but not change anything else: the step may be
    /// given up while it runs.
    async fn with_shelf<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Shelf) -> Result<T, ModelFault> + Send + 'static,
    ) -> Result<T, RewardError> {
        let (name, shelf) = (self.name(), self.shelf.clone());
        let done = tokio::task::spawn_blocking(move || work(&mut shelf.lock())).await;
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
        let shown = self
            .with_shelf(move |shelf| completions.iter().map(|text| shelf.counter.pieces(text)).collect())
            .await?;
        let mut shelf = self.shelf.lock();
        // What an earlier step showed that was never settled is forgotten here.
        (shelf.shown, shelf.next, shelf.judged) = (shown, None, false);
        Ok(())
    }

    async fn judge(&self, task: &Task, completions: &[String]) -> Result<Judged, RewardError> {
        let (base_text, completions) = (task.base_text.clone(), completions.to_vec());
        let (boundary, ratio_boundary) = (self.boundary, self.ratio_boundary);
        let work = move |shelf: &mut Shelf| {
            shelf.settled();
            let mut next = match &shelf.next {
                Some(next) => Some(next.clone()),
                // Only then is a copy of the counts needed: about once in a window.
                None if shelf.counter.would_refresh(&shelf.shown) => {
                    let mut next = shelf.counter.clone();
                    shelf.shown.iter().for_each(|ids| next.add_ids(ids));
                    next.significance()?;
                    Some(next)
                }
                None => None,
            };
            let table = next.as_mut().unwrap_or(&mut shelf.counter).table();
            let hits = completions
                .iter()
                .map(|text| hit(table, &base_text, text, boundary, ratio_boundary));
            Ok((judged(hits), next))
        };
        let (judged, next) = self.with_shelf(work).await?;
        let mut shelf = self.shelf.lock();
        (shelf.next, shelf.judged) = (next, true);
        Ok(judged)
    }

    fn settle(&self) -> Option<Vec<u8>> {
        let mut shelf = self.shelf.lock();
        if !std::mem::take(&mut shelf.judged) {
            return None;
        }
        let shown = std::mem::take(&mut shelf.shown);
        let delta = memory::delta(&shown);
        match shelf.next.take() {
            Some(next) => shelf.counter = next,
            None => shelf.due.extend(shown),
        }
        Some(delta)
    }

    fn memory(&self) -> Option<Vec<u8>> {
        memory::write(self.shelf.lock().settled()).ok()
    }

    fn restore(&self, bytes: &[u8]) -> Result<(), MemoryError> {
        let mut shelf = self.shelf.lock();
        let restored = memory::read(bytes, &shelf.counter)?;
        shelf.due.clear();
        shelf.counter = restored;
        Ok(())
    }

    fn relearn(&self, delta: &[u8]) -> Result<(), MemoryError> {
        let shown = memory::read_delta(delta)?;
        let mut shelf = self.shelf.lock();
        let counter = shelf.settled();
        shown.iter().for_each(|ids| counter.add_ids(ids));
        // Judging asks for the table once in every step.
        counter
            .significance()
            .map(|_| ())
            .map_err(|_| MemoryError::Foreign("a tokenizer that knows other word pieces"))
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
