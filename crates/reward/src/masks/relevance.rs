//! The relevance mask: a completion must be about the text it was asked about.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;

use crate::error::RewardError;
use crate::models::SentenceEmbedder;
use crate::pipeline::{Extra, Judged, Mask};
use crate::task::Task;

/// `relevance_filter`: 1 when the absolute cosine between the embeddings of base text and completion reaches the bound.
///
/// The network's first validators also held a second measure against a bound that only fits one particular
/// uncased BERT; with any other model it would mask good answers, so it is not applied. The event field
/// keeps their name, `relevance_filter_mpnet_score`, whatever sentence model is loaded, so that tools go on reading it.
pub struct Relevance {
    embedder: Arc<dyn SentenceEmbedder>,
    bound: f64,
}

impl Relevance {
    /// Related texts score 0.64 to 0.87 with MiniLM, unrelated ones below 0.07. A bound of 0 lets everything pass, one
    /// above 0.6 starts to mask honest answers.
    pub const DEFAULT_BOUND: f64 = 0.3;

    /// With the model behind `embedder`.
    pub fn new(embedder: Arc<dyn SentenceEmbedder>, bound: f64) -> Self {
        Self { embedder, bound }
    }

    /// 1 or 0. A score that is not a number passes: the miner is not to blame for it.
    pub fn decide(score: f64, bound: f64) -> f64 {
        if score < bound { 0.0 } else { 1.0 }
    }
}

#[async_trait]
impl Mask for Relevance {
    fn name(&self) -> &'static str {
        "relevance_filter"
    }

    async fn judge(&self, task: &Task, completions: &[String]) -> Result<Judged, RewardError> {
        if completions.is_empty() {
            return Ok(Judged::default());
        }
        let mut texts = vec![task.base_text.clone()];
        texts.extend_from_slice(completions);
        let vectors = self.embedder.embed(texts).await;
        let vectors = vectors.map_err(|source| RewardError::Model {
            name: self.name(),
            source,
        })?;
        let scores: Vec<f64> = vectors
            .iter()
            .skip(1)
            .map(|vector| cosine(&vectors[0], vector).abs())
            .collect();
        let factor: Vec<f64> = scores.iter().map(|score| Self::decide(*score, self.bound)).collect();
        let values = scores.iter().map(|score| json!(score)).collect();
        Ok(Judged {
            raw: factor.clone(),
            factor,
            extras: vec![Extra {
                name: "mpnet_score",
                values,
            }],
        })
    }
}

/// The cosine of the angle between two vectors; not a number when one of them is all zero.
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt())
}
