//! Headers of both wires. The bytes are lines of `name: value`.

use axoneme_protocol::btauth::body_sha256;
use axoneme_protocol::twresp::{Exchange, verify_response};
use axoneme_protocol::{
    AnswerHead, BtauthHead, BtauthWindow, Envelope, HeadError, NonceWindow, SignedHead, TerminalInfo,
};
use axoneme_wallet::AccountId;

/// Who is asked: `//Bob` of the development keys.
const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

/// When: the clock of the recorded `btauth/1` requests, in nanoseconds.
const NOW: u64 = 1_752_076_800_000_000_000;

type Pairs<'a> = Vec<(&'a str, &'a [u8])>;

/// Lines of `name: value`; values may be any bytes but line ends, as HTTP parsers let through.
fn lines(data: &[u8]) -> Pairs<'_> {
    data.split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = std::str::from_utf8(&line[..colon]).ok()?;
            let value = &line[colon + 1..];
            Some((name, value.strip_prefix(b" ").unwrap_or(value)))
        })
        .take(128)
        .collect()
}

/// The same headers with names in capitals, which HTTP does not tell apart.
fn in_capitals(pairs: &Pairs<'_>) -> Vec<(String, Vec<u8>)> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| (name.to_ascii_uppercase(), value.to_vec()))
        .collect()
}

fn borrowed(pairs: &[(String, Vec<u8>)]) -> impl Iterator<Item = (&str, &[u8])> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
}

fn own() -> AccountId {
    BOB.parse().expect("an address")
}

/// Requests and answers of the v10 wire: what is accepted has one reading, and is what this side would write itself.
pub fn signed_head(data: &[u8]) {
    let pairs = lines(data);
    let answer = AnswerHead::parse(pairs.iter().copied());
    let parsed = SignedHead::parse(pairs.iter().copied());
    let capitals = in_capitals(&pairs);
    assert_eq!(SignedHead::parse(borrowed(&capitals)), parsed, "names have no case");
    assert_eq!(AnswerHead::parse(borrowed(&capitals)), answer, "names have no case");
    let Ok(head) = parsed else { return };

    assert!((1..=64).contains(&head.uuid.len()) && head.uuid.bytes().all(|byte| byte != b'.'));
    assert!(head.body_hash.len() == 64 && !head.body_hash.contains(|c: char| c.is_ascii_uppercase()));
    if let Ok(answer) = &answer {
        // Two parsers of one wire do not read different things.
        assert_eq!(answer.dendrite.nonce, Some(head.nonce));
        assert_eq!(answer.dendrite.uuid.as_deref(), Some(head.uuid.as_str()));
        assert_eq!(answer.body_hash.as_deref(), Some(head.body_hash.as_str()));
        assert_eq!(answer.timeout.is_some(), head.timeout.is_some());
    }
    let _ = NonceWindow::default().check(NOW, head.nonce, head.timeout);

    // Every header that counts, twice.
    for place in 0..pairs.len() {
        let signed = ["nonce", "uuid", "hotkey", "signature"].map(|part| format!("bt_header_dendrite_{part}"));
        if signed.iter().any(|name| name.eq_ignore_ascii_case(pairs[place].0)) {
            let mut twice = pairs.clone();
            twice.push(pairs[place]);
            let again = SignedHead::parse(twice);
            assert!(matches!(again, Err(HeadError::Duplicate { .. })), "{again:?}");
        }
    }
    assert_eq!(
        rewritten(&head),
        Ok(head.clone()),
        "what this side writes of it reads the same"
    );
    if head.verify(&own()) {
        let mut other = head.clone();
        other.nonce ^= 1;
        assert!(!other.verify(&own()), "another nonce under the same signature");
        other = head;
        other
            .body_hash
            .replace_range(..1, if other.body_hash.starts_with('0') { "1" } else { "0" });
        assert!(!other.verify(&own()), "another body under the same signature");
    }
}

/// Writes a head with this side's own writer and reads it again.
fn rewritten(head: &SignedHead) -> Result<SignedHead, HeadError> {
    let envelope = Envelope {
        name: "Prompting".into(),
        timeout: head.timeout.map(|timeout| timeout.as_secs_f64()),
        dendrite: TerminalInfo {
            nonce: Some(head.nonce),
            uuid: Some(head.uuid.clone()),
            hotkey: Some(head.hotkey.to_string()),
            version: head.version,
            signature: Some(format!("0x{}", hex::encode(head.signature))),
            ..TerminalInfo::default()
        },
        body_hash: head.body_hash.clone(),
        ..Envelope::default()
    };
    let headers = envelope.headers();
    let read = SignedHead::parse(headers.iter().map(|(name, value)| (name.as_ref(), value.as_bytes())));
    read.map(|read| SignedHead {
        // Seconds as a float hold fewer digits than a duration; nothing depends on the last of them.
        timeout: head.timeout.filter(|_| read.timeout.is_some()),
        ..read
    })
}

/// Requests of `btauth/1` and the headers of signed answers.
pub fn btauth(data: &[u8]) {
    let pairs = lines(data);
    let capitals = in_capitals(&pairs);
    let parsed = BtauthHead::parse(pairs.iter().copied());
    assert_eq!(BtauthHead::parse(borrowed(&capitals)), parsed, "names have no case");
    if parsed.is_ok() {
        assert!(BtauthHead::is_present(pairs.iter().copied()));
    }
    let (own, body) = (own(), body_sha256(b"{\"prompt\": \"hello\"}"));
    let alice = AccountId([0xd4; 32]);
    let exchange = Exchange {
        nonce: NOW,
        sender: &alice,
        responder: &own,
    };
    let answer = verify_response(pairs.iter().copied(), &exchange, 200, b"{}");
    assert_eq!(verify_response(borrowed(&capitals), &exchange, 200, b"{}"), answer);

    let Ok(head) = parsed else { return };
    let _ = head.check_receiver(&own, true);
    let _ = BtauthWindow::default().check(NOW, head.nonce);
    let payload = head.payload("post", "/generate", b"");
    assert_eq!(payload.split('\n').count(), 8, "one line for each part: {payload:?}");
    for place in 0..pairs.len() {
        if pairs[place].0.eq_ignore_ascii_case("X-Bittensor-Nonce") {
            let mut twice = pairs.clone();
            twice.push(pairs[place]);
            assert!(BtauthHead::parse(twice).is_err(), "a nonce twice");
            break;
        }
    }
    if head.verify("POST", "/generate", &body) {
        assert!(!head.verify("PUT", "/generate", &body));
        assert!(!head.verify("POST", "/generate?", &body));
        assert!(!head.verify("POST", "/generate", &body_sha256(b"")));
        let mut later = head;
        later.nonce ^= 1;
        assert!(!later.verify("POST", "/generate", &body));
    }
}
