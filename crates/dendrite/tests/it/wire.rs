//! What goes over the wire: requests a Python axon accepts, lanes, nonces, connections.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axoneme_dendrite::{AxonTarget, DendriteConfig, DendriteError, Outcome, Wire};
use axoneme_protocol::{EmptyValue, Prompting, SignedHead, Synapse, body_hash};
use axoneme_wallet::{Keypair, Scheme};
use serde::{Deserialize, Serialize, Serializer};

use crate::scripted::{Act, Asked, Server, alice, bob, good};

const TIMEOUT: Duration = Duration::from_secs(5);

fn head(asked: &Asked) -> SignedHead {
    let headers = asked
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()));
    SignedHead::parse(headers).expect("a head our own server accepts")
}

#[tokio::test]
async fn a_request_has_everything_a_python_axon_needs() {
    let server = Server::start(|_| Act::Say(good("hi"))).await;
    let config = DendriteConfig {
        external_ip: Some("192.0.2.7".parse().expect("ip")),
        ..DendriteConfig::default()
    };
    let answer = alice(config)
        .call(&server.target(), Prompting::ask("it's \u{e9}"), TIMEOUT)
        .await;
    assert_eq!((answer.status, answer.synapse.completion.as_str()), (200, "hi"));
    assert!(answer.process_time.is_some_and(|time| time < 5.0));
    let asked = server.asked.lock()[0].clone();
    assert_eq!(asked.line, "POST /Prompting HTTP/1.1");
    let port = server.addr.port().to_string();
    for (name, value) in [
        ("name", "Prompting"),
        ("timeout", "5.0"),
        ("bt_header_axon_ip", "127.0.0.1"),
        ("bt_header_axon_port", port.as_str()),
        ("bt_header_axon_hotkey", &bob().account_id().to_string()),
        ("bt_header_dendrite_ip", "192.0.2.7"),
        ("bt_header_dendrite_version", "10005000"),
        ("bt_header_input_obj_roles", "W10="),
        ("bt_header_input_obj_messages", "W10="),
        ("header_size", "0"),
        ("total_size", "0"),
        ("content-type", "application/json"),
        ("accept", "*/*"),
    ] {
        assert_eq!(asked.header(name), Some(value), "{name}");
    }
    let head = head(&asked);
    assert!(head.verify(&bob().account_id()));
    let body: Prompting = serde_json::from_slice(&asked.body).expect("body");
    assert!(body_hash::matches(
        &body_hash::hashed_values(&body).expect("values"),
        &head.body_hash
    ));
    // A Python handler reads its caller from the body.
    let json: serde_json::Value = serde_json::from_slice(&asked.body).expect("json");
    assert_eq!(json["dendrite"]["hotkey"], head.hotkey.to_string());
    assert_eq!(json["computed_body_hash"], "");
}

#[tokio::test]
async fn requests_at_once_have_lanes_of_their_own_and_later_ones_reuse_them() {
    let server = Server::start(|_| Act::Say(good("hi"))).await;
    let dendrite = alice(DendriteConfig::default());
    for _ in 0..5 {
        assert!(
            dendrite
                .call(&server.target(), Prompting::ask("hello"), TIMEOUT)
                .await
                .is_success()
        );
    }
    let uuids: HashSet<String> = server.asked.lock().iter().map(|asked| head(asked).uuid).collect();
    assert_eq!(uuids.len(), 1, "one after the other: one lane");
    let connections: HashSet<usize> = server.asked.lock().iter().map(|asked| asked.connection).collect();
    assert_eq!(connections.len(), 1, "and one connection");

    let targets = vec![server.target(); 20];
    for answer in dendrite.query(&targets, &Prompting::ask("hello"), TIMEOUT).await {
        assert!(answer.is_success(), "{answer:?}");
    }
    let mut last: HashMap<String, u64> = HashMap::new();
    for asked in server.asked.lock().iter() {
        let head = head(asked);
        // What a Python axon demands.
        let before = last.insert(head.uuid.clone(), head.nonce);
        assert!(
            before.is_none_or(|before| before < head.nonce),
            "{} then {}",
            before.unwrap_or(0),
            head.nonce
        );
    }
    assert!(last.len() <= 20);
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_replaced_once_with_a_fresh_signature() {
    // The first connection serves once and closes at the second request, as an axon that was about to close it.
    let server = Server::start(|number| match number {
        1 => Act::SayAndClose(Vec::new()),
        _ => Act::Say(good("hi")),
    })
    .await;
    let dendrite = alice(DendriteConfig::default());
    for _ in 0..2 {
        let answer = dendrite.call(&server.target(), Prompting::ask("hello"), TIMEOUT).await;
        assert!(answer.is_success(), "{answer:?}");
    }
    let asked = server.asked.lock().clone();
    assert_eq!(
        asked.iter().map(|asked| asked.connection).collect::<Vec<_>>(),
        [0, 0, 1]
    );
    assert!(head(&asked[1]).nonce < head(&asked[2]).nonce);
    assert_ne!(head(&asked[1]).signature, head(&asked[2]).signature);
}

#[tokio::test]
async fn only_one_more_attempt_is_made() {
    let server = Server::start(|number| match number {
        0 => Act::Say(good("hi")),
        _ => Act::SayAndClose(Vec::new()),
    })
    .await;
    let dendrite = alice(DendriteConfig::default());
    assert!(
        dendrite
            .call(&server.target(), Prompting::ask("hello"), TIMEOUT)
            .await
            .is_success()
    );
    let answer = dendrite.call(&server.target(), Prompting::ask("hello"), TIMEOUT).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(server.asked.lock().len(), 3);
}

#[tokio::test]
async fn idle_connections_are_left_before_a_python_axon_closes_them() {
    let server = Server::start(|_| Act::Say(good("hi"))).await;
    let config = DendriteConfig {
        idle_timeout: Duration::from_millis(200),
        ..DendriteConfig::default()
    };
    let dendrite = alice(config);
    for pause in [0, 50, 600] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        assert!(
            dendrite
                .call(&server.target(), Prompting::ask("hello"), TIMEOUT)
                .await
                .is_success()
        );
    }
    let connections: Vec<usize> = server.asked.lock().iter().map(|asked| asked.connection).collect();
    assert_eq!(connections, [0, 0, 1]);
    assert_eq!(DendriteConfig::default().idle_timeout, Duration::from_secs(4));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::start(|_| Act::Say(good("hi"))).await;
    let location = elsewhere.addr;
    let server = Server::start(move |_| {
        let says = format!("HTTP/1.1 307 x\r\nlocation: http://{location}/Prompting\r\ncontent-length: 0\r\n\r\n");
        Act::Say(says.into())
    })
    .await;
    let answer = alice(DendriteConfig::default())
        .call(&server.target(), Prompting::ask("hello"), TIMEOUT)
        .await;
    assert_eq!(answer.outcome, Outcome::Redirected, "{answer:?}");
    assert!(elsewhere.asked.lock().is_empty());
}

#[tokio::test]
async fn an_axon_behind_our_own_address_is_reached_over_loopback() {
    let server = Server::start(|_| Act::Say(good("hi"))).await;
    let own: IpAddr = "192.0.2.1".parse().expect("ip");
    let config = DendriteConfig {
        external_ip: Some(own),
        ..DendriteConfig::default()
    };
    let target = AxonTarget {
        ip: own,
        ..server.target()
    };
    let answer = alice(config).call(&target, Prompting::ask("hello"), TIMEOUT).await;
    assert!(answer.is_success(), "{answer:?}");
    assert_eq!(server.asked.lock()[0].header("bt_header_axon_ip"), Some("192.0.2.1"));
}

#[tokio::test]
async fn calls_beyond_the_bound_wait_their_turn_within_their_time() {
    let server = Server::start(|_| Act::Hang).await;
    let config = DendriteConfig {
        max_in_flight: 2,
        ..DendriteConfig::default()
    };
    let targets = vec![server.target(); 5];
    let answers = alice(config)
        .query(&targets, &Prompting::ask("hello"), Duration::from_millis(300))
        .await;
    assert!(answers.iter().all(|answer| answer.status == 408));
    assert_eq!(server.asked.lock().len(), 2);
}

#[tokio::test]
async fn settings_with_which_nothing_works_are_refused() {
    let signer = std::sync::Arc::new(bob());
    let config = DendriteConfig {
        max_in_flight: 0,
        ..DendriteConfig::default()
    };
    let error = axoneme_dendrite::Dendrite::new(signer.clone(), config).expect_err("nothing in flight");
    assert_eq!(error, DendriteError::NothingInFlight);
    let config = DendriteConfig {
        answer_head_bytes: 10,
        ..DendriteConfig::default()
    };
    assert!(axoneme_dendrite::Dendrite::new(signer, config).is_err());
}

#[tokio::test]
async fn a_key_that_no_old_axon_can_verify_sends_nothing() {
    let server = Server::start(|_| Act::Say(good("hi"))).await;
    let signer = Keypair::from_uri_with(Scheme::Ed25519, "//Alice").expect("uri");
    let config = DendriteConfig {
        allow_private: true,
        ..DendriteConfig::default()
    };
    let dendrite = axoneme_dendrite::Dendrite::new(std::sync::Arc::new(signer), config).expect("usable settings");
    let answer = dendrite.call(&server.target(), Prompting::ask("hello"), TIMEOUT).await;
    assert_eq!(
        (answer.status, answer.outcome),
        (500, Outcome::Unsendable),
        "{answer:?}"
    );
    assert!(answer.message.contains("sr25519 hotkey"), "{}", answer.message);
    assert!(server.asked.lock().is_empty());
}

/// How often the fields of [`Counted`] were written.
static WRITTEN: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Counted {
    #[serde(serialize_with = "count")]
    text: String,
}

fn count<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    WRITTEN.fetch_add(1, Ordering::SeqCst);
    serializer.serialize_str(text)
}

impl Synapse for Counted {
    const NAME: &'static str = "Counted";
    const HASH_FIELDS: &'static [&'static str] = &["text"];
    const REQUIRED_FIELDS: &'static [(&'static str, EmptyValue)] = &[("text", EmptyValue::Str)];

    fn take_answer(&mut self, _answer: Self) {}
}

#[tokio::test]
async fn a_question_to_many_is_written_and_hashed_once() {
    let server = Server::start(|_| Act::Say(good("hi"))).await;
    let mut targets = vec![server.target(); 20];
    targets.extend([server.target().over(Wire::Btauth); 20]);
    let question = Counted {
        text: "it's \u{e9}".into(),
    };
    alice(DendriteConfig::default())
        .query(&targets, &question, TIMEOUT)
        .await;
    assert_eq!(
        WRITTEN.load(Ordering::SeqCst),
        2,
        "once for the body, once for the hash"
    );
    let asked = server.asked.lock().clone();
    assert_eq!(asked.len(), 40);
    for request in asked {
        let body: serde_json::Value = serde_json::from_slice(&request.body).expect("json");
        assert_eq!(body["text"], "it's \u{e9}");
        if request.header("x-bittensor-signature").is_some() {
            assert_eq!(request.btauth().receiver, Some(bob().account_id()));
        } else {
            assert!(head(&request).verify(&bob().account_id()));
        }
    }
}
