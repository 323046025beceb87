//! A subnet's life on the dev chain: created, joined, staked on, weighed, and found again after a restart.

use localnet::{Localnet, LocalnetConfig};
use subxt::dynamic::{self, Value};
use subxt_signer::sr25519::{Keypair, dev};

use crate::common::{Client, TestResult, config, event_names, submit, within};

const PALLET: &str = "SubtensorModule";

async fn send(client: &Client, call: impl subxt::transactions::Payload, signer: &Keypair) -> TestResult {
    within(submit(client, &call, signer).await?.wait_for_finalized_success()).await?;
    Ok(())
}

async fn uid(client: &Client, netuid: u16, hotkey: &Keypair) -> TestResult<Option<u16>> {
    let at = within(client.at_current_block()).await?;
    let address = dynamic::storage::<(u16, [u8; 32]), u16>(PALLET, "Uids");
    let found = within(at.storage().try_fetch(address, (netuid, hotkey.public_key().0))).await?;
    Ok(found.map(|value| value.decode()).transpose()?)
}

async fn weights(client: &Client, netuid: u16) -> TestResult<Vec<(u16, Vec<(u16, u16)>)>> {
    let at = within(client.at_current_block()).await?;
    let address = dynamic::storage::<(u16, u16), Vec<(u16, u16)>>(PALLET, "Weights");
    let mut rows = within(at.storage().iter(address, (netuid,))).await?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().await {
        let row = row?;
        found.push((row.key()?.decode()?.1, row.value().decode()?));
    }
    Ok(found)
}

#[tokio::test]
async fn a_subnet_is_created_joined_weighed_and_kept() -> TestResult {
    let dir = tempfile::tempdir()?;
    let config = LocalnetConfig {
        data_dir: Some(dir.path().to_owned()),
        ..config()
    };
    let chain = Localnet::start(config.clone()).await?;
    let client = within(Client::from_url(chain.ws_url())).await?;
    let (owner_hotkey, hotkey) = (
        Keypair::from_uri(&"//Alice//hot".parse()?)?,
        Keypair::from_uri(&"//Bob//hot".parse()?)?,
    );
    let netuid = 2u16;

    let create = dynamic::transaction(PALLET, "register_network", (owner_hotkey.public_key().0,));
    send(&client, create, &dev::alice()).await?;
    send(
        &client,
        dynamic::transaction(PALLET, "start_call", (netuid,)),
        &dev::alice(),
    )
    .await?;
    let join = || dynamic::transaction(PALLET, "burned_register", (netuid, hotkey.public_key().0));
    send(&client, join(), &dev::bob()).await?;
    assert_eq!(uid(&client, netuid, &hotkey).await?, Some(1));

    let again = send(&client, join(), &dev::bob())
        .await
        .err()
        .ok_or("registered twice")?;
    assert!(
        again
            .to_string()
            .contains("SubtensorModule::HotKeyAlreadyRegisteredInSubNet"),
        "{again}"
    );

    let limit = Value::named_variant(
        "sudo_set_weights_set_rate_limit",
        [
            ("netuid", Value::from(netuid)),
            ("weights_set_rate_limit", Value::from(0u64)),
        ],
    );
    let sudo = dynamic::transaction("Sudo", "sudo", (Value::unnamed_variant("AdminUtils", [limit]),));
    send(&client, sudo, &dev::alice()).await?;
    let stake = dynamic::transaction(
        PALLET,
        "add_stake",
        (hotkey.public_key().0, netuid, 1_000_000_000_000u64),
    );
    send(&client, stake, &dev::bob()).await?;

    // The hotkey owns nothing; setting weights is free.
    let row = dynamic::transaction(PALLET, "set_weights", (netuid, vec![1u16], vec![7u16], 0u64));
    let events = within(submit(&client, &row, &hotkey).await?.wait_for_finalized_success()).await?;
    let names = event_names(&events)?;
    assert!(names.contains(&format!("{PALLET}.WeightsSet")), "{names:?}");
    let set = weights(&client, netuid).await?;
    assert_eq!(set, [(1, vec![(1, u16::MAX)])]);

    chain.shutdown().await;
    let chain = Localnet::start(config).await?;
    let client = within(Client::from_url(chain.ws_url())).await?;
    assert_eq!(weights(&client, netuid).await?, set);
    assert_eq!(uid(&client, netuid, &hotkey).await?, Some(1));
    chain.shutdown().await;
    Ok(())
}
