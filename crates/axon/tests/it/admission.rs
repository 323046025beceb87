//! What never reaches the handler.

use std::sync::Arc;

use axoneme_axon::{CallerPolicy, Limits, Rate, Verdict};
use axoneme_protocol::{Prompting, signing};
use axoneme_wallet::AccountId;

use crate::peer::{Counting, Raw, Reply, Signed, asking, key, now_ns, start};

const NONCE: &str = "bt_header_dendrite_nonce";
const UUID: &str = "bt_header_dendrite_uuid";
const HOTKEY: &str = "bt_header_dendrite_hotkey";
const SIGNATURE: &str = "bt_header_dendrite_signature";
const HASH: &str = "computed_body_hash";

const SECOND: u64 = 1_000_000_000;

/// Sends a request that must not reach the handler.
async fn refused(raw: &Raw, to: std::net::SocketAddr, handler: &Counting, status: u16, what: &str) -> Reply {
    let before = handler.count();
    let reply = raw.send(to).await;
    assert_eq!(reply.status, status, "{what}: {}", String::from_utf8_lossy(&reply.body));
    assert_eq!(handler.count(), before, "{what} reached the handler");
    reply
}

#[tokio::test]
async fn a_tampered_replayed_stale_unsigned_or_wrongly_addressed_request_never_reaches_the_handler() {
    let (axon, handler) = start(|axon| axon).await;
    let to = axon.local_addr();

    // Honest ones do.
    let honest = asking("hello");
    assert_eq!(honest.send(to).await.status, 200);
    assert_eq!(handler.count(), 1);

    // Replayed, also under other headers that are not signed.
    refused(&honest, to, &handler, 401, "a replay").await;
    refused(
        &honest.clone().set("timeout", "60.0"),
        to,
        &handler,
        401,
        "a replay with another timeout",
    )
    .await;
    refused(
        &honest.clone().without("bt_header_dendrite_version"),
        to,
        &handler,
        401,
        "a replay without version",
    )
    .await;

    // Tampered.
    let messages = br#"{"roles": ["user"], "messages": ["other"]}"#;
    refused(&asking("hello").body(messages), to, &handler, 400, "another body").await;
    let other_hash = asking("other").header(HASH);
    refused(
        &asking("hello").set(HASH, &other_hash).body(messages),
        to,
        &handler,
        401,
        "another body and hash",
    )
    .await;
    let raw = asking("hello");
    let later = (raw.header(NONCE).parse::<u64>().expect("nonce") + 1).to_string();
    refused(&raw.set(NONCE, &later), to, &handler, 401, "another nonce").await;
    refused(
        &asking("hello").set(UUID, "another-lane"),
        to,
        &handler,
        401,
        "another uuid",
    )
    .await;
    let charlie = key("//Charlie").account_id().to_string();
    refused(
        &asking("hello").set(HOTKEY, &charlie),
        to,
        &handler,
        401,
        "another sender",
    )
    .await;
    let mut signature = asking("hello").header(SIGNATURE);
    signature.replace_range(10..11, if &signature[10..11] == "0" { "1" } else { "0" });
    refused(
        &asking("hello").set(SIGNATURE, &signature),
        to,
        &handler,
        401,
        "a bent signature",
    )
    .await;

    // Stale, and from the future, whatever the unsigned headers say.
    let aged = |nonce| {
        Signed {
            nonce,
            ..Signed::default()
        }
        .raw()
    };
    refused(
        &aged(now_ns() - 17 * SECOND),
        to,
        &handler,
        401,
        "17 s old with 12 s timeout",
    )
    .await;
    let old = || aged(now_ns() - 100 * SECOND);
    refused(
        &old().set("timeout", "7200"),
        to,
        &handler,
        401,
        "a timeout beyond the cap",
    )
    .await;
    refused(
        &old().without("bt_header_dendrite_version"),
        to,
        &handler,
        401,
        "stale without version",
    )
    .await;
    refused(
        &old().set("bt_header_dendrite_version", "7001999"),
        to,
        &handler,
        401,
        "stale from an old version",
    )
    .await;
    refused(
        &old().set("timeout", "nan"),
        to,
        &handler,
        400,
        "a timeout that is not a number",
    )
    .await;
    refused(&aged(now_ns() + 6 * SECOND), to, &handler, 401, "6 s ahead").await;
    refused(&aged(now_ns() + 86_400 * SECOND), to, &handler, 401, "a day ahead").await;
    refused(
        &aged(now_ns() - 5 * SECOND).without("timeout"),
        to,
        &handler,
        401,
        "5 s old without timeout",
    )
    .await;

    // Unsigned, in every way.
    for (name, what) in [
        (SIGNATURE, "no signature"),
        (NONCE, "no nonce"),
        (UUID, "no uuid"),
        (HOTKEY, "no sender"),
        (HASH, "no body hash"),
    ] {
        refused(&asking("hello").without(name), to, &handler, 401, what).await;
    }
    for (signature, what) in [
        ("", "an empty signature"),
        ("0x00", "a short signature"),
        (&"0".repeat(130), "a signature without 0x"),
        (&format!("0x{}", "z".repeat(128)), "a signature that is not hex"),
        (
            &format!("0x{}80", "0".repeat(126)),
            "the universal signature of the zero key",
        ),
    ] {
        refused(&asking("hello").set(SIGNATURE, signature), to, &handler, 401, what).await;
    }
    let zero_key = AccountId([0; 32]).to_string();
    let universal = format!("0x{}80", "0".repeat(126));
    let raw = asking("hello").set(HOTKEY, &zero_key).set(SIGNATURE, &universal);
    refused(&raw, to, &handler, 401, "the zero key").await;
    let alice_under_prefix_0 = "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5";
    refused(
        &asking("hello").set(HOTKEY, alice_under_prefix_0),
        to,
        &handler,
        401,
        "another network's address",
    )
    .await;
    refused(
        &asking("hello").set(HOTKEY, &"5".repeat(8000)),
        to,
        &handler,
        401,
        "an endless address",
    )
    .await;
    let raw = asking("hello");
    let message = signing::signed_message(
        raw.header(NONCE).parse().expect("nonce"),
        &key("//Alice").account_id(),
        &key("//Bob").account_id(),
        &raw.header(UUID),
        &raw.header(HASH),
    );
    let wrapped = key("//Alice").sign(format!("<Bytes>{message}</Bytes>").as_bytes());
    let wrapped: String = wrapped.iter().map(|byte| format!("{byte:02x}")).collect();
    refused(
        &raw.set(SIGNATURE, &format!("0x{wrapped}")),
        to,
        &handler,
        401,
        "what a browser wallet signs",
    )
    .await;

    // Addressed to another axon, also when the header names this one.
    let elsewhere = || {
        Signed {
            for_axon: "//Charlie",
            ..Signed::default()
        }
        .raw()
    };
    refused(&elsewhere(), to, &handler, 401, "for another axon").await;
    let bob = key("//Bob").account_id().to_string();
    refused(
        &elsewhere().set("bt_header_axon_hotkey", &bob),
        to,
        &handler,
        401,
        "for another axon, relabelled",
    )
    .await;

    // Several readings.
    for name in [NONCE, UUID, HOTKEY, SIGNATURE, HASH, "timeout"] {
        let raw = asking("hello");
        let value = raw.header(name);
        refused(&raw.also(name, &value), to, &handler, 400, &format!("two of {name}")).await;
    }
    for (value, what) in [
        ("1_000", "underscores"),
        ("-5", "a sign"),
        ("7.0", "a point"),
        ("99999999999999999999", "too large"),
    ] {
        refused(&asking("hello").set(NONCE, value), to, &handler, 400, what).await;
    }
    refused(&asking("hello").set(UUID, "a.b"), to, &handler, 400, "a uuid with dots").await;

    // Not this synapse.
    for (body, what) in [
        (&b""[..], "an empty body"),
        (b"[]", "a list"),
        (b" [[\"user\"], [\"hello\"], \"\"]", "the values without names"),
        (b"{\"roles\": [", "half a body"),
        (b"{\"roles\": [\"user\"], \"messages\": [1]}", "a number for a text"),
        (b"{\"roles\": [\"user\"], \"messages\": [null]}", "null for a text"),
        (b"{\"messages\": [\"hello\"]}", "a field missing"),
        (b"{\"roles\": [\"user\"], \"messages\": [\"\xff\"]}", "not UTF-8"),
        (
            b"{\"roles\": [\"user\"], \"messages\": [\"\\ud800\"]}",
            "half a character",
        ),
        (
            b"{\"roles\": [\"user\"], \"messages\": [\"hello\"], \"messages\": [\"hello\"]}",
            "a field twice",
        ),
        (b"{\"roles\": [NaN], \"messages\": [\"hello\"]}", "not a number"),
    ] {
        refused(&asking("hello").body(body), to, &handler, 400, what).await;
    }
    refused(
        &asking("hello").set("Content-Type", "text/plain"),
        to,
        &handler,
        400,
        "plain text",
    )
    .await;
    refused(
        &asking("hello").also("Content-Encoding", "gzip"),
        to,
        &handler,
        400,
        "compressed",
    )
    .await;

    // And still, honest ones do.
    assert_eq!(asking("hello").send(to).await.status, 200);
    assert_eq!(handler.count(), 2);
    axon.shutdown(std::time::Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_forged_signature_does_not_burn_the_nonce_of_its_owner() {
    let (axon, handler) = start(|axon| axon).await;
    let honest = asking("hello");
    let forged = honest.clone().set(SIGNATURE, &format!("0x{}", "1".repeat(128)));
    refused(&forged, axon.local_addr(), &handler, 401, "forged").await;
    assert_eq!(honest.send(axon.local_addr()).await.status, 200);
}

#[tokio::test]
async fn of_many_copies_at_once_one_is_served() {
    let (axon, handler) = start(|axon| axon).await;
    let (raw, to) = (asking("hello"), axon.local_addr());
    let copies = (0..20).map(|_| {
        let raw = raw.clone();
        tokio::spawn(async move { raw.send(to).await.status })
    });
    let mut served = 0;
    for copy in copies.collect::<Vec<_>>() {
        served += usize::from(copy.await.expect("no panic") == 200);
    }
    assert_eq!((served, handler.count()), (1, 1));
}

#[tokio::test]
async fn messages_begin_as_in_python_and_hold_no_signature() {
    let (axon, handler) = start(|axon| axon).await;
    let to = axon.local_addr();
    let raw = asking("hello").without(NONCE);
    assert_eq!(raw.send(to).await.message(), "Not Verified with error: Missing Nonce");
    let raw = asking("hello").without(SIGNATURE);
    assert_eq!(
        raw.send(to).await.message(),
        "Not Verified with error: Missing Signature"
    );
    let raw = Signed {
        nonce: now_ns() - 60 * SECOND,
        ..Signed::default()
    }
    .raw();
    let message = raw.send(to).await.message();
    let start = "Not Verified with error: Nonce is too old: acceptable delta is 16.00 seconds but request was 60.0";
    assert!(message.starts_with(start), "{message}");
    let raw = Signed {
        for_axon: "//Charlie",
        ..Signed::default()
    }
    .raw();
    let reply = refused(&raw, to, &handler, 401, "for another axon").await;
    assert_eq!(reply.message(), "Not Verified with error: Signature mismatch");
    assert!(!String::from_utf8_lossy(&reply.body).contains("0x"));
    assert_eq!(reply.header("bt_header_axon_status_code"), Some("401"));
    assert_eq!(
        reply.header("bt_header_axon_status_message"),
        Some("Not Verified with error: Signature mismatch")
    );
    assert_eq!(reply.header("content-type"), Some("application/json"));
    // Nothing of a caller that is not verified is repeated.
    assert_eq!(reply.header(HOTKEY), None);
}

struct OnlyCharlie;

impl CallerPolicy for OnlyCharlie {
    fn blacklist(&self, caller: &AccountId, _synapse: &str) -> Verdict {
        if *caller == key("//Charlie").account_id() {
            return Verdict::Allow;
        }
        Verdict::Refuse("unregistered\r\nbt_header_axon_status_code: 200".into())
    }

    fn priority(&self, _caller: &AccountId) -> f64 {
        0.0
    }
}

#[tokio::test]
async fn a_caller_the_miner_does_not_serve_gets_403_and_the_reason() {
    let (axon, handler) = start(|axon| axon.policy(Arc::new(OnlyCharlie))).await;
    let reply = refused(&asking("hello"), axon.local_addr(), &handler, 403, "not Charlie").await;
    assert!(
        reply
            .message()
            .starts_with("Forbidden. Key is blacklisted: unregistered"),
        "{}",
        reply.message()
    );
    // A reason cannot write headers.
    let codes = reply
        .headers
        .iter()
        .filter(|(name, _)| name == "bt_header_axon_status_code");
    assert_eq!(codes.count(), 1);
    let charlie = Signed {
        by: "//Charlie",
        ..Signed::default()
    }
    .raw();
    assert_eq!(charlie.send(axon.local_addr()).await.status, 200);
    assert_eq!(handler.count(), 1);
}

#[tokio::test]
async fn unknown_routes_and_methods_are_named() {
    let (axon, handler) = start(|axon| axon).await;
    let to = axon.local_addr();
    let raw = Raw {
        path: "/Nope".into(),
        ..asking("hello")
    };
    let reply = refused(&raw, to, &handler, 404, "unknown").await;
    assert_eq!(
        reply.message(),
        "Synapse name 'Nope' not found. Available synapses ['Prompting', 'Synapse']"
    );
    for path in ["/", "/prompting", "/Prompting/", "/Prompting/x", "//"] {
        refused(
            &Raw {
                path: path.into(),
                ..asking("hello")
            },
            to,
            &handler,
            404,
            path,
        )
        .await;
    }
    for method in ["GET", "PUT", "DELETE", "HEAD"] {
        let raw = Raw {
            method,
            ..asking("hello")
        };
        let before = handler.count();
        let mut stream = tokio::net::TcpStream::connect(to).await.expect("connected");
        tokio::io::AsyncWriteExt::write_all(&mut stream, &raw.head())
            .await
            .expect("sent");
        let mut answer = [0; 12];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut answer)
            .await
            .expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 405", "{method}");
        assert_eq!(handler.count(), before);
    }
    // The query string does not matter.
    let raw = Raw {
        path: "/Prompting?x=1".into(),
        ..asking("hello")
    };
    assert_eq!(raw.send(to).await.status, 200);
}

#[tokio::test]
async fn too_many_requests_are_429_with_a_time_to_come_back() {
    let rate = Rate {
        per_second: 0.5,
        burst: 3.0,
    };
    let (axon, handler) = start(|axon| {
        axon.limits(Limits {
            per_hotkey: Some(rate),
            ..Limits::default()
        })
    })
    .await;
    let to = axon.local_addr();
    for _ in 0..3 {
        assert_eq!(asking("hello").send(to).await.status, 200);
    }
    let reply = refused(&asking("hello"), to, &handler, 429, "the fourth").await;
    assert_eq!(reply.header("retry-after"), Some("2"));
    let charlie = Signed {
        by: "//Charlie",
        ..Signed::default()
    }
    .raw();
    assert_eq!(charlie.send(to).await.status, 200, "another hotkey");

    let (axon, handler) = start(|axon| {
        axon.limits(Limits {
            per_ip: Some(rate),
            ..Limits::default()
        })
    })
    .await;
    for _ in 0..3 {
        refused(
            &asking("hello").without(NONCE),
            axon.local_addr(),
            &handler,
            401,
            "unsigned",
        )
        .await;
    }
    refused(
        &asking("hello"),
        axon.local_addr(),
        &handler,
        429,
        "the fourth from here",
    )
    .await;
}

#[tokio::test]
async fn when_nonces_cannot_be_remembered_requests_are_503_and_not_accepted() {
    let (axon, handler) = start(|axon| {
        axon.limits(Limits {
            nonce_capacity: 2,
            ..Limits::default()
        })
    })
    .await;
    let to = axon.local_addr();
    for _ in 0..2 {
        assert_eq!(asking("hello").send(to).await.status, 200);
    }
    refused(&asking("hello"), to, &handler, 503, "the third").await;
}

#[tokio::test]
async fn a_lax_synapse_definition_of_the_peer_is_served() {
    // Older Python classes send their hash fields in the body; unknown members and a minimal body are fine too.
    let (axon, handler) = start(|axon| axon).await;
    let to = axon.local_addr();
    let body = br#"{"required_hash_fields": ["roles"], "roles": ["user"], "x": {}, "messages": ["hello"]}"#;
    assert_eq!(asking("hello").body(&body[..]).send(to).await.status, 200);
    let minimal = [
        "name",
        "timeout",
        "header_size",
        "total_size",
        "bt_header_dendrite_version",
        "bt_header_axon_hotkey",
    ];
    let minimal = minimal.iter().fold(asking("hello"), |raw, name| raw.without(name));
    let minimal = minimal
        .without("bt_header_input_obj_roles")
        .without("bt_header_input_obj_messages");
    let minimal = minimal.body(&br#"{"roles":["user"],"messages":["hello"]}"#[..]);
    assert_eq!(minimal.send(to).await.status, 200);
    assert_eq!(handler.count(), 2);
}

#[tokio::test]
async fn the_handler_is_told_the_verified_caller_and_not_what_the_body_says() {
    let (axon, handler) = start(|axon| axon).await;
    let mallory = key("//Mallory").account_id();
    let body = format!(
        r#"{{"dendrite": {{"hotkey": "{mallory}", "ip": "9.9.9.9"}}, "roles": ["user"], "messages": ["hello"]}}"#
    );
    let reply = asking("hello").body(body).send(axon.local_addr()).await;
    let caller = handler.seen.lock().clone().expect("a caller");
    let alice = key("//Alice").account_id();
    assert_eq!(
        (caller.hotkey, caller.ip.to_string().as_str(), caller.synapse),
        (alice, "127.0.0.1", "Prompting")
    );
    assert_eq!(reply.json()["dendrite"]["hotkey"], alice.to_string());
    assert_eq!(reply.header(HOTKEY), Some(alice.to_string().as_str()));
    let synapse: Prompting = serde_json::from_slice(&reply.body).expect("a synapse");
    assert_eq!(synapse.completion, "echo hello");
}
