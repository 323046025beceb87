//! The mask for unsafe text, and the core validator's filter for messages.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::{ModelFault, RewardError};
use crate::functions::{aside, checked};
use crate::models::{ModelInput, TextClassifier};
use crate::pipeline::{Extra, Judged, Mask};
use crate::task::Task;

/// Ids in one chunk.
pub const CHUNK: usize = 512;

/// A text of more chunks than this is not looked at and does not pass: nobody asked for so much, and one miner must not
/// take the time in which all are judged.
pub const MOST_CHUNKS: usize = 32;

/// The score of a text without any chunk.
pub const NOTHING: f64 = -1000.0;

/// How the numbers of a classifier become a verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NsfwRule {
    /// That of the network's own model, `facebook/roberta-hate-speech-dynabench-r4-target`, with the labels (not hate,
    /// hate): a text is masked when max(−first logit, second logit) of its worst chunk is above −0.5.
    Reference,
    /// For any classifier: masked when the probability of `label` in the worst chunk is above `threshold`.
    Label {
        /// As the model's configuration names it, without regard to case; or its index.
        label: String,
        /// From 0 to 1; 0.5 is even.
        threshold: f64,
    },
}

impl NsfwRule {
    /// The bound of the reference rule.
    pub const REFERENCE_BOUND: f64 = -0.5;

    fn bound(&self) -> f64 {
        match self {
            Self::Reference => Self::REFERENCE_BOUND,
            Self::Label { threshold, .. } => *threshold,
        }
    }
}

/// Why a rule cannot be used with a model.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum NsfwRuleError {
    /// The model has no such label.
    #[error("the classifier of unsafe text has no label {label}; set --reward.nsfw_label to one of: {labels}")]
    Label {
        /// The label asked for.
        label: String,
        /// Those it has.
        labels: String,
    },
    /// The reference rule is made for two labels.
    #[error(
        "--reward.nsfw_rule reference is made for a classifier with two labels, this one has {0}; use --reward.nsfw_rule label"
    )]
    NotTwo(usize),
}

/// A rule put to a model.
#[derive(Debug, Clone, Copy)]
enum Applied {
    Reference,
    Label(usize),
}

impl Applied {
    fn new(rule: &NsfwRule, labels: &[String]) -> Result<Self, NsfwRuleError> {
        match rule {
            NsfwRule::Reference if labels.len() > 2 || labels.len() == 1 => Err(NsfwRuleError::NotTwo(labels.len())),
            NsfwRule::Reference => Ok(Self::Reference),
            NsfwRule::Label { label, .. } => {
                let named = labels.iter().position(|known| known.eq_ignore_ascii_case(label));
                let counted = label
                    .parse()
                    .ok()
                    .filter(|index| labels.is_empty() || *index < labels.len());
                named.or(counted).map(Self::Label).ok_or_else(|| NsfwRuleError::Label {
                    label: label.clone(),
                    labels: labels.join(", "),
                })
            }
        }
    }

    /// The score of one chunk; the higher, the worse.
    fn score(self, logits: &[f32]) -> f64 {
        match (self, logits) {
            (Self::Reference, [safe, unsafe_]) => f64::from(-safe).max(f64::from(*unsafe_)),
            (Self::Reference, _) => f64::NAN,
            (Self::Label(index), logits) => {
                let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let power = |logit: &f32| f64::from(logit - highest).exp();
                let sum: f64 = logits.iter().map(power).sum();
                logits.get(index).map_or(f64::NAN, |logit| power(logit) / sum)
            }
        }
    }
}

/// Cuts a text into what the model reads at once. Only the first chunk has the start token and only the last the end token:
/// the ids are those of the whole text.
fn chunks(model: &dyn TextClassifier, text: &str) -> Result<Vec<ModelInput>, ModelFault> {
    let length = CHUNK.min(model.max_tokens().unwrap_or(CHUNK)).max(1);
    Ok(match model.ids(text)? {
        Some(ids) => ids
            .chunks(length)
            .map(|chunk| ModelInput::Ids(chunk.to_vec()))
            .collect(),
        // A model elsewhere reads as much of the text as it can.
        None => vec![ModelInput::Text(text.to_owned())],
    })
}

/// `nsfw_filter`: 0 for a completion with an unsafe chunk, else 1. Off the shelf classifiers of any number of labels serve.
pub struct Nsfw {
    model: Arc<dyn TextClassifier>,
    bound: f64,
    rule: Applied,
}

impl Nsfw {
    /// With the model behind `model`.
    pub fn new(model: Arc<dyn TextClassifier>, rule: &NsfwRule) -> Result<Self, NsfwRuleError> {
        let applied = Applied::new(rule, &model.labels())?;
        Ok(Self {
            model,
            bound: rule.bound(),
            rule: applied,
        })
    }

    async fn scores(&self, completions: &[String]) -> Result<Vec<f64>, ModelFault> {
        let mut inputs = Vec::new();
        let mut owners = Vec::new();
        let mut worst = vec![NOTHING; completions.len()];
        let (model, texts) = (self.model.clone(), completions.to_vec());
        let cut = move || {
            texts
                .iter()
                .map(|text| chunks(&*model, text))
                .collect::<Result<Vec<_>, _>>()
        };
        for (index, chunks) in aside(cut).await?.into_iter().enumerate() {
            if chunks.len() > MOST_CHUNKS {
                worst[index] = f64::NAN;
                continue;
            }
            owners.extend(chunks.iter().map(|_| index));
            inputs.extend(chunks);
        }
        if inputs.is_empty() {
            return Ok(worst);
        }
        let logits = self.model.logits(inputs).await?;
        if logits.len() != owners.len() {
            return Err(format!("{} verdicts came for {} chunks", logits.len(), owners.len()).into());
        }
        for (owner, logits) in owners.iter().zip(&logits) {
            let score = self.rule.score(logits);
            // What cannot be judged is not let through.
            let so_far = worst[*owner];
            worst[*owner] = if score.is_nan() || so_far.is_nan() {
                f64::NAN
            } else {
                so_far.max(score)
            };
        }
        Ok(worst)
    }
}

#[async_trait]
impl Mask for Nsfw {
    fn name(&self) -> &'static str {
        "nsfw_filter"
    }

    async fn judge(&self, _task: &Task, completions: &[String]) -> Result<Judged, RewardError> {
        if completions.is_empty() {
            return Ok(Judged::default());
        }
        let scores = checked(self.name(), completions.len(), self.scores(completions).await)?;
        let factor: Vec<f64> = scores
            .iter()
            .map(|score| f64::from(u8::from(*score <= self.bound)))
            .collect();
        Ok(Judged {
            raw: factor.clone(),
            factor,
            extras: vec![Extra {
                name: "score",
                values: scores.iter().map(|score| json!(score)).collect(),
            }],
        })
    }
}

/// The core validator's filter for messages, stricter than the mask: a chunk is bad when its first logit is below 0.5 or its
/// second above. With a rule by label it is that rule.
pub struct MessageFilter {
    model: Arc<dyn TextClassifier>,
    rule: Applied,
    bound: f64,
}

impl MessageFilter {
    /// With the model behind `model`.
    pub fn new(model: Arc<dyn TextClassifier>, rule: &NsfwRule) -> Result<Self, NsfwRuleError> {
        let applied = Applied::new(rule, &model.labels())?;
        Ok(Self {
            model,
            rule: applied,
            bound: rule.bound(),
        })
    }

    /// Whether `text` must not go through. Chunks are looked at in order, up to the first bad one. A text without chunks
    /// is not bad, one of more than [`MOST_CHUNKS`] is.
    pub async fn flags(&self, text: &str) -> Result<bool, ModelFault> {
        let (model, text) = (self.model.clone(), text.to_owned());
        let chunks = aside(move || chunks(&*model, &text)).await?;
        if chunks.len() > MOST_CHUNKS {
            return Ok(true);
        }
        for chunk in chunks {
            let logits = self.model.logits(vec![chunk]).await?;
            let logits = logits.first().ok_or("no verdict came")?;
            let bad = match (self.rule, logits.as_slice()) {
                (Applied::Reference, [safe, hate]) => *safe < 0.5 || *hate > 0.5 || safe.is_nan() || hate.is_nan(),
                (Applied::Reference, _) => true,
                (rule, logits) => {
                    let score = rule.score(logits);
                    score > self.bound || score.is_nan()
                }
            };
            if bad {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
