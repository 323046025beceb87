//! `axoneme probe`: the command line, and what it prints.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axoneme_wallet::{AccountId, Keypair, Wallet};
use clap::{Args, ValueEnum};

use crate::error::ProbeError;
use crate::report::Report;
use crate::run::{ProbeConfig, run};
use crate::session::SynapseSpec;

/// How to print the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
#[non_exhaustive]
pub enum Format {
    /// A line per case
    #[default]
    Table,
    /// One JSON document
    Json,
    /// A Markdown table
    Markdown,
}

/// `axoneme probe`
#[derive(Debug, Clone, Args)]
pub struct ProbeArgs {
    /// Address and port of the axon
    pub target: String,
    /// The axon's hotkey: requests are signed for it
    #[arg(long)]
    pub hotkey: AccountId,
    /// Sign with this development key; the axon has to serve it
    #[arg(long, default_value = "//Alice", conflicts_with = "wallet_name")]
    pub uri: String,
    /// Sign with a hotkey of this wallet instead
    #[arg(long = "wallet.name", id = "wallet_name")]
    pub wallet_name: Option<String>,
    /// Name of the hotkey
    #[arg(long = "wallet.hotkey", default_value = "default")]
    pub wallet_hotkey: String,
    /// Folder of all wallets
    #[arg(
        long = "wallet.path",
        env = "BT_WALLET_PATH",
        default_value = "~/.bittensor/wallets/"
    )]
    pub wallet_path: String,
    /// Name of the synapse that honest requests carry
    #[arg(long, default_value = "Prompting")]
    pub synapse: String,
    /// Its fields, as JSON
    #[arg(long, default_value = r#"{"roles": ["user"], "messages": ["hello"]}"#)]
    pub body: String,
    /// Its fields under the body hash, in hash order
    #[arg(long, value_delimiter = ',', default_value = "messages")]
    pub hash_fields: Vec<String>,
    /// Longest wait for an answer, seconds
    #[arg(long, default_value = "12")]
    pub valid_timeout: f64,
    /// After how many seconds a slow sender's connection has to be gone
    #[arg(long, default_value = "13")]
    pub slow_limit: f64,
    /// Only cases whose name holds this, or of this group
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Also send so many junk requests a second, for five seconds, beside honest ones; loopback addresses only
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub flood: Option<u32>,
    /// Stop after so many seconds, whatever is left
    #[arg(long, default_value = "900")]
    pub time_limit: f64,
    /// Succeed when nothing fails but what the Python SDKs are known for
    #[arg(long)]
    pub like_python: bool,
    /// How to print the report
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// The same as --format json
    #[arg(long)]
    pub json: bool,
    /// With --format markdown: an earlier report in JSON, to stand beside this one; another fills in what it skipped
    #[arg(long, value_delimiter = ',')]
    pub compare: Vec<PathBuf>,
    /// With --format markdown: names of this axon and of the other
    #[arg(long, value_delimiter = ',', num_args = 1..=2, default_values = ["this axon", "the other"])]
    pub names: Vec<String>,
}

impl ProbeArgs {
    /// Plays the cases and prints the report; whether all rules hold.
    ///
    /// # Errors
    /// When there is nothing to report: see [`ProbeError`].
    pub async fn run(&self) -> Result<bool, ProbeError> {
        let others = self.compare.iter().map(read_report).collect::<Result<Vec<_>, _>>()?;
        let other = others.into_iter().reduce(Report::filled_from);
        let report = run(self.config().await?).await?;
        match (self.json, self.format) {
            (true, _) | (_, Format::Json) => {
                println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
            }
            (_, Format::Markdown) => {
                let name = |place: usize| self.names.get(place).map_or("the other", String::as_str);
                println!("{}", report.markdown((name(0), name(1)), other.as_ref()));
            }
            (_, Format::Table) => println!("{}", report.table()),
        }
        if self.json || self.format != Format::Table {
            eprintln!("{}", report.summary());
        }
        Ok(report.passed || (self.like_python && report.as_good_as_python()))
    }

    async fn config(&self) -> Result<ProbeConfig, ProbeError> {
        let signer = match &self.wallet_name {
            Some(name) => Wallet::new(&self.wallet_path, name, &self.wallet_hotkey).load_hotkey()?,
            None => Keypair::from_uri(&self.uri)?,
        };
        Ok(ProbeConfig {
            target: resolve(&self.target).await?,
            hotkey: self.hotkey,
            signer,
            synapse: SynapseSpec::new(&self.synapse, &self.body, &self.hash_fields)?,
            patience: seconds(self.valid_timeout),
            slow_limit: seconds(self.slow_limit),
            only: self.only.clone(),
            flood: self.flood,
            time_limit: Duration::try_from_secs_f64(self.time_limit).unwrap_or(Duration::from_secs(900)),
        })
    }
}

fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number.clamp(0.1, 600.0)).unwrap_or(Duration::from_secs(12))
}

async fn resolve(text: &str) -> Result<SocketAddr, ProbeError> {
    let failure = |reason: String| ProbeError::Address {
        host: text.to_owned(),
        reason,
    };
    let found = tokio::net::lookup_host(text).await;
    let mut found = found.map_err(|error| failure(error.to_string()))?;
    found.next().ok_or_else(|| failure("it has none".to_owned()))
}

fn read_report(path: &PathBuf) -> Result<Report, ProbeError> {
    let failure = |reason: String| ProbeError::OtherReport {
        path: path.display().to_string(),
        reason,
    };
    let text = std::fs::read_to_string(path).map_err(|error| failure(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| failure(error.to_string()))
}
