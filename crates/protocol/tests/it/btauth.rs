use std::sync::Arc;
use std::time::Duration;

use axoneme_protocol::btauth::{self, LANE, body_sha256};
use axoneme_protocol::nonce::NonceUse;
use axoneme_protocol::{BtauthError, BtauthHead, BtauthWindow, ManualClock, MemoryNonceStore, NonceStore, NonceWindow};
use axoneme_wallet::{AccountId, Keypair, Scheme};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::{answer_at_once, cases, header_pairs, number, text, vectors};

fn parse(headers: &[(String, String)]) -> Result<BtauthHead, BtauthError> {
    BtauthHead::parse(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
}

fn body(case: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(text(case, "body_base64")).expect("base64")
}

/// The whole order of a server.
fn receive(case: &Value, store: &MemoryNonceStore) -> Result<(), BtauthError> {
    let head = parse(&header_pairs(case))?;
    let own: AccountId = text(case, "self_hotkey").parse().expect("address");
    head.check_receiver(&own, case["require_receiver"].as_bool().expect("truth"))?;
    let seconds = |name: &str| Duration::from_secs_f64(case[name].as_f64().expect("seconds"));
    let window = BtauthWindow {
        max_age: seconds("max_age_s"),
        skew: seconds("allowed_skew_s"),
    };
    window.check(number(case, "now_ns"), head.nonce)?;
    head.check_signature(text(case, "method"), text(case, "target"), &body_sha256(&body(case)))?;
    answer_at_once(store.claim(NonceUse {
        hotkey: &head.sender,
        uuid: LANE,
        nonce: head.nonce,
    }))?;
    Ok(())
}

#[test]
fn recorded_requests_are_judged_as_the_strict_verifier_does() {
    let mut judged = std::collections::BTreeMap::new();
    for case in cases(&vectors("btauth1"), "verify") {
        // One row has no strict answer: the strict verifier always requires a receiver. The SDK accepts.
        let expected = case["taowire"].as_str().unwrap_or(text(&case, "sdk_11_3_0"));
        let clock = Arc::new(ManualClock::at(number(&case, "now_ns")));
        let store = MemoryNonceStore::new(clock, NonceWindow::default(), 10);
        let mut result = receive(&case, &store);
        if case["send_twice"].as_bool() == Some(true) {
            assert_eq!(result, Ok(()));
            result = receive(&case, &store);
        }
        let code = result.map_or_else(|error| error.code(), |()| "ok");
        assert_eq!(code, expected, "{} {}", text(&case, "id"), text(&case, "note"));
        *judged.entry(code).or_insert(0) += 1;
    }
    assert_eq!(judged["ok"], 10);
    assert_eq!(judged.values().sum::<i32>(), 59);
}

#[test]
fn payloads_and_headers_are_those_of_the_sdk() {
    let mut reproduced = 0;
    for case in cases(&vectors("btauth1"), "builds") {
        let id = text(&case, "id");
        let (method, target, nonce) = (text(&case, "method"), text(&case, "target"), number(&case, "nonce"));
        let recorded = header_pairs(&case);
        let head = parse(&recorded).expect(id);
        assert_eq!(
            head.payload(method, target, &body(&case)),
            text(&case, "payload"),
            "{id}"
        );
        assert!(head.verify(method, target, &body_sha256(&body(&case))), "{id}");

        let scheme: Scheme = text(&case, "scheme").parse().expect("scheme");
        let alice = Keypair::from_uri_with(scheme, "//Alice").expect("uri");
        let receiver: Option<AccountId> = case["receiver"].as_str().map(|text| text.parse().expect("address"));
        let mut ours = btauth::sign(&alice, receiver.as_ref(), method, target, &body(&case), nonce);
        ours.sort();
        let mut recorded: Vec<_> = recorded.iter().map(|(n, v)| (n.as_str(), v.clone())).collect();
        recorded.sort();
        if alice.account_id().to_string() == text(&case, "sender") && scheme == Scheme::Ed25519 {
            assert_eq!(ours, recorded, "{id}");
            reproduced += 1;
        } else {
            let names =
                |headers: &[(&str, String)]| headers.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>();
            assert_eq!(names(&ours), names(&recorded), "{id}");
        }
    }
    assert!(reproduced >= 6, "{reproduced} ed25519 requests reproduced byte by byte");
}

#[test]
fn own_requests_of_both_schemes_are_accepted_and_bound_to_all_that_is_signed() {
    let bob = Keypair::from_uri("//Bob").expect("uri").account_id();
    for scheme in [Scheme::Sr25519, Scheme::Ed25519] {
        let alice = Keypair::from_uri_with(scheme, "//Alice").expect("uri");
        let headers: Vec<(String, String)> = btauth::sign(&alice, Some(&bob), "POST", "/Prompting?a=%20", b"body", 7)
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let head = parse(&headers).expect("own headers");
        assert_eq!(
            (head.scheme, head.sender, head.receiver),
            (scheme, alice.account_id(), Some(bob))
        );
        let hash = body_sha256(b"body");
        assert!(head.verify("POST", "/Prompting?a=%20", &hash));
        assert!(!head.verify("GET", "/Prompting?a=%20", &hash));
        assert!(!head.verify("POST", "/Prompting?a= ", &hash));
        assert!(!head.verify("POST", "/Prompting?a=%20", &body_sha256(b"")));
        assert!(!head.verify("POST\n/Prompting", "?a=%20", &hash));
        let changed = |change: fn(&mut BtauthHead)| {
            let mut head = head;
            change(&mut head);
            head.verify("POST", "/Prompting?a=%20", &hash)
        };
        assert!(changed(|_| ()));
        assert!(!changed(|head| head.nonce = 8));
        assert!(!changed(|head| head.receiver = None));
    }
}

#[test]
fn a_request_is_told_by_its_signature_header() {
    let present = |name: &'static str| BtauthHead::is_present([("host", &b"x"[..]), (name, &b""[..])]);
    assert!(present("X-Bittensor-Signature") && present("x-bittensor-signature"));
    assert!(!present("X-Bittensor-Nonce") && !present("bt_header_dendrite_signature"));
}

#[test]
fn a_full_or_lost_store_is_no_failure_of_the_caller() {
    use axoneme_protocol::NonceError;
    for error in [NonceError::StoreFull, NonceError::StoreUnavailable] {
        let error = BtauthError::from(error);
        assert_eq!((error.status(), error.code()), (503, "tw.replay_store_unavailable"));
    }
    assert_eq!(BtauthError::from(NonceError::Replayed).status(), 401);
}
