//! Which rewards, masks and penalties judge answers. A fork edits this file.

use std::sync::Arc;

use axoneme_reward::functions::{Dahoas, Dpo, PromptBased, Reciprocate, Rlhf};
use axoneme_reward::masks::{
    Diversity, DiversityConfig, Echo, NgramBlacklist, Nsfw, PhraseBlacklist, Relevance, TaskValidatorFilter,
};
use axoneme_reward::models::EmbeddingCache;
use axoneme_reward::penalties::{KeywordMatch, SentenceMatch, TaskValidation};
use axoneme_reward::{
    ConversationForm, LogProbScorer, Pipeline, SentenceEmbedder, TextClassifier, TextGenerator, TokenValues, WordPieces,
};

use crate::config::{SettingsError, ValidatorConfig};

/// Texts whose embeddings are remembered: a few runs' worth.
const REMEMBERED: usize = 512;

/// The models behind the functions, as the functions see them. Those of functions that are switched off are absent.
#[derive(Clone, Default)]
pub struct Parts {
    /// For the log-probability reward.
    pub scorer: Option<Arc<dyn LogProbScorer>>,
    /// For the reward over pairs.
    pub rlhf: Option<Arc<dyn TextClassifier>>,
    /// For the reward over conversations.
    pub reciprocate: Option<Arc<dyn TextClassifier>>,
    /// How that one's conversations are written, where it came with a template of its own that is to be used.
    pub conversation: Option<Arc<dyn ConversationForm>>,
    /// For the reward over values.
    pub values: Option<Arc<dyn TokenValues>>,
    /// For the reward over marks.
    pub generator: Option<Arc<dyn TextGenerator>>,
    /// For relevance and diversity; needed unless both are off.
    pub embedder: Option<Arc<dyn SentenceEmbedder>>,
    /// For the second measure of relevance.
    pub distance: Option<Arc<dyn SentenceEmbedder>>,
    /// For the n-gram filter; needed unless it is off.
    pub word_pieces: Option<Arc<dyn WordPieces>>,
    /// For the filter of unsafe text.
    pub nsfw: Option<Arc<dyn TextClassifier>>,
}

/// The pipeline that `config` describes. A reward or mask whose model is absent from `parts` is left out; rewards left out
/// must have weight 0, as those that stay must sum to one.
pub fn pipeline(config: &ValidatorConfig, parts: Parts) -> Result<Pipeline, SettingsError> {
    let (neuron, reward) = (&config.neuron, &config.reward);
    let mut builder = Pipeline::builder();
    if let Some(scorer) = parts.scorer {
        builder = builder.reward(reward.dpo_weight, Dpo::new(scorer, reward.dpo_repeat_penalty));
    }
    if let Some(model) = parts.rlhf {
        builder = builder.reward(reward.rlhf_weight, Rlhf::new(model));
    }
    if let Some(model) = parts.reciprocate {
        let function = match parts.conversation {
            Some(template) => Reciprocate::by_template(model, template),
            None => Reciprocate::new(model, reward.reciprocate_format),
        };
        builder = builder.reward(reward.reciprocate_weight, function);
    }
    if let Some(model) = parts.values {
        builder = builder.reward(reward.dahoas_weight, Dahoas::new(model));
    }
    if let Some(model) = parts.generator {
        builder = builder.reward(reward.prompt_based_weight, PromptBased::new(model));
    }

    if reward.phrase_blacklist && !neuron.blacklist_off {
        builder = builder.mask(PhraseBlacklist::default());
    } else if let Some(pieces) = parts.word_pieces.filter(|_| !neuron.blacklist_off) {
        builder = builder.mask(NgramBlacklist::new(pieces, config.blacklist.clone())?);
    }
    if !neuron.echo_off {
        builder = builder.mask(Echo);
    }
    if reward.task_validator {
        builder = builder.mask(TaskValidatorFilter::new(reward.patterns));
    }
    if let Some(embedder) = parts.embedder {
        let embedder: Arc<dyn SentenceEmbedder> = Arc::new(EmbeddingCache::new(embedder, REMEMBERED));
        if !neuron.relevance_off {
            let mut relevance = Relevance::new(embedder.clone(), reward.relevance_bound);
            if let Some(model) = parts.distance {
                relevance = relevance.with_distance(model, reward.relevance_distance_bound);
            }
            builder = builder.mask(relevance);
        }
        if !neuron.diversity_off {
            let diversity = DiversityConfig {
                bound: reward.diversity_bound,
                rule: reward.diversity_rule,
                ..DiversityConfig::default()
            };
            builder = builder.mask(Diversity::new(embedder, diversity));
        }
    }
    if let Some(model) = parts.nsfw.filter(|_| !neuron.nsfw_off) {
        builder = builder.mask(Nsfw::new(model, &reward.nsfw())?);
    }

    builder = builder
        .penalty(TaskValidation::new(reward.task_validation_max_penalty))
        .penalty(SentenceMatch::new(reward.sentence_match_max_penalty, reward.patterns))
        .penalty(KeywordMatch::new(reward.keyword_match_max_penalty, reward.patterns));
    Ok(builder.build()?)
}

/// One line about the reward functions and masks that judge answers on the network by default and that `config` leaves out,
/// each with what switches it on; `None` when none is.
pub fn left_out(config: &ValidatorConfig) -> Option<String> {
    let (neuron, reward) = (&config.neuron, &config.reward);
    let off = [
        (reward.dpo_weight == 0.0, "dpo reward (--reward.dpo_weight)"),
        (
            reward.reciprocate_weight == 0.0,
            "reciprocate reward (--reward.reciprocate_weight, --reward.reciprocate_model)",
        ),
        (neuron.blacklist_off, "phrase blacklist (no --neuron.blacklist_off)"),
        (neuron.relevance_off, "relevance (no --neuron.relevance_off)"),
        (neuron.diversity_off, "diversity (no --neuron.diversity_off)"),
        (
            neuron.nsfw_off || reward.nsfw_model.is_none(),
            match neuron.nsfw_off {
                true => "filter of unsafe text (no --neuron.nsfw_off, --reward.nsfw_model)",
                false => "filter of unsafe text (--reward.nsfw_model)",
            },
        ),
    ];
    let names: Vec<&str> = off.into_iter().filter(|(off, _)| *off).map(|(_, name)| name).collect();
    let told = "validators of the network judge by these too, which are off here; their fields in records are null. In brackets \
                what switches them on";
    (!names.is_empty()).then(|| format!("{told}: {}", names.join(", ")))
}
