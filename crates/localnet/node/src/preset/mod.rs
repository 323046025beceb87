//! A chain's beginning written down in TOML: accounts, subnets with their hyperparameters, neurons and stakes.
//!
//! A preset is applied with the runtime's own code before block 1, so that what it makes is what transactions would have
//! made, less their cost. `config/localnet.toml` shows everything it can say.

mod apply;
mod parameters;

use std::{fmt, fs, path::Path, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de::Error as _};
use sp_core::{
    Pair as _,
    crypto::{AccountId32, Ss58Codec as _},
    sr25519,
};
use toml::Spanned;

use self::parameters::Parameters;
use crate::{config::parse_block_time, error::LocalnetError};

/// Most neurons that one entry may stand for; a subnet holds fewer.
const MAX_COUNT: u32 = 4_096;
const RAO: f64 = 1e9;
/// More than this is a mistake in the unit: the main chain never has more than 21 million.
const MAX_TAO: f64 = 1e9;

/// A chain's beginning. Parsed and checked for form; what the chain itself refuses is found when it is built.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    #[serde(default)]
    block_time: Option<BlockTime>,
    /// Account that may change parameters; Alice without it.
    #[serde(default)]
    sudo: Option<Account>,
    /// Whether the usual development accounts are funded, too.
    #[serde(default = "yes")]
    dev_accounts: bool,
    #[serde(default, rename = "account")]
    accounts: Vec<Funds>,
    #[serde(default)]
    parameters: Parameters,
    #[serde(default, rename = "subnet")]
    subnets: Vec<Subnet>,
    /// To tell the line of what only the chain can refuse.
    #[serde(skip)]
    text: String,
    /// The file, for messages.
    #[serde(skip)]
    name: String,
}

/// Who has how much.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Funds {
    who: Account,
    tao: Amount,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subnet {
    netuid: Spanned<u16>,
    /// Coldkey of the owner; netuid 1 belongs to nobody without it.
    owner: Option<Account>,
    /// Gets uid 0 on a new subnet.
    owner_hotkey: Option<Account>,
    /// Whether emission and trading are on.
    #[serde(default = "yes")]
    started: bool,
    #[serde(default)]
    hyperparameters: Parameters,
    #[serde(default, rename = "neuron")]
    neurons: Vec<Spanned<Neuron>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Neuron {
    /// `{i}` in both keys is the number of the neuron, from 1 to `count`.
    coldkey: String,
    /// The coldkey's `//hotkey` without it.
    hotkey: Option<String>,
    #[serde(default = "one")]
    count: u32,
    /// Alpha behind the hotkey, held by the coldkey.
    #[serde(default)]
    stake: Amount,
    /// TAO the coldkey has besides.
    #[serde(default)]
    tao: Amount,
}

fn yes() -> bool {
    true
}

fn one() -> u32 {
    1
}

impl Preset {
    /// Reads a file.
    ///
    /// # Errors
    /// With the line, when it says something a preset does not have.
    pub fn read(path: &Path) -> Result<Self, LocalnetError> {
        let text = fs::read_to_string(path).map_err(LocalnetError::io("read", path))?;
        let name = path.display().to_string();
        match text.parse::<Self>() {
            Ok(preset) => Ok(Self { name, ..preset }),
            Err(detail) => Err(LocalnetError::Preset { name, detail }),
        }
    }

    /// The block time it asks for.
    pub fn block_time(&self) -> Option<Duration> {
        self.block_time.as_ref().map(|time| time.0)
    }

    /// `detail` with the line it is about.
    fn at(&self, offset: usize, detail: impl fmt::Display) -> String {
        let line = self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
        format!("line {line}: {detail}")
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut preset: Self = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        preset.text = text.to_owned();
        preset.name = "the genesis preset".to_owned();
        for neuron in preset.subnets.iter().flat_map(|subnet| &subnet.neurons) {
            let (offset, neuron) = (neuron.span().start, neuron.get_ref());
            let keys = || [Some(&neuron.coldkey), neuron.hotkey.as_ref()].into_iter().flatten();
            if neuron.count == 0 || neuron.count > MAX_COUNT {
                return Err(preset.at(offset, format!("count is not between 1 and {MAX_COUNT}")));
            }
            if neuron.count > 1 && !keys().any(|key| key.contains("{i}")) {
                return Err(preset.at(offset, "several neurons need {i} in their keys, such as //miner{i}"));
            }
            for key in keys() {
                key.replace("{i}", "1")
                    .parse::<Account>()
                    .map_err(|error| preset.at(offset, error))?;
            }
        }
        Ok(preset)
    }
}

/// A development key such as `//Alice`, or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account(pub(crate) AccountId32);

impl FromStr for Account {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("//") {
            let pair = sr25519::Pair::from_string(text, None);
            return pair
                .map(|pair| Self(pair.public().into()))
                .map_err(|error| format!("`{text}` is no key: {error:?}"));
        }
        AccountId32::from_ss58check(text)
            .map(Self)
            .map_err(|_| format!("`{text}` is neither a development key such as //Alice nor an SS58 address"))
    }
}

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// rao, written in TAO.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Amount(pub(crate) u64);

impl Amount {
    /// An amount of TAO that can exist.
    pub(crate) fn from_tao(tao: f64) -> Result<Self, String> {
        if (0.0..=MAX_TAO).contains(&tao) {
            Ok(Self((tao * RAO).round() as u64))
        } else {
            Err(format!("{tao} is no amount of TAO"))
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a number of TAO")]
        enum Number {
            Whole(u64),
            Part(f64),
        }
        let tao = match Number::deserialize(deserializer)? {
            Number::Whole(tao) => tao as f64,
            Number::Part(tao) => tao,
        };
        Self::from_tao(tao).map_err(D::Error::custom)
    }
}

#[derive(Debug, Clone, Copy)]
struct BlockTime(Duration);

impl<'de> Deserialize<'de> for BlockTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_block_time(&text).map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
