//! What one request costs, step by step: `cargo run --release -p axoneme-protocol --example cost`.
//!
//! Prints the median of many batches in microseconds; the number to compare with is one sr25519 verification.

use std::hint::black_box;
use std::time::{Duration, Instant};

use axoneme_protocol::body_hash::{body_matches, hash_values, hashed_values};
use axoneme_protocol::btauth::{self, BtauthHead, body_sha256};
use axoneme_protocol::envelope::read_body;
use axoneme_protocol::signing::{sign_request, signed_message};
use axoneme_protocol::{Envelope, Prompting, SignedHead, TerminalInfo, UnicodeVersion, WIRE_VERSION};
use axoneme_wallet::{AccountId, Keypair};

const NONCE: u64 = 1_700_000_000_000_000_000;

fn cost<T>(what: &str, mut act: impl FnMut() -> T) {
    let batch = |act: &mut dyn FnMut() -> T, rounds: u32| {
        let began = Instant::now();
        for _ in 0..rounds {
            black_box(act());
        }
        began.elapsed() / rounds
    };
    let once = batch(&mut act, 10).max(Duration::from_nanos(20));
    let rounds = u32::try_from(Duration::from_millis(2).as_nanos() / once.as_nanos())
        .unwrap_or(1)
        .max(1);
    let mut times: Vec<Duration> = (0..51).map(|_| batch(&mut act, rounds)).collect();
    times.sort();
    println!("{what:<44} {:>8.3} µs", times[25].as_secs_f64() * 1e6);
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let alice = Keypair::from_uri("//Alice")?;
    let bob = Keypair::from_uri("//Bob")?.account_id();
    // About 1 KiB of body, as the benchmarks of the whole axon use.
    let asked = Prompting::ask("why is the sky blue? ".repeat(45));
    let hash = axoneme_protocol::body_hash::body_hash(&asked)?;
    let envelope = Envelope {
        timeout: Some(12.0),
        dendrite: TerminalInfo {
            ip: Some("192.0.2.1".into()),
            version: Some(WIRE_VERSION),
            nonce: Some(NONCE),
            uuid: Some("04588a1e-e590-11f1-bdc8-02fc00000001".into()),
            hotkey: Some(alice.account_id().to_string()),
            signature: Some(sign_request(
                &alice,
                NONCE,
                &bob,
                "04588a1e-e590-11f1-bdc8-02fc00000001",
                &hash,
            )),
            ..TerminalInfo::default()
        },
        axon: TerminalInfo {
            ip: Some("192.0.2.2".into()),
            port: Some(8091),
            hotkey: Some(bob.to_string()),
            ..TerminalInfo::default()
        },
        body_hash: hash.clone(),
        ..Envelope::of::<Prompting>()
    };
    let body = envelope.body(&asked)?;
    let mut headers = envelope.headers();
    for (name, value) in [
        ("Host", "127.0.0.1:8091"),
        ("Accept", "*/*"),
        ("Accept-Encoding", "gzip, deflate"),
        ("User-Agent", "Python/3.11 aiohttp/3.14.5"),
        ("Content-Length", "1800"),
        ("Content-Type", "application/json"),
    ] {
        headers.push((name.into(), value.into()));
    }
    let borrowed = || headers.iter().map(|(name, value)| (name.as_ref(), value.as_bytes()));
    let head = SignedHead::parse(borrowed())?;
    let synapse: Prompting = read_body(&body)?;
    let values = hashed_values(&synapse)?;
    let message = signed_message(NONCE, &head.hotkey, &bob, &head.uuid, &head.body_hash);
    println!("v10, a body of {} bytes", body.len());
    cost("one sr25519 verification", || {
        head.hotkey.verify(message.as_bytes(), &head.signature)
    });
    cost("SignedHead::parse", || SignedHead::parse(borrowed()));
    cost("signed_message", || {
        signed_message(NONCE, &head.hotkey, &bob, &head.uuid, &head.body_hash)
    });
    cost("SignedHead::verify", || head.verify(&bob));
    cost("read_body", || read_body::<Prompting>(&body));
    cost("hashed_values", || hashed_values(&synapse));
    cost("hash_values", || hash_values(&values, UnicodeVersion::OURS));
    cost("body_matches", || body_matches(&synapse, &body, &hash));
    cost("write body", || envelope.body(&asked));
    cost("write headers", || envelope.headers());
    let address = bob.to_string();
    cost("address: parse", || address.parse::<AccountId>());
    cost("address: write", || bob.to_string());

    let body = serde_json::to_vec(&asked)?;
    println!("btauth/1, a body of {} bytes", body.len());
    let headers = btauth::sign(&alice, Some(&bob), "POST", "/Prompting", &body, NONCE);
    let borrowed = || headers.iter().map(|(name, value)| (*name, value.as_bytes()));
    let head = BtauthHead::parse(borrowed())?;
    cost("BtauthHead::parse", || BtauthHead::parse(borrowed()));
    cost("body_sha256", || body_sha256(&body));
    let digest = body_sha256(&body);
    cost("BtauthHead::verify", || head.verify("POST", "/Prompting", &digest));
    cost("sign", || {
        btauth::sign(&alice, Some(&bob), "POST", "/Prompting", &body, NONCE)
    });
    Ok(())
}
