//! What honest peers send.

use serde_json::{Value, json};

use super::{course, once};
use crate::case::{Case, Expect};
use crate::session::Session;
use crate::socket::{Seen, Socket};

pub(super) const CASES: &[Case] = &[
    once!(
        "full",
        Valid,
        "every header and member that the Python SDK sends",
        Expect::Served,
        full
    ),
    once!("minimal", Valid, "only what an axon needs", Expect::Served, |session| {
        session
            .draft()
            .http()
            .without("name")
            .without("timeout")
            .without("bt_header_axon_hotkey")
            .bytes()
    }),
    once!(
        "spaces",
        Valid,
        "JSON with spaces and line breaks",
        Expect::Served,
        |session| {
            let pretty = serde_json::to_vec_pretty(&session.synapse.body).unwrap_or_default();
            session.draft().body(pretty).bytes()
        }
    ),
    once!(
        "escapes",
        Valid,
        "JSON with every character escaped",
        Expect::Served,
        |session| {
            session
                .draft()
                .body(escaped(&session.synapse.body.clone().into()))
                .bytes()
        }
    ),
    once!(
        "members",
        Valid,
        "members that nobody knows",
        Expect::Served,
        |session| {
            let mut body = session.synapse.body.clone();
            body.insert("required_hash_fields".into(), json!(session.synapse.hash_fields));
            body.insert("x_extra".into(), json!({"deep": [1, null]}));
            session.draft().body(Value::from(body).to_string()).bytes()
        }
    ),
    once!(
        "lower-case",
        Valid,
        "header names in lower case",
        Expect::Served,
        |session| {
            session
                .draft()
                .http()
                .with(|http| recase(http, str::to_lowercase))
                .bytes()
        }
    ),
    once!(
        "upper-case",
        Valid,
        "header names in upper case",
        Expect::Served,
        |session| {
            session
                .draft()
                .http()
                .with(|http| recase(http, str::to_uppercase))
                .bytes()
        }
    ),
    once!(
        "extra-headers",
        Valid,
        "headers that nobody knows",
        Expect::Served,
        |session| {
            session
                .draft()
                .http()
                .plus("X-Forwarded-For", "10.0.0.1")
                .plus("Accept-Encoding", "gzip, deflate, br")
                .bytes()
        }
    ),
    once!(
        "host",
        Valid,
        "a Host that is not the axon's",
        Expect::Served,
        |session| { session.draft().http().set("Host", "0.0.0.0:1").bytes() }
    ),
    once!(
        "upper-hex",
        Valid,
        "the signature in upper-case hex",
        Expect::Served,
        |session| {
            let http = session.draft().http();
            let signature = http.get("bt_header_dendrite_signature");
            http.set(
                "bt_header_dendrite_signature",
                format!("0x{}", signature[2..].to_uppercase()),
            )
            .bytes()
        }
    ),
    once!(
        "behind",
        Valid,
        "a clock three seconds behind",
        Expect::Served,
        |session| { session.draft().with(|draft| draft.nonce -= 3_000_000_000).bytes() }
    ),
    once!("chunked", Valid, "the body in chunks", Expect::Served, |session| {
        session.draft().http().chunked(7)
    }),
    once!(
        "ping",
        Valid,
        "the built-in synapse without fields",
        Expect::Served,
        |session| session.ping().bytes()
    ),
    once!(
        "lie",
        Valid,
        "a body that names another caller; the one who signed counts",
        Expect::Served,
        |session| {
            let mut body = session.synapse.body.clone();
            body.insert(
                "dendrite".into(),
                json!({"hotkey": session.hotkey.to_string(), "status_code": 200}),
            );
            session.draft().body(Value::from(body).to_string()).bytes()
        }
    ),
    course!(
        "keep-alive",
        Valid,
        "three requests on one connection",
        Expect::Served,
        keep_alive
    ),
    course!(
        "pipelined",
        Valid,
        "two requests sent at once",
        Expect::Served,
        pipelined
    ),
    course!(
        "one-lane",
        Valid,
        "eight requests at once under one uuid",
        Expect::Served,
        one_lane
    ),
    course!(
        "pieces",
        Valid,
        "a request that arrives in small pieces",
        Expect::Served,
        pieces
    ),
    course!("expect", Valid, "Expect: 100-continue", Expect::Served, expect_continue),
    course!(
        "stream",
        Valid,
        "a stream, when the axon has StreamPrompting",
        Expect::Served,
        streamed
    ),
];

fn full(session: &Session) -> Vec<u8> {
    let draft = session.draft();
    let (uuid, nonce) = (draft.uuid.clone(), draft.nonce);
    let mut body = serde_json::Map::new();
    body.insert("name".into(), json!(session.synapse.name));
    body.insert("timeout".into(), json!(12.0));
    body.insert("total_size".into(), json!(3299));
    body.insert("header_size".into(), json!(0));
    body.insert(
        "dendrite".into(),
        json!({
            "status_code": null, "status_message": null, "process_time": null, "ip": "127.0.0.1", "port": null,
            "version": 10_005_000, "nonce": nonce, "uuid": uuid, "hotkey": session.signer.account_id().to_string(),
            "signature": null,
        }),
    );
    body.insert(
        "axon".into(),
        json!({"ip": "127.0.0.1", "port": 1, "hotkey": session.hotkey.to_string()}),
    );
    body.insert("computed_body_hash".into(), json!(""));
    body.extend(session.synapse.body.clone());
    draft
        .body(Value::from(body).to_string())
        .http()
        .plus("bt_header_axon_ip", "127.0.0.1")
        .plus("bt_header_axon_port", "1")
        .plus("bt_header_dendrite_ip", "127.0.0.1")
        .plus("header_size", "1234")
        .plus("total_size", "3299")
        .plus("Accept", "*/*")
        .plus("Accept-Encoding", "gzip, deflate")
        .plus("User-Agent", "Python/3.11 aiohttp/3.14")
        .bytes()
}

/// JSON in which every character of every text is an escape.
fn escaped(value: &Value) -> String {
    let text = |text: &str| {
        let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
        format!("\"{}\"", units.collect::<String>())
    };
    match value {
        Value::String(inner) => text(inner),
        Value::Array(items) => format!("[{}]", items.iter().map(escaped).collect::<Vec<_>>().join(" , ")),
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(key, value)| format!("{} : {}", text(key), escaped(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(" , "))
        }
        other => other.to_string(),
    }
}

fn recase(http: &mut crate::draft::Http, change: fn(&str) -> String) {
    for (name, _) in &mut http.fields {
        *name = change(name);
    }
}

async fn keep_alive(session: &Session) -> Result<Seen, String> {
    let mut socket = Socket::open(session.target).await?;
    let mut seen = Seen::NotOffered;
    for _ in 0..3 {
        socket.write(&session.draft().bytes(), session.patience).await;
        seen = socket.read(session.patience).await;
        if !seen.is_served() {
            break;
        }
    }
    Ok(seen)
}

async fn pipelined(session: &Session) -> Result<Seen, String> {
    let mut socket = Socket::open(session.target).await?;
    let two = [session.draft().bytes(), session.draft().bytes()].concat();
    socket.write(&two, session.patience).await;
    let first = socket.read(session.patience).await;
    if !first.is_served() {
        return Ok(first);
    }
    Ok(socket.read(session.patience).await)
}

async fn one_lane(session: &Session) -> Result<Seen, String> {
    let uuid = session.draft().uuid;
    // Rising nonces that arrive in any order, as from one dendrite with several connections.
    let asks = (0..8).map(|_| {
        let bytes = session.draft().with(|draft| draft.uuid.clone_from(&uuid)).bytes();
        async move { session.send(&bytes).await }
    });
    let mut worst = Seen::NotOffered;
    for seen in futures::future::join_all(asks).await {
        let seen = seen?;
        if !seen.is_served() {
            return Ok(seen);
        }
        worst = seen;
    }
    Ok(worst)
}

async fn pieces(session: &Session) -> Result<Seen, String> {
    let mut socket = Socket::open(session.target).await?;
    for piece in session.draft().bytes().chunks(64) {
        socket.write(piece, session.patience).await;
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    Ok(socket.read(session.patience).await)
}

async fn expect_continue(session: &Session) -> Result<Seen, String> {
    let mut socket = Socket::open(session.target).await?;
    let http = session.draft().http().plus("Expect", "100-continue");
    socket.write(&http.head(), session.patience).await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    socket.write(&http.body, session.patience).await;
    Ok(socket.read(session.patience).await)
}

async fn streamed(session: &Session) -> Result<Seen, String> {
    if session.synapse.name != "Prompting" {
        return Ok(Seen::NotOffered);
    }
    let http = session
        .draft()
        .http()
        .with(|http| http.path = "/StreamPrompting".into());
    let seen = session.send(&http.set("name", "StreamPrompting").bytes()).await?;
    match seen.status() {
        Some(404) => Ok(Seen::NotOffered),
        _ => Ok(seen),
    }
}
