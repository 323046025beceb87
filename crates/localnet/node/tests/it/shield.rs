//! An encrypted transaction on a running chain: handed in by its sender, decrypted by the author, in the same block.

use localnet::{Localnet, LocalnetConfig, Sealing};
use node_subtensor_runtime::pallet_shield::dev_key;
use subxt::{
    config::DefaultExtrinsicParamsBuilder,
    dynamic::{self, Value},
};
use subxt_signer::sr25519::{Keypair, dev};

use crate::common::{Client, TestResult, config, event_names, within};

/// Blocks are made when something comes, so that none passes while the test signs.
async fn chain() -> TestResult<(Localnet, Client)> {
    let chain = Localnet::start(LocalnetConfig {
        sealing: Sealing::Instant,
        ..config()
    })
    .await?;
    let client = within(Client::from_url(chain.ws_url())).await?;
    Ok((chain, client))
}

async fn signed(
    client: &Client,
    call: &impl subxt::transactions::Payload,
    nonce: u64,
) -> TestResult<
    subxt::transactions::SubmittableTransaction<
        subxt::SubstrateConfig,
        subxt::client::OnlineClientAtBlockImpl<subxt::SubstrateConfig>,
    >,
> {
    let params = DefaultExtrinsicParamsBuilder::new().nonce(nonce).mortal(8).build();
    let at = within(client.at_current_block()).await?;
    let account = dev::alice().public_key().into();
    let mut tx = within(at.tx().create_signable(call, &account, params)).await?;
    Ok(tx.sign(&dev::alice())?)
}

fn transfer(to: &Keypair, amount: u64) -> impl subxt::transactions::Payload + use<> {
    let to = to.public_key().to_address::<()>();
    dynamic::transaction("Balances", "transfer_keep_alive", (to, amount))
}

async fn next_key(client: &Client) -> TestResult<Vec<u8>> {
    let at = within(client.at_current_block()).await?;
    let address = dynamic::storage::<(), Vec<u8>>("MevShield", "NextKey");
    Ok(within(at.storage().fetch(address, ())).await?.decode()?)
}

async fn free(client: &Client, who: &Keypair) -> TestResult<Value> {
    let at = within(client.at_current_block()).await?;
    let address = dynamic::storage::<([u8; 32],), Value>("System", "Account");
    Ok(within(at.storage().fetch(address, (who.public_key().0,)))
        .await?
        .decode()?)
}

async fn hand_in(client: &Client, plaintext: &[u8]) -> TestResult<(subxt::utils::H256, Vec<String>)> {
    let key = next_key(client).await?;
    let shielded = dev_key::encrypt(&key, [1; 32], [2; 24], plaintext).ok_or("no key")?;
    let carrier = dynamic::transaction(
        "MevShield",
        "submit_encrypted",
        (Value::from_bytes(shielded.to_bytes()),),
    );
    let progress = within(signed(client, &carrier, 0).await?.submit_and_watch()).await?;
    let included = within(progress.wait_for_finalized()).await?;
    let events = within(included.wait_for_success()).await?;
    Ok((included.block_hash(), event_names(&events)?))
}

/// Hashes of all extrinsics in a block.
async fn hashes_in(client: &Client, block: subxt::utils::H256) -> TestResult<Vec<subxt::utils::H256>> {
    let at = within(client.at_block(block)).await?;
    let extrinsics = within(at.extrinsics().fetch()).await?;
    let mut hashes = Vec::new();
    for extrinsic in extrinsics.iter() {
        hashes.push(extrinsic?.hash());
    }
    Ok(hashes)
}

#[tokio::test]
async fn an_encrypted_transfer_happens_in_the_block_of_its_carrier() -> TestResult {
    let (chain, client) = chain().await?;
    let before = free(&client, &dev::ferdie()).await?;
    let inner = signed(&client, &transfer(&dev::ferdie(), 77), 1).await?;
    let (block, events) = hand_in(&client, inner.encoded()).await?;
    assert!(
        events.contains(&"MevShield.EncryptedSubmitted".to_owned()),
        "{events:?}"
    );

    // Inherents, the carrier, and what it carried.
    let hashes = hashes_in(&client, block).await?;
    assert_eq!(hashes.last(), Some(&inner.hash()));
    assert_ne!(free(&client, &dev::ferdie()).await?, before);
    chain.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn what_turns_out_to_be_invalid_leaves_its_carrier_alone_in_the_block() -> TestResult {
    let (chain, client) = chain().await?;
    let before = free(&client, &dev::ferdie()).await?;
    // This nonce is never the next one.
    let inner = signed(&client, &transfer(&dev::ferdie(), 77), 5).await?;
    let (block, _) = hand_in(&client, inner.encoded()).await?;
    let hashes = hashes_in(&client, block).await?;
    assert!(!hashes.is_empty() && !hashes.contains(&inner.hash()));
    assert_eq!(free(&client, &dev::ferdie()).await?, before);
    chain.shutdown().await;
    Ok(())
}
