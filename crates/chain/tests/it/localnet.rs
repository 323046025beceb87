//! A development chain for tests, and what most tests need on it.

use axoneme_chain::{Chain, ChainConfig, ChainError, RAO_PER_TAO};
use axoneme_wallet::{AccountId, Keypair};
use localnet::{Localnet, LocalnetConfig};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Fast enough for tests, slow enough for a busy machine.
pub const BLOCK_TIME: Duration = Duration::from_millis(100);
/// Bound for whatever a test waits for.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub async fn start(rpc: SocketAddr, data_dir: Option<PathBuf>) -> Localnet {
    let config = LocalnetConfig {
        rpc,
        block_time: BLOCK_TIME,
        data_dir,
        ..LocalnetConfig::default()
    };
    Localnet::start(config).await.expect("a development chain")
}

pub async fn anywhere() -> Localnet {
    start(([127, 0, 0, 1], 0).into(), None).await
}

/// Settings with which a test does not wait long for anything.
pub fn config(endpoint: &str) -> ChainConfig {
    let mut config = ChainConfig::new([endpoint]);
    config.request_timeout = Duration::from_secs(5);
    config.finality_timeout = PATIENCE;
    config.heartbeat = Duration::from_millis(500);
    config.backoff_max = Duration::from_millis(500);
    config
}

pub async fn connect(net: &Localnet) -> Chain {
    Chain::connect(config(&net.ws_url())).await.expect("a connection")
}

pub fn key(uri: &str) -> Keypair {
    Keypair::from_uri(uri).expect("a development key")
}

pub fn id(uri: &str) -> AccountId {
    key(uri).account_id()
}

/// A started subnet of Alice with short epochs and without limits that slow tests down.
pub async fn subnet(chain: &Chain) -> u16 {
    let alice = key("//Alice");
    chain
        .admin_set_network_rate_limit(&alice, 0)
        .await
        .expect("no limit on new subnets");
    chain
        .admin_set_start_call_delay(&alice, 0)
        .await
        .expect("no delay before the start");
    let netuid = chain
        .register_network(&alice, &id("//Alice//hot"))
        .await
        .expect("a subnet");
    chain
        .admin_set_commit_reveal(&alice, netuid, false)
        .await
        .expect("plain weights");
    chain
        .admin_set_weights_set_rate_limit(&alice, netuid, 0)
        .await
        .expect("no weights limit");
    chain
        .admin_set_serving_rate_limit(&alice, netuid, 0)
        .await
        .expect("no serving limit");
    chain.admin_set_tempo(&alice, netuid, 10).await.expect("short epochs");
    match chain.start_call(&alice, netuid).await {
        Ok(_) => {}
        // Some chains start development subnets by themselves.
        Err(error) if error.name() == Some("FirstEmissionBlockNumberAlreadySet") => {}
        Err(error) => panic!("{error}"),
    }
    netuid
}

/// Registers a hotkey for a funded coldkey.
pub async fn register(chain: &Chain, netuid: u16, coldkey: &str, hotkey: &str) -> u16 {
    chain
        .burned_register(&key(coldkey), netuid, &id(hotkey))
        .await
        .expect("a place in the subnet")
}

/// Stakes whole TAO.
pub async fn stake(chain: &Chain, netuid: u16, coldkey: &str, hotkey: &str, tao: u64) {
    chain
        .add_stake(&key(coldkey), netuid, &id(hotkey), tao * RAO_PER_TAO)
        .await
        .expect("staked");
}

/// Repeats a question until its answer satisfies, in step with the blocks.
pub async fn until<T, F, Fut>(chain: &Chain, what: &str, ask: F) -> T
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<Option<T>, ChainError>>,
{
    let mut blocks = chain.blocks();
    let waiting = async {
        loop {
            if let Ok(Some(answer)) = ask().await {
                return answer;
            }
            blocks.changed().await.expect("the chain lives");
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("waited too long for {what}"))
}
