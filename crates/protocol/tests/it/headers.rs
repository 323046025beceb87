use std::time::Duration;

use axoneme_protocol::body_hash::body_hash;
use axoneme_protocol::{
    EmptyValue, Envelope, HeadError, Prompting, SignedHead, Synapse, TerminalInfo, WIRE_VERSION, signing,
};
use axoneme_wallet::Keypair;
use base64::Engine as _;
use proptest::prelude::*;
use serde_json::Value;

use crate::{cases, header_pairs, text, vectors};

fn parse(headers: &[(String, String)]) -> Result<SignedHead, HeadError> {
    SignedHead::parse(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
}

/// The headers of a well-formed request from //Alice to //Bob.
pub fn good_headers() -> Vec<(String, String)> {
    let alice = Keypair::from_uri("//Alice").expect("uri");
    let bob = Keypair::from_uri("//Bob").expect("uri").account_id();
    let hash = body_hash(&Prompting::ask("hello")).expect("hash");
    let envelope = Envelope {
        timeout: Some(12.0),
        dendrite: TerminalInfo {
            nonce: Some(1_700_000_000_000_000_000),
            uuid: Some("lane-1".into()),
            version: Some(WIRE_VERSION),
            hotkey: Some(alice.account_id().to_string()),
            signature: Some(signing::sign_request(
                &alice,
                1_700_000_000_000_000_000,
                &bob,
                "lane-1",
                &hash,
            )),
            ..TerminalInfo::default()
        },
        body_hash: hash,
        ..Envelope::of::<Prompting>()
    };
    envelope
        .headers()
        .into_iter()
        .map(|(name, value)| (name.into_owned(), value))
        .collect()
}

pub fn replaced(name: &str, value: Option<&str>) -> Vec<(String, String)> {
    let mut headers = good_headers();
    headers.retain(|(known, _)| known != name);
    headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    headers
}

#[test]
fn written_headers_equal_those_of_a_python_dendrite() {
    for case in cases(&vectors("header_codec"), "encode")
        .iter()
        .filter(|case| text(case, "id") != "E04")
    {
        let expected = header_pairs(case);
        let given = |name: &str| {
            expected
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.clone())
        };
        let terminal = |end: &str| TerminalInfo {
            status_code: given(&format!("bt_header_{end}_status_code")).map(|v| v.parse().expect("int")),
            status_message: given(&format!("bt_header_{end}_status_message")),
            process_time: given(&format!("bt_header_{end}_process_time")).map(|v| v.parse().expect("float")),
            ip: given(&format!("bt_header_{end}_ip")),
            port: given(&format!("bt_header_{end}_port")).map(|v| v.parse().expect("int")),
            version: given(&format!("bt_header_{end}_version")).map(|v| v.parse().expect("int")),
            nonce: given(&format!("bt_header_{end}_nonce")).map(|v| v.parse().expect("int")),
            uuid: given(&format!("bt_header_{end}_uuid")),
            hotkey: given(&format!("bt_header_{end}_hotkey")),
            signature: given(&format!("bt_header_{end}_signature")),
        };
        let envelope = Envelope {
            timeout: Some(12.0),
            dendrite: terminal("dendrite"),
            axon: terminal("axon"),
            body_hash: body_hash(&Prompting::ask("hello")).expect("hash"),
            ..Envelope::of::<Prompting>()
        };
        let sizes_aside = |(name, value): &(String, String)| match name.as_str() {
            "header_size" | "total_size" => (name.clone(), "0".to_owned()),
            _ => (name.clone(), value.clone()),
        };
        let written: Vec<(String, String)> = envelope
            .headers()
            .into_iter()
            .map(|(name, value)| (name.into_owned(), value))
            .collect();
        assert_eq!(
            written,
            expected.iter().map(sizes_aside).collect::<Vec<_>>(),
            "{}",
            text(case, "id")
        );
    }
}

#[test]
fn placeholders_are_those_of_a_python_dendrite() {
    let file = vectors("header_codec");
    let case = cases(&file, "encode")
        .into_iter()
        .find(|case| text(case, "id") == "E04")
        .expect("E04");
    let of = |field: &str| match field {
        "i" => EmptyValue::Int,
        "f" => EmptyValue::Float,
        "s" => EmptyValue::Str,
        "b" => EmptyValue::Bool,
        "l" => EmptyValue::List,
        _ => EmptyValue::Dict,
    };
    let mut checked = 0;
    for (name, value) in header_pairs(&case) {
        if let Some(field) = name.strip_prefix("bt_header_input_obj_") {
            assert_eq!(of(field).header_value(), value);
            checked += 1;
        }
    }
    assert_eq!(checked, 6);
}

/// Splits recorded request bytes into header pairs and body.
fn raw_request(case: &Value) -> (Vec<(String, String)>, Vec<u8>) {
    let raw = base64::engine::general_purpose::STANDARD
        .decode(text(&case["request"], "raw_base64"))
        .expect("base64");
    let end = raw
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("end of head");
    let head = std::str::from_utf8(&raw[..end]).expect("ascii head");
    let pairs = head.split("\r\n").skip(1).filter_map(|line| line.split_once(": "));
    (
        pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
        raw[end + 4..].to_vec(),
    )
}

#[test]
fn every_recorded_request_parses_and_its_signature_and_body_hash_hold() {
    let file = vectors("captures");
    let bob = text(&file, "axon_hotkey").parse().expect("address");
    let mut checked = 0;
    for case in cases(&file, "exchanges") {
        let id = text(&case, "id").to_owned();
        let (headers, body) = raw_request(&case);
        let head = parse(&headers).unwrap_or_else(|e| panic!("{id}: {e}"));
        assert_eq!(head.verify(&bob), id != "C09", "{id}"); // C09 is signed for another axon
        let window = axoneme_protocol::NonceWindow::default();
        let received: u64 = case["received_at_ns"]
            .as_u64()
            .or_else(|| case["received_at_ns"].as_str().and_then(|t| t.parse().ok()))
            .expect("time");
        assert_eq!(window.check(received, head.nonce, head.timeout), Ok(()), "{id}");
        if text(&case["request"], "line").contains("Prompting") {
            let synapse: Prompting = serde_json::from_slice(&body).unwrap_or_else(|e| panic!("{id}: {e}"));
            let values = axoneme_protocol::body_hash::hashed_values(&synapse).expect("values");
            assert!(axoneme_protocol::body_hash::matches(&values, &head.body_hash), "{id}");
        }
        if let Some(message) = case["signed_message"].as_str() {
            let own = signing::signed_message(head.nonce, &head.hotkey, &bob, &head.uuid, &head.body_hash);
            assert_eq!(own == message, id != "C09", "{id}");
        }
        checked += 1;
    }
    assert_eq!(checked, 15);
}

#[test]
fn recorded_header_variations_are_judged_strictly() {
    // The vectors lack a signature and use short uuids and hashes; what counts here is the one header that varies.
    for (name, value, fine) in [
        ("bt_header_dendrite_nonce", "1_000", false),
        ("bt_header_dendrite_nonce", " 7", false),
        ("bt_header_dendrite_nonce", "7.0", false),
        ("bt_header_dendrite_nonce", "-5", false),
        ("bt_header_dendrite_nonce", "18446744073709551615", true),
        ("bt_header_dendrite_nonce", "18446744073709551616", false),
        ("bt_header_dendrite_nonce", "000000000000000000001", false),
        ("timeout", "nan", false),
        ("timeout", "inf", false),
        ("timeout", "-1", false),
        ("timeout", "1e3", true),
        ("timeout", "x", false),
        ("timeout", "12", true),
        ("header_size", "x", false),
        ("total_size", "-1", false),
        ("bt_header_axon_port", "99999", true),
        ("bt_header_dendrite_status_code", "abc", false),
        ("bt_header_dendrite_unknown", "1", true),
        ("x_bt_header_dendrite_nonce", "9", true),
        ("bt_header_input_obj_messages", "!!!", true),
        ("bt_header_dendrite_uuid", "a.b", false),
        ("bt_header_dendrite_uuid", "", false),
        ("computed_body_hash", "ab", false),
        ("bt_header_dendrite_ip", "\u{e9}", false),
    ] {
        assert_eq!(parse(&replaced(name, Some(value))).is_ok(), fine, "{name}: {value}");
    }
    let head = parse(&replaced("timeout", Some("1e3"))).expect("fine");
    assert_eq!(head.timeout, Some(Duration::from_secs(1000)));
    // Not `1`: a name that only contains a known one is another header.
    let head = parse(&replaced("x_bt_header_dendrite_nonce", Some("1"))).expect("fine");
    assert_eq!(head.nonce, 1_700_000_000_000_000_000);
}

#[test]
fn what_is_needed_is_required_and_nothing_else() {
    for missing in ["nonce", "uuid", "hotkey", "signature"] {
        let error = parse(&replaced(&format!("bt_header_dendrite_{missing}"), None)).expect_err(missing);
        assert!(error.is_authentication(), "{missing}: {error}");
    }
    assert!(
        parse(&replaced("computed_body_hash", None))
            .expect_err("hash")
            .is_authentication()
    );
    assert!(
        parse(&replaced("bt_header_dendrite_signature", Some("")))
            .expect_err("empty")
            .is_authentication()
    );
    for optional in [
        "name",
        "timeout",
        "header_size",
        "total_size",
        "bt_header_dendrite_version",
        "bt_header_input_obj_roles",
        "bt_header_input_obj_messages",
    ] {
        assert!(parse(&replaced(optional, None)).is_ok(), "{optional}");
    }
}

#[test]
fn a_header_of_the_wire_may_come_once_only() {
    for (name, value) in good_headers() {
        let mut headers = good_headers();
        headers.push((name.to_uppercase(), value));
        assert!(matches!(parse(&headers), Err(HeadError::Duplicate { .. })), "{name}");
    }
}

#[test]
fn header_values_cannot_start_a_new_line() {
    let safe = axoneme_protocol::envelope::header_safe("a\r\nbt_header_axon_status_code: 200\u{e9}");
    assert_eq!(safe, "a  bt_header_axon_status_code: 200?");
    assert_eq!(axoneme_protocol::envelope::header_safe(&"x".repeat(5000)).len(), 1024);
}

#[test]
fn a_written_body_reads_back_and_has_the_members_of_the_base_class() {
    let synapse = Prompting::ask("h\u{e9}llo \"\u{1f600}\"");
    let envelope = Envelope {
        timeout: Some(12.0),
        ..Envelope::of::<Prompting>()
    };
    let body = envelope.body(&synapse).expect("body");
    assert_eq!(serde_json::from_slice::<Prompting>(&body).expect("own body"), synapse);
    let json: Value = serde_json::from_slice(&body).expect("json");
    for member in [
        "name",
        "timeout",
        "total_size",
        "header_size",
        "dendrite",
        "axon",
        "computed_body_hash",
    ] {
        assert!(json.get(member).is_some(), "{member}");
    }
    assert_eq!(json["dendrite"].as_object().expect("object").len(), 10);
    assert_eq!(json["name"], Prompting::NAME);
}

proptest! {
    #[test]
    fn no_header_text_makes_the_parser_panic(
        headers in proptest::collection::vec(("[ -~]{0,40}|bt_header_(dendrite|axon|input_obj)_[a-z_\u{e9}]{0,12}", any::<Vec<u8>>()), 0..20)
    ) {
        let _ = SignedHead::parse(headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())));
    }

    #[test]
    fn a_value_bent_anywhere_is_refused_or_does_not_verify(place in 0..12usize, value in "[ -~]{0,140}") {
        let mut headers = good_headers();
        let place = place % headers.len();
        let signed = ["nonce", "uuid", "hotkey", "signature", "body_hash"];
        prop_assume!(signed.iter().any(|part| headers[place].0.ends_with(part)) && headers[place].1 != value);
        headers[place].1 = value;
        let bob = Keypair::from_uri("//Bob").expect("uri").account_id();
        prop_assert!(!parse(&headers).is_ok_and(|head| head.verify(&bob)));
    }
}
