//! Headers of SDK 11 written in every way that a strict reader refuses, and the few that it takes.

use axoneme_wallet::{AccountId, Keypair, Scheme};
use sp_core::crypto::{AccountId32, Ss58AddressFormat, Ss58Codec};

use super::{course, once};
use crate::case::{Case, Expect};
use crate::draft::Http;
use crate::session::Session;
use crate::socket::Seen;

const NOT_VERIFIED: Expect = Expect::Refused(&[401]);
const HOTKEY: &str = "X-Bittensor-Hotkey";
const NONCE: &str = "X-Bittensor-Nonce";
const SIGNATURE: &str = "X-Bittensor-Signature";
const CRYPTO: &str = "X-Bittensor-Crypto";
const SECOND: u64 = 1_000_000_000;

pub(super) const CASES: &[Case] = &[
    once!(
        "bt-behind",
        Btauth,
        "signed eight seconds ago",
        Expect::Served,
        |session| { session.signed().with(|signed| signed.nonce -= 8 * SECOND).bytes() }
    ),
    once!(
        "bt-bare-hex",
        Btauth,
        "the signature without 0x",
        Expect::Served,
        |session| { signature(session, |text| text[2..].to_owned()) }
    ),
    once!(
        "bt-upper-hex",
        Btauth,
        "the signature in upper-case hex",
        Expect::Served,
        |session| { signature(session, |text| format!("0x{}", text[2..].to_uppercase())) }
    ),
    once!(
        "bt-target",
        Btauth,
        "a query with percent-encoding, signed as it is sent",
        Expect::Anything,
        |session| session
            .signed()
            .with(|signed| signed.path.push_str("?lang=en&x=%20y"))
            .bytes()
    ),
    course!(
        "bt-not-burnt",
        Btauth,
        "an honest request after a copy of it with a bad signature",
        Expect::Served,
        not_burnt
    ),
    once!(
        "bt-edge",
        Btauth,
        "signed eleven seconds ago",
        NOT_VERIFIED,
        |session| { session.signed().with(|signed| signed.nonce -= 11 * SECOND).bytes() }
    ),
    once!(
        "bt-ahead",
        Btauth,
        "signed four seconds ahead",
        NOT_VERIFIED,
        |session| { session.signed().with(|signed| signed.nonce += 4 * SECOND).bytes() }
    ),
    once!(
        "bt-nonce-text",
        Btauth,
        "a nonce of digits and a letter",
        NOT_VERIFIED,
        |session| { set(session, NONCE, "12x") }
    ),
    once!(
        "bt-nonce-plus",
        Btauth,
        "a nonce with a plus sign",
        NOT_VERIFIED,
        |session| {
            let http = session.signed().http();
            let plus = format!("+{}", http.get(NONCE));
            http.set(NONCE, plus).bytes()
        }
    ),
    once!(
        "bt-nonce-zeros",
        Btauth,
        "a nonce of 21 digits",
        NOT_VERIFIED,
        |session| {
            let http = session.signed().http();
            let long = format!("{:0>21}", http.get(NONCE));
            http.set(NONCE, long).bytes()
        }
    ),
    once!(
        "bt-nonce-negative",
        Btauth,
        "a negative nonce",
        NOT_VERIFIED,
        |session| { set(session, NONCE, "-5") }
    ),
    once!("bt-nonce-empty", Btauth, "an empty nonce", NOT_VERIFIED, |session| {
        set(session, NONCE, "")
    }),
    once!(
        "bt-nonce-huge",
        Btauth,
        "a nonce beyond 64 bits",
        NOT_VERIFIED,
        |session| { set(session, NONCE, "1000000000000000000000000000000") }
    ),
    once!(
        "bt-not-hex",
        Btauth,
        "a signature that is not hex",
        NOT_VERIFIED,
        |session| { signature(session, |_| format!("0x{}", "zz".repeat(64))) }
    ),
    once!(
        "bt-odd-hex",
        Btauth,
        "a signature of an odd number of digits",
        NOT_VERIFIED,
        |session| { signature(session, |text| text[..129].to_owned()) }
    ),
    once!("bt-short", Btauth, "a signature of 63 bytes", NOT_VERIFIED, |session| {
        signature(session, |text| text[..128].to_owned())
    }),
    once!("bt-long", Btauth, "a signature of 65 bytes", NOT_VERIFIED, |session| {
        signature(session, |text| format!("{text}00"))
    }),
    once!(
        "bt-signature-twice",
        Btauth,
        "two signatures, the second wrong",
        NOT_VERIFIED,
        |session| {
            let http = session.signed().http();
            http.plus(SIGNATURE, format!("0x{}", "11".repeat(64))).bytes()
        }
    ),
    once!(
        "bt-signature-missing",
        Btauth,
        "no signature header",
        NOT_VERIFIED,
        |session| { session.signed().http().without(SIGNATURE).bytes() }
    ),
    once!(
        "bt-other-signer",
        Btauth,
        "the signature of another key",
        NOT_VERIFIED,
        |session| {
            let signed = session.signed();
            let forged = signed.clone().with(|signed| signed.signer = stranger(Scheme::Sr25519));
            let forged = forged.http().get(SIGNATURE);
            signed.http().set(SIGNATURE, forged).bytes()
        }
    ),
    once!(
        "bt-undeclared",
        Btauth,
        "an ed25519 signature that is not said to be one",
        NOT_VERIFIED,
        |session| {
            let signed = session
                .signed()
                .with(|signed| signed.signer = stranger(Scheme::Ed25519));
            signed.http().without(CRYPTO).bytes()
        }
    ),
    once!(
        "bt-crypto-upper",
        Btauth,
        "a scheme in capitals",
        NOT_VERIFIED,
        |session| { set(session, CRYPTO, "SR25519") }
    ),
    once!(
        "bt-crypto-other",
        Btauth,
        "a scheme that nobody knows",
        NOT_VERIFIED,
        |session| { set(session, CRYPTO, "ecdsa") }
    ),
    once!(
        "bt-prefix",
        Btauth,
        "the sender under another network's prefix, signed so",
        NOT_VERIFIED,
        prefixed
    ),
    once!(
        "bt-not-ss58",
        Btauth,
        "a sender that is a word",
        NOT_VERIFIED,
        |session| { set(session, HOTKEY, "hello") }
    ),
    once!(
        "bt-checksum",
        Btauth,
        "a sender with a wrong checksum",
        NOT_VERIFIED,
        |session| {
            let http = session.signed().http();
            let mut sender = http.get(HOTKEY);
            let last = if sender.ends_with('X') { 'Y' } else { 'X' };
            sender.pop();
            http.set(HOTKEY, format!("{sender}{last}")).bytes()
        }
    ),
    once!(
        "bt-long-sender",
        Btauth,
        "a sender of 4000 characters",
        NOT_VERIFIED,
        |session| { set(session, HOTKEY, &"5".repeat(4000)) }
    ),
    once!(
        "bt-downgrade",
        Btauth,
        "an honest v10 request with a bad signature of this wire beside it",
        NOT_VERIFIED,
        |session| {
            let mut http = session.draft().http();
            for (name, value) in session
                .signed()
                .http()
                .set(SIGNATURE, format!("0x{}", "11".repeat(64)))
                .fields
            {
                if name.starts_with("X-Bittensor") {
                    http.add(&name, value);
                }
            }
            http.bytes()
        }
    ),
    once!(
        "bt-json",
        Btauth,
        "a signed body that is not JSON",
        Expect::Refused(&[400, 422]),
        |session| {
            session
                .signed()
                .with(|signed| signed.body = b"{\"messages\": ".to_vec())
                .bytes()
        }
    ),
    once!(
        "bt-utf8",
        Btauth,
        "a signed body that is not UTF-8",
        Expect::Refused(&[400, 422]),
        |session| {
            session
                .signed()
                .with(|signed| signed.body = b"{\"x\": \"\xff\"}".to_vec())
                .bytes()
        }
    ),
];

fn stranger(scheme: Scheme) -> Keypair {
    Keypair::from_seed_with(scheme, [0x5e; 32])
}

fn set(session: &Session, name: &str, value: &str) -> Vec<u8> {
    session.signed().http().set(name, value).bytes()
}

fn signature(session: &Session, change: impl FnOnce(&str) -> String) -> Vec<u8> {
    let http = session.signed().http();
    let changed = change(&http.get(SIGNATURE));
    http.set(SIGNATURE, changed).bytes()
}

async fn not_burnt(session: &Session) -> Result<Seen, String> {
    let honest: Http = session.signed().http();
    let forged = honest.clone().set(SIGNATURE, format!("0x{}", "11".repeat(64)));
    let refused = session.send(&forged.bytes()).await?;
    if refused.is_served() {
        return Ok(Seen::Wrong {
            what: format!("the forged copy was served: {refused}"),
        });
    }
    session.send(&honest.bytes()).await
}

/// Signs over the address as it is written.
fn prefixed(session: &Session) -> Vec<u8> {
    let own: AccountId = session.signer.account_id();
    let elsewhere = AccountId32::new(own.0).to_ss58check_with_version(Ss58AddressFormat::custom(0));
    let signed = session.signed();
    let payload = axoneme_protocol::btauth::body_sha256(&signed.body);
    let payload = format!(
        "btauth/1\nsr25519\nPOST\n{}\n{payload}\n{}\n{elsewhere}\n{}",
        signed.path, signed.nonce, session.hotkey
    );
    let forged = session.signer.sign(payload.as_bytes());
    let http = signed.http().set(HOTKEY, elsewhere);
    http.set(SIGNATURE, format!("0x{}", hex::encode(forged))).bytes()
}
