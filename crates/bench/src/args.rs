//! The command line of `bench`.

use std::net::SocketAddr;
use std::time::Duration;

use axoneme_wallet::AccountId;
use clap::{Args, Subcommand, ValueEnum};

use crate::requests::Wire;

/// `bench`
#[derive(Debug, Clone, Subcommand)]
pub enum BenchCommand {
    /// Send pre-signed requests to an axon: requests per second, latencies, CPU, memory
    Axon(AxonArgs),
    /// Ask many local axons at once with our dendrite, round after round
    Dendrite(DendriteArgs),
    /// Time one signature check and the other parts of a request, on one core
    Verify(VerifyArgs),
    /// Serve echoing axons until standard input ends; prints where
    Serve(ServeArgs),
}

/// `bench axon`
#[derive(Debug, Clone, Args)]
pub struct AxonArgs {
    /// Address of the axon; without it one of ours is started
    #[arg(long, requires = "hotkey")]
    pub target: Option<SocketAddr>,
    /// Hotkey of that axon
    #[arg(long)]
    pub hotkey: Option<AccountId>,
    /// Key that signs the requests
    #[arg(long, default_value = "//Alice")]
    pub uri: String,
    /// Keys that take turns among the connections: that one and others derived from it
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub callers: u16,
    /// What to speak
    #[arg(long, value_enum, default_value = "v10")]
    pub wire: Wire,
    /// Connections, each with one request under way
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub connections: u16,
    /// Size of each request body
    #[arg(long, default_value_t = 1024)]
    pub body_bytes: usize,
    /// Length of what is measured
    #[arg(long, default_value = "5", value_parser = seconds)]
    pub seconds: Duration,
    /// Not measured before it
    #[arg(long, default_value = "1", value_parser = seconds)]
    pub warmup: Duration,
    /// End after so many answers
    #[arg(long)]
    pub requests: Option<u64>,
    /// So many requests per second whatever the answers do; without it each connection sends as soon
    /// as it can
    #[arg(long)]
    pub rate: Option<f64>,
    /// A new connection for every request
    #[arg(long)]
    pub reconnect: bool,
    /// Also measure the same load without any checks, and print the difference; needs --rate
    #[arg(long, requires = "rate", conflicts_with_all = ["target", "junk_rate"])]
    pub added_latency: bool,
    /// Junk requests per second beside the load; loopback only
    #[arg(long)]
    pub junk_rate: Option<f64>,
    /// Loopback addresses the junk comes from
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u8).range(1..=250))]
    pub junk_sources: u8,
    /// Connections of the junk that send one byte a second
    #[arg(long, default_value_t = 200)]
    pub slow_connections: usize,
    /// CPU the started axon stays on
    #[arg(long)]
    pub server_cpu: Option<usize>,
    /// Limits of the started axon; the default ones with --junk-rate
    #[arg(long, value_enum)]
    pub limits: Option<LimitSet>,
    /// Process of the axon, for CPU and memory; found by its port otherwise
    #[arg(long)]
    pub pid: Option<u32>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `bench dendrite`
#[derive(Debug, Clone, Args)]
pub struct DendriteArgs {
    /// Axons to ask
    #[arg(long, default_value_t = 256)]
    pub axons: usize,
    /// What to speak
    #[arg(long, value_enum, default_value = "v10")]
    pub wire: Wire,
    /// A file with the line that `bench serve` printed; without it the axons are started
    #[arg(long)]
    pub targets: Option<std::path::PathBuf>,
    /// Measured rounds
    #[arg(long, default_value_t = 20)]
    pub rounds: usize,
    /// Length of each message
    #[arg(long, default_value_t = 1024)]
    pub message_bytes: usize,
    /// Deadline of each call
    #[arg(long, default_value = "12", value_parser = seconds)]
    pub timeout: Duration,
    /// CPU the started axons stay on
    #[arg(long)]
    pub server_cpu: Option<usize>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `bench verify`
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// Length of each measurement
    #[arg(long, default_value = "1", value_parser = seconds)]
    pub seconds: Duration,
    /// Size of the request body that is parsed and hashed
    #[arg(long, default_value_t = 1024)]
    pub body_bytes: usize,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `bench serve`
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// A whole axon, or HTTP without any checks
    #[arg(long, value_enum, default_value = "axon")]
    pub kind: ServeKind,
    /// How many, each on a port of its own
    #[arg(long, default_value_t = 1)]
    pub count: usize,
    /// Port of the first on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Key of the first axon; the others derive from it
    #[arg(long, default_value = "//Bob")]
    pub uri: String,
    /// Limits of the axons
    #[arg(long, value_enum, default_value = "open")]
    pub limits: LimitSet,
    /// Hotkeys that are served; everybody without it
    #[arg(long)]
    pub permit: Vec<AccountId>,
}

/// What `bench serve` serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ServeKind {
    /// A whole axon.
    Axon,
    /// HTTP and nothing else.
    Bare,
}

/// Limits of a measured axon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LimitSet {
    /// Those of a miner.
    Default,
    /// None per address or hotkey, so that one client can use the whole axon.
    Open,
}

impl ServeKind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Axon => "axon",
            Self::Bare => "bare",
        }
    }
}

impl LimitSet {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Open => "open",
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix('s').unwrap_or(text).parse::<f64>().ok();
    number
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "a number of seconds is wanted".into())
}
