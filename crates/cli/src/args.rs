//! The command line of `axoneme`.

use std::path::PathBuf;
use std::time::Duration;

use axoneme_drill::{Fault, parse_duration};
use axoneme_wallet::AccountId;
use clap::{Args, Parser, Subcommand};

/// A scaffold for Bittensor subnets in Rust
#[derive(Debug, Parser)]
#[command(name = "axoneme", version, about, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a whole subnet on this machine: dev chain, validator, four miners
    Up(UpArgs),
    /// Make a dev wallet (unencrypted, for local chains only)
    Wallet(WalletArgs),
    /// Give a coldkey TAO from the dev chain's Alice
    Fund(AmountArgs),
    /// Create a subnet on a local chain; its owner's hotkey gets uid 0
    Subnet(SubnetArgs),
    /// Register a hotkey on a subnet of a local chain
    Register(NetuidArgs),
    /// Stake TAO to a hotkey on a subnet of a local chain
    Stake(StakeArgs),
    /// Show the neurons of a subnet
    Metagraph(MetagraphArgs),
    /// Show where a validator's weights stand: set, committed, waiting for their reveal
    #[command(subcommand)]
    Weights(WeightsCommand),
    /// Fetch the default models into the cache
    Models,
    /// Measure an axon, a dendrite, or what one signature check costs
    #[command(subcommand)]
    Bench(axoneme_bench::BenchCommand),
    /// Show what an axon serves, refuses and survives: conformance and abuse, for any axon
    Probe(Box<axoneme_probe::ProbeArgs>),
    /// Stand between a daemon and a chain endpoint and fail on schedule: cuts, silence, refusals, torn frames
    Drill(Box<axoneme_drill::DrillArgs>),
}

/// `axoneme up`
#[derive(Debug, Clone, Args)]
pub struct UpArgs {
    /// End once an epoch has turned the validator's weights into incentive, and print the table
    #[arg(long, group = "goal")]
    pub until_incentive: bool,
    /// Hide weights until their epoch is over, as the main chain does (timelocked commit-reveal), and end once they
    /// were revealed and an epoch has turned them into incentive
    #[arg(long, group = "goal")]
    pub until_revealed: bool,
    /// Hide weights until their epoch is over, as --until-revealed does, without an end
    #[arg(long, conflicts_with = "until_incentive")]
    pub commit_reveal: bool,
    /// With a goal: print one JSON document instead of the table
    #[arg(long, requires = "goal")]
    pub json: bool,
    /// Seed of all that is drawn: articles, criteria, miners asked, sampling of the models
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// With a goal: give up after this long, seconds, with exit code 10
    #[arg(long, default_value = "1800", value_parser = seconds)]
    pub timeout: Duration,
    /// Port of the dev chain on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 9944)]
    pub port: u16,
    /// Time between two blocks, milliseconds
    #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u64).range(20..=60_000))]
    pub block_time: u64,
    /// Blocks between two epochs of the subnet
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u16).range(4..))]
    pub tempo: u16,
    /// Keep wallets, chain and state here, and go on from them next time; without it everything
    /// goes into a temporary folder
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// Language model: default, a GGUF file, or a hub id (hf:org/name/file.gguf)
    #[arg(long, default_value = "default")]
    pub model: String,
    /// Embedding model of the validator: default, a folder, or a hub id (hf:org/name)
    #[arg(long, default_value = "default")]
    pub embedding_model: String,
    /// auto, cpu, cuda or cuda:N
    #[arg(long, default_value = "auto")]
    pub device: String,
    /// CPU threads of the language model; 0 takes all
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    /// Let the neurons reach the chain through a drill that fails so: cut, half-open, stall, 429 … (axoneme drill
    /// --help lists them)
    #[arg(long, value_name = "FAULT")]
    pub drill: Option<Fault>,
    /// With --drill: one fault in this time
    #[arg(long, value_parser = parse_duration, default_value = "30s", requires = "drill")]
    pub drill_every: Duration,
    /// With --drill: how long each lasts
    #[arg(long, value_parser = parse_duration, default_value = "5s", requires = "drill")]
    pub drill_for: Duration,
    /// Log debug lines
    #[arg(long)]
    pub debug: bool,
}

/// What `axoneme up` waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Weights have become incentive.
    Incentive,
    /// Timelocked weights were revealed and have become incentive.
    Revealed,
}

impl Goal {
    /// What there will be, for messages.
    pub fn words(self) -> &'static str {
        match self {
            Self::Incentive => "incentive",
            Self::Revealed => "incentive from revealed weights",
        }
    }
}

impl UpArgs {
    /// Whether weights are hidden until their epoch is over.
    pub fn hides_weights(&self) -> bool {
        self.commit_reveal || self.until_revealed
    }

    /// What was asked for, if anything.
    pub fn goal(&self) -> Option<Goal> {
        match (self.until_revealed, self.until_incentive) {
            (true, _) => Some(Goal::Revealed),
            (false, true) => Some(Goal::Incentive),
            (false, false) => None,
        }
    }
}

/// Names of the keys to use.
#[derive(Debug, Clone, Args)]
pub struct KeyArgs {
    /// Name of the wallet (coldkey)
    #[arg(long = "wallet.name", env = "BT_WALLET_NAME", default_value = "default")]
    pub name: String,
    /// Name of the hotkey
    #[arg(long = "wallet.hotkey", env = "BT_WALLET_HOTKEY", default_value = "default")]
    pub hotkey: String,
    /// Folder of all wallets
    #[arg(
        long = "wallet.path",
        env = "BT_WALLET_PATH",
        default_value = "~/.bittensor/wallets/"
    )]
    pub path: String,
}

/// `axoneme wallet`
#[derive(Debug, Clone, Args)]
pub struct WalletArgs {
    /// The keys.
    #[command(flatten)]
    pub keys: KeyArgs,
    /// Derive the keys from this dev path, such as //Bob (hotkey: //Bob//hotkey), instead of new
    /// random ones
    #[arg(long)]
    pub uri: Option<String>,
    /// Replace keys that exist
    #[arg(long)]
    pub overwrite: bool,
}

/// Keys and a local chain.
#[derive(Debug, Clone, Args)]
pub struct SubnetArgs {
    /// The keys.
    #[command(flatten)]
    pub keys: KeyArgs,
    /// local, or an endpoint on this machine
    #[arg(long = "subtensor.network", default_value = "local")]
    pub network: String,
}

/// Keys, a local chain and a subnet on it.
#[derive(Debug, Clone, Args)]
pub struct NetuidArgs {
    /// Keys and chain.
    #[command(flatten)]
    pub on: SubnetArgs,
    /// Subnet
    #[arg(long, default_value_t = 1)]
    pub netuid: u16,
}

/// Keys, a local chain and an amount.
#[derive(Debug, Clone, Args)]
pub struct AmountArgs {
    /// Keys and chain.
    #[command(flatten)]
    pub on: SubnetArgs,
    /// TAO
    #[arg(long, value_parser = tao)]
    pub amount: Rao,
}

/// Keys, a local chain, a subnet and an amount.
#[derive(Debug, Clone, Args)]
pub struct StakeArgs {
    /// Keys, chain and subnet.
    #[command(flatten)]
    pub on: NetuidArgs,
    /// TAO
    #[arg(long, value_parser = tao)]
    pub amount: Rao,
}

/// `axoneme metagraph`
#[derive(Debug, Clone, Args)]
pub struct MetagraphArgs {
    /// local, a network's name or an endpoint
    #[arg(long = "subtensor.network", default_value = "local")]
    pub network: String,
    /// Subnet
    #[arg(long, default_value_t = 1)]
    pub netuid: u16,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// `axoneme weights`
#[derive(Debug, Clone, Subcommand)]
pub enum WeightsCommand {
    /// What the chain knows of one validator's weights and what holds for its next ones
    Show(WeightsShowArgs),
}

/// `axoneme weights show`
#[derive(Debug, Clone, Args)]
pub struct WeightsShowArgs {
    /// The keys.
    #[command(flatten)]
    pub keys: KeyArgs,
    /// Address of the hotkey, instead of a wallet's
    #[arg(id = "address", long = "hotkey")]
    pub address: Option<AccountId>,
    /// local, a network's name or an endpoint
    #[arg(long = "subtensor.network", default_value = "local")]
    pub network: String,
    /// Subnet
    #[arg(long, default_value_t = 1)]
    pub netuid: u16,
    /// Mechanism of the subnet
    #[arg(long, default_value_t = 0)]
    pub mecid: u8,
    /// The validator's own record, weights/ledger.json in the folder of its data, instead of the usual place
    #[arg(long)]
    pub ledger: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// An amount in rao, typed in TAO.
#[derive(Debug, Clone, Copy)]
pub struct Rao(pub u64);

fn tao(text: &str) -> Result<Rao, String> {
    match text.parse::<f64>() {
        Ok(tao) if tao > 0.0 && tao < 1e9 => Ok(Rao((tao * 1e9).round() as u64)),
        _ => Err("an amount of TAO above zero is wanted".into()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix('s').unwrap_or(text).parse::<f64>().ok();
    number
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "a number of seconds is wanted".into())
}
