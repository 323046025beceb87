//! The miner's settings.

use axoneme_neuron::config::{
    AdminConfig, AxonConfig, LoggingConfig, SubtensorConfig, WalletConfig, admin_settings, axon_settings,
    common_settings,
};
use axoneme_neuron::{Program, Setting, SettingKind as Kind};
use serde::{Deserialize, Serialize};

/// Everything an operator can set. The same names are flags, keys of the TOML file and
/// environment variables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MinerConfig {
    /// Subnet to serve.
    pub netuid: u16,
    /// Keys.
    pub wallet: WalletConfig,
    /// Chain.
    pub subtensor: SubtensorConfig,
    /// Logs and data directory.
    pub logging: LoggingConfig,
    /// Address of the axon.
    pub axon: AxonConfig,
    /// Health and metrics.
    pub admin: AdminConfig,
    /// Name and device.
    pub neuron: NeuronSection,
    /// How requests are answered and who may ask.
    pub miner: MinerSection,
}

impl Default for MinerConfig {
    fn default() -> Self {
        Self {
            netuid: 1,
            wallet: WalletConfig::default(),
            subtensor: SubtensorConfig::default(),
            logging: LoggingConfig::default(),
            axon: AxonConfig::default(),
            admin: AdminConfig::default(),
            neuron: NeuronSection::default(),
            miner: MinerSection::default(),
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
}

impl Default for NeuronSection {
    fn default() -> Self {
        Self {
            name: "miner".into(),
            device: "auto".into(),
        }
    }
}

/// What answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MinerKind {
    /// The local language model.
    Llm,
    /// Sends the prompt back. Earns next to nothing; shows a validator at work.
    Echo,
}

/// `miner.*`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MinerSection {
    /// What answers.
    #[serde(rename = "type")]
    pub kind: MinerKind,
    /// `default`, a path to a GGUF file, or `hf:org/name[@revision]/file.gguf`.
    pub model: String,
    /// Said to the model before every conversation; empty leaves it out.
    pub system_prompt: String,
    /// Longest answer, tokens.
    pub max_tokens: usize,
    /// 0 always takes the likeliest token; 1 follows the model's own distribution.
    pub temperature: f64,
    /// Sample only from the likeliest tokens that together have this probability.
    pub top_p: f64,
    /// Makes tokens of the prompt and the answer so far less likely; 1 switches it off. Above 1 it keeps a summary
    /// from using the words of its text.
    pub repetition_penalty: f64,
    /// Seed of the sampling; unset takes a new one at each start.
    pub seed: Option<u64>,
    /// CPU threads of the model; 0 takes all.
    pub threads: usize,
    /// Conversations generated at the same time.
    pub slots: usize,
    /// Share of requests, 0 to 1, that wait `delay_seconds` first: a slow miner, for trying out
    /// how a validator treats one.
    pub delay_share: f64,
    /// Length of that wait, seconds.
    pub delay_seconds: f64,
    /// Blocks between two refreshes of the metagraph.
    pub blocks_per_epoch: u64,
    /// Who may ask.
    pub blacklist: BlacklistSection,
    /// Who is answered first.
    pub priority: PrioritySection,
}

impl Default for MinerSection {
    fn default() -> Self {
        Self {
            kind: MinerKind::Llm,
            model: "default".into(),
            system_prompt: String::new(),
            max_tokens: 200,
            temperature: 0.7,
            top_p: 0.95,
            repetition_penalty: 1.0,
            seed: None,
            threads: 0,
            slots: 4,
            delay_share: 0.0,
            delay_seconds: 0.0,
            blocks_per_epoch: 100,
            blacklist: BlacklistSection::default(),
            priority: PrioritySection::default(),
        }
    }
}

/// `miner.blacklist.*`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlacklistSection {
    /// Hotkeys that are always served.
    pub whitelist: Vec<String>,
    /// Hotkeys that are never served.
    pub blacklist: Vec<String>,
    /// Serve only hotkeys with a validator permit.
    pub force_validator_permit: bool,
    /// Serve hotkeys that are not registered on the subnet.
    pub allow_non_registered: bool,
    /// Least stake of a caller, TAO.
    pub minimum_stake_requirement: f64,
}

/// `miner.priority.*`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrioritySection {
    /// Priority of a caller that is not registered; a registered one has its stake in TAO.
    pub default: f64,
}

/// The miner's command line.
pub fn program() -> Program {
    let mut settings = common_settings();
    settings.extend(axon_settings());
    settings.extend(admin_settings());
    settings.extend([
        Setting::new("neuron.name", Kind::Text, "Last part of the data directory"),
        Setting::new("neuron.device", Kind::Text, "auto, cpu, cuda or cuda:N"),
        Setting::new("miner.type", Kind::Text, "llm, or echo (sends the prompt back)"),
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
        Setting::new(
            "miner.blacklist.whitelist",
            Kind::List,
            "Hotkeys that are always served",
        ),
        Setting::new("miner.blacklist.blacklist", Kind::List, "Hotkeys that are never served"),
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
            "miner.priority.default",
            Kind::Decimal,
            "Priority of an unregistered caller",
        ),
    ]);
    Program {
        name: "miner",
        about: "A miner of the text-prompting subnet",
        settings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flag_is_a_field() {
        let value = axoneme_neuron::config::as_json(&MinerConfig::default());
        for setting in program().settings {
            let pointer = format!("/{}", setting.key.replace('.', "/"));
            assert!(value.pointer(&pointer).is_some(), "no field for {}", setting.key);
        }
    }
}
