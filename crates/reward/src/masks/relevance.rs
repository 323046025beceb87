//! The relevance mask: a completion must be about the text it was asked about.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;

use crate::error::RewardError;
use crate::functions::checked;
use crate::models::SentenceEmbedder;
use crate::pipeline::{Extra, Judged, Mask};
use crate::task::Task;

/// `relevance_filter`: 1 when the embeddings of base text and completion are close enough by every measure in use.
///
/// The first measure is the absolute cosine of a sentence model's embeddings. The event field keeps the network's name,
/// `relevance_filter_mpnet_score`, whatever model is loaded, so that tools go on reading it.
///
/// The second is for one model only: the root mean square difference of mean-pooled states of
/// `bert-base-uncased`, which puts all English text close together. With another model its bound would mask good
/// answers, so it is off unless that model is given ([`Relevance::with_distance`]).
pub struct Relevance {
    embedder: Arc<dyn SentenceEmbedder>,
    bound: f64,
    distance: Option<(Arc<dyn SentenceEmbedder>, f64)>,
}

impl Relevance {
    /// Related texts score 0.64 to 0.87 with MiniLM, unrelated ones below 0.07. A bound of 0 lets everything pass, one
    /// above 0.6 starts to mask honest answers.
    pub const DEFAULT_BOUND: f64 = 0.3;

    /// The bound of the second measure: a cosine of 0.7676 between states of 768 numbers.
    pub const DEFAULT_DISTANCE_BOUND: f64 = -0.0246;

    /// With the model behind `embedder`.
    pub fn new(embedder: Arc<dyn SentenceEmbedder>, bound: f64) -> Self {
        Self {
            embedder,
            bound,
            distance: None,
        }
    }

    /// Holds completions against a second measure too. `embedder` pools a text's tokens in windows, each at length 1, and
    /// takes the mean of the windows.
    pub fn with_distance(mut self, embedder: Arc<dyn SentenceEmbedder>, bound: f64) -> Self {
        self.distance = Some((embedder, bound));
        self
    }

    /// 1 or 0. A score that is not a number passes: the miner is not to blame for it.
    pub fn decide(score: f64, bound: f64) -> f64 {
        if score < bound { 0.0 } else { 1.0 }
    }

    /// `measure` of each completion against the base text, the first of `texts`.
    async fn measure(
        &self,
        embedder: &Arc<dyn SentenceEmbedder>,
        texts: &[String],
        measure: fn(&[f32], &[f32]) -> f64,
    ) -> Result<Vec<f64>, RewardError> {
        let vectors = checked(self.name(), texts.len(), embedder.embed(texts.to_vec()).await)?;
        let (base, completions) = vectors
            .split_first()
            .map_or((&[][..], &[][..]), |(base, rest)| (base, rest));
        Ok(completions.iter().map(|vector| measure(vector, base)).collect())
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
        let alike = |a: &[f32], b: &[f32]| cosine(a, b).abs();
        let mut measures = vec![(
            "mpnet_score",
            self.measure(&self.embedder, &texts, alike).await?,
            self.bound,
        )];
        if let Some((embedder, bound)) = &self.distance {
            let scores = self.measure(embedder, &texts, negative_distance).await?;
            measures.insert(0, ("bert_score", scores, *bound));
        }
        let mut factor = vec![1.0; completions.len()];
        for (_, scores, bound) in &measures {
            let decisions = scores.iter().map(|score| Self::decide(*score, *bound));
            factor
                .iter_mut()
                .zip(decisions)
                .for_each(|(factor, decision)| *factor *= decision);
        }
        let extra = |(name, scores, _): (&'static str, Vec<f64>, f64)| Extra {
            name,
            values: scores.iter().map(|score| json!(score)).collect(),
        };
        Ok(Judged {
            raw: factor.clone(),
            factor,
            extras: measures.into_iter().map(extra).collect(),
        })
    }
}

/// The cosine of the angle between two vectors; not a number when one of them is all zero.
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt())
}

/// The root mean square difference of two vectors, negative so that more is closer; not a number for empty ones.
pub fn negative_distance(a: &[f32], b: &[f32]) -> f64 {
    let squares = a.iter().zip(b).map(|(x, y)| (f64::from(*x) - f64::from(*y)).powi(2));
    -(squares.sum::<f64>() / a.len() as f64).sqrt()
}
