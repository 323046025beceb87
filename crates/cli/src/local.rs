//! The steps an operator of a local chain needs before a daemon can start.

use std::sync::Arc;

use axoneme_chain::Chain;
use axoneme_llm::{MINILM_L6, ModelRef, ModelStore, SMOLLM2_135M, StderrProgress};
use axoneme_neuron::config::SubtensorConfig;
use axoneme_neuron::{ExitCode, Failure, preflight};
use axoneme_wallet::{AccountId, KeySource, Keypair, PasswordSources, Wallet, WalletError};
use tokio_util::sync::CancellationToken;

use crate::args::{AmountArgs, Command, KeyArgs, NetuidArgs, StakeArgs, SubnetArgs, WalletArgs, WeightsCommand};
use crate::show;

/// The dev account that holds the funds and may change a local chain's parameters.
pub const ALICE: &str = "//Alice";

/// Runs a command until it is done or `cancel`.
///
/// # Errors
/// With the exit code of what failed.
pub async fn run(command: Command, cancel: CancellationToken) -> Result<(), Failure> {
    tokio::select! {
        result = dispatch(command) => result,
        () = cancel.cancelled() => Err(Failure::message(ExitCode::Failure, "interrupted")),
    }
}

async fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        // These have entries of their own; main never sends them here.
        Command::Up(_) | Command::Bench(_) | Command::Probe(_) | Command::Drill(_) => Ok(()),
        Command::Wallet(args) => create_wallet(&args),
        Command::Fund(args) => fund(&args).await,
        Command::Subnet(args) => create_subnet(&args).await,
        Command::Register(args) => register(&args).await,
        Command::Stake(args) => stake(&args).await,
        Command::Metagraph(args) => show::metagraph(&args).await,
        Command::Weights(WeightsCommand::Show(args)) => show::weights(&args).await,
        Command::Models => fetch_models().await,
    }
}

/// Any chain failure of these commands, with its code.
pub fn chain(error: axoneme_chain::ChainError) -> Failure {
    preflight::chain_failure(&error)
}

/// Alice's key, which every dev chain knows.
///
/// # Errors
/// Never in practice: the path is valid.
pub fn alice() -> Result<Keypair, Failure> {
    Keypair::from_uri(ALICE).map_err(|error| Failure::new(ExitCode::Wallet, &error))
}

fn wallet(keys: &KeyArgs) -> Wallet {
    Wallet::new(&keys.path, &keys.name, &keys.hotkey)
}

fn create_wallet(args: &WalletArgs) -> Result<(), Failure> {
    let (coldkey, hotkey) = match &args.uri {
        Some(uri) => (KeySource::Uri(uri.clone()), KeySource::Uri(format!("{uri}//hotkey"))),
        None => (KeySource::Random, KeySource::Random),
    };
    let wallet = wallet(&args.keys);
    wallet.create(&coldkey, &hotkey, args.overwrite)?;
    println!("coldkey {}  {}", wallet.coldkeypub()?, wallet.coldkey_file().display());
    println!(
        "hotkey  {}  {}",
        wallet.load_hotkey()?.account_id(),
        wallet.hotkey_file().display()
    );
    println!("These files are not encrypted: use them on local chains only.");
    Ok(())
}

/// The coldkey, asking for its password when it has one, and the address of the hotkey.
async fn keys(keys: &KeyArgs) -> Result<(Keypair, AccountId), Failure> {
    let wallet = wallet(keys);
    let hotkey = match wallet.hotkeypub() {
        Ok(key) => key.account,
        // Old wallets have no public file of the hotkey.
        Err(WalletError::NotFound { .. }) => wallet.load_hotkey()?.account_id(),
        Err(error) => return Err(error.into()),
    };
    let opened = tokio::task::spawn_blocking(move || wallet.open_coldkey(&PasswordSources::environment().prompt()));
    let coldkey = opened.await.map_err(|error| Failure::new(ExitCode::Wallet, &error))??;
    Ok((coldkey, hotkey))
}

/// Connects to a chain on this machine. Coldkeys without encryption must not be used elsewhere.
async fn local_chain(on: &SubnetArgs) -> Result<Chain, Failure> {
    let subtensor = SubtensorConfig {
        network: on.network.clone(),
        chain_endpoint: None,
    };
    let chain = preflight::connect(&subtensor).await?;
    if chain.config().is_local() {
        Ok(chain)
    } else {
        Err(Failure::message(
            ExitCode::Usage,
            format!(
                "{} is not on this machine; use btcli there, which keeps coldkeys encrypted",
                preflight::endpoints(&chain)
            ),
        ))
    }
}

async fn fund(args: &AmountArgs) -> Result<(), Failure> {
    let to = wallet(&args.on.keys).coldkeypub()?;
    let chain_client = local_chain(&args.on).await?;
    chain_client
        .transfer(&alice()?, &to, args.amount.0)
        .await
        .map_err(chain)?;
    println!(
        "{to} has {} TAO",
        in_tao(chain_client.balance(&to).await.map_err(chain)?)
    );
    Ok(())
}

async fn create_subnet(args: &SubnetArgs) -> Result<(), Failure> {
    let (coldkey, hotkey) = keys(&args.keys).await?;
    let chain_client = local_chain(args).await?;
    let netuid = chain_client.register_network(&coldkey, &hotkey).await.map_err(chain)?;
    chain_client.start_call(&coldkey, netuid).await.map_err(chain)?;
    println!("subnet {netuid} created and started; {hotkey} is its uid 0");
    Ok(())
}

async fn register(args: &NetuidArgs) -> Result<(), Failure> {
    let (coldkey, hotkey) = keys(&args.on.keys).await?;
    let chain_client = local_chain(&args.on).await?;
    let uid = chain_client
        .burned_register(&coldkey, args.netuid, &hotkey)
        .await
        .map_err(chain)?;
    println!("{hotkey} is uid {uid} on subnet {}", args.netuid);
    Ok(())
}

async fn stake(args: &StakeArgs) -> Result<(), Failure> {
    let (coldkey, hotkey) = keys(&args.on.on.keys).await?;
    let chain_client = local_chain(&args.on.on).await?;
    chain_client
        .add_stake(&coldkey, args.on.netuid, &hotkey, args.amount.0)
        .await
        .map_err(chain)?;
    println!(
        "staked {} TAO to {hotkey} on subnet {}",
        in_tao(args.amount.0),
        args.on.netuid
    );
    Ok(())
}

async fn fetch_models() -> Result<(), Failure> {
    let store = ModelStore::new(None);
    let progress = Arc::new(StderrProgress::new());
    for model in [&SMOLLM2_135M, &MINILM_L6] {
        let path = store.ensure(&ModelRef::Default, model, progress.clone()).await;
        println!(
            "{}",
            path.map_err(|error| Failure::new(ExitCode::Model, &error))?.display()
        );
    }
    Ok(())
}

fn in_tao(rao: u64) -> f64 {
    rao as f64 / 1e9
}
