//! The scoring service's models behind the seams of [`crate::models`].

use std::sync::Arc;

use async_trait::async_trait;
use axoneme_scoring::{Input, Remote, ScoringModel};

use crate::error::ModelFault;
use crate::models::{
    LogProbScorer, ModelInput, RepeatPenalty, SentenceEmbedder, TextClassifier, TokenValues, WordPieces,
};

impl From<ModelInput> for Input {
    fn from(input: ModelInput) -> Self {
        match input {
            ModelInput::Text(text) => Self::Text(text),
            ModelInput::Pair(first, second) => Self::Pair(first, second),
            ModelInput::Ids(ids) => Self::Ids(ids),
        }
    }
}

fn inputs(inputs: Vec<ModelInput>) -> Vec<Input> {
    inputs.into_iter().map(Input::from).collect()
}

#[async_trait]
impl TextClassifier for ScoringModel {
    async fn logits(&self, asked: Vec<ModelInput>) -> Result<Vec<Vec<f32>>, ModelFault> {
        Ok(Self::logits(self, inputs(asked)).await?)
    }

    fn labels(&self) -> Vec<String> {
        Self::labels(self).to_vec()
    }

    fn ids(&self, text: &str) -> Result<Option<Vec<u32>>, ModelFault> {
        Ok(Some(self.tokenizer().encode_fast(text, true)?.get_ids().to_vec()))
    }

    fn max_tokens(&self) -> Option<usize> {
        Some(Self::max_tokens(self))
    }

    fn has_token(&self, text: &str) -> bool {
        self.tokenizer().token_to_id(text).is_some()
    }
}

/// A classifier on another machine tokenises and cuts there.
#[async_trait]
impl TextClassifier for Remote {
    async fn logits(&self, asked: Vec<ModelInput>) -> Result<Vec<Vec<f32>>, ModelFault> {
        Ok(Self::logits(self, inputs(asked)).await?)
    }

    fn labels(&self) -> Vec<String> {
        Self::labels(self).to_vec()
    }

    fn ids(&self, _text: &str) -> Result<Option<Vec<u32>>, ModelFault> {
        Ok(None)
    }

    fn max_tokens(&self) -> Option<usize> {
        None
    }

    fn has_token(&self, _text: &str) -> bool {
        false
    }
}

#[async_trait]
impl TokenValues for ScoringModel {
    async fn values(&self, asked: Vec<ModelInput>) -> Result<Vec<Vec<f32>>, ModelFault> {
        Ok(Self::values(self, inputs(asked)).await?)
    }

    fn ids(&self, text: &str) -> Result<Vec<u32>, ModelFault> {
        Ok(self.tokenizer().encode_fast(text, true)?.get_ids().to_vec())
    }

    fn end_token(&self) -> Option<u32> {
        self.tokenizer().token_to_id("<|endoftext|>")
    }

    fn max_tokens(&self) -> Option<usize> {
        Some(Self::max_tokens(self))
    }
}

#[async_trait]
impl SentenceEmbedder for ScoringModel {
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, ModelFault> {
        Ok(Self::embed(self, texts.into_iter().map(Input::Text).collect()).await?)
    }
}

#[async_trait]
impl SentenceEmbedder for Remote {
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, ModelFault> {
        Ok(Self::embed(self, texts.into_iter().map(Input::Text).collect(), true).await?)
    }
}

#[async_trait]
impl LogProbScorer for ScoringModel {
    async fn mean_log_prob(
        &self,
        prompt: &str,
        completions: &[String],
        repeat: RepeatPenalty,
    ) -> Result<Vec<Option<f64>>, ModelFault> {
        let scores = Self::mean_log_prob(self, prompt.to_owned(), completions.to_vec(), repeat.into()).await?;
        Ok(scores.into_iter().map(|score| Some(f64::from(score))).collect())
    }
}

/// A model's tokenizer for the n-gram filter.
pub fn word_pieces(model: &ScoringModel) -> Arc<dyn WordPieces> {
    Arc::new(model.tokenizer().clone())
}
