//! Settings of the core validator, and flags of older validators that mean little here; all of them are `neuron.*`.

use std::time::Duration;

use axoneme_neuron::{Setting, SettingKind as Kind};
use serde::{Deserialize, Deserializer, Serialize};

use super::{NeuronSection, SettingsError};
use crate::book::{Scale, ScoreRule};
use crate::core::CoreConfig;
use crate::scores::Unasked;

/// What kind of validator this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Forward passes of summary, questions and answers.
    #[default]
    Prompting,
    /// A gateway for applications that trains itself in between.
    Core,
}

/// What a core validator's weights are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CoreWeights {
    /// Scores that move by a hundredth with each step; who does not answer loses.
    #[default]
    Running,
    /// The average over the history, in which the newest step counts for nearly all; who does not answer keeps what it has.
    History,
}

impl NeuronSection {
    /// How a core validator asks and learns.
    pub fn core(&self) -> CoreConfig {
        let own = |text: &Option<String>, default: &str| text.clone().unwrap_or_else(|| default.to_owned());
        let (alpha, scale) = match self.compute_weights {
            CoreWeights::Running => (0.01, Scale::Softmax),
            CoreWeights::History => (0.99, Scale::SoftmaxOfAnswers),
        };
        CoreConfig {
            inference_topk: self.inference_topk,
            inference_timeout: seconds(self.inference_timeout),
            inference_judged: self.inference_judged,
            training_topk: self.training_topk,
            training_timeout: seconds(self.training_timeout),
            vpermit_tao_limit: self.vpermit_tao_limit,
            rule: ScoreRule {
                alpha,
                unasked: Unasked::Keep,
                scale,
            },
            base_prompt: own(
                &self.base_prompt,
                "You are an assistant who answers every question helpfully, truthfully and to the point.",
            ),
            follow_up_prompt: own(
                &self.follow_up_prompt,
                "Ask one question that follows from this and leads further.",
            ),
            reset_bootstrap_prompt_frequency: self.reset_bootstrap_prompt_frequency,
            question_random_sample_uids: self.question_random_sample_uids,
            train_network: self.train_network,
        }
    }

    pub(super) fn check_core(&self) -> Result<(), SettingsError> {
        let range = |flag, value: String, range| Err(SettingsError::Range { flag, value, range });
        let times = [
            ("neuron.inference_timeout", self.inference_timeout),
            ("neuron.training_timeout", self.training_timeout),
            ("neuron.timeout", self.timeout.unwrap_or(1.0)),
        ];
        for (flag, value) in times {
            if Duration::try_from_secs_f64(value).is_err() || value <= 0.0 {
                return range(flag, value.to_string(), "a number of seconds above 0");
            }
        }
        let counts = [
            ("neuron.inference_topk", self.inference_topk),
            ("neuron.training_topk", self.training_topk),
            ("neuron.max_history", self.max_history),
            ("neuron.sample_size", self.sample_size.unwrap_or(1)),
        ];
        for (flag, value) in counts {
            if value == 0 {
                return range(flag, value.to_string(), "at least 1");
            }
        }
        let mocks = [
            ("neuron.mock_reward_models", self.mock_reward_models),
            ("neuron.mock_dendrite_pool", self.mock_dendrite_pool),
        ];
        match mocks.into_iter().find(|(_, set)| *set) {
            Some((flag, _)) => Err(SettingsError::Mock { flag }),
            None => Ok(()),
        }
    }
}

fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or(Duration::from_secs(10))
}

/// Programs of this kind take -1 for "the chain's own"; here that is 0.
pub(super) fn not_negative<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(u64::try_from(i64::deserialize(deserializer)?).unwrap_or(0))
}

pub(super) fn settings() -> Vec<Setting> {
    const NO_EFFECT: &str = "accepted without effect";
    let new = Setting::new;
    vec![
        new(
            "neuron.mode",
            Kind::Text,
            "prompting, or core: a gateway for applications",
        ),
        new(
            "neuron.inference_only",
            Kind::Switch,
            "Core: serve, and take over what a training process writes",
        ),
        new(
            "neuron.inference_topk",
            Kind::Integer,
            "Core: miners asked for one question of an application",
        ),
        new(
            "neuron.inference_timeout",
            Kind::Decimal,
            "Core: time for their answers, seconds",
        ),
        new(
            "neuron.inference_judged",
            Kind::Switch,
            "Core: the judge picks the answer, not the gating model",
        ),
        new(
            "neuron.training_topk",
            Kind::Integer,
            "Core: miners asked for one prompt of the training",
        ),
        new(
            "neuron.training_timeout",
            Kind::Decimal,
            "Core: time for their answers, seconds",
        ),
        new("neuron.base_prompt", Kind::Text, "Core: system message of every prompt"),
        new(
            "neuron.follow_up_prompt",
            Kind::Text,
            "Core: asks for the next question",
        ),
        new(
            "neuron.question_prompt",
            Kind::Text,
            "Core: asks for a first question; accepted",
        )
        .notice("accepted without effect: the training starts from a text of the dataset"),
        new(
            "neuron.reset_bootstrap_prompt_frequency",
            Kind::Integer,
            "Core: steps after which a new text is taken; 0 never",
        ),
        new(
            "neuron.question_random_sample_uids",
            Kind::Switch,
            "Core: ask at random for the next question",
        ),
        new("neuron.max_history", Kind::Integer, "Core: steps remembered"),
        new(
            "neuron.compute_weights",
            Kind::Text,
            "Core: weights from running scores or from the history",
        ),
        new(
            "neuron.train_network",
            Kind::Switch,
            "Core: tell miners what their answers earned",
        ),
        new(
            "neuron.no_reward_model",
            Kind::Switch,
            "Core: the gating model's scores are the rewards",
        ),
        new(
            "neuron.reward_shift",
            Kind::Decimal,
            "Core: by how much scores of the reward model are lifted",
        ),
        new("neuron.reward_model_name", Kind::Text, "Core: reward model; accepted")
            .notice("accepted without effect: reward.dahoas_model judges where it is set, else the log-probability"),
        new("neuron.no_nsfw_filter", Kind::Switch, "Core: no filter for messages"),
        new("neuron.length_timeout_multiplier", Kind::Decimal, "Accepted").notice(NO_EFFECT),
        new("neuron.reward_path", Kind::Text, "Accepted").notice(NO_EFFECT),
        new(
            "neuron.timeout",
            Kind::Decimal,
            "Time for every answer, seconds; sets both timeouts",
        ),
        new(
            "neuron.sample_size",
            Kind::Integer,
            "Miners asked each time; sets both sample sizes",
        ),
        new("neuron.use_custom_gating_model", Kind::Switch, "Accepted")
            .notice("accepted without effect: the gating model reads sentences by itself"),
        new("neuron.mock_gating_model", Kind::Switch, "No gating model")
            .notice("there is no mock here: this switches the gating model off"),
        new("neuron.mock_dataset", Kind::Switch, "Accepted")
            .notice("accepted without effect: the articles that ship are read without a network"),
        new(
            "neuron.mock_reward_models",
            Kind::Switch,
            "Refused: there are no mocks; see axoneme up",
        ),
        new(
            "neuron.mock_dendrite_pool",
            Kind::Switch,
            "Refused: there are no mocks; see axoneme up",
        ),
        new("mock", Kind::Switch, "Refused: there are no mocks; see axoneme up"),
        new("priority.max_workers", Kind::Integer, "Accepted").notice(NO_EFFECT),
        new("priority.maxsize", Kind::Integer, "Accepted").notice(NO_EFFECT),
    ]
}

/// `priority.*`: a pool of the Python library.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrioritySection {
    /// Accepted without effect: an axon's queue is ordered by priority anyway.
    pub max_workers: usize,
    /// Accepted without effect.
    pub maxsize: usize,
}

impl Default for PrioritySection {
    fn default() -> Self {
        Self {
            max_workers: 5,
            maxsize: 10,
        }
    }
}
