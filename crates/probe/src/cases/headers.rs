//! Headers that cannot be what they should be.

use super::once;
use crate::case::{Case, Expect};
use crate::draft::Http;
use crate::session::Session;

/// Malformed; where it is part of the identity, not verified.
const MALFORMED: Expect = Expect::Refused(&[400, 401]);
/// Too much of it.
const TOO_MUCH: Expect = Expect::Refused(&[400, 413, 431]);

const NONCE: &str = "bt_header_dendrite_nonce";

pub(super) const CASES: &[Case] = &[
    once!(
        "nonce-underscores",
        Headers,
        "a nonce written 1_000…",
        MALFORMED,
        |session| { nonce(session, |text| format!("{}_{}", &text[..1], &text[1..])) }
    ),
    once!(
        "nonce-plus",
        Headers,
        "a nonce with a plus sign",
        MALFORMED,
        |session| nonce(session, |text| format!("+{text}"))
    ),
    once!("nonce-zeros", Headers, "a nonce of 30 digits", MALFORMED, |session| {
        nonce(session, |text| format!("{text:0>30}"))
    }),
    once!("nonce-float", Headers, "a nonce with a point", MALFORMED, |session| {
        nonce(session, |text| format!("{text}.0"))
    }),
    once!("nonce-negative", Headers, "a negative nonce", MALFORMED, |session| {
        nonce(session, |text| format!("-{text}"))
    }),
    once!("nonce-huge", Headers, "a nonce beyond 64 bits", MALFORMED, |session| {
        nonce(session, |_| "99999999999999999999".into())
    }),
    once!("nonce-text", Headers, "a nonce that is a word", MALFORMED, |session| {
        nonce(session, |_| "now".into())
    }),
    once!(
        "version-text",
        Headers,
        "a version that is a word",
        MALFORMED,
        |session| { session.draft().http().set("bt_header_dendrite_version", "ten").bytes() }
    ),
    once!(
        "timeout-text",
        Headers,
        "a timeout that is a word",
        MALFORMED,
        |session| session.draft().http().set("timeout", "soon").bytes()
    ),
    once!(
        "hash-short",
        Headers,
        "a body hash of 63 digits",
        MALFORMED,
        |session| {
            session
                .draft()
                .with(|draft| {
                    draft.hash.pop();
                })
                .bytes()
        }
    ),
    once!(
        "hash-upper",
        Headers,
        "a body hash in upper case",
        MALFORMED,
        |session| {
            session
                .draft()
                .with(|draft| draft.hash = draft.hash.to_uppercase())
                .bytes()
        }
    ),
    once!("nonce-twice", Headers, "the nonce twice", MALFORMED, |session| session
        .draft()
        .http()
        .twice(NONCE)
        .bytes()),
    once!("hotkey-twice", Headers, "two callers", MALFORMED, |session| {
        let other = session.hotkey.to_string();
        session.draft().http().plus("bt_header_dendrite_hotkey", other).bytes()
    }),
    once!(
        "signature-twice",
        Headers,
        "the signature twice",
        MALFORMED,
        |session| { session.draft().http().twice("bt_header_dendrite_signature").bytes() }
    ),
    once!("hash-twice", Headers, "two body hashes", MALFORMED, |session| {
        session
            .draft()
            .http()
            .plus("computed_body_hash", "00".repeat(32))
            .bytes()
    }),
    once!("timeout-twice", Headers, "two timeouts", MALFORMED, |session| session
        .draft()
        .http()
        .plus("timeout", "60.0")
        .bytes()),
    once!(
        "not-ascii",
        Headers,
        "bytes above 127 in the caller's uuid",
        MALFORMED,
        |session| {
            session
                .draft()
                .http()
                .set("bt_header_dendrite_uuid", b"caf\xe9")
                .bytes()
        }
    ),
    once!(
        "control",
        Headers,
        "a control character in a header",
        MALFORMED,
        |session| { session.draft().http().plus("x-bad", b"a\x01b").bytes() }
    ),
    once!("null", Headers, "a null byte in a header", MALFORMED, |session| session
        .draft()
        .http()
        .plus("x-bad", b"a\0b")
        .bytes()),
    once!(
        "injected",
        Headers,
        "a bare line feed inside a header, hiding another",
        MALFORMED,
        |session| {
            session
                .draft()
                .http()
                .plus("x-a", b"1\nbt_header_dendrite_version: 1\nx-b: 2")
                .bytes()
        }
    ),
    once!(
        "folded",
        Headers,
        "a header folded over two lines",
        MALFORMED,
        |session| { session.draft().http().plus("x-folded", b"one\r\n two").bytes() }
    ),
    once!(
        "space-name",
        Headers,
        "a space before the colon",
        MALFORMED,
        |session| raw_line(session, "x-space : 1")
    ),
    once!(
        "no-colon",
        Headers,
        "a header line without a colon",
        MALFORMED,
        |session| raw_line(session, "what is this")
    ),
    once!("no-name", Headers, "a header without a name", MALFORMED, |session| {
        raw_line(session, ": 1")
    }),
    once!("big-header", Headers, "a header of 64 KiB", TOO_MUCH, |session| session
        .draft()
        .http()
        .plus("x-big", "a".repeat(64 << 10))
        .bytes()),
    once!("many-headers", Headers, "a thousand headers", TOO_MUCH, |session| {
        session.draft().http().with(|http| many(http, 1000)).bytes()
    }),
    once!(
        "long-line",
        Headers,
        "a path of 64 KiB",
        Expect::Refused(&[400, 404, 414, 431]),
        |session| {
            session
                .draft()
                .http()
                .with(|http| http.path = format!("/{}", "a".repeat(64 << 10)))
                .bytes()
        }
    ),
    once!(
        "placeholders",
        Headers,
        "a thousand placeholders of required fields",
        TOO_MUCH,
        |session| {
            session
                .draft()
                .http()
                .with(|http| {
                    for index in 0..1000 {
                        http.add(&format!("bt_header_input_obj_f{index}"), "W10=");
                    }
                })
                .bytes()
        }
    ),
];

fn nonce(session: &Session, change: impl FnOnce(&str) -> String) -> Vec<u8> {
    let http = session.draft().http();
    let changed = change(&http.get(NONCE));
    http.set(NONCE, changed).bytes()
}

fn many(http: &mut Http, count: usize) {
    for index in 0..count {
        http.add(&format!("x-{index}"), "1");
    }
}

/// An honest request with one more line in its head, exactly as given.
fn raw_line(session: &Session, line: &str) -> Vec<u8> {
    let http = session.draft().http();
    let head = http.head();
    let end = head.len() - 2;
    [&head[..end], line.as_bytes(), b"\r\n\r\n", &http.body].concat()
}
