//! Answers of Python axons, and what of them this side reads.

use axoneme_protocol::body_hash::{hashed_values, matches};
use axoneme_protocol::envelope::read_body;
use axoneme_protocol::{AnswerHead, AnswerHeadError, Prompting, SignedHead, StatusClass, TerminalInfo};
use serde_json::{Value, json};

use crate::headers::{good_headers, replaced};
use crate::{cases, header_pairs, text, vectors};

fn parse(headers: &[(String, String)]) -> Result<AnswerHead, AnswerHeadError> {
    AnswerHead::parse(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
}

#[test]
fn the_headers_of_every_recorded_answer_are_read() {
    let (mut read, mut timed) = (0, 0);
    for case in cases(&vectors("captures"), "exchanges") {
        let id = text(&case, "id");
        let Some(line) = case["response"]["line"].as_str().filter(|line| !line.is_empty()) else {
            continue;
        };
        let http_status: u16 = line.split(' ').nth(1).expect("status").parse().expect("number");
        let head = parse(&header_pairs(&case["response"])).unwrap_or_else(|error| panic!("{id}: {error}"));
        assert_eq!(head.axon.status_code, Some(http_status), "{id}");
        assert!(head.axon.status_message.is_some() || id == "C08", "{id}");
        timed += u32::from(head.axon.process_time.is_some_and(|seconds| seconds > 0.0));
        read += 1;
    }
    assert!(read >= 14 && timed >= 12, "{read} read, {timed} with a process time");
}

#[test]
fn recorded_headers_are_read_as_in_python_or_refused() {
    let terminal = |value: &Value| serde_json::from_value::<TerminalInfo>(value.clone()).ok();
    let (mut same, mut refused) = (Vec::new(), Vec::new());
    for case in cases(&vectors("header_codec"), "decode") {
        let id = text(&case, "id").to_owned();
        let result = &case["result"];
        // A shortened hash stands in all of them; it is no subject here.
        let headers: Vec<_> = header_pairs(&case)
            .into_iter()
            .filter(|(name, _)| name != "computed_body_hash")
            .collect();
        match parse(&headers) {
            // Placeholders are not read here, so two of Python's errors are none.
            Ok(_) if ["D03", "D11", "D12"].contains(&id.as_str()) => {}
            Ok(head) => {
                assert!(result["error"].is_null(), "{id}: Python refuses");
                assert_eq!(json!(head.timeout), result["timeout"], "{id}");
                // Python takes the ip from a header that only contains the name.
                if id != "D14" {
                    assert_eq!(Some(head.axon), terminal(&result["axon"]), "{id}");
                }
                assert_eq!(Some(head.dendrite), terminal(&result["dendrite"]), "{id}");
                same.push(id);
            }
            Err(_) => refused.push(id),
        }
    }
    assert_eq!(same.len() + refused.len() + 3, 18);
    // Python reads 1_000, spaces, nan and ports above 65535.
    assert_eq!(refused, ["D04", "D05", "D06", "D07", "D09", "D10", "D13"]);
}

#[test]
fn what_python_dendrites_cannot_parse_is_refused_here_too() {
    for case in cases(&vectors("dendrite_outcomes"), "cases") {
        let id = text(&case, "id");
        let Some(head) = case["server_sends"]
            .as_str()
            .and_then(|sent| sent.split("\r\n\r\n").next())
        else {
            continue;
        };
        let headers: Vec<_> = head
            .split("\r\n")
            .skip(1)
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        assert_eq!(parse(&headers).is_err(), id == "R27", "{id}");
        let status = case["result"]["status_code"].as_u64().unwrap_or(0);
        let class = StatusClass::of(u16::try_from(status).expect("status"));
        assert_eq!(
            class == StatusClass::Success,
            case["result"]["is_success"] == true,
            "{id}"
        );
    }
}

#[test]
fn numbers_and_duplicates_are_judged_strictly() {
    for (name, value) in [
        ("timeout", "None"),
        ("timeout", "inf"),
        ("header_size", "-1"),
        ("total_size", "1_0"),
        ("bt_header_axon_status_code", "70000"),
        ("BT_HEADER_AXON_STATUS_CODE", "2e2"),
        ("bt_header_axon_port", "65536"),
        ("bt_header_axon_nonce", "18446744073709551616"),
        ("bt_header_dendrite_process_time", "nan"),
        ("computed_body_hash", "ab"),
    ] {
        let result = parse(&[(name.to_owned(), value.to_owned())]);
        assert!(
            matches!(result, Err(AnswerHeadError::Malformed { .. })),
            "{name}: {value}"
        );
    }
    for name in [
        "name",
        "timeout",
        "header_size",
        "bt_header_axon_ip",
        "bt_header_dendrite_nonce",
    ] {
        let header = |name: &str| (name.to_owned(), "1".to_owned());
        let result = parse(&[header(name), header(&name.to_uppercase())]);
        assert!(matches!(result, Err(AnswerHeadError::Duplicate { .. })), "{name}");
    }
    let long = parse(&[("bt_header_axon_status_message".to_owned(), "日".repeat(5000))]).expect("text");
    assert_eq!(long.axon.status_message.expect("text").chars().count(), 1024);
}

/// The variations of one request that a real axon answered, as far as headers and body decide them: which of them this
/// side takes has to agree with what that axon served, save where it is meant to be stricter or more lenient.
#[test]
fn variations_of_a_request_are_taken_where_a_python_axon_serves_them() {
    let file = vectors("axon_answers");
    let recorded = |id: &str| {
        let case = cases(&file, "cases").into_iter().find(|case| text(case, "id") == id);
        case.unwrap_or_else(|| panic!("no case {id}"))["status"]
            .as_u64()
            .expect("status")
    };
    let body = json!({"roles": ["user"], "messages": ["hello"]});
    let taken = |headers: &[(String, String)], body: &[u8]| {
        let head = SignedHead::parse(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
        let Ok(head) = head else { return false };
        let bob = axoneme_wallet::Keypair::from_uri("//Bob").expect("uri").account_id();
        let Ok(synapse) = read_body::<Prompting>(body) else {
            return false;
        };
        head.verify(&bob) && matches(&hashed_values(&synapse).expect("values"), &head.body_hash)
    };
    let good = serde_json::to_vec(&body).expect("json");
    assert!(recorded("K00") == 200 && taken(&good_headers(), &good));

    let mut headers_checked = 0;
    for case in cases(&file, "cases") {
        let id = text(&case, "id");
        let Some(name) = id.strip_prefix("K-").filter(|name| *name != "Content-Type") else {
            continue;
        };
        // Placeholders are for Python only, and this side is told not to need them.
        let served = case["status"] == 200 || name.starts_with("bt_header_input_obj_");
        assert_eq!(taken(&replaced(name, None), &good), served, "without {name}");
        headers_checked += 1;
    }
    assert_eq!(headers_checked, 16);

    let with = |name: &str, value: &str| replaced(&format!("bt_header_dendrite_{name}"), Some(value));
    let signature = good_headers()
        .into_iter()
        .find_map(|(name, value)| name.ends_with("_signature").then_some(value))
        .expect("signature");
    let alice = axoneme_wallet::Keypair::from_uri("//Alice")
        .expect("uri")
        .account_id()
        .to_string();
    for (id, headers) in [
        ("K42", with("hotkey", "hello")),
        ("K43", with("hotkey", &format!("{}X", &alice[..47]))),
        ("K44", with("signature", "")),
        ("K45", with("signature", &format!("0x{}", "zz".repeat(64)))),
        ("K46", with("signature", &signature[..128])),
        ("K47", with("signature", &signature[2..])),
        ("K48", with("signature", &format!("0x{}", "11".repeat(64)))),
        ("K49", with("nonce", "abc")),
        ("K51", replaced("computed_body_hash", Some(&"a".repeat(64)))),
    ] {
        assert!(recorded(id) != 200 && !taken(&headers, &good), "{id}");
    }
    for (id, bytes) in [
        ("K50", &br#"{"roles": ["user"], "messages": ["other"]}"#[..]),
        ("K52", br#"{"roles": "#),
        ("K53", b"{\"roles\": [\"\xff\"], \"messages\": [\"hello\"]}"),
        ("K54", br#"{"roles": ["user"], "messages": [5]}"#),
        ("K55", br#"{"roles": ["user"]}"#),
        ("K56", b""),
        ("K57", br#"[["user"], ["hello"]]"#),
    ] {
        assert!(recorded(id) != 200 && !taken(&good_headers(), bytes), "{id}");
    }
}
