//! The sections only a validator has.

use std::time::Duration;

use axoneme_dataset::{DatasetConfig, DatasetError, HubConfig, SourceSpec, TextRecords};
use axoneme_dendrite::TlsPolicy;
use axoneme_reward::functions::PairFormat;
use axoneme_reward::masks::{DiversityRule, NsfwRule, Relevance};
use axoneme_reward::penalties::{KeywordMatch, Patterns, SentenceMatch, TaskValidation};
use axoneme_reward::{RepeatPenalty, check_weights};
use axoneme_weights::Method;
use serde::{Deserialize, Deserializer, Serialize};

use super::SettingsError;
use super::core::{CoreWeights, Mode};

/// `dendrite.*`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DendriteSection {
    /// Which questions to `btauth/1` miners are encrypted; those of SDK 10 speak plain HTTP only.
    pub tls: TlsUse,
    /// Take answers of `btauth/1` miners only if they are signed.
    pub require_signature: bool,
}

impl Default for DendriteSection {
    fn default() -> Self {
        Self {
            tls: TlsUse::default(),
            require_signature: true,
        }
    }
}

/// Which questions are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsUse {
    /// None.
    Never,
    /// Those to miners that published a key on chain, which is then the only one accepted.
    #[default]
    Published,
    /// All: `btauth/1` miners without a published key are not asked.
    Always,
}

impl TlsUse {
    /// As the dendrite takes it.
    pub fn policy(self) -> TlsPolicy {
        match self {
            Self::Never => TlsPolicy::Http,
            Self::Published => TlsPolicy::HttpsIfPublished,
            Self::Always => TlsPolicy::Https,
        }
    }
}

/// `neuron.*`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NeuronSection {
    /// Last part of the data directory.
    pub name: String,
    /// `auto`, `cpu`, `cuda` or `cuda:N`.
    pub device: String,
    /// Rounds of question and answer after the summary: a forward pass has `1 + 2 × rounds` prompt runs. Four make nine
    /// runs; zero leaves only the summary.
    pub num_followup_steps: u32,
    /// Miners asked for a summary or a question. More give better statistics and cost more time to judge.
    pub followup_sample_size: usize,
    /// Miners asked for an answer.
    pub answer_sample_size: usize,
    /// How long a miner may take for a summary or a question, seconds. Too short silences honest miners, too long lets one
    /// dead miner hold up every run.
    pub followup_timeout: f64,
    /// How long a miner may take for an answer, seconds.
    pub answer_timeout: f64,
    /// How long judging one run may take, seconds; then the run is given up.
    pub scoring_timeout: f64,
    /// Forward passes under way at the same time. They share the models, so more than one only helps while miners are slow.
    pub num_concurrent_forwards: usize,
    /// Share of the new reward in a miner's score, 0 to 1. At 0.05 a score follows the last twenty or so rewards.
    pub moving_average_alpha: f64,
    /// Let the score of a miner that was not asked decay towards zero, as subnets made from the template do. Off: it stays.
    pub decay_unasked: bool,
    /// Neurons with a validator permit and more stake than this, TAO, are not asked.
    pub vpermit_tao_limit: u64,
    /// Blocks between two settings of weights; 0 takes 100.
    #[serde(deserialize_with = "super::core::not_negative")]
    pub epoch_length_override: u64,
    /// Blocks between two refreshes of the metagraph.
    pub checkpoint_block_length: u64,
    /// Never set weights.
    pub disable_set_weights: bool,
    /// Version key sent with the weights; unset sends this program's own.
    pub weights_version_key: Option<u64>,
    /// Mechanism of the subnet whose weights this validator sets; 0 is the main one.
    pub mechanism: u8,
    /// How weights are committed on a subnet with commit–reveal: `auto`, `timelocked` or `hash`.
    pub commit_reveal: Method,
    /// Beacon of timelocked weights: `auto` (quicknet; on a local chain the one that the chain names), `quicknet`, `dev`,
    /// or a public key in hex.
    pub drand_beacon: String,
    /// Write no rewards into event records.
    pub disable_log_rewards: bool,
    /// Write no event records.
    pub dont_save_events: bool,
    /// Size at which the event file is rotated, such as `2 GB`; one old file is kept.
    pub events_retention_size: String,
    /// Ask miners at addresses that are not on the internet too. On by itself when the chain is on this machine.
    pub allow_private_axons: bool,
    /// Switch the n-gram filter off.
    pub blacklist_off: bool,
    /// Let answers that send the text back earn what the other functions give them.
    pub echo_off: bool,
    /// Switch the relevance filter off.
    pub relevance_off: bool,
    /// Switch the diversity filter off.
    pub diversity_off: bool,
    /// Switch the filter for unsafe text off. It is off too while `reward.nsfw_model` is unset: no such model ships.
    pub nsfw_off: bool,
    /// Accepted without effect, as in the network's own validator.
    pub task_validator_off: bool,
    /// Serve nothing: a core validator then only trains. A prompting validator never serves.
    pub axon_off: bool,
    /// What kind of validator this is.
    pub mode: Mode,
    /// Core: serve, and take over what a training process with the same data directory writes.
    pub inference_only: bool,
    /// Core: miners asked for one question of an application.
    pub inference_topk: usize,
    /// Core: how long they may take, seconds.
    pub inference_timeout: f64,
    /// Core: let the judge pick the best answer instead of the gating model.
    pub inference_judged: bool,
    /// Core: miners asked for one prompt of the training.
    pub training_topk: usize,
    /// Core: how long they may take, seconds.
    pub training_timeout: f64,
    /// Core: system message of every prompt; unset takes what is built in.
    pub base_prompt: Option<String>,
    /// Core: asks for the next question; unset takes what is built in.
    pub follow_up_prompt: Option<String>,
    /// Accepted without effect: the training starts from a text of the dataset.
    pub question_prompt: Option<String>,
    /// Core: after so many steps the training goes on from a new text; 0 never.
    pub reset_bootstrap_prompt_frequency: u64,
    /// Core: ask miners at random for the next question, instead of those whose answers were best.
    pub question_random_sample_uids: bool,
    /// Core: steps remembered; the oldest are dropped.
    pub max_history: usize,
    /// Core: weights from running scores, or from the history.
    pub compute_weights: CoreWeights,
    /// Core: tell miners what their answers earned.
    pub train_network: bool,
    /// Core: no judge; the gating model's scores are the rewards.
    pub no_reward_model: bool,
    /// Core: by how much scores of a reward model are lifted before they are compared.
    pub reward_shift: f64,
    /// Accepted without effect.
    pub reward_model_name: Option<String>,
    /// Core: no filter for messages.
    pub no_nsfw_filter: bool,
    /// Accepted without effect.
    pub length_timeout_multiplier: f64,
    /// Accepted without effect.
    pub reward_path: Option<String>,
    /// Time for every answer, seconds; where set, it is both timeouts. The template's name for them.
    pub timeout: Option<f64>,
    /// Miners asked each time; where set, it is both sample sizes. The template's name for them.
    pub sample_size: Option<usize>,
    /// Accepted without effect.
    pub use_custom_gating_model: bool,
    /// Switch the gating model off.
    pub mock_gating_model: bool,
    /// Accepted without effect.
    pub mock_dataset: bool,
    /// Refused.
    pub mock_reward_models: bool,
    /// Refused.
    pub mock_dendrite_pool: bool,
}

impl Default for NeuronSection {
    fn default() -> Self {
        Self {
            name: "core_prompting_validator".into(),
            device: "auto".into(),
            num_followup_steps: 4,
            followup_sample_size: 50,
            answer_sample_size: 50,
            followup_timeout: 10.0,
            answer_timeout: 10.0,
            scoring_timeout: 600.0,
            num_concurrent_forwards: 1,
            moving_average_alpha: 0.05,
            decay_unasked: false,
            vpermit_tao_limit: 4096,
            epoch_length_override: 0,
            checkpoint_block_length: 100,
            disable_set_weights: false,
            weights_version_key: None,
            mechanism: 0,
            commit_reveal: Method::Auto,
            drand_beacon: "auto".into(),
            disable_log_rewards: false,
            dont_save_events: false,
            events_retention_size: "2 GB".into(),
            allow_private_axons: false,
            blacklist_off: false,
            echo_off: false,
            relevance_off: false,
            diversity_off: false,
            nsfw_off: false,
            task_validator_off: false,
            axon_off: false,
            mode: Mode::default(),
            inference_only: false,
            inference_topk: 10,
            inference_timeout: 10.0,
            inference_judged: false,
            training_topk: 50,
            training_timeout: 4.0,
            base_prompt: None,
            follow_up_prompt: None,
            question_prompt: None,
            reset_bootstrap_prompt_frequency: 3,
            question_random_sample_uids: false,
            max_history: 100_000,
            compute_weights: CoreWeights::default(),
            train_network: false,
            no_reward_model: false,
            reward_shift: 3.0,
            reward_model_name: None,
            no_nsfw_filter: false,
            length_timeout_multiplier: 0.01,
            reward_path: None,
            timeout: None,
            sample_size: None,
            use_custom_gating_model: false,
            mock_gating_model: false,
            mock_dataset: false,
            mock_reward_models: false,
            mock_dendrite_pool: false,
        }
    }
}

impl NeuronSection {
    /// Blocks between two settings of weights.
    pub fn epoch_length(&self) -> u64 {
        if self.epoch_length_override == 0 {
            100
        } else {
            self.epoch_length_override
        }
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        self.check_core()?;
        let range = |flag, value: String, range| Err(SettingsError::Range { flag, value, range });
        let seconds = [
            ("neuron.followup_timeout", self.followup_timeout),
            ("neuron.answer_timeout", self.answer_timeout),
            ("neuron.scoring_timeout", self.scoring_timeout),
        ];
        for (flag, value) in seconds {
            if Duration::try_from_secs_f64(value).is_err() || value <= 0.0 {
                return range(flag, value.to_string(), "a number of seconds above 0");
            }
        }
        let counts = [
            ("neuron.followup_sample_size", self.followup_sample_size),
            ("neuron.answer_sample_size", self.answer_sample_size),
            ("neuron.num_concurrent_forwards", self.num_concurrent_forwards),
        ];
        for (flag, value) in counts {
            if value == 0 {
                return range(flag, value.to_string(), "at least 1");
            }
        }
        if !(self.moving_average_alpha > 0.0 && self.moving_average_alpha <= 1.0) {
            return range(
                "neuron.moving_average_alpha",
                self.moving_average_alpha.to_string(),
                "above 0 and at most 1",
            );
        }
        if self.checkpoint_block_length == 0 {
            return range("neuron.checkpoint_block_length", "0".into(), "at least 1");
        }
        if crate::events::parse_size(&self.events_retention_size).is_none() {
            let value = self.events_retention_size.clone();
            return range("neuron.events_retention_size", value, "a size such as 500 MB or 2 GB");
        }
        Ok(())
    }
}

/// `reward.*`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RewardSection {
    /// Weight of the log-probability under a language model. All weights together are 1.
    pub dpo_weight: f64,
    /// Weight of a classifier of (text, completion) pairs, as `OpenAssistant/reward-model-deberta-v3-large-v2`.
    pub rlhf_weight: f64,
    /// Weight of a reward model that reads a conversation, as `Skywork/Skywork-Reward-V2-Qwen3-0.6B`.
    pub reciprocate_weight: f64,
    /// Weight of a model with a value at every token, with the text and without.
    pub dahoas_weight: f64,
    /// Weight of the mark that a language model gives.
    pub prompt_based_weight: f64,
    /// Language model of the log-probability: `default`, a path to a GGUF file, or `hf:org/name[@revision]/file`.
    pub dpo_model: String,
    /// Model of the pair classifier: a folder, `hf:org/name[@revision]`, or `http://…` of a server that speaks the interface
    /// of text-embeddings-inference. The same for the next ones where nothing else is said.
    pub rlhf_model: Option<String>,
    /// Reward model that reads a conversation.
    pub reciprocate_model: Option<String>,
    /// How its conversations are written: `auto` (by its own chat template, where it has one), `template`, `open-assistant`
    /// or `chat`.
    pub reciprocate_format: PairFormat,
    /// Model with a value at every token; a folder or hub id.
    pub dahoas_model: Option<String>,
    /// Language model that gives marks: `default`, a GGUF file, a folder or hub id; or `http://host:port/v1#model`, a model on
    /// a server with OpenAI's chat completions.
    pub prompt_based_model: Option<String>,
    /// Name of the environment variable with the key of that server. Servers without keys need none.
    pub prompt_based_key_env: String,
    /// Classifier of unsafe text; unset switches that filter off.
    pub nsfw_model: Option<String>,
    /// How its numbers become a verdict: `label`, or `reference` for the network's own model.
    pub nsfw_rule: NsfwVerdict,
    /// Its label for unsafe text, or the label's number.
    pub nsfw_label: String,
    /// Probability of that label above which a completion earns nothing, 0 to 1.
    pub nsfw_threshold: f64,
    /// Model of the second measure of relevance, which is made for `bert-base-uncased`; unset leaves it out.
    pub relevance_distance_model: Option<String>,
    /// Least negative distance by that measure, at most 0.
    pub relevance_distance_bound: f64,
    /// Whether too little diversity masks (`bound`) or its value multiplies (`product`), as validators once did.
    pub diversity_rule: DiversityRule,
    /// Refuse fixed phrases and repeated best answers in place of counted phrases, as validators once did.
    pub phrase_blacklist: bool,
    /// Mask completions with labels of other kinds of tasks, as validators once did; the keyword penalty stays.
    pub task_validator: bool,
    /// Repetition rule of the log-probability: `reference`, `scaled` (as validators once did) or `off`.
    pub dpo_repeat_penalty: RepeatPenalty,
    /// Embedding model of relevance and diversity, and tokenizer of the n-gram filter: `default`, or a folder.
    pub embedding_model: String,
    /// Least cosine between the text and the completion, 0 to 1.
    pub relevance_bound: f64,
    /// An answer whose difference to the nearest other one is worth no more than this earns nothing, 0 to 1.
    pub diversity_bound: f64,
    /// Largest share that missing the task's criteria can take.
    pub task_validation_max_penalty: f64,
    /// Largest share that talking about the prompt can take.
    pub sentence_match_max_penalty: f64,
    /// Largest share that labels of other tasks can take.
    pub keyword_match_max_penalty: f64,
    /// Edition of the penalties' patterns: `reference` or `repaired`.
    pub patterns: Patterns,
}

impl Default for RewardSection {
    fn default() -> Self {
        Self {
            dpo_weight: 1.0,
            rlhf_weight: 0.0,
            reciprocate_weight: 0.0,
            dahoas_weight: 0.0,
            prompt_based_weight: 0.0,
            dpo_model: "default".into(),
            rlhf_model: None,
            reciprocate_model: None,
            reciprocate_format: PairFormat::Auto,
            dahoas_model: None,
            prompt_based_model: None,
            prompt_based_key_env: "OPENAI_API_KEY".into(),
            nsfw_model: None,
            nsfw_rule: NsfwVerdict::Label,
            nsfw_label: "nsfw".into(),
            nsfw_threshold: 0.5,
            relevance_distance_model: None,
            relevance_distance_bound: Relevance::DEFAULT_DISTANCE_BOUND,
            diversity_rule: DiversityRule::Bound,
            phrase_blacklist: false,
            task_validator: false,
            dpo_repeat_penalty: RepeatPenalty::Reference,
            embedding_model: "default".into(),
            relevance_bound: Relevance::DEFAULT_BOUND,
            diversity_bound: 0.2,
            task_validation_max_penalty: TaskValidation::DEFAULT_MAX,
            sentence_match_max_penalty: SentenceMatch::DEFAULT_MAX,
            keyword_match_max_penalty: KeywordMatch::DEFAULT_MAX,
            patterns: Patterns::Reference,
        }
    }
}

/// How the numbers of the classifier of unsafe text become a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NsfwVerdict {
    /// By the probability of `reward.nsfw_label`.
    #[default]
    Label,
    /// By the bound on the raw numbers of the network's own model, `facebook/roberta-hate-speech-dynabench-r4-target`.
    Reference,
}

impl RewardSection {
    /// The rule for unsafe text.
    pub fn nsfw(&self) -> NsfwRule {
        match self.nsfw_rule {
            NsfwVerdict::Reference => NsfwRule::Reference,
            NsfwVerdict::Label => NsfwRule::Label {
                label: self.nsfw_label.clone(),
                threshold: self.nsfw_threshold,
            },
        }
    }

    /// Role, weight, model, and the flags of both, of the rewards without a model that ships.
    fn roles(&self) -> [(&'static str, f64, Option<&str>, &'static str, &'static str); 4] {
        [
            (
                "rlhf reward",
                self.rlhf_weight,
                self.rlhf_model.as_deref(),
                "reward.rlhf_model",
                "reward.rlhf_weight",
            ),
            (
                "reciprocate reward",
                self.reciprocate_weight,
                self.reciprocate_model.as_deref(),
                "reward.reciprocate_model",
                "reward.reciprocate_weight",
            ),
            (
                "dahoas reward",
                self.dahoas_weight,
                self.dahoas_model.as_deref(),
                "reward.dahoas_model",
                "reward.dahoas_weight",
            ),
            (
                "prompt-based reward",
                self.prompt_based_weight,
                self.prompt_based_model.as_deref(),
                "reward.prompt_based_model",
                "reward.prompt_based_weight",
            ),
        ]
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let weights = [
            ("reward.dpo_weight", self.dpo_weight),
            ("reward.rlhf_weight", self.rlhf_weight),
            ("reward.reciprocate_weight", self.reciprocate_weight),
            ("reward.dahoas_weight", self.dahoas_weight),
            ("reward.prompt_based_weight", self.prompt_based_weight),
        ];
        check_weights(&weights)?;
        for (role, weight, model, model_flag, weight_flag) in self.roles() {
            if weight != 0.0 && model.is_none() {
                return Err(SettingsError::NoModel {
                    role,
                    model_flag,
                    off: weight_flag,
                });
            }
        }
        let bound = self.relevance_distance_bound;
        if !(bound <= 0.0 && bound.is_finite()) {
            return Err(SettingsError::Range {
                flag: "reward.relevance_distance_bound",
                value: bound.to_string(),
                range: "at most 0",
            });
        }
        let shares = [
            ("reward.relevance_bound", self.relevance_bound),
            ("reward.diversity_bound", self.diversity_bound),
            ("reward.nsfw_threshold", self.nsfw_threshold),
            ("reward.task_validation_max_penalty", self.task_validation_max_penalty),
            ("reward.sentence_match_max_penalty", self.sentence_match_max_penalty),
            ("reward.keyword_match_max_penalty", self.keyword_match_max_penalty),
        ];
        match shares.into_iter().find(|(_, value)| !(0.0..=1.0).contains(value)) {
            Some((flag, value)) => Err(SettingsError::Range {
                flag,
                value: value.to_string(),
                range: "from 0 to 1",
            }),
            None => Ok(()),
        }
    }
}

/// `dataset.*`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DatasetSection {
    /// Where texts come from, several separated by commas: `[WEIGHT*]LOCATION`, where a location is a file, a folder, a glob,
    /// `hf:datasets/owner/name[@revision][/path]`, `openwebtext`, `redpajama` or `shipped`. Read are .txt, .json, .jsonl and
    /// .ndjson, each also with .gz or .zst, and .parquet. Unset takes the articles that ship.
    #[serde(deserialize_with = "text_or_list")]
    pub source: Option<String>,
    /// Field of a JSON record, or column of a Parquet file, that holds the text; dots lead into nested ones.
    pub text_field: String,
    /// What is one record of a text file: `file`, `paragraphs`, or `auto` for paragraphs where a source is a single file.
    pub text_records: TextRecords,
    /// Records of each source among which the next one is drawn. A small buffer keeps neighbours of the file close together.
    pub shuffle_buffer: usize,
    /// Order of the records. Unset takes one from the validator's seed.
    pub seed: Option<u64>,
    /// Texts with fewer dots are skipped: their base text would be empty or one sentence.
    pub min_dots: usize,
    /// Longest base text, words; 0 sets no limit. Miners on a CPU need about a second for 150 words.
    pub max_words: usize,
}

impl Default for DatasetSection {
    fn default() -> Self {
        Self {
            source: None,
            text_field: "text".into(),
            text_records: TextRecords::Auto,
            shuffle_buffer: 10_000,
            seed: None,
            min_dots: 3,
            max_words: 0,
        }
    }
}

impl DatasetSection {
    /// What the dataset's own room needs to know.
    ///
    /// # Errors
    /// For a source that cannot be understood.
    pub fn config(&self) -> Result<DatasetConfig, DatasetError> {
        Ok(DatasetConfig {
            sources: self
                .source
                .as_deref()
                .map(SourceSpec::parse_all)
                .transpose()?
                .unwrap_or_default(),
            text_field: self.text_field.clone(),
            text_records: self.text_records,
            shuffle_buffer: self.shuffle_buffer,
            min_dots: self.min_dots,
            hub: HubConfig::default(),
        })
    }
}

/// A file of settings may have a list where the command line has commas.
fn text_or_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        Text(String),
        List(Vec<String>),
    }
    Ok(Option::<Given>::deserialize(deserializer)?.map(|given| match given {
        Given::Text(text) => text,
        Given::List(list) => list.join(","),
    }))
}
