//! `localnet`: runs the embedded dev chain until it is told to stop.

use std::{io::Write as _, net::IpAddr, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use localnet::{
    AccountId32, DEFAULT_BLOCK_TIME, DEFAULT_PORT, Localnet, LocalnetConfig, LocalnetError, Preset, Sealing, exit_code,
    parse_block_time,
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

const EXIT_CODES: &str = "Exit codes: 0 ended as asked, 1 failure, 2 wrong flags, genesis file or runtime, 3 data directory unusable, \
                          8 port in use.";

/// A dev chain for Bittensor subnets: the main chain's pallets on this machine, with funded development accounts.
#[derive(Debug, Parser)]
#[command(name = "localnet", version, after_help = EXIT_CODES)]
struct Flags {
    /// Address to listen on. Anybody who reaches it can use the chain, so it is this machine only by default.
    #[arg(long, default_value = "127.0.0.1")]
    rpc_addr: IpAddr,
    /// Port to listen on; 0 takes any free one.
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,
    /// Time between blocks: 250, 250ms or 12s [default: that of --genesis, or 250ms].
    #[arg(long, value_parser = parse_block_time)]
    block_time: Option<Duration>,
    /// Accounts, subnets, neurons and stakes to begin with, in TOML; config/localnet.toml shows what it can say.
    #[arg(long)]
    genesis: Option<PathBuf>,
    /// Directory to keep the chain in; without it the chain ends with the program.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Runtime in WebAssembly, compressed or not, to run in place of the one compiled in. Needs a localnet that was built with
    /// `--features wasm`.
    #[arg(long, value_name = "FILE", conflicts_with = "genesis")]
    runtime: Option<PathBuf>,
    /// Genesis preset of --runtime to begin from [default: the first it has of development, local_testnet, default].
    #[arg(long, value_name = "NAME", requires = "runtime")]
    runtime_preset: Option<String>,
    /// Genesis of --runtime in JSON: changes to the preset, or a chain spec.
    #[arg(long, value_name = "FILE", requires = "runtime")]
    runtime_genesis: Option<PathBuf>,
    /// Take a --runtime that imports functions which this program does not have; a call that needs one fails.
    #[arg(long, requires = "runtime")]
    runtime_allow_missing: bool,
    /// When blocks are made: interval, instant (when a transaction comes) or manual (dev_newBlock).
    #[arg(long, default_value = "interval")]
    sealing: Sealing,
    /// Account that gets 1,000,000 TAO at genesis, besides the development accounts.
    #[arg(long, env = "BT_DEFAULT_TOKEN_WALLET")]
    default_wallet: Option<AccountId32>,
    /// What to log: a level, or directives such as localnet=debug.
    #[arg(long, default_value = "info")]
    log: EnvFilter,
}

impl Flags {
    /// The runtime that is to take the place of the one compiled in.
    #[cfg(feature = "wasm")]
    fn runtime(&self) -> Result<Option<localnet::WasmRuntime>, LocalnetError> {
        let Some(code) = self.runtime.clone() else {
            return Ok(None);
        };
        if self.default_wallet.is_some() {
            tracing::warn!(
                "--default-wallet (BT_DEFAULT_TOKEN_WALLET) has no effect with --runtime; use --runtime-genesis"
            );
        }
        let files = localnet::RuntimeFiles {
            code,
            preset: self.runtime_preset.clone(),
            genesis: self.runtime_genesis.clone(),
            allow_missing_functions: self.runtime_allow_missing,
        };
        localnet::WasmRuntime::read(&files).map(Some)
    }

    #[cfg(not(feature = "wasm"))]
    fn runtime(&self) -> Result<(), LocalnetError> {
        if self.runtime.is_none() {
            return Ok(());
        }
        Err(LocalnetError::Config(
            "--runtime needs a localnet that was built with it: cargo build --release -p localnet --features wasm"
                .to_owned(),
        ))
    }
}

fn main() -> ExitCode {
    let flags = Flags::parse();
    tracing_subscriber::fmt()
        .with_env_filter(flags.log.clone())
        .with_writer(std::io::stderr)
        .init();
    let preset = match flags.genesis.as_deref().map(Preset::read).transpose() {
        Ok(preset) => preset,
        Err(error) => return failed(&error),
    };
    #[cfg(not(feature = "wasm"))]
    if let Err(error) = flags.runtime() {
        return failed(&error);
    }
    #[cfg(feature = "wasm")]
    let runtime = match flags.runtime() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let block_time = flags.block_time.or_else(|| preset.as_ref()?.block_time());
    let config = LocalnetConfig {
        rpc: (flags.rpc_addr, flags.port).into(),
        block_time: block_time.unwrap_or(DEFAULT_BLOCK_TIME),
        sealing: flags.sealing,
        data_dir: flags.data_dir,
        default_wallet: flags.default_wallet,
        genesis: preset,
        #[cfg(feature = "wasm")]
        runtime,
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start threads: {error}");
            return exit_code::FAILURE.into();
        }
    };
    let ended = runtime.block_on(run(config));
    // A replay that a signal interrupted is not waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match ended {
        Ok(()) => exit_code::OK.into(),
        Err(error) => failed(&error),
    }
}

fn failed(error: &LocalnetError) -> ExitCode {
    eprint!("error: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        eprint!(": {cause}");
        source = cause.source();
    }
    eprintln!();
    error.exit_code().into()
}

async fn run(config: LocalnetConfig) -> Result<(), LocalnetError> {
    let (block_time, sealing) = (config.block_time, config.sealing);
    // Before the chain starts, so that a signal during a long replay ends the program as well.
    let signal = |kind| signal(kind).map_err(|error| LocalnetError::Config(format!("no signal handler: {error}")));
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    tokio::pin!(stop);
    let chain = tokio::select! {
        chain = Localnet::start(config) => chain?,
        () = &mut stop => return Ok(()),
    };
    let how = match sealing {
        Sealing::Interval => "",
        Sealing::Instant => " (blocks are made when a transaction comes)",
        Sealing::Manual => " (blocks are made by dev_newBlock)",
    };
    let (endpoint, genesis, head) = (chain.ws_url(), chain.genesis_hash(), chain.head().number());
    // A reader that closes the pipe has seen enough; that is no reason to end the chain.
    let _ = writeln!(
        std::io::stdout(),
        "endpoint   {endpoint}\ngenesis    {genesis:?}\nhead       {head}\nblock time {block_time:?}{how}"
    );
    stop.await;
    tracing::info!("stopping");
    chain.shutdown().await;
    Ok(())
}
