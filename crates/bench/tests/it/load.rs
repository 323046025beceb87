//! The engine against an axon in this process.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use axoneme_bench::BenchError;
use axoneme_bench::args::{LimitSet, ServeArgs, ServeKind};
use axoneme_bench::engine::{self, Counted, Measure};
use axoneme_bench::junk::{self, Junk};
use axoneme_bench::requests::Wire;
use axoneme_bench::schedule::{Load, Pace, Schedule};
use axoneme_bench::serve::{Served, Server};
use axoneme_protocol::Prompting;
use axoneme_wallet::Keypair;

async fn start(limits: LimitSet) -> (Server, Served) {
    let args = ServeArgs {
        kind: ServeKind::Axon,
        count: 1,
        port: 0,
        uri: "//Bob".into(),
        limits,
        permit: vec![Keypair::from_uri("//Alice").expect("a dev key").account_id()],
    };
    Server::start(&args, 0).await.expect("an axon")
}

fn load(served: &Served, signer: &str) -> Load {
    Load {
        wire: Wire::V10,
        target: served.address,
        receiver: served.hotkey,
        signers: vec![Keypair::from_uri(signer).expect("a dev key")],
        connections: 4,
        body_bytes: 1024,
    }
}

fn measure(served: &Served) -> Measure {
    Measure {
        target: served.address,
        source: None,
        warmup: Duration::ZERO,
        timeout: Duration::from_secs(10),
        server: Some(std::process::id()),
        requests: None,
        reconnect: false,
    }
}

async fn run(load: Load, pace: Pace, measure: Measure) -> Counted {
    let work = move || {
        let schedule = Schedule::sign(&load, pace, Duration::from_millis(500)).expect("signed");
        engine::run(&schedule, &measure).expect("a run")
    };
    tokio::task::spawn_blocking(work).await.expect("no panic")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_loop_sends_exactly_what_is_due_and_all_of_it_is_answered() {
    let (server, served) = start(LimitSet::Open).await;
    let counted = run(load(&served, "//Alice"), Pace::Open { rate: 200.0 }, measure(&served)).await;
    assert_eq!(counted.outcomes, BTreeMap::from([("200".to_owned(), 100)]));
    assert_eq!(counted.latency.len(), 100);
    let answer: Prompting = serde_json::from_slice(&counted.sample.expect("an answer")).expect("a synapse");
    assert_eq!(answer.messages, [answer.completion]);
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_loop_counts_every_answer_once_also_over_new_connections() {
    for reconnect in [false, true] {
        let (server, served) = start(LimitSet::Open).await;
        let measure = Measure {
            reconnect,
            requests: Some(50),
            ..measure(&served)
        };
        let counted = run(load(&served, "//Alice"), Pace::Closed { expected: 500.0 }, measure).await;
        assert_eq!(counted.good(), counted.total(), "{:?}", counted.outcomes);
        assert_eq!(counted.latency.len(), counted.good());
        assert!((50..54).contains(&counted.good()), "{}", counted.good());
        server.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_counted_by_status_and_have_no_latency() {
    let (server, served) = start(LimitSet::Open).await;
    let counted = run(load(&served, "//Mallory"), Pace::Open { rate: 40.0 }, measure(&served)).await;
    assert_eq!(counted.outcomes, BTreeMap::from([("403".to_owned(), 20)]));
    assert!(counted.latency.is_empty());
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_there_is_a_counted_failure_and_not_an_error() {
    let (server, served) = start(LimitSet::Open).await;
    server.shutdown().await;
    let counted = run(load(&served, "//Alice"), Pace::Open { rate: 40.0 }, measure(&served)).await;
    assert_eq!(counted.good(), 0);
    assert_eq!(counted.total(), 20, "{:?}", counted.outcomes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn junk_is_refused_by_the_axon_and_never_served() {
    let (server, served) = start(LimitSet::Default).await;
    let junk = Junk {
        load: load(&served, "//Alice"),
        rate: 300.0,
        sources: 4,
        slow: 3,
        length: Duration::from_secs(1),
    };
    let report = tokio::task::spawn_blocking(move || junk::flood(&junk))
        .await
        .expect("no panic")
        .expect("a flood");
    assert!(report.outcomes.contains_key("401"), "{:?}", report.outcomes);
    assert!(!report.outcomes.contains_key("200"), "{:?}", report.outcomes);
    assert!(report.slow_opened >= 3);
    server.shutdown().await;
}

#[test]
fn junk_goes_to_loopback_only() {
    let target: SocketAddr = "192.0.2.1:8091".parse().expect("an address");
    let alice = Keypair::from_uri("//Alice").expect("a dev key");
    let served = Served {
        address: target,
        hotkey: alice.account_id(),
    };
    let junk = Junk {
        load: load(&served, "//Alice"),
        rate: 1.0,
        sources: 1,
        slow: 0,
        length: Duration::from_secs(1),
    };
    assert!(matches!(junk::flood(&junk), Err(BenchError::NotLoopback { .. })));
}
