//! The shipped models behind the seams of [`crate::models`].

use std::sync::Arc;

use async_trait::async_trait;
use axoneme_llm::{Embedder, Engine};

use crate::error::ModelFault;
use crate::models::{LogProbScorer, RepeatPenalty, SentenceEmbedder, WordPieces};

impl From<RepeatPenalty> for axoneme_llm::RepeatPenalty {
    fn from(repeat: RepeatPenalty) -> Self {
        match repeat {
            RepeatPenalty::Reference => Self::Reference,
            RepeatPenalty::Off => Self::Off,
        }
    }
}

#[async_trait]
impl LogProbScorer for Engine {
    async fn mean_log_prob(
        &self,
        prompt: &str,
        completions: &[String],
        repeat: RepeatPenalty,
    ) -> Result<Vec<Option<f64>>, ModelFault> {
        let scores = self
            .dpo_score(prompt.to_owned(), completions.to_vec(), repeat.into())
            .await?;
        Ok(scores.into_iter().map(|score| Some(f64::from(score))).collect())
    }
}

#[async_trait]
impl SentenceEmbedder for Embedder {
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, ModelFault> {
        Ok(Embedder::embed(self, texts).await?)
    }
}

/// The embedding model's tokenizer for the n-gram filter, without the model's own limit: the filter has one of its own.
pub fn word_pieces(embedder: &Embedder) -> Result<Arc<dyn WordPieces>, ModelFault> {
    let mut tokenizer = embedder.tokenizer().clone();
    tokenizer.with_truncation(None)?;
    tokenizer.with_padding(None);
    Ok(Arc::new(tokenizer))
}
