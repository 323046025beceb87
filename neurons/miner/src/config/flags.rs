//! The miner's command line.

use axoneme_neuron::config::{admin_settings, axon_settings, common_settings};
use axoneme_neuron::{Program, Setting, SettingKind as Kind};

/// The miner's command line.
pub fn program() -> Program {
    let mut settings = common_settings();
    settings.extend(axon_settings());
    settings.extend(admin_settings());
    settings.extend([
        Setting::new("neuron.name", Kind::Text, "Last part of the data directory"),
        Setting::new("neuron.device", Kind::Text, "auto, cpu, cuda or cuda:N"),
        Setting::new(
            "miner.type",
            Kind::Text,
            "llm, openai, vicuna, btlm, template, echo or streaming_template",
        ),
        Setting::new(
            "miner.model",
            Kind::Text,
            "default, a GGUF file, or hf:org/name[@revision]/file.gguf",
        ),
        Setting::new(
            "miner.system_prompt",
            Kind::Text,
            "Said to the model before every conversation",
        ),
        Setting::new(
            "miner.prompt_style",
            Kind::Text,
            "How conversations are written: auto, vicuna, btlm, chatml or plain",
        ),
        Setting::new("miner.template", Kind::Text, "What the miner of type template answers"),
        Setting::new("miner.max_tokens", Kind::Integer, "Longest answer, tokens"),
        Setting::new(
            "miner.temperature",
            Kind::Decimal,
            "0 takes the likeliest token, 1 the model's distribution",
        ),
        Setting::new(
            "miner.top_p",
            Kind::Decimal,
            "Sample from the likeliest tokens with this total probability",
        ),
        Setting::new(
            "miner.repetition_penalty",
            Kind::Decimal,
            "Makes used tokens less likely; 1 is off",
        ),
        Setting::new("miner.seed", Kind::Integer, "Seed of the sampling"),
        Setting::new("miner.threads", Kind::Integer, "CPU threads of the model; 0 takes all"),
        Setting::new("miner.slots", Kind::Integer, "Conversations generated at the same time"),
        Setting::new(
            "miner.delay_share",
            Kind::Decimal,
            "Share of requests that wait first (a slow miner, for tests)",
        ),
        Setting::new("miner.delay_seconds", Kind::Decimal, "How long those wait, seconds"),
        Setting::new(
            "miner.blocks_per_epoch",
            Kind::Integer,
            "Blocks between two metagraph refreshes",
        ),
        Setting::new("miner.name", Kind::Text, "Like neuron.name, and before it"),
        Setting::new("miner.root", Kind::Text, "No effect; see logging.logging_dir"),
        Setting::new(
            "miner.set_weights",
            Kind::Switch,
            "Weigh this miner itself; most chains refuse it",
        ),
        Setting::new("miner.no_set_weights", Kind::Switch, "Never weigh this miner itself"),
        Setting::new("miner.no_serve", Kind::Switch, "Do not publish the axon's address"),
        Setting::new("miner.no_start_axon", Kind::Switch, "Take part without serving anybody"),
        Setting::new("miner.mock_subtensor", Kind::Switch, "No effect; see axoneme up"),
        Setting::new("miner.wire.v10", Kind::Switch, "Accept the Synapse wire of SDK 10"),
        Setting::new(
            "miner.wire.btauth",
            Kind::Switch,
            "Accept btauth/1, the signed requests of SDK 11",
        ),
        Setting::new(
            "miner.wire.sign_responses",
            Kind::Switch,
            "Sign answers to btauth/1 callers (twresp/1)",
        ),
        Setting::new(
            "miner.wire.tls",
            Kind::Switch,
            "Serve TLS on the same port too, its key published on chain",
        ),
        Setting::new(
            "miner.limits.per_address",
            Kind::Decimal,
            "Requests per second of one address; 0 is no limit",
        ),
        Setting::new(
            "miner.limits.per_hotkey",
            Kind::Decimal,
            "Requests per second of one hotkey; 0 is no limit",
        ),
        Setting::new(
            "miner.limits.handler_seconds",
            Kind::Decimal,
            "Longest time for queue and answer together, seconds",
        ),
        Setting::new(
            "miner.blacklist.whitelist",
            Kind::List,
            "Hotkeys that are always served",
        ),
        Setting::new(
            "miner.blacklist.blacklist",
            Kind::List,
            "Hotkeys that are never served, the whitelist's excepted",
        ),
        Setting::new(
            "miner.blacklist.force_validator_permit",
            Kind::Switch,
            "Serve only validators with a permit",
        ),
        Setting::new(
            "miner.blacklist.allow_non_registered",
            Kind::Switch,
            "Serve unregistered hotkeys too",
        ),
        Setting::new(
            "miner.blacklist.minimum_stake_requirement",
            Kind::Decimal,
            "Least stake of a caller, TAO",
        ),
        Setting::new(
            "miner.blacklist.min_request_period",
            Kind::Decimal,
            "Minutes for priority.len_request_timestamps requests; 0 is off, as on chains of this machine",
        ),
        Setting::new(
            "miner.blacklist.use_prompt_cache",
            Kind::Switch,
            "Refuse prompts that were asked before",
        ),
        Setting::new(
            "miner.blacklist.prompt_cache_block_span",
            Kind::Integer,
            "Blocks for which a prompt is remembered",
        ),
        Setting::new(
            "miner.blacklist.metagraph_stale_seconds",
            Kind::Integer,
            "Age of the metagraph from which on only earlier callers are served",
        ),
        Setting::new(
            "miner.blacklist.metagraph_too_old_seconds",
            Kind::Integer,
            "Age of the metagraph from which on only the whitelist is served",
        ),
        Setting::new(
            "miner.priority.default",
            Kind::Decimal,
            "Priority of an unregistered caller",
        ),
        Setting::new(
            "miner.priority.time_stake_multiplicate",
            Kind::Decimal,
            "Minutes since the tenth last request that count as the stake once more",
        ),
        Setting::new(
            "miner.priority.len_request_timestamps",
            Kind::Integer,
            "Requests of a caller that are remembered",
        ),
    ]);
    settings.extend(backends());
    Program {
        name: "miner",
        about: "A miner of the text-prompting subnet",
        settings,
    }
}

/// Settings of the kinds of miners that have their own.
fn backends() -> Vec<Setting> {
    vec![
        Setting::new(
            "openai.base_url",
            Kind::Text,
            "Where /chat/completions is: http://host:port/v1",
        ),
        Setting::new(
            "openai.api_key_env",
            Kind::Text,
            "Environment variable that holds the key",
        ),
        Setting::new("openai.model_name", Kind::Text, "The server's name of the model"),
        Setting::new("openai.max_tokens", Kind::Integer, "Longest answer, tokens"),
        Setting::new("openai.temperature", Kind::Decimal, "0 takes the likeliest token"),
        Setting::new(
            "openai.top_p",
            Kind::Decimal,
            "Sample from the likeliest tokens with this total probability",
        ),
        Setting::new("openai.n", Kind::Integer, "No effect; one answer is asked for"),
        Setting::new(
            "openai.presence_penalty",
            Kind::Decimal,
            "Makes used tokens less likely, -2 to 2",
        ),
        Setting::new(
            "openai.frequency_penalty",
            Kind::Decimal,
            "The same, more with every use",
        ),
        Setting::new("openai.suffix", Kind::Text, "No effect"),
        Setting::new(
            "openai.concurrent",
            Kind::Integer,
            "Requests under way at the same time",
        ),
        Setting::new(
            "vicuna.model_name",
            Kind::Text,
            "default, a GGUF file, or hf:org/name[@revision]/file.gguf",
        ),
        Setting::new(
            "vicuna.device",
            Kind::Text,
            "auto, cpu, cuda or cuda:N; empty takes neuron.device",
        ),
        Setting::new("vicuna.max_new_tokens", Kind::Integer, "Longest answer, tokens"),
        Setting::new("vicuna.temperature", Kind::Decimal, "Used with vicuna.do_sample"),
        Setting::new(
            "vicuna.do_sample",
            Kind::Switch,
            "Draw tokens instead of taking the likeliest",
        ),
        Setting::new(
            "vicuna.do_prompt_injection",
            Kind::Switch,
            "Put our system prompt in the caller's place",
        ),
        Setting::new(
            "vicuna.system_prompt",
            Kind::Text,
            "Used with vicuna.do_prompt_injection",
        ),
        Setting::new(
            "btlm.device",
            Kind::Text,
            "auto, cpu, cuda or cuda:N; empty takes neuron.device",
        ),
        Setting::new("btlm.max_length", Kind::Integer, "Longest answer, tokens"),
        Setting::new(
            "btlm.do_sample",
            Kind::Switch,
            "Draw tokens instead of taking the likeliest",
        ),
        Setting::new(
            "btlm.no_repeat_ngram_size",
            Kind::Integer,
            "No run of so many tokens comes twice in a conversation; 0 allows all",
        ),
        Setting::new(
            "btlm.do_prompt_injection",
            Kind::Switch,
            "Put our system prompt in the caller's place",
        ),
        Setting::new("btlm.system_prompt", Kind::Text, "Used with btlm.do_prompt_injection"),
        Setting::new("btlm.use_deepspeed", Kind::Switch, "No effect"),
        Setting::new("btlm.temperature", Kind::Decimal, "Used with btlm.do_sample"),
        Setting::new(
            "wandb.on",
            Kind::Switch,
            "Write offline runs for `wandb sync`; nothing is sent",
        ),
        Setting::new("wandb.project_name", Kind::Text, "Project of those runs"),
        Setting::new(
            "wandb.entity",
            Kind::Text,
            "Team or user of those runs; empty for that of whoever uploads",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MinerConfig;

    #[test]
    fn every_flag_is_a_field() {
        let value = axoneme_neuron::config::as_json(&MinerConfig::default());
        for setting in program().settings {
            let pointer = format!("/{}", setting.key.replace('.', "/"));
            assert!(value.pointer(&pointer).is_some(), "no field for {}", setting.key);
        }
    }
}
