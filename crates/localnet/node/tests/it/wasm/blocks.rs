//! Blocks, transactions and what clients read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use localnet::{Localnet, LocalnetConfig, Sealing};
use serde_json::json;
use subxt_signer::sr25519::{Keypair, dev};

use super::{ALICE_HAS, SLOT_MS, account, aura, call, connect, files, manual, plain, time, transfer};
use crate::common::{Client, TestResult, event_names, submit, within};

#[tokio::test]
async fn a_signed_transfer_is_paid_for_and_survives_a_restart() -> TestResult {
    let folder = tempfile::tempdir()?;
    let config = LocalnetConfig {
        sealing: Sealing::Interval,
        data_dir: Some(folder.path().to_owned()),
        ..manual(&files(&plain()))?
    };
    let chain = Localnet::start(config.clone()).await?;
    let genesis = chain.genesis_hash();
    let client = within(Client::from_url(chain.ws_url())).await?;
    let metadata = within(client.at_current_block()).await?.metadata();
    assert!(metadata.pallet_by_name("SubtensorModule").is_none(), "not our runtime");
    let (alice, bob) = (dev::alice(), dev::bob());
    let sent = submit(&client, &transfer(&bob, 123_456), &alice).await?;
    let events = within(sent.wait_for_finalized_success()).await?;
    assert!(event_names(&events)?.contains(&"Balances.Transfer".to_owned()));
    let (nonce, left) = account(&chain, &alice).await?;
    assert_eq!((nonce, account(&chain, &bob).await?), (1, (0, 123_456)));
    assert!(left < ALICE_HAS - 123_456, "a fee was paid");

    let earlier = time(&chain).await?;
    let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    assert!(
        earlier.abs_diff(now) < 3_600_000,
        "{earlier} is the time of this machine"
    );
    let height = chain.head().number();
    while chain.head().number() < height + 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(time(&chain).await? > earlier);
    let height = chain.head().number();
    chain.shutdown().await;

    let again = LocalnetConfig {
        sealing: Sealing::Manual,
        ..config
    };
    let chain = Localnet::start(again).await?;
    assert_eq!(chain.genesis_hash(), genesis);
    assert!(chain.head().number() >= height);
    assert_eq!(account(&chain, &bob).await?.1, 123_456);
    assert_eq!(account(&chain, &alice).await?, (1, left));
    let number = chain.head().number();
    assert_eq!(chain.new_block().await?.number(), number + 1);
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn instant_sealing_makes_a_block_for_a_transaction_and_none_without() -> TestResult {
    let config = LocalnetConfig {
        sealing: Sealing::Instant,
        ..manual(&files(&plain()))?
    };
    let chain = Localnet::start(config).await?;
    let client = within(Client::from_url(chain.ws_url())).await?;
    assert_eq!(chain.head().number(), 0);
    for amount in [1_000, 2_000] {
        let sent = submit(&client, &transfer(&dev::bob(), amount), &dev::alice()).await?;
        within(sent.wait_for_finalized_success()).await?;
    }
    assert_eq!(chain.head().number(), 2);
    assert_eq!(account(&chain, &dev::bob()).await?.1, 3_000);
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn clients_read_what_they_read_of_our_own_runtime() -> TestResult {
    let chain = Localnet::start(manual(&files(&plain()))?).await?;
    let client = connect(&chain).await?;
    assert_eq!(call(&client, "system_chain", json!([])).await?, "plain Localnet");
    let properties = call(&client, "system_properties", json!([])).await?;
    assert_eq!(
        properties,
        json!({ "ss58Format": 0 }),
        "what its amounts are called nobody knows"
    );
    let version = call(&client, "state_getRuntimeVersion", json!([])).await?;
    assert_eq!(
        (&version["specName"], &version["specVersion"]),
        (&json!("plain"), &json!(7))
    );
    let head = call(&client, "dev_newBlock", json!([{ "count": 3 }])).await?;
    let header = call(&client, "chain_getHeader", json!([head])).await?;
    assert_eq!(header["number"], "0x3");
    let block = call(&client, "chain_getBlock", json!([head])).await?;
    assert_eq!(
        block["block"]["extrinsics"].as_array().map(Vec::len),
        Some(1),
        "the time is its only inherent"
    );

    let stranger = Keypair::from_uri(&"//stranger".parse()?)?;
    let address = stranger.public_key().to_account_id().to_string();
    call(&client, "dev_faucet", json!([address, 2.5])).await?;
    assert_eq!(account(&chain, &stranger).await?, (0, 2_500_000_000));
    let subxt = within(Client::from_url(chain.ws_url())).await?;
    let signed = within(subxt.tx())
        .await?
        .create_signed(&transfer(&dev::bob(), 1_000), &stranger, Default::default())
        .await?;
    let bytes = format!("0x{}", hex::encode(signed.encoded()));
    let info = call(&client, "payment_queryInfo", json!([bytes])).await?;
    let fee: u128 = info["partialFee"].as_str().ok_or("a text")?.parse()?;
    let details = call(&client, "payment_queryFeeDetails", json!([bytes])).await?;
    assert!(
        details["inclusionFee"]["lenFee"]
            .as_str()
            .is_some_and(|fee| fee.starts_with("0x"))
    );

    assert_eq!(call(&client, "system_accountNextIndex", json!([address])).await?, 0);
    call(&client, "author_submitExtrinsic", json!([bytes])).await?;
    assert_eq!(
        call(&client, "system_accountNextIndex", json!([address])).await?,
        1,
        "the pool counts"
    );
    call(&client, "dev_newBlock", json!([])).await?;
    assert_eq!(account(&chain, &stranger).await?, (1, 2_500_000_000 - 1_000 - fee));

    let snapshot = call(&client, "dev_snapshot", json!([])).await?;
    let then = time(&chain).await? + 3_600_000;
    call(&client, "dev_setTime", json!([then])).await?;
    assert!(time(&chain).await? >= then);
    call(&client, "dev_restore", json!([snapshot])).await?;
    assert!(time(&chain).await? < then);
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn blocks_of_a_runtime_with_aura_carry_slots_and_a_time_in_them() -> TestResult {
    let folder = tempfile::tempdir()?;
    let config = LocalnetConfig {
        data_dir: Some(folder.path().to_owned()),
        ..manual(&files(&aura()))?
    };
    let mut chain = Localnet::start(config.clone()).await?;
    let mut slots = Vec::new();
    for round in 0..6 {
        if round == 3 {
            chain.shutdown().await;
            chain = Localnet::start(config.clone()).await?;
        }
        let head = chain.new_block().await?;
        let slot = head.header.digest.logs().iter().find_map(|item| {
            let (_, slot) = item.as_pre_runtime().filter(|(engine, _)| engine == b"aura")?;
            Some(u64::from_le_bytes(slot.try_into().ok()?))
        });
        let slot = slot.ok_or("no slot in the header")?;
        assert_eq!(time(&chain).await? / SLOT_MS, slot);
        slots.push(slot);
    }
    assert!(slots.is_sorted_by(|earlier, later| earlier < later), "{slots:?}");
    let client = within(Client::from_url(chain.ws_url())).await?;
    let sent = submit(&client, &transfer(&dev::bob(), 5_000), &dev::alice()).await?;
    chain.new_block().await?;
    within(sent.wait_for_finalized_success()).await?;
    chain.shutdown().await;
    Ok(())
}
