//! Two axons with one hotkey behind one address, as their callers see them.

use std::sync::Arc;
use std::time::Duration;

use axoneme_axon::{Axon, AxonHandle, Limits};
use axoneme_protocol::{Clock, SystemClock, btauth};
use axoneme_replay::{RedisNonceStore, RedisTimes};
use axoneme_wallet::Keypair;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::redis_server::RedisServer;

fn key(uri: &str) -> Keypair {
    Keypair::from_uri(uri).expect("uri")
}

async fn replica(server: &RedisServer) -> AxonHandle {
    let bob = Arc::new(key("//Bob"));
    let clock = Arc::new(SystemClock::default());
    let times = RedisTimes {
        retry: Duration::from_millis(100),
        ..RedisTimes::default()
    };
    let horizon = Limits::default().horizon();
    let store = RedisNonceStore::open(&server.url(), clock, horizon, &bob.account_id(), times).await;
    let axon = Axon::builder(bob).bind("127.0.0.1:0".parse().expect("address"));
    let axon = axon.nonce_store(Arc::new(store.expect("usable"))).start();
    axon.await.expect("starts")
}

/// A signed request of //Alice's to //Bob, as bytes.
fn request() -> String {
    let nonce = SystemClock::default().unix_ns();
    let body = "{}";
    let bob = key("//Bob").account_id();
    let signed = btauth::sign(&key("//Alice"), Some(&bob), "POST", "/Synapse", body.as_bytes(), nonce);
    let headers: String = signed
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!(
        "POST /Synapse HTTP/1.1\r\nHost: axon\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

async fn status(axon: &AxonHandle, request: &str) -> u16 {
    let asking = async {
        let mut stream = tokio::net::TcpStream::connect(axon.local_addr())
            .await
            .expect("connected");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        status.unwrap_or_else(|| panic!("no answer: {answer}"))
    };
    tokio::time::timeout(Duration::from_secs(20), asking)
        .await
        .expect("answers")
}

/// Waits until requests that are signed now are served.
async fn until_served(axon: &AxonHandle) {
    for _ in 0..400 {
        if status(axon, &request()).await == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never served");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_sent_to_every_replica_is_served_by_one() {
    let mut server = RedisServer::start(&[]);
    let replicas = [replica(&server).await, replica(&server).await];
    until_served(&replicas[0]).await;
    for _ in 0..20 {
        let request = request();
        let (one, two) = tokio::join!(status(&replicas[0], &request), status(&replicas[1], &request));
        let mut statuses = [one, two];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401]);
    }
    let used = request();
    assert_eq!(status(&replicas[0], &used).await, 200);
    server.kill();
    for replica in &replicas {
        assert_eq!(status(replica, &request()).await, 503, "nobody can tell");
        assert_eq!(status(replica, &used).await, 503);
    }
    server.start_again();
    for replica in &replicas {
        until_served(replica).await;
        assert!([401, 503].contains(&status(replica, &used).await), "not again");
    }
    for replica in replicas {
        replica.shutdown(Duration::from_secs(1)).await;
    }
}
