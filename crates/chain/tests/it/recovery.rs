//! Connections that break, and what becomes of the calls on them.

use crate::localnet::{BLOCK_TIME, PATIENCE, anywhere, config, connect, id, key, start};
use crate::proxy::{Mode, Proxy};
use axoneme_chain::{Chain, ChainError, ConnectionState, RAO_PER_TAO};
use localnet::{Localnet, LocalnetConfig, Sealing};
use std::time::{Duration, Instant};

async fn wait_for(chain: &Chain, connected: bool) {
    let mut states = chain.connected();
    let reached = states.wait_for(|state| state.is_connected() == connected);
    tokio::time::timeout(PATIENCE, reached)
        .await
        .expect("in time")
        .expect("the chain lives");
}

#[tokio::test]
async fn after_a_restart_of_the_chain_calls_and_head_go_on_by_themselves() {
    let folder = tempfile::tempdir().expect("a folder");
    let net = start(([127, 0, 0, 1], 0).into(), Some(folder.path().to_owned())).await;
    let address = net.local_addr();
    let chain = connect(&net).await;
    let heads = chain.blocks();
    let before = chain.wait_for_block(3, PATIENCE).await.expect("blocks");
    chain
        .transfer(&key("//Alice"), &id("//Target"), RAO_PER_TAO)
        .await
        .expect("sent");
    net.shutdown().await;

    wait_for(&chain, false).await;
    let started = Instant::now();
    let error = chain.block().await.expect_err("the chain is down");
    assert!(matches!(error, ChainError::Disconnected { .. }), "{error}");
    assert!(
        started.elapsed() < Duration::from_secs(7),
        "took {:?}",
        started.elapsed()
    );

    let net = start(address, Some(folder.path().to_owned())).await;
    // This read waits for the connection.
    assert_eq!(chain.balance(&id("//Target")).await.expect("it is back"), RAO_PER_TAO);
    wait_for(&chain, true).await;
    chain.wait_for_block(before + 5, PATIENCE).await.expect("blocks again");
    assert!(*heads.borrow() > before, "an old watch sees the new blocks");
    chain
        .transfer(&key("//Alice"), &id("//Target"), RAO_PER_TAO)
        .await
        .expect("sent");
    net.shutdown().await;
}

#[tokio::test]
async fn a_wiped_development_chain_is_accepted_and_its_head_is_followed_downwards() {
    let net = anywhere().await;
    let address = net.local_addr();
    let chain = connect(&net).await;
    chain.wait_for_block(15, PATIENCE).await.expect("blocks");
    net.shutdown().await;
    wait_for(&chain, false).await;
    let net = start(address, None).await;
    wait_for(&chain, true).await;
    let fresh = chain.block().await.expect("an answer");
    assert!(fresh < 15, "the new chain starts from the beginning, not at {fresh}");
    chain
        .transfer(&key("//Alice"), &id("//Target"), RAO_PER_TAO)
        .await
        .expect("nonces start anew too");
    net.shutdown().await;
}

#[tokio::test]
async fn a_peer_that_stops_answering_is_noticed_and_replaced() {
    let net = anywhere().await;
    let proxy = Proxy::before(net.local_addr()).await;
    let mut settings = config(&proxy.url());
    settings.request_timeout = Duration::from_secs(1);
    let chain = Chain::connect(settings).await.expect("a connection");
    let reached = *chain.blocks().borrow();

    proxy.set(Mode::Frozen);
    let error = chain.block().await.expect_err("nothing comes through");
    assert!(
        matches!(error, ChainError::Timeout { .. } | ChainError::Disconnected { .. }),
        "{error}"
    );
    wait_for(&chain, false).await;
    let ConnectionState::Disconnected { reason } = chain.connected().borrow().clone() else {
        panic!("connected through a frozen relay")
    };
    assert!(!reason.is_empty());

    proxy.set(Mode::Open);
    wait_for(&chain, true).await;
    chain.wait_for_block(reached + 3, PATIENCE).await.expect("blocks again");
    net.shutdown().await;
}

#[tokio::test]
async fn a_call_whose_watch_was_cut_is_looked_up_and_not_sent_again() {
    let net = anywhere().await;
    let proxy = Proxy::before(net.local_addr()).await;
    let chain = Chain::connect(config(&proxy.url())).await.expect("a connection");
    let direct = connect(&net).await;
    let target = id("//Target");

    for round in 1..=3 {
        let sender = chain.clone();
        let sending = tokio::spawn(async move { sender.transfer(&key("//Alice"), &id("//Target"), RAO_PER_TAO).await });
        // Somewhere between signing and inclusion the line goes.
        tokio::time::sleep(Duration::from_millis(17 * round)).await;
        proxy.set(Mode::CutAnswers);
        tokio::time::sleep(Duration::from_millis(300)).await;
        proxy.set(Mode::Open);
        let outcome = tokio::time::timeout(PATIENCE * 2, sending)
            .await
            .expect("in time")
            .expect("no panic");
        outcome.expect("found on the chain, or sent after the reconnection");
        let balance = direct.balance(&target).await.expect("an answer");
        assert_eq!(balance, round * RAO_PER_TAO, "each transfer arrives exactly once");
        wait_for(&chain, true).await;
    }
    net.shutdown().await;
}

#[tokio::test]
async fn an_endpoint_that_fails_is_followed_by_the_next() {
    let net = anywhere().await;
    let proxy = Proxy::before(net.local_addr()).await;
    let mut settings = config(&proxy.url());
    settings.endpoints.push(net.ws_url());
    let chain = Chain::connect(settings).await.expect("a connection");
    proxy.set(Mode::Cut);
    let mut states = chain.connected();
    let fallback = net.ws_url();
    let moved =
        states.wait_for(|state| matches!(state, ConnectionState::Connected { endpoint } if *endpoint == fallback));
    tokio::time::timeout(PATIENCE, moved)
        .await
        .expect("in time")
        .expect("the chain lives");
    chain.block().await.expect("the second endpoint answers");
    net.shutdown().await;
}

#[tokio::test]
async fn another_chain_under_the_same_address_is_refused() {
    let net = anywhere().await;
    let address = net.local_addr();
    let mut settings = config(&net.ws_url());
    settings.allow_new_genesis = false;
    settings.request_timeout = Duration::from_secs(2);
    let chain = Chain::connect(settings).await.expect("a connection");
    let genesis = chain.genesis_hash();
    net.shutdown().await;
    wait_for(&chain, false).await;

    // The block time is part of the genesis, so this is a different chain.
    let stranger = LocalnetConfig {
        rpc: address,
        block_time: BLOCK_TIME * 2,
        ..LocalnetConfig::default()
    };
    let stranger = Localnet::start(stranger).await.expect("a development chain");
    let mut states = chain.connected();
    let named = states.wait_for(
        |state| matches!(state, ConnectionState::Disconnected { reason } if reason.contains("another chain")),
    );
    tokio::time::timeout(PATIENCE, named)
        .await
        .expect("in time")
        .expect("the chain lives");
    let error = chain.block().await.expect_err("that is not our chain");
    assert!(error.to_string().contains("another chain"), "{error}");
    stranger.shutdown().await;

    let net = start(address, None).await;
    wait_for(&chain, true).await;
    assert_eq!(chain.genesis_hash(), genesis);
    net.shutdown().await;
}

#[tokio::test]
async fn a_call_that_stays_in_the_pool_is_reported_as_unconfirmed() {
    let still = LocalnetConfig {
        rpc: ([127, 0, 0, 1], 0).into(),
        sealing: Sealing::Manual,
        ..LocalnetConfig::default()
    };
    let net = Localnet::start(still).await.expect("a development chain");
    let mut settings = config(&net.ws_url());
    settings.finality_timeout = Duration::from_secs(1);
    let chain = Chain::connect(settings).await.expect("a connection");
    let error = chain
        .transfer(&key("//Alice"), &id("//Target"), RAO_PER_TAO)
        .await
        .expect_err("no block");
    assert!(matches!(error, ChainError::Unconfirmed { nonce: 0, .. }), "{error}");
    assert!(chain.head_age() >= Duration::from_secs(1), "the head stands still");
    assert!(
        chain.connected().borrow().is_connected(),
        "which is no reason to reconnect"
    );
    net.new_block().await.expect("a block");
    assert_eq!(
        chain.balance(&id("//Target")).await.expect("an answer"),
        RAO_PER_TAO,
        "it went in after all"
    );
    net.shutdown().await;
}
