//! New code while the chain runs, and where a chain may go on.

use jsonrpsee::{core::client::SubscriptionClientT, rpc_params};
use localnet::{Localnet, LocalnetConfig};
use serde_json::{Value, json};
use sp_crypto_hashing::twox_128;
use subxt::dynamic::{self, Value as Scale};
use subxt_signer::sr25519::dev;

use super::{account, aura, call, connect, files, manual, plain, time, transfer};
use crate::common::{Client, TestResult, event_names, submit, within};

/// `System.set_code` in the name of the sudo key.
fn set_code(code: &[u8]) -> impl subxt::transactions::Payload {
    let call = Scale::named_variant("set_code", [("code", Scale::from_bytes(code))]);
    let call = Scale::unnamed_variant("System", [call]);
    let weight = Scale::named_composite([("ref_time", Scale::u128(1)), ("proof_size", Scale::u128(1))]);
    dynamic::transaction("Sudo", "sudo_unchecked_weight", vec![call, weight])
}

#[tokio::test]
async fn an_upgrade_takes_effect_is_told_and_survives_a_restart() -> TestResult {
    let folder = tempfile::tempdir()?;
    let config = LocalnetConfig {
        data_dir: Some(folder.path().to_owned()),
        ..manual(&files(&plain()))?
    };
    let chain = Localnet::start(config.clone()).await?;
    let client = connect(&chain).await?;
    let mut versions = within(client.subscribe::<Value, _>(
        "state_subscribeRuntimeVersion",
        rpc_params![],
        "state_unsubscribeRuntimeVersion",
    ))
    .await?;
    let mut told = async || -> TestResult<Value> {
        let next = tokio::time::timeout(std::time::Duration::from_secs(60), versions.next()).await?;
        Ok(next.ok_or("the subscription ended")??["specVersion"].clone())
    };
    assert_eq!(told().await?, 7);
    // Aura divides by the number of authorities, and an upgrade brings no genesis.
    let key = [twox_128(b"Aura"), twox_128(b"Authorities")].concat();
    let alice = [&[1 << 2][..], &dev::alice().public_key().0].concat();
    let authorities = json!([[[hex::encode(key), hex::encode(alice)]]]);
    call(&client, "dev_setStorage", authorities).await?;
    let before = chain.head().hash;

    let subxt = within(Client::from_url(chain.ws_url())).await?;
    let sent = submit(&subxt, &set_code(&std::fs::read(aura())?), &dev::alice()).await?;
    chain.new_block().await?;
    let events = event_names(&within(sent.wait_for_finalized_success()).await?)?;
    assert!(events.contains(&"System.CodeUpdated".to_owned()), "{events:?}");
    assert_eq!(told().await?, 8);
    let head = chain.new_block().await?;
    assert_eq!(
        head.header.digest.logs().len(),
        1,
        "the new code wants a slot in its headers"
    );
    let version = call(&client, "state_getRuntimeVersion", json!([before])).await?;
    assert_eq!(version["specVersion"], 7, "blocks before it keep the old version");

    let subxt = within(Client::from_url(chain.ws_url())).await?;
    let metadata = within(subxt.at_current_block()).await?.metadata();
    assert!(metadata.pallet_by_name("Aura").is_some());
    let sent = submit(&subxt, &transfer(&dev::bob(), 7_000), &dev::alice()).await?;
    chain.new_block().await?;
    within(sent.wait_for_finalized_success()).await?;
    let (head, then) = (chain.head().hash, time(&chain).await?);
    drop(versions);
    chain.shutdown().await;

    // Its beginning is the old code's, and so is what --runtime names; the state has the new.
    let chain = Localnet::start(config).await?;
    assert_eq!(chain.head().hash, head);
    assert_eq!(account(&chain, &dev::bob()).await?.1, 7_000);
    chain.new_block().await?;
    assert!(time(&chain).await? > then);
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn code_that_is_no_upgrade_is_refused_by_the_runtime_and_the_chain_goes_on() -> TestResult {
    let chain = Localnet::start(manual(&files(&plain()))?).await?;
    for (code, event) in [
        (std::fs::read(plain())?, "Sudo.Sudid"),
        (b"no code".to_vec(), "Sudo.Sudid"),
    ] {
        let subxt = within(Client::from_url(chain.ws_url())).await?;
        let sent = submit(&subxt, &set_code(&code), &dev::alice()).await?;
        chain.new_block().await?;
        let events = event_names(&within(sent.wait_for_finalized_success()).await?)?;
        assert!(events.contains(&event.to_owned()), "{events:?}");
        assert!(!events.contains(&"System.CodeUpdated".to_owned()), "{events:?}");
    }
    let client = connect(&chain).await?;
    let version = call(&client, "state_getRuntimeVersion", json!([])).await?;
    assert_eq!(version["specVersion"], 7);
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_directory_of_another_runtime_is_refused_with_both_versions() -> TestResult {
    let folder = tempfile::tempdir()?;
    let on = |code: &std::path::Path| -> TestResult<LocalnetConfig> {
        Ok(LocalnetConfig {
            data_dir: Some(folder.path().to_owned()),
            ..manual(&files(code))?
        })
    };
    let chain = Localnet::start(on(&plain())?).await?;
    chain.new_block().await?;
    chain.shutdown().await;
    let error = Localnet::start(on(&aura())?).await.err().ok_or("was taken")?;
    assert_eq!(error.exit_code(), localnet::exit_code::DATA_DIR);
    let text = error.to_string();
    assert!(text.contains("version 7, this is 8"), "{text}");
    Ok(())
}
