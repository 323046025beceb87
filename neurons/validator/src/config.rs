//! The validator's settings.

mod core;
mod flags;
mod gating;
mod records;
mod sections;

use axoneme_neuron::config::{AdminConfig, AxonConfig, LoggingConfig, SubtensorConfig, WalletConfig};
use axoneme_reward::masks::NgramConfig;
use serde::{Deserialize, Serialize};

pub use self::core::{CoreWeights, Mode, PrioritySection};
pub use flags::program;
pub use gating::GatingSection;
pub use records::{RecordSection, WandbSection};
pub use sections::{DatasetSection, DendriteSection, NeuronSection, NsfwVerdict, RewardSection, TlsUse};

/// Everything an operator can set. The same names are flags, keys of the TOML file and environment variables.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValidatorConfig {
    /// Subnet to validate.
    pub netuid: u16,
    /// Seed of everything that is drawn: order of the dataset, miners asked, criteria of the tasks. Unset takes a new one
    /// at each start, which is logged.
    pub seed: Option<u64>,
    /// Keys.
    pub wallet: WalletConfig,
    /// Chain.
    pub subtensor: SubtensorConfig,
    /// Logs and data directory.
    pub logging: LoggingConfig,
    /// Accepted because start scripts have it; this validator serves nothing.
    pub axon: AxonConfig,
    /// Health and metrics.
    pub admin: AdminConfig,
    /// How miners are talked to.
    pub dendrite: DendriteSection,
    /// The loop: whom to ask, how often, how scores move.
    pub neuron: NeuronSection,
    /// Weights of the reward functions, limits of the penalties.
    pub reward: RewardSection,
    /// The model that learns which miners suit a prompt.
    pub gating: GatingSection,
    /// Accepted because start scripts have it.
    pub priority: PrioritySection,
    /// Refused: there are no mocks.
    pub mock: bool,
    /// What the tasks are about.
    pub dataset: DatasetSection,
    /// The n-gram filter.
    pub blacklist: NgramConfig,
    /// Event files.
    pub record: RecordSection,
    /// Runs for a tracking service.
    pub wandb: WandbSection,
}

impl Default for ValidatorConfig {
    fn default() -> Self {
        Self {
            netuid: 1,
            seed: None,
            wallet: WalletConfig::default(),
            subtensor: SubtensorConfig::default(),
            logging: LoggingConfig::default(),
            axon: AxonConfig::default(),
            admin: AdminConfig::default(),
            dendrite: DendriteSection::default(),
            neuron: NeuronSection::default(),
            reward: RewardSection::default(),
            gating: GatingSection::default(),
            priority: PrioritySection::default(),
            mock: false,
            dataset: DatasetSection::default(),
            blacklist: NgramConfig::default(),
            record: RecordSection::default(),
            wandb: WandbSection::default(),
        }
    }
}

/// Why settings that can be read still make no sense.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The reward weights.
    #[error(transparent)]
    Weights(#[from] axoneme_reward::WeightError),
    /// A reward function is switched on whose model is not named.
    #[error(
        "the {role} is switched on and has no model; name one with --{model_flag} (a folder, hf:org/name, or the address of a \
         scoring server), or switch it off with --{off} 0"
    )]
    NoModel {
        /// The role.
        role: &'static str,
        /// The flag that names a model, without dashes.
        model_flag: &'static str,
        /// The flag that switches the role off, without dashes.
        off: &'static str,
    },
    /// The filter for unsafe text does not fit its model.
    #[error(transparent)]
    Nsfw(#[from] axoneme_reward::masks::nsfw::NsfwRuleError),
    /// A number outside its range.
    #[error("--{flag} {value} is out of range; it must be {range}")]
    Range {
        /// The flag without dashes.
        flag: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        range: &'static str,
    },
    /// A mock was asked for.
    #[error(
        "--{flag}: this validator has no mocks; `axoneme up` runs a whole subnet on this machine, with a chain, miners and \
         models of its own"
    )]
    Mock {
        /// The flag without dashes.
        flag: &'static str,
    },
    /// The n-gram filter.
    #[error(transparent)]
    Blacklist(#[from] axoneme_reward::masks::ngram::NgramConfigError),
    /// A source of texts.
    #[error(transparent)]
    Dataset(#[from] axoneme_dataset::DatasetError),
}

impl ValidatorConfig {
    /// Checks what a type cannot say: ranges, and weights that sum to one.
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.mock {
            return Err(SettingsError::Mock { flag: "mock" });
        }
        self.reward.check()?;
        self.neuron.check()?;
        self.dataset.config()?;
        self.gating.check()?;
        Ok(())
    }
}
