//! The seams to models: what the functions need to know from one, and no more.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::error::ModelFault;

/// What to do about a completion whose end repeats its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RepeatPenalty {
    /// As the existing network scores: the tokens that followed an earlier occurrence of the last four are taken out
    /// at every position.
    #[default]
    Reference,
    /// As validators did before: a token is less likely by a factor of 1.2 on its logit for every use before.
    Scaled,
    /// Nothing.
    Off,
}

/// A language model that says how likely completions are.
#[async_trait]
pub trait LogProbScorer: Send + Sync {
    /// The mean log-probability of each completion's tokens after `prompt`, by the rule of
    /// [`axoneme_llm::dpo_score`]. `None` where nothing can be scored, for example because the prompt alone fills
    /// the model's context.
    async fn mean_log_prob(
        &self,
        prompt: &str,
        completions: &[String],
        repeat: RepeatPenalty,
    ) -> Result<Vec<Option<f64>>, ModelFault>;
}

/// A model that places texts in a space where related ones lie close.
#[async_trait]
pub trait SentenceEmbedder: Send + Sync {
    /// One vector per text, all of one length.
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, ModelFault>;
}

/// A tokenizer, as the n-gram filter needs it.
pub trait WordPieces: Send + Sync {
    /// The ids of `text`, without special tokens.
    fn ids(&self, text: &str) -> Result<Vec<u32>, ModelFault>;
    /// The text of `ids`.
    fn decode(&self, ids: &[u32]) -> Result<String, ModelFault>;
}

impl WordPieces for tokenizers::Tokenizer {
    fn ids(&self, text: &str) -> Result<Vec<u32>, ModelFault> {
        Ok(self.encode_fast(text, false)?.get_ids().to_vec())
    }

    fn decode(&self, ids: &[u32]) -> Result<String, ModelFault> {
        (**self).decode(ids, false)
    }
}

/// What a classifier or value model reads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ModelInput {
    /// A text, with the tokenizer's own special tokens.
    Text(String),
    /// Two texts in the tokenizer's own form for pairs.
    Pair(String, String),
    /// Ids as they are.
    Ids(Vec<u32>),
}

/// A model with one number per label for a text: a reward model has one label, a filter two or more.
#[async_trait]
pub trait TextClassifier: Send + Sync {
    /// The numbers before any softmax, one list per input, one number per label.
    async fn logits(&self, inputs: Vec<ModelInput>) -> Result<Vec<Vec<f32>>, ModelFault>;

    /// The labels in the order of the numbers; empty when nothing is known about them.
    fn labels(&self) -> Vec<String>;

    /// The ids of `text` with the tokenizer's special tokens, not cut; `None` when the tokenizer is elsewhere, where
    /// texts are then cut too.
    fn ids(&self, text: &str) -> Result<Option<Vec<u32>>, ModelFault>;

    /// The longest input, tokens, where there is a limit.
    fn max_tokens(&self) -> Option<usize>;

    /// Whether `text` is one token of the tokenizer.
    fn has_token(&self, text: &str) -> bool;
}

/// How a model that judges conversations wants one written.
pub trait ConversationForm: Send + Sync {
    /// The ids of a prompt and the completion that answers it, not cut. What a miner writes can neither end its turn nor
    /// begin another one.
    fn ids(&self, prompt: &str, completion: &str) -> Result<Vec<u32>, ModelFault>;
}

/// A model with one number for every token.
#[async_trait]
pub trait TokenValues: Send + Sync {
    /// One list per input, one number per token.
    async fn values(&self, inputs: Vec<ModelInput>) -> Result<Vec<Vec<f32>>, ModelFault>;

    /// The ids of `text`, not cut.
    fn ids(&self, text: &str) -> Result<Vec<u32>, ModelFault>;

    /// The id of `<|endoftext|>`, where the tokenizer has it.
    fn end_token(&self) -> Option<u32>;

    /// The longest input, tokens, where there is a limit.
    fn max_tokens(&self) -> Option<usize>;
}

/// A language model that goes on with a text, always the same way.
#[async_trait]
pub trait TextGenerator: Send + Sync {
    /// The likeliest continuation of each prompt, at most `max_tokens` long; without the prompt.
    async fn continue_texts(&self, prompts: Vec<String>, max_tokens: usize) -> Result<Vec<String>, ModelFault>;
}

/// Remembers the vectors of recent texts. Two masks look at the same completions; the model should do so once.
pub struct EmbeddingCache {
    inner: Arc<dyn SentenceEmbedder>,
    capacity: usize,
    seen: Mutex<HashMap<String, Arc<Vec<f32>>>>,
}

impl EmbeddingCache {
    /// A cache of at most `capacity` texts in front of `inner`. When it would grow past that, it starts over: the texts
    /// worth remembering are those of the current step.
    pub fn new(inner: Arc<dyn SentenceEmbedder>, capacity: usize) -> Self {
        Self {
            inner,
            capacity,
            seen: Mutex::new(HashMap::new()),
        }
    }
}

#[async_trait]
impl SentenceEmbedder for EmbeddingCache {
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, ModelFault> {
        let mut known: HashMap<String, Arc<Vec<f32>>> = {
            let seen = self.seen.lock();
            texts
                .iter()
                .filter_map(|text| Some((text.clone(), seen.get(text)?.clone())))
                .collect()
        };
        let mut missing: Vec<String> = texts
            .iter()
            .filter(|text| !known.contains_key(*text))
            .cloned()
            .collect();
        missing.sort_unstable();
        missing.dedup();
        let mut fresh: HashMap<String, Arc<Vec<f32>>> = HashMap::new();
        if !missing.is_empty() {
            let vectors = self.inner.embed(missing.clone()).await?;
            if vectors.len() != missing.len() {
                return Err(format!("{} vectors came for {} texts", vectors.len(), missing.len()).into());
            }
            fresh.extend(missing.into_iter().zip(vectors.into_iter().map(Arc::new)));
            known.extend(fresh.iter().map(|(text, vector)| (text.clone(), vector.clone())));
        }
        let answer = texts.iter().map(|text| known[text].to_vec()).collect();
        let mut seen = self.seen.lock();
        if seen.len() + fresh.len() > self.capacity {
            seen.clear();
        }
        if fresh.len() <= self.capacity {
            seen.extend(fresh);
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Default)]
    struct Counting(AtomicUsize);

    #[async_trait]
    impl SentenceEmbedder for Counting {
        async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, ModelFault> {
            self.0.fetch_add(texts.len(), Ordering::Relaxed);
            Ok(texts.iter().map(|text| vec![text.len() as f32]).collect())
        }
    }

    #[tokio::test]
    async fn a_text_is_embedded_once_and_the_cache_is_bounded() {
        let counting = Arc::new(Counting::default());
        let cache = EmbeddingCache::new(counting.clone(), 3);
        let texts: Vec<String> = ["a", "bb", "a"].map(String::from).to_vec();
        assert_eq!(cache.embed(texts.clone()).await.unwrap(), [[1.0], [2.0], [1.0]]);
        cache.embed(texts).await.unwrap();
        assert_eq!(counting.0.load(Ordering::Relaxed), 2);
        cache.embed(vec!["ccc".into(), "dddd".into()]).await.unwrap();
        assert!(cache.seen.lock().len() <= 3);
    }
}
