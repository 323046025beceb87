//! What must be true before a neuron starts working: a hotkey, a chain, a subnet, a registration.

use std::sync::Arc;

use axoneme_chain::{Chain, ChainConfig, ChainError, Metagraph};
use axoneme_wallet::Keypair;

use crate::config::{SubtensorConfig, WalletConfig};
use crate::exit::{ExitCode, Failure};

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
    /// Address of the chain, for messages and to tell a local chain from a public one.
    pub endpoint: String,
}

/// Opens the hotkey (never the coldkey), connects, and checks that the hotkey is registered on
/// the subnet.
///
/// # Errors
/// With the exit code that names what is missing: [`ExitCode::Wallet`], [`ExitCode::Chain`],
/// [`ExitCode::Subnet`] or [`ExitCode::NotRegistered`].
pub async fn identify(wallet: &WalletConfig, subtensor: &SubtensorConfig, netuid: u16) -> Result<Identity, Failure> {
    let hotkey = Arc::new(wallet.wallet().load_hotkey()?);
    let chain = connect(subtensor).await?;
    let metagraph = Arc::new(require_subnet(&chain, netuid).await?);
    let address = hotkey.account_id();
    let uid = metagraph.find(&address).map(|neuron| neuron.uid);
    let uid = uid.ok_or_else(|| not_registered(wallet, subtensor, netuid, &address.to_string()))?;
    let endpoint = endpoints(&chain);
    Ok(Identity {
        hotkey,
        chain,
        netuid,
        uid,
        metagraph,
        endpoint,
    })
}

/// Connects to the configured chain.
///
/// # Errors
/// [`ExitCode::Chain`] when no endpoint answers in time.
pub async fn connect(subtensor: &SubtensorConfig) -> Result<Chain, Failure> {
    let config =
        ChainConfig::for_network(subtensor.target()).map_err(|error| Failure::new(ExitCode::Config, &error))?;
    Chain::connect(config).await.map_err(|error| {
        let failure = chain_failure(&error);
        let message = format!("{failure} (--subtensor.network, --subtensor.chain_endpoint)");
        Failure::message(failure.code, message)
    })
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
