//! What answers look like to a Python dendrite, and that recorded Python requests are served.

use std::sync::Arc;

use axoneme_protocol::{Dummy, ManualClock, Ping, Synapse};
use base64::Engine as _;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::peer::{Raw, Reply, Signed, asking, key, start};

#[tokio::test]
async fn a_200_has_everything_a_python_dendrite_needs() {
    let (axon, _) = start(|axon| axon).await;
    let reply = asking("h\u{e9}llo").send(axon.local_addr()).await;
    assert_eq!(reply.status, 200);
    let bob = key("//Bob").account_id().to_string();
    for (name, value) in [
        ("content-type", "application/json"),
        ("name", "Prompting"),
        ("timeout", "12.0"),
        ("bt_header_axon_status_code", "200"),
        ("bt_header_axon_status_message", "Success"),
        ("bt_header_axon_hotkey", bob.as_str()),
        ("bt_header_input_obj_roles", "W10="),
        ("bt_header_input_obj_messages", "W10="),
        ("header_size", "0"),
        ("total_size", "0"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{name}");
    }
    assert!(
        reply
            .header("bt_header_axon_process_time")
            .is_some_and(|time| time.parse::<f64>().is_ok())
    );
    assert_eq!(reply.header("computed_body_hash").map(str::len), Some(64));
    let body = reply.json();
    assert_eq!(body["axon"]["status_code"], 200);
    assert_eq!(body["roles"][0], "user");
    assert_eq!(body["messages"][0], "h\u{e9}llo");
    assert_eq!(body["completion"], "echo h\u{e9}llo");
}

#[tokio::test]
async fn errors_are_json_with_one_status_in_three_places() {
    let (axon, _) = start(|axon| axon).await;
    let to = axon.local_addr();
    for (message, status) in [("panic", 500), ("internal", 500), ("slow down", 429)] {
        let reply = asking(message).send(to).await;
        assert_eq!(reply.status, status, "{message}");
        assert_eq!(
            reply.header("bt_header_axon_status_code"),
            Some(status.to_string().as_str())
        );
        assert_eq!(reply.header("content-type"), Some("application/json"));
        let words = reply.message();
        assert_eq!(reply.header("bt_header_axon_status_message"), Some(words.as_str()));
        if status == 500 {
            assert!(words.starts_with("Internal Server Error #"), "{words}");
            assert!(!words.contains("secret"));
        }
    }
    // A panic harms nobody else.
    assert_eq!(asking("hello").send(to).await.status, 200);
}

#[tokio::test]
async fn the_base_synapse_is_a_ping() {
    let (axon, _) = start(|axon| axon).await;
    let hash = axoneme_protocol::body_hash::body_hash(&Ping {}).expect("hash");
    let mut raw = asking("hello");
    raw.path = format!("/{}", Ping::NAME);
    let alice = key("//Alice");
    let bob = key("//Bob").account_id();
    let (nonce, uuid) = (
        raw.header("bt_header_dendrite_nonce"),
        raw.header("bt_header_dendrite_uuid"),
    );
    let signature = axoneme_protocol::signing::sign_request(&alice, nonce.parse().expect("nonce"), &bob, &uuid, &hash);
    let raw = raw
        .set("computed_body_hash", &hash)
        .set("bt_header_dendrite_signature", &signature)
        .body(&b"{}"[..]);
    let reply = raw.send(axon.local_addr()).await;
    assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
    assert_eq!(reply.header("name"), Some("Synapse"));
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let (axon, handler) = start(|axon| axon).await;
    let mut stream = TcpStream::connect(axon.local_addr()).await.expect("connected");
    for index in 0..5 {
        // A refused request in between does not end it.
        stream
            .write_all(&asking("hello").without("bt_header_dendrite_nonce").bytes())
            .await
            .expect("sent");
        assert_eq!(
            Reply::read(&mut stream).await.expect("an answer").status,
            401,
            "{index}"
        );
        stream.write_all(&asking("hello").bytes()).await.expect("sent");
        assert_eq!(
            Reply::read(&mut stream).await.expect("an answer").status,
            200,
            "{index}"
        );
    }
    assert_eq!(handler.count(), 5);
}

#[tokio::test]
async fn chunked_bodies_are_served() {
    let (axon, _) = start(|axon| axon).await;
    let raw = asking("hello");
    let mut framed = format!("{:x}\r\n", raw.body.len()).into_bytes();
    framed.extend_from_slice(&raw.body);
    framed.extend_from_slice(b"\r\n0\r\n\r\n");
    let raw = raw.set("Transfer-Encoding", "chunked").body(framed);
    assert_eq!(raw.send(axon.local_addr()).await.status, 200);
}

/// The recorded bytes of a request, as parts.
fn recorded(raw_base64: &str) -> Raw {
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(raw_base64)
        .expect("base64");
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8(bytes[..end].to_vec()).expect("ascii");
    let mut lines = head.split("\r\n");
    let path = lines
        .next()
        .expect("a line")
        .split(' ')
        .nth(1)
        .expect("a path")
        .to_owned();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .collect();
    Raw {
        method: "POST",
        path,
        headers,
        body: bytes[end + 4..].to_vec(),
    }
}

#[tokio::test]
async fn recorded_requests_of_a_python_dendrite_are_answered_as_required() {
    let path = format!("{}/../protocol/tests/vectors/captures.json", env!("CARGO_MANIFEST_DIR"));
    let file: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).expect("vectors")).expect("json");
    let mut checked = 0;
    for case in file["exchanges"].as_array().expect("cases") {
        let id = case["id"].as_str().expect("id");
        let expected = match id {
            "C01" | "C02" | "C03" | "C06" | "C07" | "C08" | "C11" | "C20" => 200, // this handler has no opinions
            "C09" => 401,
            "C12" => 404,
            _ => continue, // streams, and one whose client leaves
        };
        let received = &case["received_at_ns"];
        let received = received
            .as_u64()
            .or_else(|| received.as_str()?.parse().ok())
            .expect("a time");
        // An axon trusts nothing that was signed before its own start.
        let before = std::time::Duration::from_secs(60);
        let clock = Arc::new(ManualClock::at(received - 60_000_000_000));
        let (axon, _) = start(|axon| axon.clock(clock.clone())).await;
        clock.advance(before);
        let raw = recorded(case["request"]["raw_base64"].as_str().expect("bytes"));
        let reply = raw.send(axon.local_addr()).await;
        assert_eq!(reply.status, expected, "{id}: {}", String::from_utf8_lossy(&reply.body));
        checked += 1;
    }
    assert_eq!(checked, 10);
}

#[tokio::test]
async fn numbers_sent_as_text_are_read_as_python_reads_them() {
    struct Double;
    #[async_trait::async_trait]
    impl axoneme_axon::Forward<Dummy> for Double {
        async fn forward(
            &self,
            _: axoneme_axon::Caller,
            mut dummy: Dummy,
            _: axoneme_axon::CancellationToken,
        ) -> Result<Dummy, axoneme_axon::HandlerError> {
            dummy.dummy_output = Some(dummy.dummy_input * 2);
            Ok(dummy)
        }
    }
    let (axon, _) = start(|axon| axon.route::<Dummy>(Arc::new(Double)).allow_unhashed::<Dummy>()).await;
    let mut raw = Signed::default().raw();
    raw.path = "/Dummy".into();
    let hash = axoneme_protocol::body_hash::hash_values(&[], axoneme_protocol::UnicodeVersion::OURS);
    let (alice, bob) = (key("//Alice"), key("//Bob").account_id());
    let nonce = raw.header("bt_header_dendrite_nonce").parse().expect("nonce");
    let uuid = raw.header("bt_header_dendrite_uuid");
    let signature = axoneme_protocol::signing::sign_request(&alice, nonce, &bob, &uuid, &hash);
    let raw = raw
        .set("computed_body_hash", &hash)
        .set("bt_header_dendrite_signature", &signature);
    let reply = raw.body(&br#"{"dummy_input": "21"}"#[..]).send(axon.local_addr()).await;
    assert_eq!(reply.json()["dummy_output"], 42);
}
