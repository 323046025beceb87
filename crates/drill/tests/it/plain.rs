//! Faults on plain HTTP requests, and connections that are neither.

use std::net::SocketAddr;

use axoneme_drill::{Fault, MAX_CONNECTIONS, Refusal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::{SHORT, drill, until, within};

/// Sends one request and reads until the connection ends.
async fn post(to: SocketAddr, body: &str) -> String {
    let mut stream = TcpStream::connect(to).await.expect("a connection");
    let request = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    // A reset is an end, too.
    let _ = within(stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

const ECHO: &str = r#"{"jsonrpc":"2.0","id":"a1","method":"echo","params":["hello"]}"#;
const VERSION: &str = r#"{"jsonrpc":"2.0","id":1,"method":"state_call","params":["Core_version","0x"]}"#;

#[tokio::test]
async fn plain_requests_pass_and_meet_the_same_faults() {
    let (drill, _endpoint) = drill().await;
    let to = drill.local_addr();
    let answer = post(to, ECHO).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains(r#""result":"hello""#),
        "{answer}"
    );

    drill.inject(Fault::Refuse(Refusal::TooManyRequests));
    let answer = post(to, ECHO).await;
    assert!(
        answer.starts_with("HTTP/1.1 429") && answer.contains("Retry-After"),
        "{answer}"
    );

    drill.inject(Fault::RpcError(503));
    let answer = post(to, ECHO).await;
    assert!(
        answer.contains(r#""id":"a1""#) && answer.contains("503") && !answer.contains("hello"),
        "{answer}"
    );

    drill.inject(Fault::RuntimeVersion(999));
    let answer = post(to, VERSION).await;
    assert!(answer.contains(&hex::encode(999u32.to_le_bytes())), "{answer}");

    drill.inject(Fault::Truncate);
    let answer = post(to, ECHO).await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && !answer.contains("hello"),
        "{answer}"
    );

    for fault in [Fault::Cut, Fault::CutAnswers, Fault::HalfClose] {
        drill.inject(fault);
        assert_eq!(post(to, ECHO).await, "", "{fault}");
    }
    drill.inject(Fault::HalfOpen);
    assert!(
        tokio::time::timeout(SHORT, post(to, ECHO)).await.is_err(),
        "never answered"
    );
}

#[tokio::test]
async fn nonsense_and_a_crowd_are_turned_away() {
    let (drill, _endpoint) = drill().await;
    let mut stream = TcpStream::connect(drill.local_addr()).await.expect("a connection");
    stream.write_all(b"\x16\x03\x01 no http\r\n\r\n").await.expect("sent");
    let mut answer = Vec::new();
    let _ = within(stream.read_to_end(&mut answer)).await;
    assert!(answer.is_empty());

    let mut crowd = Vec::new();
    for _ in 0..MAX_CONNECTIONS + 3 {
        crowd.push(TcpStream::connect(drill.local_addr()).await.expect("a connection"));
    }
    until(|| drill.report().counts.over_limit >= 3).await;
    assert!(drill.open_connections() <= MAX_CONNECTIONS as u64);
    drop(crowd);
    until(|| drill.open_connections() == 0).await;
    assert!(post(drill.local_addr(), ECHO).await.contains("hello"));
}
