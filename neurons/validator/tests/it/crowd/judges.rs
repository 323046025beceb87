//! Small models that really judge: trained on the articles that ship, in a blink.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use axoneme_reward::error::ModelFault;
use axoneme_reward::functions::dpo::Dpo;
use axoneme_reward::masks::{Diversity, DiversityConfig, Echo, NgramBlacklist, NgramConfig, Relevance};
use axoneme_reward::penalties::{KeywordMatch, SentenceMatch, TaskValidation};
use axoneme_reward::{LogProbScorer, Pipeline, RepeatPenalty, SentenceEmbedder, WordPieces};

/// Dimensions of the embedding.
const WIDTH: usize = 128;

/// A language model that knows how often words occur, and an embedding that weighs rare words most.
pub struct Words {
    counts: HashMap<String, u32>,
    names: Vec<String>,
    ids: HashMap<String, u32>,
    total: f64,
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

impl Words {
    /// Learns from `texts`.
    pub fn learn(texts: &[String]) -> Self {
        let mut counts: HashMap<String, u32> = HashMap::new();
        for word in texts.iter().flat_map(|text| words(text)) {
            *counts.entry(word).or_default() += 1;
        }
        let mut names: Vec<String> = counts.keys().cloned().collect();
        names.sort();
        let ids = names.iter().cloned().zip(1..).collect();
        let total = counts.values().map(|count| f64::from(*count)).sum();
        Self {
            counts,
            names,
            ids,
            total,
        }
    }

    fn log_prob(&self, word: &str) -> f64 {
        let count = self.counts.get(word).copied().unwrap_or(0);
        ((f64::from(count) + 0.1) / (self.total + 0.1)).ln()
    }
}

#[async_trait]
impl LogProbScorer for Words {
    async fn mean_log_prob(
        &self,
        _: &str,
        completions: &[String],
        _: RepeatPenalty,
    ) -> Result<Vec<Option<f64>>, ModelFault> {
        let score = |text: &String| {
            let scores: Vec<f64> = words(text).map(|word| self.log_prob(&word)).collect();
            (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
        };
        Ok(completions.iter().map(score).collect())
    }
}

#[async_trait]
impl SentenceEmbedder for Words {
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, ModelFault> {
        let embed = |text: &String| {
            let mut vector = vec![0f32; WIDTH];
            // All texts made of words have something in common; what has none lies elsewhere.
            match words(text).count() {
                0 => vector[WIDTH - 1] = 1.0,
                count => vector[0] = 0.5 * (count as f32).sqrt(),
            }
            for word in words(text) {
                let hash = word.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
                    (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
                });
                let weight = (-self.log_prob(&word) / 10.0).powi(2) as f32;
                vector[1 + (hash >> 8) as usize % (WIDTH - 2)] += weight;
            }
            vector
        };
        Ok(texts.iter().map(embed).collect())
    }
}

impl WordPieces for Words {
    fn ids(&self, text: &str) -> Result<Vec<u32>, ModelFault> {
        Ok(words(text)
            .map(|word| self.ids.get(&word).copied().unwrap_or(0))
            .collect())
    }

    fn decode(&self, ids: &[u32]) -> Result<String, ModelFault> {
        let name = |id: &u32| match id.checked_sub(1).and_then(|index| self.names.get(index as usize)) {
            Some(name) => name.as_str(),
            None => "[UNK]",
        };
        Ok(ids.iter().map(name).collect::<Vec<_>>().join(" "))
    }
}

/// The subnet's pipeline over such models.
pub fn pipeline(models: Words) -> Pipeline {
    let models = Arc::new(models);
    let counted = NgramConfig {
        memory_lim: 50_000,
        ..NgramConfig::default()
    };
    let diversity = DiversityConfig {
        history_len: 3000,
        ..DiversityConfig::default()
    };
    Pipeline::builder()
        .reward(1.0, Dpo::new(models.clone(), RepeatPenalty::Reference))
        .mask(NgramBlacklist::new(models.clone(), counted).unwrap())
        .mask(Echo)
        .mask(Relevance::new(models.clone(), Relevance::DEFAULT_BOUND))
        .mask(Diversity::new(models, diversity))
        .penalty(TaskValidation::new(0.6))
        .penalty(SentenceMatch::new(0.2, Default::default()))
        .penalty(KeywordMatch::new(1.0, Default::default()))
        .build()
        .unwrap()
}
