//! The miner's settings.

use std::time::Duration;

use axoneme_axon::{AuthPolicy, Limits, Rate};
use axoneme_neuron::config::{
    AdminConfig, AxonConfig, LoggingConfig, SubtensorConfig, WalletConfig, admin_settings, axon_settings,
    common_settings,
};
use axoneme_neuron::{Program, Setting, SettingKind as Kind};
use axoneme_protocol::{AXON_PROTOCOL, BTAUTH_PROTOCOL};
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
    /// How callers may prove who they are.
    pub wire: WireSection,
    /// How much they may ask.
    pub limits: LimitsSection,
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
            wire: WireSection::default(),
            limits: LimitsSection::default(),
            blacklist: BlacklistSection::default(),
            priority: PrioritySection::default(),
        }
    }
}

/// `miner.wire.*`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WireSection {
    /// Accept the Synapse wire of SDK 10.
    pub v10: bool,
    /// Accept the signed requests of SDK 11, `btauth/1`.
    pub btauth: bool,
    /// Sign answers to `btauth/1` callers, `twresp/1`.
    pub sign_responses: bool,
    /// Serve TLS too, on the same port, with a key that is kept in the data directory and published on chain.
    pub tls: bool,
}

impl Default for WireSection {
    fn default() -> Self {
        Self {
            v10: true,
            btauth: true,
            sign_responses: true,
            tls: false,
        }
    }
}

impl WireSection {
    /// As the axon takes it.
    pub fn auth(&self) -> AuthPolicy {
        AuthPolicy {
            v10: self.v10,
            btauth: self.btauth,
            sign_responses: self.sign_responses,
            ..AuthPolicy::default()
        }
    }

    /// The protocol number to publish on chain. Who serves both wires is found by the clients of either under the
    /// older one's.
    pub fn protocol(&self) -> u8 {
        if self.v10 { AXON_PROTOCOL } else { BTAUTH_PROTOCOL }
    }
}

/// `miner.limits.*`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsSection {
    /// Requests per second of one address; four times as many at once. 0 is no limit.
    pub per_address: f64,
    /// Requests per second of one hotkey; four times as many at once. 0 is no limit.
    pub per_hotkey: f64,
    /// Longest time for queue and answer together, seconds; a caller's own timeout cuts it shorter.
    pub handler_seconds: f64,
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self {
            per_address: 500.0,
            per_hotkey: 200.0,
            handler_seconds: 60.0,
        }
    }
}

impl LimitsSection {
    /// As the axon takes them, with what it leaves to `axon.*`.
    pub fn limits(&self, max_concurrent: usize) -> Limits {
        let rate = |per_second: f64| {
            (per_second > 0.0).then_some(Rate {
                per_second,
                burst: per_second * 4.0,
            })
        };
        let usual = Limits::default();
        Limits {
            max_concurrent,
            reserved_concurrent: max_concurrent / 4,
            per_ip: rate(self.per_address),
            per_hotkey: rate(self.per_hotkey),
            handler_timeout: Duration::try_from_secs_f64(self.handler_seconds).unwrap_or(usual.handler_timeout),
            ..usual
        }
    }
}

/// `miner.blacklist.*`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlacklistSection {
    /// Hotkeys that are served whatever the metagraph says.
    pub whitelist: Vec<String>,
    /// Hotkeys that are never served, not even from the whitelist.
    pub blacklist: Vec<String>,
    /// Serve only hotkeys with a validator permit.
    pub force_validator_permit: bool,
    /// Serve hotkeys that are not registered on the subnet.
    pub allow_non_registered: bool,
    /// Least stake of a caller, TAO.
    pub minimum_stake_requirement: f64,
    /// Age of the metagraph, seconds, from which on only callers are served that were served before.
    pub metagraph_stale_seconds: u64,
    /// Age of the metagraph, seconds, from which on nobody is served but the whitelist.
    pub metagraph_too_old_seconds: u64,
}

impl Default for BlacklistSection {
    /// Stale after two tempos of 360 blocks of 12 s, too old after a day.
    fn default() -> Self {
        Self {
            whitelist: Vec::new(),
            blacklist: Vec::new(),
            force_validator_permit: false,
            allow_non_registered: false,
            minimum_stake_requirement: 0.0,
            metagraph_stale_seconds: 2 * 360 * 12,
            metagraph_too_old_seconds: 24 * 3600,
        }
    }
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
