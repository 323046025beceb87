//! The beacon that the chain owns: its pulses follow the chain's clock.

use std::time::Duration;

use localnet::Localnet;
use subxt::dynamic;

use crate::common::{Client, TestResult, config, within};

/// Latest round that is stored, and whether its pulse is.
async fn last_round(client: &Client) -> TestResult<(u64, bool)> {
    let at = within(client.at_current_block()).await?;
    let address = dynamic::storage::<(), u64>("Drand", "LastStoredRound");
    let found = within(at.storage().try_fetch(address, ())).await?;
    let last = found.map(|value| value.decode()).transpose()?.unwrap_or_default();
    let address = dynamic::storage::<(u64,), dynamic::Value>("Drand", "Pulses");
    let pulse = within(at.storage().try_fetch(address, (last,))).await?;
    Ok((last, pulse.is_some()))
}

#[tokio::test]
async fn pulses_follow_the_chains_clock_and_go_on_after_a_stop() -> TestResult {
    let dir = tempfile::tempdir()?;
    let config = localnet::LocalnetConfig {
        data_dir: Some(dir.path().to_owned()),
        ..config()
    };
    let chain = Localnet::start(config.clone()).await?;
    let client = within(Client::from_url(chain.ws_url())).await?;
    within(wait_for(&client, 1)).await?;
    let (first, stored) = last_round(&client).await?;
    assert!(first > 30_000_000 && stored, "round {first}");
    within(wait_for(&client, first + 2)).await?;
    chain.shutdown().await;

    let chain = Localnet::start(config).await?;
    let client = within(Client::from_url(chain.ws_url())).await?;
    let (kept, _) = last_round(&client).await?;
    assert!(kept >= first + 2, "{kept} after {first}");
    within(wait_for(&client, kept + 1)).await?;
    chain.shutdown().await;
    Ok(())
}

async fn wait_for(client: &Client, round: u64) -> TestResult {
    while last_round(client).await?.0 < round {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}
