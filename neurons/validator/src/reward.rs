//! Which rewards, masks and penalties judge answers. A fork edits this file.

use std::sync::Arc;

use axoneme_reward::functions::dpo::Dpo;
use axoneme_reward::masks::{Diversity, DiversityConfig, Echo, NgramBlacklist, Relevance};
use axoneme_reward::models::EmbeddingCache;
use axoneme_reward::penalties::{KeywordMatch, SentenceMatch, TaskValidation};
use axoneme_reward::{LogProbScorer, Pipeline, SentenceEmbedder, WordPieces};

use crate::config::{SettingsError, ValidatorConfig};

/// Texts whose embeddings are remembered: a few runs' worth.
const REMEMBERED: usize = 512;

/// The models behind the functions, as the functions see them.
pub struct Parts {
    /// For the log-probability reward.
    pub scorer: Arc<dyn LogProbScorer>,
    /// For relevance and diversity; needed unless both are off.
    pub embedder: Option<Arc<dyn SentenceEmbedder>>,
    /// For the n-gram filter; needed unless it is off.
    pub word_pieces: Option<Arc<dyn WordPieces>>,
}

/// The pipeline that `config` describes. A mask whose model is absent from `parts` is left out.
pub fn pipeline(config: &ValidatorConfig, parts: Parts) -> Result<Pipeline, SettingsError> {
    let (neuron, reward) = (&config.neuron, &config.reward);
    let mut builder = Pipeline::builder().reward(reward.dpo_weight, Dpo::new(parts.scorer, reward.dpo_repeat_penalty));

    if let Some(pieces) = parts.word_pieces.filter(|_| !neuron.blacklist_off) {
        builder = builder.mask(NgramBlacklist::new(pieces, config.blacklist.clone())?);
    }
    if !neuron.echo_off {
        builder = builder.mask(Echo);
    }
    if let Some(embedder) = parts.embedder {
        let embedder: Arc<dyn SentenceEmbedder> = Arc::new(EmbeddingCache::new(embedder, REMEMBERED));
        if !neuron.relevance_off {
            builder = builder.mask(Relevance::new(embedder.clone(), reward.relevance_bound));
        }
        if !neuron.diversity_off {
            let diversity = DiversityConfig {
                bound: reward.diversity_bound,
                ..DiversityConfig::default()
            };
            builder = builder.mask(Diversity::new(embedder, diversity));
        }
    }

    builder = builder
        .penalty(TaskValidation::new(reward.task_validation_max_penalty))
        .penalty(SentenceMatch::new(reward.sentence_match_max_penalty, reward.patterns))
        .penalty(KeywordMatch::new(reward.keyword_match_max_penalty, reward.patterns));
    Ok(builder.build()?)
}
