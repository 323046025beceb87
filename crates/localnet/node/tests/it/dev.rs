//! What a developer does by hand: money, time, snapshots.

use jsonrpsee::{
    core::client::{ClientT, Subscription, SubscriptionClientT},
    rpc_params,
    ws_client::{WsClient, WsClientBuilder},
};
use localnet::{Localnet, LocalnetConfig, Sealing};
use serde_json::{Value, json};
use subxt::dynamic;
use subxt_signer::sr25519::{Keypair, dev};

use crate::common::{Client, TestResult, config, submit, within};

async fn manual(data_dir: Option<std::path::PathBuf>) -> TestResult<(Localnet, WsClient)> {
    let config = LocalnetConfig {
        sealing: Sealing::Manual,
        data_dir,
        ..config()
    };
    let chain = Localnet::start(config).await?;
    let client = within(WsClientBuilder::default().build(chain.ws_url())).await?;
    Ok((chain, client))
}

async fn call(client: &WsClient, method: &str, params: Value) -> TestResult<Value> {
    let mut builder = jsonrpsee::core::params::ArrayParams::new();
    for param in params.as_array().ok_or("an array")? {
        builder.insert(param)?;
    }
    within(client.request(method, builder)).await
}

/// Nonce and free balance.
async fn account(chain: &Localnet, who: &Keypair) -> TestResult<(u32, u64)> {
    let client = within(Client::from_url(chain.ws_url())).await?;
    let at = within(client.at_current_block()).await?;
    // Nonce, three counters, and the data: free, reserved, frozen, flags.
    type Info = (u32, u32, u32, u32, (u64, u64, u64, u128));
    let address = dynamic::storage::<([u8; 32],), Info>("System", "Account");
    let found = within(at.storage().try_fetch(address, (who.public_key().0,))).await?;
    Ok(found
        .map(|found| found.decode())
        .transpose()?
        .map_or((0, 0), |info| (info.0, info.4.0)))
}

#[tokio::test]
async fn the_faucet_gives_to_anybody_and_the_money_can_be_spent() -> TestResult {
    let (chain, client) = manual(None).await?;
    let stranger = Keypair::from_uri(&"//stranger".parse()?)?;
    call(&client, "dev_faucet", json!(["//stranger"])).await?;
    call(
        &client,
        "dev_faucet",
        json!([stranger.public_key().to_account_id().to_string(), 0.5]),
    )
    .await?;
    assert_eq!(account(&chain, &stranger).await?, (0, 1_000_500_000_000));
    for wrong in [
        json!(["Alice"]),
        json!(["//stranger", -1]),
        json!(["//stranger", 1e12]),
        json!([]),
    ] {
        assert!(call(&client, "dev_faucet", wrong.clone()).await.is_err(), "{wrong}");
    }
    let subxt = within(Client::from_url(chain.ws_url())).await?;
    let transfer = dynamic::transaction(
        "Balances",
        "transfer_keep_alive",
        (dev::bob().public_key().to_address::<()>(), 1_000_000_000_000u64),
    );
    let progress = submit(&subxt, &transfer, &stranger).await?;
    call(&client, "dev_newBlock", json!([])).await?;
    within(progress.wait_for_finalized_success()).await?;
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_snapshot_is_gone_back_to_with_nonces_and_money_and_the_chain_goes_on() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (chain, client) = manual(Some(dir.path().to_owned())).await?;
    call(&client, "dev_newBlock", json!([3])).await?;
    let snapshot = call(&client, "dev_snapshot", json!([])).await?;
    let alice = account(&chain, &dev::alice()).await?;

    let subxt = within(Client::from_url(chain.ws_url())).await?;
    let pay = || {
        dynamic::transaction(
            "Balances",
            "transfer_keep_alive",
            (dev::bob().public_key().to_address::<()>(), 7u64),
        )
    };
    let progress = submit(&subxt, &pay(), &dev::alice()).await?;
    call(&client, "dev_newBlock", json!([2])).await?;
    within(progress.wait_for_finalized_success()).await?;
    assert_eq!(account(&chain, &dev::alice()).await?.0, alice.0 + 1);
    // One that waits is forgotten: it was signed for what never was.
    let waiting = submit(&subxt, &pay(), &dev::alice()).await?;

    let mut heads: Subscription<Value> =
        within(client.subscribe("chain_subscribeNewHeads", rpc_params![], "chain_unsubscribeNewHeads")).await?;
    let number = |head: Option<Result<Value, _>>| head.and_then(Result::ok).map(|head: Value| head["number"].clone());
    assert_eq!(
        number(within(async { Ok::<_, String>(heads.next().await) }).await?),
        Some(json!("0x5"))
    );
    assert_eq!(call(&client, "dev_restore", json!([snapshot])).await?, snapshot);
    assert_eq!(
        number(within(async { Ok::<_, String>(heads.next().await) }).await?),
        Some(json!("0x3"))
    );
    assert_eq!(account(&chain, &dev::alice()).await?, alice);
    assert_eq!(call(&client, "author_pendingExtrinsics", json!([])).await?, json!([]));
    drop(waiting);

    let subxt = within(Client::from_url(chain.ws_url())).await?;
    let progress = submit(&subxt, &pay(), &dev::alice()).await?;
    let head = call(&client, "dev_newBlock", json!([])).await?;
    within(progress.wait_for_finalized_success()).await?;
    assert!(
        call(&client, "dev_restore", json!([format!("0x{}", "11".repeat(32))]))
            .await
            .is_err()
    );
    chain.shutdown().await;

    let (chain, client) = manual(Some(dir.path().to_owned())).await?;
    assert_eq!(
        call(&client, "chain_getHead", json!([])).await?,
        head,
        "the way back was written down"
    );
    assert_eq!(account(&chain, &dev::alice()).await?.0, alice.0 + 1);
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn time_is_set_under_both_names() -> TestResult {
    let (chain, client) = manual(None).await?;
    let subxt = within(Client::from_url(chain.ws_url())).await?;
    for (method, to) in [
        ("dev_timeTravel", 4_000_000_000_000u64),
        ("dev_setTime", 4_000_000_100_000),
    ] {
        call(&client, method, json!([to])).await?;
        let at = within(subxt.at_current_block()).await?;
        let now = within(
            at.storage()
                .try_fetch(dynamic::storage::<(), u64>("Timestamp", "Now"), ()),
        )
        .await?;
        let now = now.ok_or("no time")?.decode()?;
        assert!((to..to + 60_000).contains(&now), "{method}: {now}");
    }
    chain.shutdown().await;
    Ok(())
}
