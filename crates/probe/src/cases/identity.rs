//! Who signed what, for whom, and when.

use axoneme_wallet::{Keypair, Scheme};
use sp_core::crypto::{AccountId32, Ss58AddressFormat, Ss58Codec};

use super::{course, once};
use crate::case::{Case, Expect};
use crate::session::Session;
use crate::socket::Seen;

/// Statuses that say "not verified".
const NOT_VERIFIED: Expect = Expect::Refused(&[401]);
/// Not verified, or malformed.
const MALFORMED: Expect = Expect::Refused(&[400, 401]);

const NONCE: &str = "bt_header_dendrite_nonce";
const UUID: &str = "bt_header_dendrite_uuid";
const HOTKEY: &str = "bt_header_dendrite_hotkey";
const SIGNATURE: &str = "bt_header_dendrite_signature";

pub(super) const CASES: &[Case] = &[
    course!("replay", Identity, "the same bytes again", NOT_VERIFIED, replay),
    course!(
        "replay-route",
        Identity,
        "the same signature on another route",
        NOT_VERIFIED,
        replay_route
    ),
    course!(
        "replay-race",
        Identity,
        "the same bytes on eight connections at once: at most one is served",
        NOT_VERIFIED,
        race
    ),
    once!("stale", Identity, "signed ten minutes ago", NOT_VERIFIED, |session| {
        session.draft().aged(600).with(|draft| draft.timeout = 1.0).bytes()
    }),
    once!(
        "stale-wide",
        Identity,
        "signed ten minutes ago, with a timeout of an hour",
        NOT_VERIFIED,
        |session| { session.draft().aged(600).with(|draft| draft.timeout = 3600.0).bytes() }
    ),
    once!(
        "stale-huge",
        Identity,
        "signed a day ago, with a timeout of 1e300 s",
        MALFORMED,
        |session| { session.draft().aged(86_400).with(|draft| draft.timeout = 1e300).bytes() }
    ),
    once!(
        "stale-nan",
        Identity,
        "signed ten minutes ago, timeout: nan",
        MALFORMED,
        |session| { session.draft().aged(600).http().set("timeout", "nan").bytes() }
    ),
    once!(
        "stale-inf",
        Identity,
        "signed ten minutes ago, timeout: inf",
        MALFORMED,
        |session| { session.draft().aged(600).http().set("timeout", "inf").bytes() }
    ),
    once!(
        "stale-old-sdk",
        Identity,
        "signed ten minutes ago, without a version",
        NOT_VERIFIED,
        |session| {
            session
                .draft()
                .aged(600)
                .with(|draft| draft.timeout = 1.0)
                .http()
                .without("bt_header_dendrite_version")
                .bytes()
        }
    ),
    once!("future", Identity, "signed a day ahead", NOT_VERIFIED, |session| {
        session.draft().with(|draft| draft.nonce += 86_400_000_000_000).bytes()
    }),
    once!("negative-timeout", Identity, "timeout: -5", MALFORMED, |session| {
        session.draft().http().set("timeout", "-5").bytes()
    }),
    once!(
        "receiver",
        Identity,
        "signed for another axon",
        NOT_VERIFIED,
        |session| {
            let other = session.signer.account_id();
            session.draft().with(|draft| draft.axon = other).bytes()
        }
    ),
    once!(
        "sender",
        Identity,
        "signed by another key than the one named",
        NOT_VERIFIED,
        |session| {
            let other = session.hotkey.to_string();
            session.draft().http().set(HOTKEY, other).bytes()
        }
    ),
    once!(
        "other-nonce",
        Identity,
        "another nonce than the signed one",
        NOT_VERIFIED,
        |session| {
            let draft = session.draft();
            let later = draft.nonce + 1;
            draft.http().set(NONCE, later.to_string()).bytes()
        }
    ),
    once!(
        "other-uuid",
        Identity,
        "another uuid than the signed one",
        NOT_VERIFIED,
        |session| {
            session
                .draft()
                .http()
                .set(UUID, "00000000-0000-0000-0000-000000000000")
                .bytes()
        }
    ),
    once!(
        "other-hash",
        Identity,
        "another body hash than the signed one",
        NOT_VERIFIED,
        |session| {
            session
                .draft()
                .http()
                .set("computed_body_hash", "00".repeat(32))
                .bytes()
        }
    ),
    once!("no-signature", Identity, "no signature", NOT_VERIFIED, |session| {
        session.draft().http().without(SIGNATURE).bytes()
    }),
    once!(
        "empty-signature",
        Identity,
        "an empty signature",
        NOT_VERIFIED,
        |session| session.draft().http().set(SIGNATURE, "").bytes()
    ),
    once!(
        "zero-signature",
        Identity,
        "a signature of zeros",
        NOT_VERIFIED,
        |session| {
            session
                .draft()
                .http()
                .set(SIGNATURE, format!("0x{}", "00".repeat(64)))
                .bytes()
        }
    ),
    once!(
        "bare-signature",
        Identity,
        "a signature without 0x",
        MALFORMED,
        |session| damage(session, |text| text[2..].to_owned())
    ),
    once!(
        "big-x",
        Identity,
        "a signature that begins with 0X",
        MALFORMED,
        |session| damage(session, |text| text.replace("0x", "0X"))
    ),
    once!(
        "short-signature",
        Identity,
        "a signature of 63 bytes",
        MALFORMED,
        |session| damage(session, |text| text[..128].to_owned())
    ),
    once!(
        "long-signature",
        Identity,
        "a signature of 65 bytes",
        MALFORMED,
        |session| damage(session, |text| format!("{text}00"))
    ),
    once!(
        "odd-signature",
        Identity,
        "a signature of an odd number of digits",
        MALFORMED,
        |session| damage(session, |text| text[..129].to_owned())
    ),
    once!(
        "text-signature",
        Identity,
        "a signature that is not hex",
        MALFORMED,
        |session| damage(session, |_| format!("0x{}", "zz".repeat(64)))
    ),
    once!(
        "flipped-bit",
        Identity,
        "one digit of the signature changed",
        NOT_VERIFIED,
        |session| {
            damage(session, |text| {
                let last = if text.ends_with('0') { '1' } else { '0' };
                format!("{}{last}", &text[..text.len() - 1])
            })
        }
    ),
    once!(
        "wrapped",
        Identity,
        "a signature over <Bytes>message</Bytes>",
        NOT_VERIFIED,
        |session| {
            session
                .draft()
                .with(|draft| draft.wrap = ("<Bytes>", "</Bytes>"))
                .bytes()
        }
    ),
    once!(
        "zero-key",
        Identity,
        "the all-zero key, under which a constant signature holds",
        NOT_VERIFIED,
        |session| {
            let mut constant = [0; 64];
            constant[63] = 0x80;
            session
                .draft()
                .http()
                .set(HOTKEY, axoneme_wallet::AccountId([0; 32]).to_string())
                .set(SIGNATURE, format!("0x{}", hex::encode(constant)))
                .bytes()
        }
    ),
    once!(
        "other-prefix",
        Identity,
        "the caller's key written with another network's prefix",
        MALFORMED,
        other_prefix
    ),
    once!(
        "hex-hotkey",
        Identity,
        "the caller's key as hex",
        MALFORMED,
        |session| {
            session
                .draft()
                .http()
                .set(HOTKEY, format!("0x{}", hex::encode(session.signer.account_id().0)))
                .bytes()
        }
    ),
    once!(
        "long-hotkey",
        Identity,
        "a caller's address of 4000 characters",
        MALFORMED,
        |session| { session.draft().http().set(HOTKEY, "5".repeat(4000)).bytes() }
    ),
    once!(
        "ed25519",
        Identity,
        "signed by an ed25519 key, which this wire does not know",
        NOT_VERIFIED,
        |session| {
            session
                .draft()
                .with(|draft| draft.signer = Keypair::from_seed_with(Scheme::Ed25519, [7; 32]))
                .bytes()
        }
    ),
    once!("no-nonce", Identity, "no nonce", MALFORMED, |session| session
        .draft()
        .http()
        .without(NONCE)
        .bytes()),
    once!(
        "no-uuid",
        Identity,
        "no uuid; Python signs the word None then",
        MALFORMED,
        |session| {
            session
                .draft()
                .with(|draft| draft.uuid = "None".into())
                .http()
                .without(UUID)
                .bytes()
        }
    ),
    once!("no-hotkey", Identity, "no hotkey", MALFORMED, |session| session
        .draft()
        .http()
        .without(HOTKEY)
        .bytes()),
    once!(
        "no-hash",
        Identity,
        "no body hash; Python signs the word None then",
        MALFORMED,
        |session| {
            session
                .draft()
                .with(|draft| draft.hash = "None".into())
                .http()
                .without("computed_body_hash")
                .bytes()
        }
    ),
    once!(
        "dotted-uuid",
        Identity,
        "a uuid with dots, which makes the signed text ambiguous",
        MALFORMED,
        |session| { session.draft().with(|draft| draft.uuid = "a.b.c".into()).bytes() }
    ),
    once!(
        "stranger",
        Identity,
        "no identity at all",
        Expect::Refused(&[400, 401, 403]),
        |session| {
            session
                .draft()
                .http()
                .with(|http| http.fields.retain(|(name, _)| !name.starts_with("bt_header")))
                .bytes()
        }
    ),
];

fn damage(session: &Session, change: impl FnOnce(&str) -> String) -> Vec<u8> {
    let http = session.draft().http();
    let changed = change(&http.get(SIGNATURE));
    http.set(SIGNATURE, changed).bytes()
}

async fn replay(session: &Session) -> Result<Seen, String> {
    let bytes = session.draft().bytes();
    expect_served(session.send(&bytes).await?)?;
    session.send(&bytes).await
}

async fn replay_route(session: &Session) -> Result<Seen, String> {
    // The ping has no hash fields, so its signed text is the same on every route that has none.
    let ping = session.ping().http();
    expect_served(session.send(&ping.bytes()).await?)?;
    let elsewhere = ping.with(|http| http.path = format!("/{}", session.synapse.name));
    session.send(&elsewhere.bytes()).await
}

async fn race(session: &Session) -> Result<Seen, String> {
    let bytes = session.ping().bytes();
    let sent = futures::future::join_all((0..8).map(|_| session.send(&bytes))).await;
    let seen: Vec<Seen> = sent.into_iter().collect::<Result<_, _>>()?;
    let served = seen.iter().filter(|seen| seen.is_served()).count();
    // What the case is about is the second one.
    let refused = seen.iter().find(|seen| !seen.is_served()).cloned();
    let served_twice = seen.into_iter().rfind(Seen::is_served);
    match (served, refused) {
        (0 | 1, Some(refused)) => Ok(refused),
        _ => served_twice.ok_or_else(|| "none of eight copies was answered".to_owned()),
    }
}

fn expect_served(first: Seen) -> Result<(), String> {
    if first.is_served() {
        Ok(())
    } else {
        Err(format!("the first, honest request was not served: {first}"))
    }
}

/// The same key as `session`'s caller in the address format of another network.
fn other_prefix(session: &Session) -> Vec<u8> {
    let own = AccountId32::new(session.signer.account_id().0);
    let elsewhere = own.to_ss58check_with_version(Ss58AddressFormat::custom(0));
    session.draft().http().set(HOTKEY, elsewhere).bytes()
}
