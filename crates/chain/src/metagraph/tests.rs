use super::*;
use crate::{Chain, ChainConfig};
use axoneme_wallet::Keypair;
use localnet::{Localnet, LocalnetConfig};
use std::time::Duration;
use subxt::utils::AccountId32;

#[tokio::test]
async fn both_interfaces_describe_the_same_subnet() {
    let net = Localnet::start(LocalnetConfig {
        rpc: ([127, 0, 0, 1], 0).into(),
        block_time: Duration::from_millis(100),
        ..LocalnetConfig::default()
    });
    let net = net.await.expect("a development chain");
    let chain = Chain::connect(ChainConfig::new([net.ws_url()]))
        .await
        .expect("a connection");
    let key = |uri: &str| Keypair::from_uri(uri).expect("a development key");
    for coldkey in ["//Bob", "//Charlie"] {
        let hotkey = key(&format!("{coldkey}//hot")).account_id();
        chain.burned_register(&key(coldkey), 1, &hotkey).await.expect("a place");
    }
    let both = chain.read("metagraph", |at| async move {
        Ok((Metagraph::read(&at, 1).await?, Metagraph::read_older(&at, 1).await?))
    });
    let (newer, older) = both.await.expect("answers");
    assert_eq!(newer.len(), 3);
    assert_eq!(newer, older);
    net.shutdown().await;
}

/// What the answer of the interface says, as a read takes it.
pub(crate) fn from_answer(metadata: &subxt::metadata::Metadata, bytes: &[u8]) -> Option<Metagraph> {
    use subxt::ext::scale_decode::DecodeAsType;
    let interface = metadata
        .runtime_api_trait_by_name("SubnetInfoRuntimeApi")
        .expect("the interface");
    let ty = interface
        .method_by_name("get_metagraph")
        .expect("the method")
        .output_ty();
    let columns = Option::<Columns>::decode_as_type(&mut &*bytes, ty, metadata.types()).expect("columns")?;
    let block = columns.block;
    Some(columns.into_metagraph(1, block, &[]).expect("columns of one length"))
}

#[test]
fn columns_of_different_length_are_refused() {
    let columns = Columns {
        block: 1,
        tempo: 1,
        last_step: 0,
        hotkeys: vec![AccountId32([1; 32])],
        coldkeys: vec![],
        axons: vec![],
        active: vec![],
        validator_permit: vec![],
        last_update: vec![],
        emission: vec![],
        dividends: vec![],
        incentives: vec![],
        consensus: vec![],
        block_at_registration: vec![],
        alpha_stake: vec![],
        tao_stake: vec![],
        total_stake: vec![],
        trust: vec![],
        rank: vec![],
    };
    let refused = columns.into_metagraph(1, 1, &[]);
    assert!(matches!(refused, Err(ChainError::Decode { .. })));
}
