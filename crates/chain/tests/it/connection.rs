//! Endpoints that do not answer.

use axoneme_chain::{Chain, ChainConfig, ChainError, Class};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// A port nobody listens on.
async fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    format!("ws://{}", listener.local_addr().expect("bound"))
}

#[tokio::test]
async fn a_refused_connection_is_unreachable_at_once_and_names_the_endpoint() {
    let endpoint = closed_port().await;
    let started = Instant::now();
    let error = Chain::connect(ChainConfig::new([&endpoint]))
        .await
        .expect_err("nobody is there");
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(matches!(error, ChainError::Unreachable { .. }));
    assert_eq!(error.class(), Class::Transient);
    let text = error.to_string();
    assert!(text.contains(&endpoint) && text.contains("axoneme up"), "{text}");
}

#[tokio::test]
async fn an_endpoint_that_accepts_and_says_nothing_is_unreachable_within_the_bound() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoints = [
        closed_port().await,
        format!("ws://{}", silent.local_addr().expect("bound")),
    ];
    let mut config = ChainConfig::new(&endpoints);
    config.connect_timeout = Duration::from_secs(1);
    let started = Instant::now();
    let error = Chain::connect(config).await.expect_err("nobody answers");
    assert!(
        started.elapsed() < Duration::from_secs(3),
        "took {:?}",
        started.elapsed()
    );
    let text = error.to_string();
    assert!(endpoints.iter().all(|endpoint| text.contains(endpoint)), "{text}");
}

#[tokio::test]
async fn a_bad_configuration_is_refused_before_any_connection() {
    let error = Chain::connect(ChainConfig::new(["http://127.0.0.1:9944"]))
        .await
        .expect_err("not a websocket");
    assert!(matches!(error, ChainError::Config(_)));
    assert_eq!(error.class(), Class::Ours);
}

#[tokio::test]
async fn an_endpoint_that_speaks_no_tls_is_unreachable() {
    let plain = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = format!("wss://{}", plain.local_addr().expect("bound"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"hello\r\n").await;
        }
    });
    let error = Chain::connect(ChainConfig::new([&endpoint]))
        .await
        .expect_err("no TLS there");
    assert!(matches!(error, ChainError::Unreachable { .. }), "{error}");
}
