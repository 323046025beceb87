//! What must be true before a neuron starts working: a hotkey, a chain, a subnet, a registration.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axoneme_chain::{Chain, ChainConfig, ChainError, ConnectionState, Metagraph};
use axoneme_metagraph::{Snapshot, SnapshotFile};
use axoneme_wallet::{Keypair, Scheme};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::config::{SubtensorConfig, WalletConfig};
use crate::exit::{ExitCode, Failure};
use crate::readiness::Readiness;

/// Longest time to wait for the hotkey. Deriving the key of a password takes seconds, on a small machine a minute;
/// a password that never comes would otherwise keep the neuron waiting without a word.
const OPENING: Duration = Duration::from_secs(180);

/// What a neuron has once it may start.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The key all requests and extrinsics of this neuron are signed with.
    pub hotkey: Arc<Keypair>,
    /// The chain.
    pub chain: Chain,
    /// The subnet.
    pub netuid: u16,
    /// This neuron's uid at start; it changes if the hotkey is registered anew.
    pub uid: u16,
    /// The metagraph of the start.
    pub metagraph: Arc<Metagraph>,
    /// The same with its age; one from disk says that the chain has not answered yet.
    pub snapshot: Snapshot,
    /// Where it is kept for the next start.
    pub file: SnapshotFile,
    /// Address of the chain, for messages and to tell a local chain from a public one.
    pub endpoint: String,
}

/// What to do when the chain cannot be reached at start, but an earlier run left a metagraph on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithoutChain {
    /// Start with that metagraph: for neurons that serve.
    StandBy,
    /// Wait for the chain, however long it takes: for neurons that have nothing to do without it.
    Wait,
}

/// Opens the hotkey (never the coldkey), connects, and checks that the hotkey is registered on
/// the subnet. Refuses where the coldkey lies unencrypted beside it.
///
/// A chain that cannot be reached ends the start, unless `folder` has the metagraph of an earlier run in which this
/// hotkey has a place; then `without` says what happens, and readiness part `chain` why.
///
/// # Errors
/// With the exit code that names what is missing: [`ExitCode::Wallet`], [`ExitCode::Chain`],
/// [`ExitCode::Subnet`] or [`ExitCode::NotRegistered`].
pub async fn identify(
    wallet: &WalletConfig,
    subtensor: &SubtensorConfig,
    netuid: u16,
    folder: &Path,
    without: WithoutChain,
    readiness: &Readiness,
) -> Result<Identity, Failure> {
    guard_coldkey(wallet, subtensor)?;
    let hotkey = Arc::new(open_hotkey(wallet).await?);
    let file = SnapshotFile::new(folder, netuid, subtensor.target());
    let address = hotkey.account_id();
    let chain = match connect(subtensor).await {
        Ok(chain) => chain,
        Err(failure) => {
            let kept = file.load().filter(|kept| kept.metagraph.find(&address).is_some());
            let Some(kept) = kept else { return Err(failure) };
            let config = chain_config(subtensor)?;
            let chain = Chain::shared_in_background(config, Some(kept.genesis_hash))
                .map_err(|error| Failure::new(ExitCode::Config, &error))?;
            readiness.set("chain", Err(failure.to_string()));
            let (block, age) = (kept.metagraph.block, kept.age().as_secs());
            if without == WithoutChain::StandBy {
                tracing::warn!("{failure}; starting with the metagraph of block {block}, fetched {age} s ago");
                return identity(wallet, subtensor, hotkey, chain, kept, file);
            }
            tracing::warn!("{failure}; this hotkey had a place {age} s ago, so waiting for the chain");
            let mut states = chain.connected();
            let back = states.wait_for(ConnectionState::is_connected).await.map(drop);
            back.map_err(|error| Failure::new(ExitCode::Chain, &error))?;
            chain
        }
    };
    let metagraph = require_subnet(&chain, netuid).await?;
    let snapshot = Snapshot::fetched_now(metagraph, chain.genesis_hash());
    identity(wallet, subtensor, hotkey, chain, snapshot, file)
}

fn identity(
    wallet: &WalletConfig,
    subtensor: &SubtensorConfig,
    hotkey: Arc<Keypair>,
    chain: Chain,
    snapshot: Snapshot,
    file: SnapshotFile,
) -> Result<Identity, Failure> {
    let address = hotkey.account_id();
    let netuid = snapshot.metagraph.netuid;
    let uid = snapshot.metagraph.find(&address).map(|neuron| neuron.uid);
    let uid = uid.ok_or_else(|| not_registered(wallet, subtensor, netuid, &address.to_string()))?;
    Ok(Identity {
        endpoint: endpoints(&chain),
        metagraph: Arc::clone(&snapshot.metagraph),
        hotkey,
        chain,
        netuid,
        uid,
        snapshot,
        file,
    })
}

/// Connects to the configured chain. All neurons of one process that want the same chain share one connection.
///
/// # Errors
/// [`ExitCode::Chain`] when no endpoint answers in time.
pub async fn connect(subtensor: &SubtensorConfig) -> Result<Chain, Failure> {
    Chain::shared(chain_config(subtensor)?).await.map_err(|error| {
        let failure = chain_failure(&error);
        let message = format!("{failure} (--subtensor.network, --subtensor.chain_endpoint)");
        Failure::message(failure.code, message)
    })
}

fn chain_config(subtensor: &SubtensorConfig) -> Result<ChainConfig, Failure> {
    ChainConfig::for_network(subtensor.target()).map_err(|error| Failure::new(ExitCode::Config, &error))
}

/// Refuses to start where the coldkey lies without a password, unless the chain is on this machine (its coins are
/// worth nothing) or the operator takes the risk.
///
/// # Errors
/// [`ExitCode::Wallet`], and [`ExitCode::Config`] when the network is not known.
pub fn guard_coldkey(wallet: &WalletConfig, subtensor: &SubtensorConfig) -> Result<(), Failure> {
    let Err(refusal) = wallet.wallet().refuse_unencrypted_coldkey() else {
        return Ok(());
    };
    if chain_config(subtensor)?.is_local() {
        return Ok(());
    }
    if wallet.allow_unencrypted_coldkey {
        tracing::warn!("{} has no password", wallet.wallet().coldkey_file().display());
        return Ok(());
    }
    Err(refusal.into())
}

/// Opens the hotkey, with its password if it needs one.
///
/// # Errors
/// [`ExitCode::Wallet`].
pub async fn open_hotkey(wallet: &WalletConfig) -> Result<Keypair, Failure> {
    let (folder, passwords) = (wallet.wallet(), wallet.passwords());
    let (done, opened) = oneshot::channel();
    // A thread of its own, not one of the runtime's: the work is long, and a runtime waits at its end for threads
    // that are stuck on a password that never comes.
    std::thread::Builder::new()
        .name("hotkey".into())
        .spawn(move || done.send(folder.open_hotkey(&passwords)))
        .map_err(|error| Failure::new(ExitCode::Wallet, &error))?;
    let pair = match timeout(OPENING, opened).await {
        Ok(Ok(opened)) => opened?,
        Ok(Err(_)) => return Err(Failure::message(ExitCode::Wallet, "opening the hotkey failed")),
        Err(_) => {
            let seconds = OPENING.as_secs();
            let message = format!(
                "the hotkey is not open after {seconds} s; does the descriptor or file of its password ever end?"
            );
            return Err(Failure::message(ExitCode::Wallet, message));
        }
    };
    if pair.scheme() == Scheme::Ed25519 {
        tracing::warn!("the hotkey is ed25519: peers of the v10 wire take it for sr25519 and refuse its requests");
    }
    Ok(pair)
}

/// The addresses of a chain, as configured.
pub fn endpoints(chain: &Chain) -> String {
    chain.config().endpoints.join(", ")
}

async fn require_subnet(chain: &Chain, netuid: u16) -> Result<Metagraph, Failure> {
    if !chain
        .subnet_exists(netuid)
        .await
        .map_err(|error| chain_failure(&error))?
    {
        return Err(Failure::message(
            ExitCode::Subnet,
            format!(
                "subnet {netuid} does not exist on {}; check --netuid and --subtensor.network \
                 (`btcli subnets list` shows what exists)",
                endpoints(chain)
            ),
        ));
    }
    chain.metagraph(netuid).await.map_err(|error| chain_failure(&error))
}

/// The failure that tells an operator how to register.
pub fn not_registered(wallet: &WalletConfig, subtensor: &SubtensorConfig, netuid: u16, address: &str) -> Failure {
    Failure::message(
        ExitCode::NotRegistered,
        format!(
            "hotkey {address} is not registered on subnet {netuid}; register it with \
             `btcli subnets register --netuid {netuid} --wallet.name {} --wallet.hotkey {} \
             --subtensor.network {}` (on a local chain also `axoneme register` with the same flags)",
            wallet.name,
            wallet.hotkey,
            subtensor.target(),
        ),
    )
}

/// A chain error at start as a failure.
pub fn chain_failure(error: &ChainError) -> Failure {
    Failure::new(ExitCode::Chain, error)
}

#[cfg(test)]
mod tests;
