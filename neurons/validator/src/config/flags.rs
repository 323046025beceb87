//! The validator's command line.

use axoneme_neuron::config::{admin_settings, axon_settings, common_settings};
use axoneme_neuron::{Program, Setting, SettingKind as Kind};

/// The validator's command line: every flag is a field of [`super::ValidatorConfig`].
pub fn program() -> Program {
    let mut settings = common_settings();
    settings.push(Setting::new("seed", Kind::Integer, "Seed of everything that is drawn"));
    settings.extend(dendrite());
    settings.extend(neuron());
    settings.extend(reward());
    settings.extend(super::core::settings());
    settings.extend(super::gating::settings());
    settings.extend(dataset());
    settings.extend(blacklist());
    settings.extend(record());
    settings.extend(wandb());
    settings.extend(axon_settings());
    settings.extend(admin_settings());
    Program {
        name: "validator",
        about: "A validator of the text-prompting subnet",
        settings,
    }
}

fn dendrite() -> Vec<Setting> {
    vec![
        Setting::new(
            "dendrite.tls",
            Kind::Text,
            "Encrypt questions to btauth/1 miners: never, published (where a key is on chain) or always",
        ),
        Setting::new(
            "dendrite.require_signature",
            Kind::Switch,
            "Take answers of btauth/1 miners only if they are signed",
        ),
    ]
}

fn neuron() -> Vec<Setting> {
    vec![
        Setting::new("neuron.name", Kind::Text, "Last part of the data directory"),
        Setting::new("neuron.device", Kind::Text, "auto, cpu, cuda or cuda:N"),
        Setting::new(
            "neuron.num_followup_steps",
            Kind::Integer,
            "Rounds of question and answer; 4 make 9 prompt runs",
        ),
        Setting::new(
            "neuron.followup_sample_size",
            Kind::Integer,
            "Miners asked for a summary or question",
        ),
        Setting::new("neuron.answer_sample_size", Kind::Integer, "Miners asked for an answer"),
        Setting::new(
            "neuron.followup_timeout",
            Kind::Decimal,
            "Time for a summary or question, seconds",
        ),
        Setting::new("neuron.answer_timeout", Kind::Decimal, "Time for an answer, seconds"),
        Setting::new(
            "neuron.scoring_timeout",
            Kind::Decimal,
            "Time for judging one run, seconds",
        ),
        Setting::new(
            "neuron.num_concurrent_forwards",
            Kind::Integer,
            "Forward passes at the same time",
        ),
        Setting::new(
            "neuron.moving_average_alpha",
            Kind::Decimal,
            "Share of the new reward in a score",
        ),
        Setting::new("neuron.decay_unasked", Kind::Switch, "Scores of miners not asked decay"),
        Setting::new(
            "neuron.vpermit_tao_limit",
            Kind::Integer,
            "Do not ask validators with more stake, TAO",
        ),
        Setting::new(
            "neuron.epoch_length_override",
            Kind::Signed,
            "Blocks between settings of weights; 0 is 100",
        )
        .alias(&["neuron.epoch_length"]),
        Setting::new(
            "neuron.checkpoint_block_length",
            Kind::Integer,
            "Blocks between metagraph refreshes",
        ),
        Setting::new("neuron.disable_set_weights", Kind::Switch, "Never set weights"),
        Setting::new(
            "neuron.weights_version_key",
            Kind::Integer,
            "Version key sent with the weights",
        ),
        Setting::new(
            "neuron.mechanism",
            Kind::Integer,
            "Mechanism of the subnet whose weights are set; 0 is the main one",
        ),
        Setting::new(
            "neuron.commit_reveal",
            Kind::Text,
            "How weights are committed where they have to be: auto, timelocked or hash",
        ),
        Setting::new(
            "neuron.drand_beacon",
            Kind::Text,
            "Beacon of timelocked weights: auto, quicknet, dev, or a public key in hex",
        ),
        Setting::new(
            "neuron.disable_log_rewards",
            Kind::Switch,
            "No rewards in event records",
        ),
        Setting::new("neuron.dont_save_events", Kind::Switch, "No event records"),
        Setting::new(
            "neuron.events_retention_size",
            Kind::Text,
            "Size at which the event file is rotated",
        ),
        Setting::new(
            "neuron.allow_private_axons",
            Kind::Switch,
            "Ask miners at private addresses too; on by itself when the chain is on this machine",
        ),
        Setting::new("neuron.blacklist_off", Kind::Switch, "No n-gram filter"),
        Setting::new(
            "neuron.echo_off",
            Kind::Switch,
            "No filter for answers that send the text back",
        ),
        Setting::new("neuron.relevance_off", Kind::Switch, "No relevance filter"),
        Setting::new("neuron.diversity_off", Kind::Switch, "No diversity filter"),
        Setting::new("neuron.nsfw_off", Kind::Switch, "No filter for unsafe text"),
        Setting::new("neuron.task_validator_off", Kind::Switch, "Accepted without effect")
            .notice("accepted without effect"),
        Setting::new("neuron.axon_off", Kind::Switch, "Serve nothing").alias(&["axon_off"]),
    ]
}

fn reward() -> Vec<Setting> {
    vec![
        Setting::new(
            "reward.dpo_weight",
            Kind::Decimal,
            "Weight of the log-probability reward",
        ),
        Setting::new(
            "reward.rlhf_weight",
            Kind::Decimal,
            "Weight of a classifier of pairs of text and completion",
        ),
        Setting::new(
            "reward.reciprocate_weight",
            Kind::Decimal,
            "Weight of a reward model that reads a conversation",
        ),
        Setting::new(
            "reward.dahoas_weight",
            Kind::Decimal,
            "Weight of a model with a value at every token",
        ),
        Setting::new(
            "reward.prompt_based_weight",
            Kind::Decimal,
            "Weight of the mark that a language model gives",
        ),
        Setting::new(
            "reward.dpo_model",
            Kind::Text,
            "default, a GGUF file, or hf:org/name[@revision]/file.gguf",
        ),
        Setting::new(
            "reward.rlhf_model",
            Kind::Text,
            "Folder, hf:org/name[@revision], or http://… of a scoring server",
        ),
        Setting::new(
            "reward.reciprocate_model",
            Kind::Text,
            "The same for the reward model that reads a conversation",
        ),
        Setting::new(
            "reward.reciprocate_format",
            Kind::Text,
            "How conversations are written: auto, template, open-assistant or chat",
        ),
        Setting::new(
            "reward.dahoas_model",
            Kind::Text,
            "Folder or hub id of the model with a value at every token",
        ),
        Setting::new(
            "reward.prompt_based_model",
            Kind::Text,
            "Language model that gives marks: default, a file, a folder, a hub id, or http://…/v1#model",
        ),
        Setting::new(
            "reward.prompt_based_key_env",
            Kind::Text,
            "Environment variable with the key of the server of that model",
        ),
        Setting::new(
            "reward.nsfw_model",
            Kind::Text,
            "Classifier of unsafe text; unset switches the filter off",
        ),
        Setting::new(
            "reward.nsfw_rule",
            Kind::Text,
            "How it is read: label, or reference for the network's own model",
        ),
        Setting::new("reward.nsfw_label", Kind::Text, "Its label for unsafe text"),
        Setting::new(
            "reward.nsfw_threshold",
            Kind::Decimal,
            "Probability of the label that masks",
        ),
        Setting::new(
            "reward.relevance_distance_model",
            Kind::Text,
            "bert-base-uncased, for a second measure of relevance",
        ),
        Setting::new(
            "reward.relevance_distance_bound",
            Kind::Decimal,
            "Least negative distance by that measure",
        ),
        Setting::new(
            "reward.diversity_rule",
            Kind::Text,
            "Diversity masks (bound) or multiplies (product)",
        ),
        Setting::new(
            "reward.phrase_blacklist",
            Kind::Switch,
            "Fixed phrases in place of counted ones",
        ),
        Setting::new(
            "reward.task_validator",
            Kind::Switch,
            "Mask labels of other kinds of tasks",
        ),
        Setting::new(
            "reward.dpo_repeat_penalty",
            Kind::Text,
            "Repetition rule: reference, scaled or off",
        ),
        Setting::new(
            "reward.embedding_model",
            Kind::Text,
            "default, a folder, hf:org/name[@revision], or http://… of a scoring server",
        ),
        Setting::new(
            "reward.relevance_bound",
            Kind::Decimal,
            "Least cosine between text and completion",
        ),
        Setting::new(
            "reward.diversity_bound",
            Kind::Decimal,
            "Least worth of the difference to other answers",
        ),
        Setting::new(
            "reward.task_validation_max_penalty",
            Kind::Decimal,
            "Most that missed criteria can take",
        ),
        Setting::new(
            "reward.sentence_match_max_penalty",
            Kind::Decimal,
            "Most that talk about the prompt can take",
        ),
        Setting::new(
            "reward.keyword_match_max_penalty",
            Kind::Decimal,
            "Most that labels of other tasks can take",
        ),
        Setting::new(
            "reward.patterns",
            Kind::Text,
            "Edition of the penalties' patterns: reference or repaired",
        ),
    ]
}

fn dataset() -> Vec<Setting> {
    vec![
        Setting::new(
            "dataset.source",
            Kind::Text,
            "[WEIGHT*]file, folder, glob, hf:datasets/owner/name, openwebtext or redpajama, several with commas; unset takes what ships",
        ),
        Setting::new(
            "dataset.text_field",
            Kind::Text,
            "Field of a JSON record, or column of a Parquet file, that holds the text",
        ),
        Setting::new(
            "dataset.text_records",
            Kind::Text,
            "One record of a text file: file, paragraphs, or auto (paragraphs of a single file)",
        ),
        Setting::new(
            "dataset.shuffle_buffer",
            Kind::Integer,
            "Records of each source among which the next one is drawn",
        ),
        Setting::new(
            "dataset.seed",
            Kind::Integer,
            "Order of the records; unset takes one from the seed",
        ),
        Setting::new("dataset.min_dots", Kind::Integer, "Skip texts with fewer dots"),
        Setting::new(
            "dataset.max_words",
            Kind::Integer,
            "Longest base text, words; 0 sets no limit",
        ),
    ]
}

fn blacklist() -> Vec<Setting> {
    vec![
        Setting::new("blacklist.n_min", Kind::Integer, "Shortest phrase, word pieces"),
        Setting::new("blacklist.n_max", Kind::Integer, "Longest phrase, word pieces"),
        Setting::new(
            "blacklist.word_limit",
            Kind::Integer,
            "Word pieces of a completion that are looked at",
        ),
        Setting::new("blacklist.a", Kind::Decimal, "Growth of a phrase's score per word"),
        Setting::new(
            "blacklist.boundary",
            Kind::Decimal,
            "Score above which a phrase is blacklisted",
        ),
        Setting::new(
            "blacklist.partial_ratio_boundary",
            Kind::Integer,
            "Likeness, of 100, above which it counts",
        ),
        Setting::new(
            "blacklist.half_life",
            Kind::Integer,
            "Completions after which counts are halved",
        ),
        Setting::new(
            "blacklist.support",
            Kind::Decimal,
            "Least share of completions with a phrase",
        ),
        Setting::new("blacklist.error", Kind::Decimal, "Allowed error of a count, as a share"),
        Setting::new("blacklist.memory_lim", Kind::Integer, "Phrases kept"),
        Setting::new("blacklist.frequency_multiplier", Kind::Decimal, "Factor in the score"),
        Setting::new(
            "blacklist.preprocess",
            Kind::Text,
            "Characters to delete, as a regular expression",
        ),
    ]
}

fn record() -> Vec<Setting> {
    vec![
        Setting::new("record.keep_files", Kind::Integer, "Full event files that are kept"),
        Setting::new("record.zstd", Kind::Switch, "Pack full event files with zstd"),
        Setting::new(
            "record.parquet",
            Kind::Switch,
            "Write a Parquet file beside each full event file",
        ),
    ]
}

fn wandb() -> Vec<Setting> {
    vec![
        Setting::new("wandb.off", Kind::Switch, "Write no wandb runs, whatever else is set"),
        Setting::new(
            "wandb.offline",
            Kind::Switch,
            "Write wandb runs into the data directory; nothing is sent, `wandb sync` uploads them",
        ),
        Setting::new(
            "wandb.track_gating_model",
            Kind::Switch,
            "Put the gating model's head into the run",
        ),
        Setting::new("wandb.project_name", Kind::Text, "Project of the runs"),
        Setting::new("wandb.entity", Kind::Text, "Team or user of the runs"),
        Setting::new("wandb.notes", Kind::Text, "Notes of the runs"),
        Setting::new("wandb.weights_step_length", Kind::Integer, "Accepted without effect"),
        Setting::new(
            "wandb.run_step_length",
            Kind::Integer,
            "Prompt runs after which a new run and a new event file begin; 0 never",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ValidatorConfig;

    #[test]
    fn every_flag_is_a_field_and_every_field_a_flag() {
        let value = axoneme_neuron::config::as_json(&ValidatorConfig::default());
        let settings = program().settings;
        for setting in &settings {
            let pointer = format!("/{}", setting.key.replace('.', "/"));
            assert!(value.pointer(&pointer).is_some(), "no field for {}", setting.key);
        }
        for section in ["neuron", "reward", "gating", "dataset", "blacklist", "record", "wandb"] {
            for field in value[section].as_object().unwrap().keys() {
                let key = format!("{section}.{field}");
                assert!(settings.iter().any(|setting| setting.key == key), "no flag for {key}");
            }
        }
    }

    #[test]
    fn the_defaults_are_sound_and_nine_prompt_runs_long() {
        let config = ValidatorConfig::default();
        config.check().unwrap();
        assert_eq!(1 + 2 * config.neuron.num_followup_steps, 9);
        assert_eq!(config.neuron.epoch_length(), 100);
    }

    #[test]
    fn weights_that_do_not_sum_to_one_and_functions_without_a_model_are_refused_with_the_flag() {
        let mut config = ValidatorConfig::default();
        config.reward.dpo_weight = 0.6;
        assert!(
            config
                .check()
                .unwrap_err()
                .to_string()
                .contains("--reward.dpo_weight 0.6")
        );
        config.reward.reciprocate_weight = 0.4;
        let error = config.check().unwrap_err().to_string();
        assert!(
            error.contains("reciprocate reward") && error.contains("--reward.reciprocate_model"),
            "{error}"
        );
        assert!(error.contains("--reward.reciprocate_weight 0"), "{error}");
        config.reward.reciprocate_model = Some("hf:Skywork/Skywork-Reward-V2-Qwen3-0.6B".into());
        config.check().unwrap();
        config = ValidatorConfig::default();
        config.neuron.answer_timeout = 0.0;
        assert!(
            config
                .check()
                .unwrap_err()
                .to_string()
                .contains("--neuron.answer_timeout 0")
        );
    }
}
