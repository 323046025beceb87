//! What the tests share: a chain on a free port, a client for it, and a limit for everything that waits.

use std::{future::Future, time::Duration};

use localnet::{Localnet, LocalnetConfig};
use subxt::{
    OnlineClient, SubstrateConfig,
    client::OnlineClientAtBlockImpl,
    extrinsics::ExtrinsicEvents,
    transactions::{Payload, TransactionProgress},
};
use subxt_signer::sr25519::Keypair;

/// What a test gives back.
pub type TestResult<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
/// A client as a user of subxt would make it.
pub type Client = OnlineClient<SubstrateConfig>;

/// Longest any single wait may take; a machine under load needs seconds for what usually takes milliseconds.
const LIMIT: Duration = Duration::from_secs(60);

/// A chain for one test.
pub fn config() -> LocalnetConfig {
    LocalnetConfig {
        rpc: ([127, 0, 0, 1], 0).into(),
        block_time: Duration::from_millis(100),
        ..Default::default()
    }
}

/// Starts a chain and connects to it.
pub async fn chain() -> TestResult<(Localnet, Client)> {
    let chain = Localnet::start(config()).await?;
    let client = within(Client::from_url(chain.ws_url())).await?;
    Ok((chain, client))
}

/// Fails the test if `wait` takes too long.
pub async fn within<F: Future<Output = Result<T, E>>, T, E>(wait: F) -> TestResult<T>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    tokio::time::timeout(LIMIT, wait).await?.map_err(Into::into)
}

/// Signs and hands in a call.
pub async fn submit(
    client: &Client,
    call: &impl Payload,
    signer: &Keypair,
) -> TestResult<TransactionProgress<SubstrateConfig, OnlineClientAtBlockImpl<SubstrateConfig>>> {
    let mut tx = within(client.tx()).await?;
    within(tx.sign_and_submit_then_watch_default(call, signer)).await
}

/// The events of a transaction, as `Pallet.Event`.
pub fn event_names(events: &ExtrinsicEvents<SubstrateConfig>) -> TestResult<Vec<String>> {
    let mut names = Vec::new();
    for event in events.iter() {
        let event = event?;
        names.push(format!("{}.{}", event.pallet_name(), event.event_name()));
    }
    Ok(names)
}
