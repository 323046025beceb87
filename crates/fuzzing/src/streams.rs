//! Streams: the text of v10 and the signed events of `btauth/1`. The first byte says how the others are cut.

use std::sync::LazyLock;

use axoneme_protocol::twresp::Exchange;
use axoneme_protocol::twresp::sse::{
    SignedStreamReader, SignedStreamWriter, StreamEvent, StreamLimits, TokenChunk, Trailer, check_chunk,
};
use axoneme_protocol::{Utf8Chunks, Utf8Error};
use axoneme_wallet::{AccountId, Keypair, Scheme};
use serde_json::Value;

const NONCE: u64 = 1_752_076_800_000_000_000;

/// However a stream is cut, it means the same; what is written is read; text comes out whole.
pub fn stream(data: &[u8]) {
    let Some((first, wire)) = data.split_first() else {
        return;
    };
    let size = usize::from(*first).max(1);
    check_text(wire, size);
    check_events(wire, size);
    check_own(wire, size);
    check_parts(wire);
}

fn check_text(wire: &[u8], size: usize) {
    let (mut decoder, mut text) = (Utf8Chunks::new(), String::new());
    let pushed = wire.chunks(size).try_for_each(|piece| {
        text.push_str(&decoder.push(piece)?);
        Ok::<_, Utf8Error>(())
    });
    let decoded = pushed.and_then(|()| decoder.finish());
    assert_eq!(decoded.is_ok(), std::str::from_utf8(wire).is_ok());
    assert!(wire.starts_with(text.as_bytes()), "nothing is made up");
    if decoded.is_ok() {
        assert_eq!(text.len(), wire.len());
    }
}

/// The keys of the recorded stream: ed25519 `//Bob` answers sr25519 `//Alice`.
fn with_keys<T>(act: impl FnOnce(Keypair, &Exchange<'_>) -> T) -> T {
    // Deriving a key takes longer than everything else here.
    static BOB: LazyLock<Keypair> = LazyLock::new(|| Keypair::from_uri_with(Scheme::Ed25519, "//Bob").expect("a key"));
    let bob = BOB.clone();
    let alice: AccountId = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
        .parse()
        .expect("an address");
    let responder = bob.account_id();
    let exchange = Exchange {
        nonce: NONCE,
        sender: &alice,
        responder: &responder,
    };
    act(bob, &exchange)
}

/// The events of a stream up to its first mistake, and whether it was finished without one.
fn read<'a>(
    headers: &[(&'static str, String)],
    exchange: &Exchange<'_>,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> (Vec<StreamEvent>, bool) {
    let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
    let limits = StreamLimits {
        max_bytes: 1 << 16,
        ..StreamLimits::default()
    };
    let mut reader = SignedStreamReader::new(headers, exchange, limits).expect("own headers");
    let mut events = Vec::new();
    for piece in pieces {
        match reader.push(piece) {
            Ok(more) => events.extend(more),
            Err(_) => return (events, false),
        }
    }
    (events, reader.finish().is_ok())
}

fn check_events(wire: &[u8], size: usize) {
    with_keys(|bob, exchange| {
        let headers = SignedStreamWriter::new(bob, exchange, StreamLimits::default()).headers();
        let (whole, finished) = read(&headers, exchange, std::iter::once(wire));
        let (cut, cut_finished) = read(&headers, exchange, wire.chunks(size));
        assert_eq!(cut_finished, finished, "cut into pieces of {size}");
        if finished {
            assert_eq!(cut, whole);
            assert!(matches!(whole.last(), Some(StreamEvent::End { count }) if *count + 1 == whole.len() as u64));
            // Whoever finished a stream had the key. Nothing that is read may be left out of it; comments may.
            let (shorter, finished) = read(&headers, exchange, std::iter::once(&wire[1..]));
            assert!(!finished || shorter == whole, "cut at the start");
        }
    });
}

/// The bytes as tokens of a stream of our own.
fn check_own(wire: &[u8], size: usize) {
    with_keys(|bob, exchange| {
        let mut writer = SignedStreamWriter::new(bob, exchange, StreamLimits::default());
        let (headers, mut written, mut tokens) = (writer.headers(), Vec::new(), Vec::new());
        for piece in wire.chunks(size).take(8) {
            let token = String::from_utf8_lossy(piece).into_owned();
            let chunk = TokenChunk { token };
            written.extend(writer.chunk(&chunk).expect("a chunk"));
            tokens.push(StreamEvent::Chunk(serde_json::to_string(&chunk).expect("JSON")));
        }
        let count = tokens.len() as u64;
        tokens.push(StreamEvent::End { count });
        written.extend(writer.end());
        if written.len() <= 1 << 16 {
            assert_eq!(read(&headers, exchange, written.chunks(size)), (tokens, true));
        }
    });
}

fn check_parts(wire: &[u8]) {
    if let Ok(trailer) = Trailer::parse(wire) {
        assert_eq!(trailer.digest.len(), 64);
        let value: Value = serde_json::from_slice(wire).expect("a trailer is JSON");
        assert_eq!(value["count"].as_u64(), Some(trailer.count));
        assert!(value.as_object().is_some_and(|object| object.len() <= 3));
    }
    let one_line = !wire.contains(&b'\n') && !wire.contains(&b'\r');
    let value: Result<Value, _> = serde_json::from_slice(wire);
    let fine = check_chunk(wire).is_ok();
    match value {
        Ok(value) => assert_eq!(fine, one_line && (value.is_object() || value.is_array())),
        // serde's own limit on depth is one lower, and it looks into escapes, which stay with the reader of the chunk.
        Err(_) if fine => assert!(
            one_line && wire.contains(&b'\\') || wire.iter().filter(|b| matches!(b, b'[' | b'{')).count() >= 127
        ),
        Err(_) => {}
    }
}
