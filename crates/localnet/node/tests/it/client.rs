//! subxt with its default settings, as the rest of the workspace uses it.

use subxt::{
    dynamic::{self, Value},
    ext::scale_decode::DecodeAsType,
};
use subxt_signer::sr25519::{Keypair, dev};

use crate::common::{Client, TestResult, chain, config, event_names, submit, within};

const TAO: u64 = 1_000_000_000;

#[derive(Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Account {
    nonce: u32,
    data: Balance,
}

#[derive(Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Balance {
    free: u64,
}

async fn account(client: &Client, who: &Keypair) -> TestResult<Account> {
    let at = within(client.at_current_block()).await?;
    let address = dynamic::storage::<([u8; 32],), Account>("System", "Account");
    let value = within(at.storage().fetch(address, (who.public_key().0,))).await?;
    Ok(value.decode()?)
}

fn transfer(to: &Keypair, amount: u64) -> impl subxt::transactions::Payload + use<> {
    dynamic::transaction(
        "Balances",
        "transfer_keep_alive",
        (to.public_key().to_address::<()>(), amount),
    )
}

#[tokio::test]
async fn a_client_connects_and_reads_metadata_and_accounts() -> TestResult {
    let (chain, client) = chain().await?;
    let at = within(client.at_current_block()).await?;
    let pallet = at
        .metadata_ref()
        .pallet_by_name("SubtensorModule")
        .ok_or("no SubtensorModule")?;
    assert_eq!(pallet.call_index(), 7);
    let slot: u64 = at.constants().entry(dynamic::constant::<u64>("Aura", "SlotDuration"))?;
    assert_eq!(slot, 100, "the constant follows the block time");
    assert_eq!(account(&client, &dev::alice()).await?.data.free, 1_000_000 * TAO);
    assert_eq!(client.genesis_hash().0, chain.genesis_hash().0);
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_transfer_is_finalized_with_its_events_and_charged() -> TestResult {
    let (chain, client) = chain().await?;
    let progress = submit(&client, &transfer(&dev::bob(), 5 * TAO), &dev::alice()).await?;
    let events = within(progress.wait_for_finalized_success()).await?;
    let names = event_names(&events)?;
    assert!(names.contains(&"Balances.Transfer".to_owned()), "{names:?}");
    assert!(names.contains(&"System.ExtrinsicSuccess".to_owned()), "{names:?}");
    let (alice, bob) = (
        account(&client, &dev::alice()).await?,
        account(&client, &dev::bob()).await?,
    );
    assert_eq!(bob.data.free, 1_000_005 * TAO);
    assert!(alice.data.free < 999_995 * TAO, "a fee was taken");
    assert_eq!(alice.nonce, 1);
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn old_states_can_be_read_after_the_head_has_moved() -> TestResult {
    let (chain, client) = chain().await?;
    let before = within(client.at_current_block()).await?;
    let progress = submit(&client, &transfer(&dev::dave(), TAO), &dev::alice()).await?;
    within(progress.wait_for_finalized_success()).await?;
    let address = || dynamic::storage::<([u8; 32],), Account>("System", "Account");
    let key = (dev::dave().public_key().0,);
    let old = within(before.storage().fetch(address(), key)).await?.decode()?;
    assert_eq!(old.data.free, 2_000 * TAO);
    assert_eq!(account(&client, &dev::dave()).await?.data.free, 2_001 * TAO);
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn maps_are_iterated_and_runtime_apis_called_by_metadata() -> TestResult {
    let (chain, client) = chain().await?;
    let at = within(client.at_current_block()).await?;
    let address = dynamic::storage::<([u8; 32],), Account>("System", "Account");
    let mut accounts = within(at.storage().iter(address, ())).await?;
    let mut found = Vec::new();
    while let Some(entry) = accounts.next().await {
        found.push(entry?.key()?.decode()?.0);
    }
    for who in [
        dev::alice(),
        dev::bob(),
        dev::charlie(),
        dev::dave(),
        dev::eve(),
        dev::ferdie(),
    ] {
        assert!(found.contains(&who.public_key().0));
    }
    let nonce = dynamic::runtime_api_call::<_, u32>("AccountNonceApi", "account_nonce", (dev::alice().public_key().0,));
    assert_eq!(within(at.runtime_apis().call(nonce)).await?, 0);
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn blocks_stream_in_order() -> TestResult {
    let (chain, client) = chain().await?;
    let mut blocks = within(client.stream_blocks()).await?;
    let mut numbers = Vec::new();
    while numbers.len() < 5 {
        let block = within(async { blocks.next().await.ok_or("the stream ended") }).await??;
        numbers.push(block.number());
        let at = within(block.at()).await?;
        let extrinsics = within(at.extrinsics().fetch()).await?;
        assert!(
            block.number() == 0 || !extrinsics.is_empty(),
            "every block holds its timestamp"
        );
    }
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_burst_of_transactions_of_one_account_is_included_in_order() -> TestResult {
    let (chain, client) = chain().await?;
    let at = within(client.at_current_block()).await?;
    let mut waiting = Vec::new();
    for nonce in 0..20 {
        let params = subxt::config::DefaultExtrinsicParamsBuilder::new()
            .nonce(nonce)
            .mortal(64)
            .build();
        let (call, signer) = (transfer(&dev::bob(), TAO), dev::alice());
        let mut tx = within(at.tx().create_signable(&call, &signer.public_key().into(), params)).await?;
        waiting.push(within(tx.sign(&signer)?.submit_and_watch()).await?);
    }
    for progress in waiting {
        within(progress.wait_for_finalized_success()).await?;
    }
    assert_eq!(account(&client, &dev::bob()).await?.data.free, 1_000_020 * TAO);
    assert_eq!(account(&client, &dev::alice()).await?.nonce, 20);
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn who_cannot_pay_is_refused_before_inclusion() -> TestResult {
    let (chain, client) = chain().await?;
    let poor = Keypair::from_uri(&"//Nobody".parse()?)?;
    let refused = submit(&client, &transfer(&dev::bob(), TAO), &poor).await;
    let text = format!("{:?}", refused.err().ok_or("it was accepted")?);
    assert!(text.contains("1010") && text.contains("Inability to pay"), "{text}");
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_panicking_runtime_api_is_an_error_and_the_chain_goes_on() -> TestResult {
    let (chain, client) = chain().await?;
    let at = within(client.at_current_block()).await?;
    let refused = within(
        at.runtime_apis()
            .call_raw("AccountNonceApi_account_nonce", Some(b"short")),
    )
    .await;
    let text = format!("{:?}", refused.err().ok_or("it was answered")?);
    assert!(text.contains("Bad input data"), "{text}");
    let unknown = within(at.runtime_apis().call_raw("No_such_api", None)).await;
    assert!(format!("{:?}", unknown.err()).contains("not found"));
    let before = chain.head().number();
    chain.new_block().await?;
    assert!(chain.head().number() > before);
    assert_eq!(account(&client, &dev::alice()).await?.nonce, 0);
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_failed_call_is_included_and_its_error_has_a_name() -> TestResult {
    let (chain, client) = chain().await?;
    // Only the balances pallet is needed for this one: an account may not send away what keeps it alive.
    let all = 2_000 * TAO;
    let progress = submit(&client, &transfer(&dev::bob(), all), &dev::eve()).await?;
    let failed = within(progress.wait_for_finalized_success()).await;
    let text = failed.err().ok_or("it succeeded")?.to_string();
    assert!(text.contains("Token error: Funds are unavailable"), "{text}");
    let eve = account(&client, &dev::eve()).await?;
    assert!(eve.nonce == 1 && eve.data.free < all, "the fee was taken all the same");
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn instant_and_manual_sealing_make_blocks_only_when_asked() -> TestResult {
    let instant = localnet::Localnet::start(localnet::LocalnetConfig {
        sealing: localnet::Sealing::Instant,
        ..config()
    })
    .await?;
    let client = within(Client::from_url(instant.ws_url())).await?;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(instant.head().number(), 0);
    let progress = submit(&client, &transfer(&dev::bob(), TAO), &dev::alice()).await?;
    within(progress.wait_for_finalized_success()).await?;
    assert_eq!(instant.head().number(), 1);
    instant.shutdown().await;

    let manual = localnet::Localnet::start(localnet::LocalnetConfig {
        sealing: localnet::Sealing::Manual,
        ..config()
    })
    .await?;
    let client = within(Client::from_url(manual.ws_url())).await?;
    let progress = submit(&client, &transfer(&dev::bob(), TAO), &dev::alice()).await?;
    assert_eq!(manual.head().number(), 0);
    manual.new_block().await?;
    within(progress.wait_for_finalized_success()).await?;
    assert_eq!(manual.head().number(), 1);
    manual.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_restart_on_the_data_dir_keeps_state_and_head() -> TestResult {
    let dir = tempfile::tempdir()?;
    let config = localnet::LocalnetConfig {
        data_dir: Some(dir.path().to_owned()),
        ..config()
    };
    let chain = localnet::Localnet::start(config.clone()).await?;
    let client = within(Client::from_url(chain.ws_url())).await?;
    let progress = submit(&client, &transfer(&dev::bob(), TAO), &dev::alice()).await?;
    let block = within(progress.wait_for_finalized()).await?.block_hash();
    let genesis = chain.genesis_hash();
    let second = localnet::Localnet::start(config.clone()).await;
    assert!(
        matches!(second, Err(localnet::LocalnetError::DataDirInUse { .. })),
        "{second:?}"
    );
    chain.shutdown().await;

    let chain = localnet::Localnet::start(config.clone()).await?;
    assert_eq!(chain.genesis_hash(), genesis);
    let client = within(Client::from_url(chain.ws_url())).await?;
    assert_eq!(account(&client, &dev::alice()).await?.nonce, 1);
    let at = within(client.at_block(block)).await?;
    let events = within(at.events().fetch()).await?;
    assert!(events.len() > 2, "events of an earlier run are still there");
    let before = chain.head().number();
    chain.new_block().await?;
    assert!(chain.head().number() > before);
    chain.shutdown().await;

    let other = localnet::LocalnetConfig {
        block_time: std::time::Duration::from_secs(12),
        ..config
    };
    let error = localnet::Localnet::start(other)
        .await
        .err()
        .ok_or("another chain was accepted")?;
    assert!(error.to_string().contains("--block-time 100ms"), "{error}");
    Ok(())
}

#[tokio::test]
async fn values_in_events_decode_without_types() -> TestResult {
    let (chain, client) = chain().await?;
    let progress = submit(&client, &transfer(&dev::bob(), 7 * TAO), &dev::alice()).await?;
    let events = within(progress.wait_for_finalized_success()).await?;
    for event in events.iter() {
        let event = event?;
        let value: Value = event.decode_fields_unchecked_as()?;
        if event.event_name() == "Transfer" {
            assert!(value.to_string().contains("7000000000"), "{value}");
        }
    }
    chain.shutdown().await;
    Ok(())
}
