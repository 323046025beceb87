//! Faults on WebSockets.

use std::time::{Duration, Instant};

use axoneme_drill::{Drill, DrillConfig, DrillError, Fault, Refusal, Schedule, Step};
use jsonrpsee::core::client::{ClientT, Error, Subscription, SubscriptionClientT};
use jsonrpsee::rpc_params;
use jsonrpsee::ws_client::WsClient;
use serde_json::{Value, json};

use crate::server::{SHORT, VERSION, connect, drill, drill_with, endpoint, until, within};

async fn echo(client: &WsClient, text: &str) -> Result<String, Error> {
    within(client.request("echo", rpc_params![text])).await
}

async fn works(drill: &Drill) {
    let client = connect(drill).await.expect("a connection");
    assert_eq!(echo(&client, "hello").await.expect("an answer"), "hello");
}

#[tokio::test]
async fn without_a_fault_everything_passes_long_messages_too() {
    let (drill, _endpoint) = drill().await;
    let client = connect(&drill).await.expect("a connection");
    for length in [1, 125, 126, 70_000, 3_000_000] {
        let text = "x".repeat(length);
        assert_eq!(echo(&client, &text).await.expect("an answer"), text);
    }
    drop(client);
    until(|| drill.open_connections() == 0).await;
    let report = drill.shutdown().await;
    assert!(report.outages.is_empty());
    assert_eq!(
        (
            report.counts.accepted,
            report.counts.websockets,
            report.counts.most_open
        ),
        (1, 1, 1)
    );
    assert!(report.counts.bytes_to_clients > 3_000_000);
}

#[tokio::test]
async fn a_cut_ends_open_connections_and_new_ones_until_it_is_over() {
    let (drill, _endpoint) = drill().await;
    let client = connect(&drill).await.expect("a connection");
    drill.inject(Fault::Cut);
    within(client.on_disconnect()).await;
    assert!(connect(&drill).await.is_err());
    drill.clear();
    works(&drill).await;
    let counts = drill.shutdown().await.counts;
    assert_eq!(counts.open_connections_hit, 1);
    assert!(counts.new_connections_hit >= 1);
}

#[tokio::test]
async fn a_half_open_connection_is_silent_and_stays_dead() {
    let (drill, _endpoint) = drill().await;
    let client = connect(&drill).await.expect("a connection");
    drill.inject(Fault::HalfOpen);
    assert!(matches!(echo(&client, "lost").await, Err(Error::RequestTimeout)));
    assert!(
        connect(&drill).await.is_err(),
        "new ones are accepted and never answered"
    );
    assert!(client.is_connected(), "nothing was closed");
    drill.clear();
    assert!(matches!(echo(&client, "still lost").await, Err(Error::RequestTimeout)));
    works(&drill).await;
    drop(client);
    until(|| drill.open_connections() == 0).await;
}

#[tokio::test]
async fn a_half_closed_endpoint_is_noticed_by_the_client() {
    let (drill, _endpoint) = drill().await;
    let client = connect(&drill).await.expect("a connection");
    drill.inject(Fault::HalfClose);
    within(client.on_disconnect()).await;
    assert!(connect(&drill).await.is_err());
    drill.clear();
    works(&drill).await;
}

#[tokio::test]
async fn a_stall_loses_nothing() {
    let (drill, _endpoint) = drill().await;
    let client = connect(&drill).await.expect("a connection");
    drill.inject(Fault::Stall);
    let (answer, ()) = tokio::join!(echo(&client, "late"), async {
        tokio::time::sleep(SHORT / 4).await;
        drill.clear();
    });
    assert_eq!(answer.expect("an answer"), "late");
}

#[tokio::test]
async fn a_delay_adds_to_each_way_and_keeps_the_order() {
    let (drill, _endpoint) = drill().await;
    let client = connect(&drill).await.expect("a connection");
    let each_way = Duration::from_millis(100);
    drill.inject(Fault::Delay(each_way));
    let started = Instant::now();
    let answers = futures(&client, 20).await;
    // A lower bound that no slow machine breaks; all waited at the same time.
    assert!(started.elapsed() >= 2 * each_way);
    assert_eq!(answers, (0..20).collect::<Vec<u64>>());
    drill.clear();
}

async fn futures(client: &WsClient, count: u64) -> Vec<u64> {
    let mut answers = Vec::new();
    let mut batch = jsonrpsee::core::params::BatchRequestBuilder::new();
    for number in 0..count {
        batch.insert("echo", rpc_params![number]).expect("json");
    }
    for answer in within(client.batch_request::<u64>(batch)).await.expect("answers") {
        answers.push(answer.expect("an answer"));
    }
    answers
}

#[tokio::test]
async fn handshakes_are_refused_with_the_status() {
    let (drill, _endpoint) = drill().await;
    let client = connect(&drill).await.expect("a connection");
    for (refusal, status) in [(Refusal::TooManyRequests, "429"), (Refusal::Unavailable, "503")] {
        drill.inject(Fault::Refuse(refusal));
        let error = connect(&drill).await.expect_err("refused");
        assert!(format!("{error:?}").contains(status), "{error:?}");
    }
    within(client.on_disconnect()).await;
    drill.clear();
    works(&drill).await;
    assert_eq!(drill.shutdown().await.counts.refused, 2);
}

#[tokio::test]
async fn requests_are_answered_with_errors_under_their_ids_and_do_not_arrive() {
    let (drill, _endpoint) = drill().await;
    let client = connect(&drill).await.expect("a connection");
    drill.inject(Fault::RpcError(429));
    for _ in 0..3 {
        let Err(Error::Call(error)) = echo(&client, "x").await else {
            panic!("no error")
        };
        assert_eq!(error.code(), 429);
    }
    drill.clear();
    assert_eq!(echo(&client, "x").await.expect("the same connection works again"), "x");
    assert_eq!(drill.shutdown().await.counts.rpc_errors, 3);
}

#[tokio::test]
async fn a_torn_frame_ends_the_connection_and_is_no_answer() {
    let (drill, _endpoint) = drill().await;
    let client = connect(&drill).await.expect("a connection");
    drill.inject(Fault::Truncate);
    assert!(echo(&client, &"x".repeat(10_000)).await.is_err());
    within(client.on_disconnect()).await;
    drill.clear();
    works(&drill).await;
    assert_eq!(drill.shutdown().await.counts.frames_torn, 1);
}

#[tokio::test]
async fn with_answers_cut_the_request_arrives_and_the_client_cannot_know() {
    let (drill, _endpoint) = drill().await;
    let client = connect(&drill).await.expect("a connection");
    drill.inject(Fault::CutAnswers);
    assert!(echo(&client, "x").await.is_err());
    within(client.on_disconnect()).await;
    let counts = drill.shutdown().await.counts;
    assert_eq!((counts.websockets, counts.open_connections_hit), (1, 1));
}

#[tokio::test]
async fn another_runtime_version_is_served_in_answers_and_told_to_subscribers() {
    let (drill, endpoint) = drill().await;
    let client = connect(&drill).await.expect("a connection");
    let mut told: Subscription<Value> =
        within(client.subscribe("state_subscribeRuntimeVersion", rpc_params![], "unsubscribe"))
            .await
            .expect("subscribed");
    let mut next = async || within(told.next()).await.expect("open").expect("json")["specVersion"].clone();
    assert_eq!(next().await, VERSION);
    drill.inject(Fault::RuntimeVersion(999));
    assert_eq!(
        next().await,
        999,
        "subscribers hear of it though the endpoint said nothing"
    );
    let answer: Value = within(client.request("state_getRuntimeVersion", rpc_params![]))
        .await
        .expect("an answer");
    assert_eq!(
        (&answer["specVersion"], &answer["transactionVersion"]),
        (&json!(999), &json!(1))
    );
    let scale: String = within(client.request("state_call", rpc_params!["Core_version", "0x"]))
        .await
        .expect("an answer");
    assert!(scale.contains(&hex::encode(999u32.to_le_bytes())), "{scale}");
    endpoint.say.send(400).expect("a subscriber");
    assert_eq!(next().await, 999);
    drill.clear();
    assert_eq!(next().await, 400, "the endpoint's own again");
}

#[tokio::test]
async fn a_schedule_is_gone_through_and_the_report_says_so() {
    let step = |fault| Step {
        after: Duration::from_millis(50),
        fault,
        lasts: Duration::from_millis(50),
    };
    let schedule = Schedule::new(vec![step(Fault::Cut), step(Fault::HalfOpen)], Some(2)).expect("valid");
    let (drill, _endpoint) = drill_with(schedule).await;
    until(|| drill.report().outages.len() == 4 && drill.fault().is_none()).await;
    works(&drill).await;
    let report = drill.shutdown().await;
    let faults: Vec<&str> = report.outages.iter().map(|outage| &outage.fault[..]).collect();
    assert_eq!(faults, ["cut", "half-open", "cut", "half-open"]);
    assert!(
        report.outages.iter().all(|outage| outage.lasted >= 0.05),
        "{:?}",
        report.outages
    );
}

#[tokio::test]
async fn an_endpoint_that_is_away_is_a_502_and_no_endless_wait() {
    let (drill, endpoint) = drill().await;
    endpoint.handle.stop().expect("running");
    within(endpoint.handle.stopped()).await;
    let error = connect(&drill).await.expect_err("nobody is there");
    assert!(format!("{error:?}").contains("502"), "{error:?}");
    assert_eq!(drill.report().counts.endpoint_failures, 1);
}

#[tokio::test]
async fn a_taken_port_and_an_address_for_strangers_are_refused() {
    let (drill, _endpoint) = drill().await;
    let mut config = DrillConfig::before("ws://127.0.0.1:1").expect("valid");
    config.listen = drill.local_addr();
    let error = Drill::start(config.clone()).await.expect_err("taken");
    assert!(matches!(error, DrillError::PortInUse { .. }), "{error}");
    config.listen = ([0, 0, 0, 0], 0).into();
    let error = Drill::start(config).await.expect_err("for all");
    assert!(error.to_string().contains("--expose"), "{error}");
    let _ = endpoint().await;
}
