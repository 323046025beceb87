//! What is sent: unique, fresh, and signed as the protocol says.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axoneme_bench::BenchError;
use axoneme_bench::requests::{Template, Wire};
use axoneme_bench::schedule::{Load, Pace, Schedule, unix_ns};
use axoneme_protocol::btauth::{BtauthHead, BtauthWindow, body_sha256};
use axoneme_protocol::{NonceWindow, SignedHead};
use axoneme_wallet::Keypair;

fn target() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 8091))
}

fn alice() -> Keypair {
    Keypair::from_uri("//Alice").expect("a dev key")
}

fn bob() -> Keypair {
    Keypair::from_uri("//Bob").expect("a dev key")
}

fn load(wire: Wire) -> Load {
    Load {
        wire,
        target: target(),
        receiver: bob().account_id(),
        signers: vec![alice(), bob()],
        connections: 3,
        body_bytes: 1024,
    }
}

/// Takes a request apart: headers and body.
fn take_apart(bytes: &[u8]) -> (Vec<(String, Vec<u8>)>, Vec<u8>) {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut fields);
    let length = request.parse(bytes).expect("HTTP").unwrap();
    assert_eq!((request.method, request.path), (Some("POST"), Some("/Prompting")));
    let headers = request
        .headers
        .iter()
        .map(|field| (field.name.to_owned(), field.value.to_vec()));
    (headers.collect(), bytes[length..].to_vec())
}

#[test]
fn every_request_of_a_schedule_is_unique_and_its_signature_holds() {
    for wire in [Wire::V10, Wire::Btauth] {
        let pace = Pace::Closed { expected: 20.0 };
        let schedule = Schedule::sign(&load(wire), pace, Duration::from_secs(4)).expect("signed");
        let mut nonces = HashSet::new();
        let mut senders = HashSet::new();
        let mut bytes = Vec::new();
        for lane in &schedule.lanes {
            for shot in &lane.shots {
                assert!(nonces.insert(shot.nonce), "a nonce came twice");
                lane.template.write(shot, &mut bytes);
                let (headers, body) = take_apart(&bytes);
                assert_eq!(body.len(), 1024);
                let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
                match wire {
                    Wire::V10 => {
                        let head = SignedHead::parse(headers).expect("a v10 head");
                        assert!(head.verify(&bob().account_id()));
                        assert_eq!(head.nonce, shot.nonce);
                        senders.insert(head.hotkey);
                    }
                    Wire::Btauth => {
                        let head = BtauthHead::parse(headers).expect("a btauth head");
                        assert!(head.verify("POST", "/Prompting", &body_sha256(&body)));
                        senders.insert(head.sender);
                        head.check_receiver(&bob().account_id(), true)
                            .expect("bound to its receiver");
                    }
                }
            }
        }
        assert!(nonces.len() >= 80, "{}", nonces.len());
        assert_eq!(senders.len(), 2, "the connections take turns among the keys");
    }
}

#[test]
fn a_nonce_is_fresh_from_the_moment_it_may_be_sent_to_the_last() {
    for pace in [Pace::Closed { expected: 5.0 }, Pace::Open { rate: 5.0 }] {
        let schedule = Schedule::sign(&load(Wire::Btauth), pace, Duration::from_secs(30)).expect("signed");
        assert!(schedule.begins > unix_ns() - 1_000_000_000, "dated from now on");
        let at = |after: Duration| schedule.begins + u64::try_from(after.as_nanos()).expect("small");
        for shot in schedule.lanes.iter().flat_map(|lane| &lane.shots) {
            let first = schedule.due(shot);
            let last = schedule.expires(shot).unwrap_or(first + Duration::from_secs(5));
            for moment in [first, last] {
                BtauthWindow::default()
                    .check(at(moment), shot.nonce)
                    .expect("fresh for btauth");
                NonceWindow::default()
                    .check(at(moment), shot.nonce, Some(Duration::from_secs(60)))
                    .expect("fresh for v10");
            }
        }
    }
}

#[test]
fn a_body_that_cannot_be_that_small_is_refused() {
    let tiny = Template::new(Wire::V10, target(), &alice(), bob().account_id(), 100);
    assert!(matches!(
        tiny,
        Err(BenchError::SmallBody {
            asked: 100,
            least: 101..
        })
    ));
}
