//! Lossy counting of n-grams: approximate frequencies of everything in bounded memory.

use std::sync::Arc;

use indexmap::IndexMap;
use regex::Regex;

use super::{NgramConfig, NgramConfigError};
use crate::error::ModelFault;
use crate::models::WordPieces;
use crate::text::is_space;

/// A text longer than this is cut before it is tokenised; no tokenizer needs so many characters for the word limit.
const MAX_CHARS_PER_PIECE: usize = 100;

/// A phrase that many completions share.
#[derive(Debug, Clone, PartialEq)]
pub struct Significant {
    /// The phrase as text.
    pub text: String,
    /// How overused it is.
    pub score: f64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) frequency: u64,
    /// How many occurrences may have been missed.
    pub(super) error: u64,
}

/// Counts n-grams of word pieces over all completions it is shown.
#[derive(Clone)]
pub struct NgramCounter {
    pub(super) tokenizer: Arc<dyn WordPieces>,
    pub(super) config: NgramConfig,
    preprocess: Option<Regex>,
    /// Completions per counting window.
    window: u64,
    /// In order of first sight: ties in the significance table are listed in this order.
    pub(super) table: IndexMap<Box<[u32]>, Entry>,
    pub(super) completions: u64,
    pub(super) ngrams: u64,
    pub(super) current: u64,
    pub(super) last_update: u64,
    pub(super) significant: Vec<Significant>,
}

impl NgramCounter {
    /// An empty counter.
    pub fn new(tokenizer: Arc<dyn WordPieces>, config: NgramConfig) -> Result<Self, NgramConfigError> {
        let range = |name, range| Err(NgramConfigError::Range { name, range });
        if config.n_min == 0 || config.n_max < config.n_min {
            return range("n_min", "at least 1 and not above blacklist.n_max");
        }
        if !(config.error > 0.0 && config.error <= 1.0) {
            return range("error", "above 0 and at most 1");
        }
        let numbers = [
            ("a", config.a),
            ("boundary", config.boundary),
            ("support", config.support),
            ("frequency_multiplier", config.frequency_multiplier),
        ];
        if let Some((name, _)) = numbers.into_iter().find(|(_, value)| !value.is_finite()) {
            return range(name, "a finite number");
        }
        if config.half_life == 0 {
            return range("half_life", "at least 1");
        }
        let preprocess = match config.preprocess.as_str() {
            "" => None,
            pattern => Some(Regex::new(pattern).map_err(|source| NgramConfigError::Preprocess(Box::new(source)))?),
        };
        let window = (1.0 / config.error).ceil() as u64;
        let (table, significant) = (IndexMap::new(), Vec::new());
        Ok(Self {
            tokenizer,
            config,
            preprocess,
            window,
            table,
            completions: 0,
            ngrams: 0,
            current: 1,
            last_update: 0,
            significant,
        })
    }

    /// The word pieces of `completion` that are counted.
    pub fn pieces(&self, completion: &str) -> Result<Vec<u32>, ModelFault> {
        let limit = self.config.word_limit.saturating_mul(MAX_CHARS_PER_PIECE);
        let text = crate::text::first_chars(completion, limit).to_lowercase();
        let text = match &self.preprocess {
            Some(pattern) => pattern.replace_all(&text, "").into_owned(),
            None => text,
        };
        let mut ids = self.tokenizer.ids(&text)?;
        ids.truncate(self.config.word_limit);
        Ok(ids)
    }

    /// All n-grams of `ids`, the shortest first.
    pub fn ngrams<'a>(&self, ids: &'a [u32]) -> impl Iterator<Item = &'a [u32]> + use<'a> {
        (self.config.n_min..=self.config.n_max).flat_map(|n| ids.windows(n))
    }

    /// Counts one completion. One too short for a single n-gram does not count at all.
    pub fn add(&mut self, completion: &str) -> Result<(), ModelFault> {
        let ids = self.pieces(completion)?;
        self.add_ids(&ids);
        Ok(())
    }

    /// Counts one completion given as word pieces.
    pub fn add_ids(&mut self, ids: &[u32]) {
        if ids.len() < self.config.n_min {
            return;
        }
        let error = self.current.saturating_sub(1);
        for ngram in self.ngrams(ids) {
            self.ngrams += 1;
            match self.table.get_mut(ngram) {
                Some(entry) => entry.frequency += 1,
                None => {
                    self.table.insert(ngram.into(), Entry { frequency: 1, error });
                }
            }
        }
        self.completions += 1;
        if self.completions.is_multiple_of(self.window) {
            self.current = self.completions.div_ceil(self.window);
            self.prune();
        }
        if self.table.len() > self.config.memory_lim {
            self.current += 1;
            self.prune();
        }
        if self.completions > self.config.half_life {
            self.halve();
        }
    }

    /// Whether the table of overused phrases might be worked out anew if it were asked for after `more` completions.
    pub(super) fn would_refresh(&self, more: &[Vec<u32>]) -> bool {
        let completions = self.completions.saturating_add(more.len() as u64);
        completions > self.config.half_life || completions.saturating_sub(self.last_update) > self.window
    }

    /// The overused phrases as they were last worked out.
    pub(super) fn table(&self) -> &[Significant] {
        &self.significant
    }

    fn prune(&mut self) {
        let bound = self.current;
        self.table.retain(|_, entry| entry.frequency + entry.error > bound);
    }

    fn halve(&mut self) {
        self.ngrams = self.ngrams.div_ceil(2);
        self.completions = self.completions.div_ceil(2);
        for entry in self.table.values_mut() {
            entry.frequency = entry.frequency.div_ceil(2);
            entry.error = entry.error.div_ceil(2);
        }
        self.current = self.completions.div_ceil(self.window);
        self.last_update = 0;
    }

    /// The overused phrases, the worst first. Worked out anew when more than a window has passed since the last time; until
    /// then the old table stands, which is empty after a start.
    pub fn significance(&mut self) -> Result<&[Significant], ModelFault> {
        if self.completions.saturating_sub(self.last_update) > self.window {
            self.significant = self.fresh_significance()?;
            self.last_update = self.completions;
        }
        Ok(&self.significant)
    }

    /// The same, worked out now.
    pub fn fresh_significance(&self) -> Result<Vec<Significant>, ModelFault> {
        let completions = self.completions as f64;
        let bound = (self.config.support * completions).max(self.current as f64 + 1.0);
        // Keyed by text: of two id sequences with equal text the later one counts, at the place of the first.
        let mut found: IndexMap<String, f64> = IndexMap::new();
        for (ids, entry) in &self.table {
            let frequency = (entry.frequency + entry.error) as f64;
            if frequency <= bound {
                continue;
            }
            let text = self.tokenizer.decode(ids)?;
            let words = text.split(is_space).filter(|word| !word.is_empty()).count();
            if words >= self.config.n_min {
                let growth = self.config.a.powi(i32::try_from(words - 1).unwrap_or(i32::MAX));
                found.insert(
                    text,
                    growth * frequency / completions * self.config.frequency_multiplier,
                );
            }
        }
        let mut found: Vec<_> = found
            .into_iter()
            .map(|(text, score)| Significant { text, score })
            .collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(found)
    }

    /// Completions counted, n-grams counted, number of the current window, completions at the last significance table.
    pub fn totals(&self) -> [u64; 4] {
        [self.completions, self.ngrams, self.current, self.last_update]
    }

    /// Every n-gram with its frequency and its possible error, in order of first sight.
    pub fn entries(&self) -> impl Iterator<Item = (&[u32], u64, u64)> {
        self.table
            .iter()
            .map(|(ids, entry)| (ids.as_ref(), entry.frequency, entry.error))
    }
}
