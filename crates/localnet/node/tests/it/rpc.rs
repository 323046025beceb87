//! Raw JSON-RPC: what clients other than subxt rely on.

use std::time::{Duration, Instant};

use jsonrpsee::{
    core::{
        ClientError,
        client::{ClientT, Subscription, SubscriptionClientT},
    },
    rpc_params,
    ws_client::{WsClient, WsClientBuilder},
};
use localnet::{Localnet, LocalnetConfig, LocalnetError, Sealing};
use serde_json::{Value, json};
use subxt::dynamic;
use subxt_signer::sr25519::dev;

use crate::common::{Client, TestResult, config, within};

const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

async fn connect(chain: &Localnet) -> TestResult<WsClient> {
    within(WsClientBuilder::default().build(chain.ws_url())).await
}

async fn manual() -> TestResult<(Localnet, WsClient)> {
    let chain = Localnet::start(LocalnetConfig {
        sealing: Sealing::Manual,
        ..config()
    })
    .await?;
    let client = connect(&chain).await?;
    Ok((chain, client))
}

/// A signed transfer as hex.
async fn signed(chain: &Localnet, nonce: u64, amount: u64) -> TestResult<String> {
    let client = within(Client::from_url(chain.ws_url())).await?;
    let call = dynamic::transaction(
        "Balances",
        "transfer_keep_alive",
        (dev::bob().public_key().to_address::<()>(), amount),
    );
    let params = subxt::config::DefaultExtrinsicParamsBuilder::new()
        .nonce(nonce)
        .mortal(64)
        .build();
    let at = within(client.at_current_block()).await?;
    let mut tx = within(
        at.tx()
            .create_signable(&call, &dev::alice().public_key().into(), params),
    )
    .await?;
    Ok(format!("0x{}", hex::encode(tx.sign(&dev::alice())?.encoded())))
}

fn error_of(result: Result<Value, ClientError>) -> TestResult<(i32, String)> {
    match result {
        Err(ClientError::Call(error)) => {
            let data = error.data().map(|data| data.get().to_owned()).unwrap_or_default();
            Ok((error.code(), format!("{} {data}", error.message())))
        }
        other => Err(format!("expected a call error, got {other:?}").into()),
    }
}

#[tokio::test]
async fn the_methods_clients_look_for_are_listed_and_the_new_families_are_not() -> TestResult {
    let (chain, client) = manual().await?;
    let listed: Value = client.request("rpc_methods", rpc_params![]).await?;
    let methods: Vec<&str> = listed["methods"]
        .as_array()
        .ok_or("no list")?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for wanted in [
        "account_nextIndex",
        "author_submitAndWatchExtrinsic",
        "author_unwatchExtrinsic",
        "chain_getHead",
        "chain_subscribeFinalizedHeads",
        "rpc_methods",
        "state_call",
        "state_getKeys",
        "state_getStorageAt",
        "state_queryStorageAt",
        "state_subscribeStorage",
        "system_chainType",
    ] {
        assert!(methods.contains(&wanted), "{wanted} is missing");
    }
    assert!(
        !methods
            .iter()
            .any(|name| name.starts_with("archive_v1_") || name.starts_with("chainHead_v1_"))
    );
    let unknown: Result<Value, _> = client.request("no_such_method", rpc_params![]).await;
    assert_eq!(error_of(unknown)?.0, -32601);
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn headers_and_hashes_come_in_every_form_clients_ask_for() -> TestResult {
    let (chain, client) = manual().await?;
    chain.new_block().await?;
    let head = chain.new_block().await?;
    let genesis = json!(chain.genesis_hash());
    let ask = async |params: Value| -> TestResult<Value> {
        let Value::Array(params) = params else {
            return Err("a list".into());
        };
        Ok(client.request("chain_getBlockHash", params).await?)
    };
    assert_eq!(ask(json!([])).await?, json!(head.hash));
    assert_eq!(ask(json!([null])).await?, json!(head.hash));
    assert_eq!(ask(json!([0])).await?, genesis);
    assert_eq!(ask(json!(["0x2"])).await?, json!(head.hash));
    assert_eq!(ask(json!([[0, 2, 99]])).await?, json!([genesis, head.hash, null]));
    assert_eq!(ask(json!([99])).await?, Value::Null);
    let alias: Value = client.request("chain_getHead", rpc_params![]).await?;
    assert_eq!(alias, json!(head.hash));

    let header: Value = client.request("chain_getHeader", rpc_params![head.hash]).await?;
    assert_eq!(header["number"], "0x2");
    assert_eq!(header["digest"], json!({ "logs": [] }));
    let block: Value = client.request("chain_getBlock", rpc_params![head.hash]).await?;
    assert_eq!(block["block"]["header"], header);
    assert_eq!(
        block["block"]["extrinsics"].as_array().map(Vec::len),
        Some(1),
        "the timestamp"
    );
    let unknown: Value = client
        .request("chain_getBlock", rpc_params![json!(format!("0x{}", "11".repeat(32)))])
        .await?;
    assert_eq!(unknown, Value::Null);
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn versions_and_metadata_are_answered_even_for_the_parent_of_genesis() -> TestResult {
    let (chain, client) = manual().await?;
    for at in [
        json!(null),
        json!(chain.genesis_hash()),
        json!(format!("0x{}", "00".repeat(32))),
    ] {
        let version: Value = client.request("state_getRuntimeVersion", rpc_params![at]).await?;
        assert_eq!(version["specName"], "node-subtensor");
        assert_eq!(version["stateVersion"], 1);
        assert!(
            version["apis"][0][0].as_str().is_some_and(|api| api.starts_with("0x")),
            "{version}"
        );
    }
    let metadata: String = client.request("state_getMetadata", rpc_params![]).await?;
    assert!(metadata.starts_with("0x6d6574610e"), "magic and version 14");
    for (params, version) in [("0x0f000000", "0f"), ("0f000000", "0f"), ("0x10000000", "10")] {
        let answer: String = client
            .request("state_call", rpc_params!["Metadata_metadata_at_version", params])
            .await?;
        assert!(
            answer.starts_with("0x01") && answer.contains(&format!("6d657461{version}")),
            "{params}"
        );
    }
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_watched_transaction_tells_its_statuses_in_order_and_then_ends() -> TestResult {
    let (chain, client) = manual().await?;
    let mut watch: Subscription<Value> = client
        .subscribe(
            "author_submitAndWatchExtrinsic",
            rpc_params![signed(&chain, 1, 5).await?],
            "author_unwatchExtrinsic",
        )
        .await?;
    let next = async |watch: &mut Subscription<Value>| within(async { watch.next().await.ok_or("ended") }).await;
    assert_eq!(next(&mut watch).await??, json!("future"));
    let index: u32 = client.request("account_nextIndex", rpc_params![ALICE]).await?;
    assert_eq!(index, 0, "a gap does not count");
    let _: Value = client
        .request("author_submitExtrinsic", rpc_params![signed(&chain, 0, 5).await?])
        .await?;
    assert_eq!(next(&mut watch).await??, json!("ready"));
    let index: u32 = client.request("system_accountNextIndex", rpc_params![ALICE]).await?;
    assert_eq!(index, 2, "the pool counts");
    let pending: Vec<String> = client.request("author_pendingExtrinsics", rpc_params![]).await?;
    assert_eq!(pending.len(), 2);

    let block = json!(chain.new_block().await?.hash);
    assert_eq!(next(&mut watch).await??, json!({ "inBlock": block }));
    let body: Value = client.request("chain_getBlock", rpc_params![block.clone()]).await?;
    // The time, the newest pulses of the beacon, and both transactions.
    assert_eq!(body["block"]["extrinsics"].as_array().map(Vec::len), Some(4));
    assert_eq!(next(&mut watch).await??, json!({ "finalized": block }));
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn refusals_have_the_codes_of_other_nodes() -> TestResult {
    let (chain, client) = manual().await?;
    let submit = async |extrinsic: String| client.request("author_submitExtrinsic", rpc_params![extrinsic]).await;
    let first = signed(&chain, 0, 5).await?;
    let _: Value = submit(first.clone()).await?;
    assert_eq!(error_of(submit(first.clone()).await)?.0, 1013);
    assert_eq!(error_of(submit(signed(&chain, 0, 6).await?).await)?.0, 1014);
    let mut forged = first.clone();
    forged.replace_range(150..151, if &first[150..151] == "0" { "1" } else { "0" });
    let (code, text) = error_of(submit(forged).await)?;
    assert!(code == 1010 && text.contains("bad signature"), "{code} {text}");
    chain.new_block().await?;
    let (code, text) = error_of(submit(first).await)?;
    assert!(code == 1010 && text.contains("outdated"), "{code} {text}");
    assert_eq!(error_of(submit("0x0102".to_owned()).await)?.0, 1001);
    assert_eq!(error_of(submit("0x0c840000".to_owned()).await)?.0, 1002);
    assert_eq!(error_of(submit("not hex".to_owned()).await)?.0, -32602);
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn keys_are_paged_and_values_queried_at_blocks() -> TestResult {
    let (chain, client) = manual().await?;
    // System.Account
    let prefix = "0x26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9";
    let all: Vec<String> = client.request("state_getKeys", rpc_params![prefix]).await?;
    assert!(all.len() >= 9, "{}", all.len());
    let mut paged: Vec<String> = Vec::new();
    loop {
        let page: Vec<String> = client
            .request("state_getKeysPaged", rpc_params![prefix, 4, paged.last(), Value::Null])
            .await?;
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 4);
        paged.extend(page);
    }
    assert_eq!(paged, all);
    let (code, _) = error_of(client.request("state_getKeysPaged", rpc_params![prefix, 1001]).await)?;
    assert_eq!(code, 4002);
    let queried: Value = client
        .request("state_queryStorageAt", rpc_params![[&all[0], "0xffff"]])
        .await?;
    assert_eq!(queried[0]["changes"][1], json!(["0xffff", null]));
    let value: Value = client
        .request("state_getStorageAt", rpc_params![&all[0], chain.genesis_hash()])
        .await?;
    assert_eq!(queried[0]["changes"][0], json!([all[0], value]));
    let nowhere = json!(format!("0x{}", "11".repeat(32)));
    let (code, text) = error_of(client.request("state_getStorage", rpc_params![&all[0], nowhere]).await)?;
    assert!(code == 4003 && text.contains("UnknownBlock"), "{code} {text}");
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn fees_are_told_before_a_transaction_is_sent() -> TestResult {
    let (chain, client) = manual().await?;
    let extrinsic = signed(&chain, 0, 5).await?;
    let info: Value = client.request("payment_queryInfo", rpc_params![&extrinsic]).await?;
    assert_eq!(info["class"], "normal");
    let fee: u64 = info["partialFee"].as_str().ok_or("no fee")?.parse()?;
    assert!(fee > 0);
    let details: Value = client
        .request("payment_queryFeeDetails", rpc_params![&extrinsic])
        .await?;
    assert!(
        details["inclusionFee"]["lenFee"]
            .as_str()
            .is_some_and(|fee| fee.starts_with("0x")),
        "{details}"
    );
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn storage_subscriptions_tell_only_what_changed() -> TestResult {
    let (chain, client) = manual().await?;
    // System.Number changes with each block; the other key is set once.
    let number = "0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac";
    let mut watch: Subscription<Value> = client
        .subscribe(
            "state_subscribeStorage",
            rpc_params![[number, "0x3a6d79"]],
            "state_unsubscribeStorage",
        )
        .await?;
    let next = async |watch: &mut Subscription<Value>| within(async { watch.next().await.ok_or("ended") }).await;
    let first = next(&mut watch).await??;
    assert_eq!(first["changes"].as_array().map(Vec::len), Some(2), "{first}");
    chain.new_block().await?;
    assert_eq!(next(&mut watch).await??["changes"], json!([[number, "0x01000000"]]));
    let block: Value = client
        .request("dev_setStorage", rpc_params![[["0x3a6d79", "0x07"]]])
        .await?;
    let told = next(&mut watch).await??;
    assert_eq!(told["block"], block);
    assert_eq!(told["changes"], json!([[number, "0x02000000"], ["0x3a6d79", "0x07"]]));
    watch.unsubscribe().await?;
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn blocks_and_time_can_be_made_by_hand() -> TestResult {
    let (chain, client) = manual().await?;
    let block: Value = client
        .request("dev_newBlock", rpc_params![json!({ "count": 5 })])
        .await?;
    assert_eq!(chain.head().number(), 5);
    assert_eq!(block, json!(chain.head().hash));
    let far = 4_102_444_800_000_u64;
    let _: Value = client.request("dev_timeTravel", rpc_params![far]).await?;
    // Timestamp.Now
    let now: String = client
        .request(
            "state_getStorage",
            rpc_params!["0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb"],
        )
        .await?;
    let now = u64::from_le_bytes(hex::decode(&now[2..])?.try_into().map_err(|_| "eight bytes")?);
    assert!((far..far + 1_000).contains(&now), "{now}");
    chain.new_block().await?;
    assert_eq!(chain.head().number(), 7);
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn heads_are_streamed_beginning_with_the_newest() -> TestResult {
    let (chain, client) = manual().await?;
    chain.new_block().await?;
    let mut watch: Subscription<Value> = client
        .subscribe(
            "chain_subscribeFinalizedHeads",
            rpc_params![],
            "chain_unsubscribeFinalizedHeads",
        )
        .await?;
    let next = async |watch: &mut Subscription<Value>| within(async { watch.next().await.ok_or("ended") }).await;
    assert_eq!(next(&mut watch).await??["number"], "0x1");
    chain.new_block().await?;
    chain.new_block().await?;
    assert_eq!(next(&mut watch).await??["number"], "0x2");
    assert_eq!(next(&mut watch).await??["number"], "0x3");
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn shutdown_frees_the_port_within_a_second_while_clients_listen() -> TestResult {
    let chain = Localnet::start(config()).await?;
    let address = chain.local_addr();
    let client = connect(&chain).await?;
    let _heads: Subscription<Value> = client
        .subscribe("chain_subscribeNewHeads", rpc_params![], "chain_unsubscribeNewHeads")
        .await?;
    let taken = Localnet::start(LocalnetConfig {
        rpc: address,
        ..config()
    })
    .await
    .err()
    .ok_or("two on one port")?;
    assert!(matches!(taken, LocalnetError::PortInUse { addr } if addr == address));
    assert!(taken.to_string().contains("--port") && taken.to_string().contains(&address.to_string()));

    let started = Instant::now();
    chain.shutdown().await;
    let again = Localnet::start(LocalnetConfig {
        rpc: address,
        ..config()
    })
    .await?;
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    again.shutdown().await;
    Ok(())
}
