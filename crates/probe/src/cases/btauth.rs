//! Signed requests of SDK 11, for axons that serve them.

use axoneme_wallet::{AccountId, Keypair, Scheme};

use super::{course, once};
use crate::case::{Case, Expect};
use crate::session::Session;
use crate::socket::Seen;

/// Every failure to authenticate.
const NOT_VERIFIED: Expect = Expect::Refused(&[401, 403]);

const HOTKEY: &str = "X-Bittensor-Hotkey";
const NONCE: &str = "X-Bittensor-Nonce";
const SIGNATURE: &str = "X-Bittensor-Signature";
const CRYPTO: &str = "X-Bittensor-Crypto";
const RECEIVER: &str = "X-Bittensor-Receiver";
const VERSION: &str = "X-Bittensor-Version";

pub(super) const CASES: &[Case] = &[
    once!("bt-honest", Btauth, "an honest request", Expect::Served, |session| {
        session.signed().bytes()
    }),
    once!(
        "bt-lower",
        Btauth,
        "header names in lower case",
        Expect::Served,
        |session| {
            session
                .signed()
                .http()
                .with(|http| http.fields.iter_mut().for_each(|(name, _)| *name = name.to_lowercase()))
                .bytes()
        }
    ),
    once!(
        "bt-crypto-named",
        Btauth,
        "sr25519 named though it is the default",
        Expect::Served,
        |session| { session.signed().http().set(CRYPTO, "sr25519").bytes() }
    ),
    course!("bt-replay", Btauth, "the same bytes again", NOT_VERIFIED, replay),
    once!("bt-stale", Btauth, "signed a minute ago", NOT_VERIFIED, |session| {
        session.signed().with(|signed| signed.nonce -= 60_000_000_000).bytes()
    }),
    once!("bt-future", Btauth, "signed a minute ahead", NOT_VERIFIED, |session| {
        session.signed().with(|signed| signed.nonce += 60_000_000_000).bytes()
    }),
    once!(
        "bt-receiver",
        Btauth,
        "signed for another receiver",
        NOT_VERIFIED,
        |session| {
            let other = session.signer.account_id();
            session.signed().with(|signed| signed.receiver = Some(other)).bytes()
        }
    ),
    once!(
        "bt-unbound",
        Btauth,
        "signed for nobody in particular",
        NOT_VERIFIED,
        |session| session.signed().with(|signed| signed.receiver = None).bytes()
    ),
    once!(
        "bt-claimed",
        Btauth,
        "another receiver's request under this axon's name",
        NOT_VERIFIED,
        |session| {
            let other = session.signer.account_id();
            session
                .signed()
                .with(|signed| signed.receiver = Some(other))
                .http()
                .set(RECEIVER, session.hotkey.to_string())
                .bytes()
        }
    ),
    once!(
        "bt-body",
        Btauth,
        "one byte more in the body",
        NOT_VERIFIED,
        |session| session.signed().http().with(|http| http.body.push(b' ')).bytes()
    ),
    once!("bt-path", Btauth, "signed for another path", NOT_VERIFIED, |session| {
        let path = format!("/{}", session.synapse.name);
        session
            .signed()
            .with(|signed| signed.path = "/Other".into())
            .http()
            .with(|http| http.path = path)
            .bytes()
    }),
    once!(
        "bt-query",
        Btauth,
        "a query that was not signed",
        NOT_VERIFIED,
        |session| session.signed().http().with(|http| http.path.push_str("?x=1")).bytes()
    ),
    once!(
        "bt-method",
        Btauth,
        "signed as GET, sent as POST",
        NOT_VERIFIED,
        |session| {
            session
                .signed()
                .with(|signed| signed.method = "GET")
                .http()
                .with(|http| http.method = "POST".into())
                .bytes()
        }
    ),
    once!(
        "bt-sender",
        Btauth,
        "another sender than the one who signed",
        NOT_VERIFIED,
        |session| session.signed().http().set(HOTKEY, session.hotkey.to_string()).bytes()
    ),
    once!(
        "bt-scheme",
        Btauth,
        "an sr25519 signature said to be ed25519",
        NOT_VERIFIED,
        |session| session.signed().http().set(CRYPTO, "ed25519").bytes()
    ),
    once!(
        "bt-crypto",
        Btauth,
        "a scheme written as a number",
        NOT_VERIFIED,
        |session| session.signed().http().set(CRYPTO, "1").bytes()
    ),
    once!("bt-version", Btauth, "version 2", NOT_VERIFIED, |session| session
        .signed()
        .http()
        .set(VERSION, "2")
        .bytes()),
    once!("bt-no-version", Btauth, "no version", NOT_VERIFIED, |session| session
        .signed()
        .http()
        .without(VERSION)
        .bytes()),
    once!("bt-no-nonce", Btauth, "no nonce", NOT_VERIFIED, |session| session
        .signed()
        .http()
        .without(NONCE)
        .bytes()),
    once!("bt-no-hotkey", Btauth, "no hotkey", NOT_VERIFIED, |session| session
        .signed()
        .http()
        .without(HOTKEY)
        .bytes()),
    once!(
        "bt-no-signature",
        Btauth,
        "an empty signature",
        NOT_VERIFIED,
        |session| session.signed().http().set(SIGNATURE, "").bytes()
    ),
    once!(
        "bt-spaces",
        Btauth,
        "spaces inside the signature",
        NOT_VERIFIED,
        |session| {
            let http = session.signed().http();
            let signature = http.get(SIGNATURE);
            http.set(SIGNATURE, format!("{} {}", &signature[..4], &signature[4..]))
                .bytes()
        }
    ),
    once!("bt-twice", Btauth, "two nonces", NOT_VERIFIED, |session| session
        .signed()
        .http()
        .twice(NONCE)
        .bytes()),
    once!(
        "bt-underscores",
        Btauth,
        "a nonce with underscores",
        NOT_VERIFIED,
        |session| {
            let http = session.signed().http();
            let nonce = http.get(NONCE);
            http.set(NONCE, format!("{}_{}", &nonce[..1], &nonce[1..])).bytes()
        }
    ),
    once!(
        "bt-wrapped",
        Btauth,
        "a signature over <Bytes>payload</Bytes>",
        NOT_VERIFIED,
        wrapped
    ),
    once!("bt-zero-key", Btauth, "the all-zero key", NOT_VERIFIED, |session| {
        let mut constant = [0; 64];
        constant[63] = 0x80;
        session
            .signed()
            .http()
            .set(HOTKEY, AccountId([0; 32]).to_string())
            .set(SIGNATURE, format!("0x{}", hex::encode(constant)))
            .bytes()
    }),
    once!(
        "bt-weak-key",
        Btauth,
        "an ed25519 key of order one",
        NOT_VERIFIED,
        |session| {
            let mut weak = [0; 32];
            weak[0] = 1;
            let mut signature = [0; 64];
            signature[0] = 1;
            session
                .signed()
                .http()
                .set(HOTKEY, AccountId(weak).to_string())
                .set(CRYPTO, "ed25519")
                .set(SIGNATURE, format!("0x{}", hex::encode(signature)))
                .bytes()
        }
    ),
    once!(
        "bt-ed25519-stranger",
        Btauth,
        "signed by an ed25519 key that nobody knows",
        Expect::Anything,
        |session| {
            session
                .signed()
                .with(|signed| signed.signer = Keypair::from_seed_with(Scheme::Ed25519, [9; 32]))
                .bytes()
        }
    ),
];

async fn replay(session: &Session) -> Result<Seen, String> {
    let bytes = session.signed().bytes();
    let first = session.send(&bytes).await?;
    if !first.is_served() {
        return Err(format!("the first, honest request was not served: {first}"));
    }
    session.send(&bytes).await
}

/// Signs what a browser wallet would.
fn wrapped(session: &Session) -> Vec<u8> {
    let http = session.signed().http();
    let headers: Vec<(String, Vec<u8>)> = http.fields.clone();
    let head = axoneme_protocol::btauth::BtauthHead::parse(
        headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())),
    );
    let payload = head
        .map(|head| head.payload(&http.method, &http.path, &http.body))
        .unwrap_or_default();
    let signature = session.signer.sign(format!("<Bytes>{payload}</Bytes>").as_bytes());
    http.set(SIGNATURE, format!("0x{}", hex::encode(signature))).bytes()
}
