//! Several endpoints: which one is used, and what is done about one that is busy, dead or back again.

use crate::localnet::{PATIENCE, anywhere, config};
use crate::proxy::{Mode, Proxy};
use axoneme_chain::{Chain, ChainConfig, ConnectionState};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

async fn wait_for(chain: &Chain, endpoint: &str) {
    let mut states = chain.connected();
    let wanted = ConnectionState::Connected {
        endpoint: endpoint.to_owned(),
    };
    let reached = states.wait_for(|state| *state == wanted);
    tokio::time::timeout(PATIENCE, reached)
        .await
        .unwrap_or_else(|_| panic!("not connected to {endpoint} in time"))
        .expect("the chain lives");
}

fn settings(endpoints: &[String]) -> ChainConfig {
    let mut settings = config(&endpoints[0]);
    settings.endpoints = endpoints.to_vec();
    settings.request_timeout = Duration::from_secs(2);
    settings.look_around = Duration::from_millis(500);
    settings
}

/// A server that answers each handshake with this status.
async fn refusing(status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("ws://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    url
}

#[tokio::test]
async fn the_first_endpoint_is_left_while_it_is_dead_and_taken_again_when_it_is_back() {
    let net = anywhere().await;
    let (first, second) = (
        Proxy::before(net.local_addr()).await,
        Proxy::before(net.local_addr()).await,
    );
    let chain = Chain::connect(settings(&[first.url(), second.url()])).await;
    let chain = chain.expect("a connection");
    wait_for(&chain, &first.url()).await;

    // Half open: nothing comes, and nobody says so.
    first.set(Mode::Frozen);
    wait_for(&chain, &second.url()).await;
    let head = chain.block().await.expect("the other one answers");
    chain
        .wait_for_block(head + 2, PATIENCE)
        .await
        .expect("its blocks are followed");
    let report = chain.endpoints();
    assert!(report[0].failures > 0 && report[0].last_error.is_some() && !report[0].in_use);
    assert!(report[1].in_use && report[1].failures == 0);

    first.set(Mode::Open);
    wait_for(&chain, &first.url()).await;
    assert_eq!(chain.endpoints()[0].failures, 0);
    let head = chain.block().await.expect("the first one answers again");
    chain.wait_for_block(head + 2, PATIENCE).await.expect("blocks go on");
    net.shutdown().await;
}

#[tokio::test]
async fn a_busy_endpoint_is_passed_over_and_left_alone() {
    let net = anywhere().await;
    for status in ["429 Too Many Requests", "503 Service Unavailable"] {
        let busy = refusing(status).await;
        let mut settings = settings(&[busy.clone(), net.ws_url()]);
        settings.look_around = Duration::from_secs(60);
        let chain = Chain::connect(settings).await.expect("the other one has time");
        wait_for(&chain, &net.ws_url()).await;
        let report = &chain.endpoints()[0];
        assert!(report.failures == 1 && !report.in_use, "{report:?}");
        let reason = report.last_error.as_deref().unwrap_or_default();
        assert!(reason.contains(&status[..3]), "{reason}");
    }
    net.shutdown().await;
}

#[tokio::test]
async fn a_connection_in_the_background_serves_those_who_wait_for_it() {
    let net = anywhere().await;
    let proxy = Proxy::before(net.local_addr()).await;
    proxy.set(Mode::Cut);
    let mut settings = config(&proxy.url());
    settings.request_timeout = PATIENCE;
    let chain = Chain::connect_in_background(settings, None).expect("good settings");
    assert!(!chain.connected().borrow().is_connected());
    let waiting = tokio::spawn({
        let chain = chain.clone();
        async move { chain.block().await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished());
    proxy.set(Mode::Open);
    waiting.await.expect("no panic").expect("an answer");
    assert_eq!(chain.genesis_hash(), net.genesis_hash().0);
    net.shutdown().await;
}
