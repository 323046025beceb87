//! The miner's settings.

mod answers;
mod callers;
mod flags;

use std::time::Duration;

use axoneme_axon::{AuthPolicy, Limits, Rate};
use axoneme_neuron::config::{AdminConfig, AxonConfig, LoggingConfig, SubtensorConfig, WalletConfig};
use axoneme_protocol::{AXON_PROTOCOL, BTAUTH_PROTOCOL};
use serde::{Deserialize, Serialize};

pub use answers::{BtlmSection, ChatSettings, MinerKind, OpenAiSection, Style, VicunaSection, WandbSection};
pub use callers::{BlacklistSection, PrioritySection};
pub use flags::program;

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
    /// The server behind `miner.type = "openai"`.
    pub openai: OpenAiSection,
    /// The model behind `miner.type = "vicuna"`.
    pub vicuna: VicunaSection,
    /// The model behind `miner.type = "btlm"`.
    pub btlm: BtlmSection,
    /// Known from older miners; nothing is tracked.
    pub wandb: WandbSection,
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
            openai: OpenAiSection::default(),
            vicuna: VicunaSection::default(),
            btlm: BtlmSection::default(),
            wandb: WandbSection::default(),
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
    /// How a conversation is written for the model: `auto` by the model's own template, or `vicuna`, `btlm`, `chatml`,
    /// `plain`.
    pub prompt_style: Style,
    /// What the miner of type `template` answers.
    pub template: String,
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
    /// Last part of the data directory, as older miners call it; empty takes `neuron.name`.
    pub name: String,
    /// Known from older miners, which never read it either.
    pub root: String,
    /// Weigh this miner itself, and nobody else, once per `blocks_per_epoch`. Most chains refuse that to who has no permit.
    pub set_weights: bool,
    /// Never do that, whatever `set_weights` says.
    pub no_set_weights: bool,
    /// Serve, but do not publish the axon's address on chain.
    pub no_serve: bool,
    /// Take part without serving anybody.
    pub no_start_axon: bool,
    /// Known from older miners.
    pub mock_subtensor: bool,
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
            prompt_style: Style::Auto,
            template: "I am a chatbot of the text-prompting subnet. How may I help you?".into(),
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
            name: String::new(),
            root: String::new(),
            set_weights: false,
            no_set_weights: false,
            no_serve: false,
            no_start_axon: false,
            mock_subtensor: false,
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

impl MinerConfig {
    /// The last part of the data directory.
    pub fn name(&self) -> &str {
        if self.miner.name.is_empty() {
            &self.neuron.name
        } else {
            &self.miner.name
        }
    }

    /// Whether the miner weighs itself.
    pub fn weighs_itself(&self) -> bool {
        self.miner.set_weights && !self.miner.no_set_weights
    }

    /// What is set and does something else than its name says, or nothing: a line for the log each.
    pub fn notices(&self) -> Vec<String> {
        let usual = Self::default();
        let mut notices = Vec::new();
        let mut say = |set: bool, text: &str| {
            if set {
                notices.push(text.to_owned());
            }
        };
        say(
            !self.miner.root.is_empty(),
            "miner.root has no effect; logging.logging_dir says where files go",
        );
        say(
            self.openai.suffix.is_some(),
            "openai.suffix has no effect: chat completions have none",
        );
        say(
            self.openai.n != usual.openai.n,
            "openai.n has no effect: only the first answer counts, so one is asked for",
        );
        say(self.btlm.use_deepspeed, "btlm.use_deepspeed has no effect");
        say(
            self.miner.mock_subtensor,
            "miner.mock_subtensor has no effect; `axoneme up` and `localnet` are real chains",
        );
        say(
            self.weighs_itself(),
            "miner.set_weights: most chains refuse weights of hotkeys without a permit",
        );
        let open = &self.miner.blacklist;
        say(
            !open.force_validator_permit && self.miner.kind == MinerKind::OpenAi,
            "not only validators are served (miner.blacklist.force_validator_permit), and each answer costs money",
        );
        say(
            open.allow_non_registered,
            "unregistered hotkeys are served too (miner.blacklist.allow_non_registered)",
        );
        notices
    }
}
