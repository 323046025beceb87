//! Who takes part: names, keys, stakes and settings of the five neurons.

use std::path::PathBuf;

use axoneme_neuron::config::{AdminConfig, AxonConfig, LoggingConfig, SubtensorConfig, WalletConfig};
use axoneme_neuron::{ExitCode, Failure};
use axoneme_wallet::{AccountId, KeySource, Wallet};
use miner::config::{MinerSection, NeuronSection};
use miner::{MinerConfig, MinerKind};

use validator::ValidatorConfig;
use validator::config::DatasetSection;

use crate::args::UpArgs;

/// Name of the one hotkey of each dev wallet.
const HOTKEY: &str = "default";
/// Longest answer of a miner, tokens: about 45 words, two seconds on two cores.
const ANSWER_TOKENS: usize = 60;
/// Low enough for a small model to keep to the point, high enough for two honest miners to differ.
const TEMPERATURE: f64 = 0.5;
/// Miners asked in one prompt run: all four, so that they are compared on the same task.
const SAMPLE: usize = 4;
/// Longest text the tasks are about, words; a prompt of 200 tokens takes a second on two cores.
const TEXT_WORDS: usize = 90;
/// The validator waits this long for answers, seconds.
pub(super) const ANSWER_TIMEOUT: f64 = 8.0;
/// How long the slow miner dawdles when it does, seconds: past the validator's deadline.
const DAWDLE: f64 = 9.0;

/// What a neuron of the subnet is, as the table shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Validator,
    Honest,
    Lazy,
    Slow,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Validator => "validator",
            Self::Honest => "honest",
            Self::Lazy => "lazy",
            Self::Slow => "slow",
        }
    }
}

/// One neuron to be.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) wallet: Wallet,
    pub(super) hotkey: AccountId,
    pub(super) coldkey: AccountId,
    /// rao given by Alice.
    pub(super) funds: u64,
    /// rao staked to the hotkey.
    pub(super) stake: u64,
    /// Said to the model; two miners with the same model must not give the same answers.
    system_prompt: &'static str,
    seed: u64,
}

/// The subnet to be.
#[derive(Debug)]
pub(super) struct Plan {
    /// The validator first.
    pub(super) members: Vec<Member>,
    pub(super) args: UpArgs,
    root: PathBuf,
    /// Removed at the end, where the operator named no folder.
    _temporary: Option<tempfile::TempDir>,
}

const TAO: u64 = 1_000_000_000;

/// Name, kind, funds and stake (TAO), and the system prompt of each neuron.
const MEMBERS: [(&str, Kind, u64, u64, &str); 5] = [
    ("validator", Kind::Validator, 10_000, 1_000, ""),
    ("miner-honest-1", Kind::Honest, 1_000, 1, ""),
    ("miner-honest-2", Kind::Honest, 1_000, 1, "You are a helpful assistant."),
    ("miner-lazy", Kind::Lazy, 1_000, 1, ""),
    ("miner-slow", Kind::Slow, 1_000, 1, "You are a helpful assistant."),
];

impl Plan {
    /// Makes the dev wallets, or opens those of an earlier run in the same folder.
    pub(super) fn new(args: &UpArgs) -> Result<Self, Failure> {
        let io =
            |error: std::io::Error| Failure::message(ExitCode::State, format!("cannot make the data folder: {error}"));
        let temporary = match &args.data_dir {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("axoneme-up-").tempdir().map_err(io)?),
        };
        let root = match (&args.data_dir, &temporary) {
            (Some(dir), _) => dir.clone(),
            (None, Some(dir)) => dir.path().to_owned(),
            (None, None) => PathBuf::from("."),
        };
        std::fs::create_dir_all(&root).map_err(io)?;
        let wallets = root.join("wallets");
        let mut members = Vec::with_capacity(MEMBERS.len());
        for (index, (name, kind, funds, stake, system_prompt)) in MEMBERS.into_iter().enumerate() {
            let wallet = Wallet::new(wallets.to_string_lossy().as_ref(), name, HOTKEY);
            if !wallet.hotkey_file().exists() {
                // Keys that follow from the names make two runs with one seed alike. They are no
                // secret, and good for a chain on this machine only.
                let key = |role: &str| KeySource::Uri(format!("//axoneme//{name}//{role}"));
                wallet.create(&key("coldkey"), &key("hotkey"), false)?;
            }
            members.push(Member {
                name,
                kind,
                hotkey: wallet.load_hotkey()?.account_id(),
                coldkey: wallet.coldkeypub()?,
                wallet,
                funds: funds * TAO,
                stake: stake * TAO,
                system_prompt,
                seed: args.seed.wrapping_mul(1_000_003).wrapping_add(index as u64),
            });
        }
        Ok(Self {
            members,
            args: args.clone(),
            root,
            _temporary: temporary,
        })
    }

    /// Where the chain keeps its blocks, if they are to be kept.
    pub(super) fn chain_dir(&self) -> Option<PathBuf> {
        self.args.data_dir.as_ref().map(|_| self.root.join("chain"))
    }

    pub(super) fn validator(&self) -> &Member {
        &self.members[0]
    }

    pub(super) fn miners(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.kind != Kind::Validator)
    }

    pub(super) fn kind_of(&self, hotkey: &AccountId) -> Option<Kind> {
        self.members
            .iter()
            .find(|member| member.hotkey == *hotkey)
            .map(|member| member.kind)
    }

    /// Sections that all neurons of the subnet have in common.
    pub(super) fn common(&self, member: &Member, endpoint: &str) -> (WalletConfig, SubtensorConfig, LoggingConfig) {
        let path = |name: &str| self.root.join(name).to_string_lossy().into_owned();
        (
            WalletConfig {
                name: member.name.into(),
                hotkey: HOTKEY.into(),
                path: path("wallets"),
                ..WalletConfig::default()
            },
            SubtensorConfig {
                network: "local".into(),
                chain_endpoint: Some(endpoint.into()),
            },
            LoggingConfig {
                logging_dir: path("neurons"),
                ..LoggingConfig::default()
            },
        )
    }

    /// A miner's configuration: the same an operator would write.
    pub(super) fn miner(&self, member: &Member, endpoint: &str, netuid: u16) -> MinerConfig {
        let (wallet, subtensor, logging) = self.common(member, endpoint);
        let slow = member.kind == Kind::Slow;
        MinerConfig {
            netuid,
            wallet,
            subtensor,
            logging,
            axon: AxonConfig {
                ip: [127, 0, 0, 2].into(),
                port: 0,
                ..AxonConfig::default()
            },
            // Five admin ports are of use where somebody watches what a drill does to each.
            admin: AdminConfig {
                port: self.args.drill.is_none().then_some(0),
            },
            neuron: NeuronSection {
                device: self.args.device.clone(),
                ..NeuronSection::default()
            },
            miner: MinerSection {
                kind: if member.kind == Kind::Lazy {
                    MinerKind::Echo
                } else {
                    MinerKind::Llm
                },
                system_prompt: member.system_prompt.into(),
                max_tokens: ANSWER_TOKENS,
                temperature: TEMPERATURE,
                seed: Some(member.seed),
                delay_share: if slow { 0.4 } else { 0.0 },
                delay_seconds: if slow { DAWDLE } else { 0.0 },
                blocks_per_epoch: u64::from(self.args.tempo),
                ..MinerSection::default()
            },
            ..MinerConfig::default()
        }
    }

    /// The validator's configuration: the same an operator would write.
    pub(super) fn validator_config(&self, endpoint: &str, netuid: u16) -> ValidatorConfig {
        let (wallet, subtensor, logging) = self.common(self.validator(), endpoint);
        ValidatorConfig {
            netuid,
            seed: Some(self.args.seed),
            wallet,
            subtensor,
            logging,
            neuron: validator::config::NeuronSection {
                device: self.args.device.clone(),
                followup_sample_size: SAMPLE,
                answer_sample_size: SAMPLE,
                followup_timeout: ANSWER_TIMEOUT,
                answer_timeout: ANSWER_TIMEOUT,
                // A newcomer should see scores move within minutes; operators keep the default 0.05.
                moving_average_alpha: 0.1,
                // Nothing but the chain's own limits: an outage may take the better part of an epoch.
                epoch_length_override: 1,
                // Two seconds: at start the validator waits for the first axons to show up on chain.
                checkpoint_block_length: 8,
                ..Default::default()
            },
            dataset: DatasetSection {
                max_words: TEXT_WORDS,
                ..DatasetSection::default()
            },
            ..ValidatorConfig::default()
        }
    }
}
