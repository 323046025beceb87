use axoneme_protocol::twresp::sse::{
    SignedStreamReader, SignedStreamWriter, StreamError, StreamEvent, StreamLimits, TokenChunk, Trailer, check_chunk,
};
use axoneme_protocol::twresp::{Exchange, TwrespError, is_signed, sign_response, verify_response};
use axoneme_wallet::{AccountId, Keypair, Scheme};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use serde_json::Value;

use crate::{cases, header_pairs, number, text, vectors};

fn borrowed(headers: &[(String, String)]) -> impl Iterator<Item = (&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}

fn owned(headers: Vec<(&'static str, String)>) -> Vec<(String, String)> {
    headers
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn address(case: &Value, name: &str) -> AccountId {
    text(case, name).parse().expect("address")
}

fn body(case: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(text(case, "body_base64")).expect("base64")
}

fn bob(scheme: Scheme) -> Keypair {
    Keypair::from_uri_with(scheme, "//Bob").expect("uri")
}

#[test]
fn recorded_answers_are_judged_with_the_recorded_reason() {
    let mut good = 0;
    for case in cases(&vectors("twresp1"), "verify") {
        let (sender, responder) = (address(&case, "sender"), address(&case, "expected_responder"));
        let exchange = Exchange {
            nonce: number(&case, "nonce"),
            sender: &sender,
            responder: &responder,
        };
        let status = u16::try_from(number(&case, "status")).expect("status");
        let result = verify_response(borrowed(&header_pairs(&case)), &exchange, status, &body(&case));
        let expected = case["result"]["reason"].as_str().unwrap_or("ok");
        let reason = result.map_or_else(|error| error.to_string().to_lowercase(), |()| "ok".into());
        assert_eq!(reason, expected, "{} {}", text(&case, "id"), text(&case, "note"));
        good += u32::from(reason == "ok");
    }
    assert_eq!(good, 3);
}

#[test]
fn signatures_are_those_of_the_kit() {
    for case in cases(&vectors("twresp1"), "builds") {
        let id = text(&case, "id");
        let scheme: Scheme = text(&case, "scheme").parse().expect("scheme");
        let (sender, responder) = (address(&case, "sender"), address(&case, "responder"));
        let exchange = Exchange {
            nonce: number(&case, "nonce"),
            sender: &sender,
            responder: &responder,
        };
        let status = u16::try_from(number(&case, "status")).expect("status");
        let recorded = header_pairs(&case);
        assert!(is_signed(borrowed(&recorded)));
        assert_eq!(
            verify_response(borrowed(&recorded), &exchange, status, &body(&case)),
            Ok(()),
            "{id}"
        );

        let ours = owned(sign_response(&bob(scheme), &exchange, status, &body(&case)));
        if case["signature_deterministic"].as_bool() == Some(true) {
            assert_eq!(ours, recorded, "{id}");
        }
        assert_eq!(
            verify_response(borrowed(&ours), &exchange, status, &body(&case)),
            Ok(()),
            "{id}"
        );
        assert_eq!(
            verify_response(borrowed(&ours), &exchange, status + 1, &body(&case)),
            Err(TwrespError::BadSignature),
            "{id}"
        );
    }
}

/// A recorded stream: the start headers, the bytes, and who talked.
fn recorded_stream() -> (Vec<(String, String)>, Vec<u8>, Value) {
    let case = cases(&vectors("twresp1"), "streams").remove(0);
    let headers: Vec<[String; 2]> = serde_json::from_value(case["start_headers"].clone()).expect("headers");
    let headers = headers.into_iter().map(|[name, value]| (name, value)).collect();
    (
        headers,
        BASE64_STANDARD.decode(text(&case, "wire_base64")).expect("base64"),
        case,
    )
}

fn read(headers: &[(String, String)], case: &Value, pieces: &[&[u8]]) -> Result<Vec<StreamEvent>, StreamError> {
    let (sender, responder) = (address(case, "sender"), address(case, "responder"));
    let exchange = Exchange {
        nonce: number(case, "nonce"),
        sender: &sender,
        responder: &responder,
    };
    let mut reader = SignedStreamReader::new(borrowed(headers), &exchange, StreamLimits::default())?;
    let mut events = Vec::new();
    for piece in pieces {
        events.extend(reader.push(piece)?);
    }
    reader.finish()?;
    Ok(events)
}

#[test]
fn the_recorded_stream_is_read_wherever_it_is_cut() {
    let (headers, wire, case) = recorded_stream();
    let mut expected: Vec<StreamEvent> = cases(&case, "chunks")
        .iter()
        .map(|chunk| StreamEvent::Chunk(chunk.as_str().expect("text").into()))
        .collect();
    expected.push(StreamEvent::End { count: 3 });
    for cut in 0..=wire.len() {
        let (head, tail) = wire.split_at(cut);
        assert_eq!(
            read(&headers, &case, &[head, tail]).expect("valid"),
            expected,
            "cut at {cut}"
        );
    }
}

#[test]
fn the_recorded_stream_is_written_byte_by_byte() {
    let (headers, wire, case) = recorded_stream();
    let (sender, responder) = (address(&case, "sender"), address(&case, "responder"));
    let exchange = Exchange {
        nonce: number(&case, "nonce"),
        sender: &sender,
        responder: &responder,
    };
    let mut writer = SignedStreamWriter::new(bob(Scheme::Ed25519), &exchange, StreamLimits::default());
    assert_eq!(owned(writer.headers()), headers[..3]);
    let mut ours = Vec::new();
    for chunk in cases(&case, "chunks") {
        ours.extend(writer.chunk_json(chunk.as_str().expect("text")).expect("chunk"));
    }
    ours.extend(writer.end());
    assert_eq!(String::from_utf8(ours), String::from_utf8(wire));
}

#[test]
fn any_change_to_a_stream_spoils_it() {
    let (headers, wire, case) = recorded_stream();
    let spoiled = |wire: &[u8]| read(&headers, &case, &[wire]).is_err();
    for end in 0..wire.len() - 1 {
        assert!(spoiled(&wire[..end]), "cut at {end}");
    }
    let text = String::from_utf8(wire.clone()).expect("text");
    let blocks: Vec<&str> = text.split_inclusive("\n\n").collect();
    assert!(spoiled(blocks[1..].concat().as_bytes()), "the first chunk left out");
    assert!(
        spoiled([blocks[1], blocks[0], blocks[2], blocks[3]].concat().as_bytes()),
        "two chunks swapped"
    );
    assert!(spoiled([blocks[0], &text].concat().as_bytes()), "a chunk repeated");
    assert!(
        spoiled([&text, blocks[0]].concat().as_bytes()),
        "a chunk behind the end"
    );
    assert!(spoiled([&text, blocks[3]].concat().as_bytes()), "two ends");
    assert!(spoiled(text.replacen("lo", "la", 1).as_bytes()), "a chunk changed");
    assert!(
        spoiled(text.replacen("chunk", "message", 1).as_bytes()),
        "an unknown event"
    );
    assert!(
        spoiled(text.replace("\"count\":3", "\"count\":4").as_bytes()),
        "another count"
    );
    let unsigned = regexless_cut(&text, ",\"signature\":\"", "\"}");
    assert!(matches!(
        read(&headers, &case, &[unsigned.as_bytes()]),
        Err(StreamError::Signature(TwrespError::Unsigned))
    ));
    let commented = text.replace("event: chunk", ": still here\n\nevent: chunk");
    assert!(
        !spoiled(commented.as_bytes()),
        "comments keep connections open and mean nothing"
    );
}

/// `text` without what stands from the last `from` up to the `to` behind it, which stays as `}`.
fn regexless_cut(text: &str, from: &str, to: &str) -> String {
    let start = text.rfind(from).expect("from");
    let end = start + text[start..].find(to).expect("to");
    format!("{}}}{}", &text[..start], &text[end + to.len()..])
}

#[test]
fn a_stream_from_another_responder_or_for_another_request_is_refused() {
    let (headers, wire, case) = recorded_stream();
    let changed = |name: &str, value: &str| {
        let mut case = case.clone();
        case[name] = value.into();
        read(&headers, &case, &[&wire])
    };
    let alice = text(&case, "sender").to_owned();
    assert!(matches!(
        changed("responder", &alice),
        Err(StreamError::Signature(TwrespError::OtherHotkey))
    ));
    for result in [
        changed("nonce", "1752076800000000001"),
        changed("sender", text(&case, "responder")),
    ] {
        assert!(matches!(result, Err(StreamError::Signature(TwrespError::BadSignature))));
    }
    assert!(matches!(
        read(&headers[1..], &case, &[&wire]),
        Err(StreamError::Signature(TwrespError::Unsigned))
    ));
}

#[test]
fn streams_have_a_limit_on_both_sides() {
    let (headers, wire, case) = recorded_stream();
    let (sender, responder) = (address(&case, "sender"), address(&case, "responder"));
    let exchange = Exchange {
        nonce: number(&case, "nonce"),
        sender: &sender,
        responder: &responder,
    };
    let limits = StreamLimits {
        max_bytes: wire.len() - 1,
        ..StreamLimits::default()
    };
    let mut reader = SignedStreamReader::new(borrowed(&headers), &exchange, limits).expect("headers");
    assert!(matches!(reader.push(&wire), Err(StreamError::TooLong { .. })));

    let limits = StreamLimits {
        max_bytes: 1000,
        ..StreamLimits::default()
    };
    let mut writer = SignedStreamWriter::new(bob(Scheme::Ed25519), &exchange, limits);
    let mut reader = SignedStreamReader::new(borrowed(&headers), &exchange, limits).expect("headers");
    let token = TokenChunk { token: "x".repeat(50) };
    let mut chunks = 0;
    loop {
        // The chunk that would not leave room for the signature is refused; what was written before still fits.
        match writer.chunk(&token) {
            Ok(bytes) => reader.push(&bytes).expect("within the limit"),
            Err(StreamError::TooLong { .. }) => break,
            Err(error) => panic!("{error}"),
        };
        chunks += 1;
    }
    assert!(chunks > 3);
    reader.push(&writer.end()).expect("the end fits");
}

#[test]
fn chunks_are_judged_as_the_kit_does() {
    for case in cases(&vectors("twresp1"), "chunk_rules") {
        let note = text(&case, "note");
        // The two deep ones are abbreviated in the file only when they are longer than 300 characters.
        let accepted = check_chunk(text(&case, "data").as_bytes()).is_ok();
        assert_eq!(accepted, text(&case, "result") == "ok", "{note}");
    }
    for bad in [
        &b"[1\n]"[..],
        b"{\"a\":1}\r",
        b"[\"\xff\"]",
        b"[1",
        b"[1]]",
        b"[1] [2]",
        b"",
        b"[01]",
        b"{1:2}",
    ] {
        assert!(check_chunk(bad).is_err(), "{bad:?}");
    }
    let deep_in_string = format!("[\"{}\\\"{}\"]", "[".repeat(200), "]".repeat(200));
    assert!(check_chunk(deep_in_string.as_bytes()).is_ok());
    assert!(check_chunk("[".repeat(1 << 20).as_bytes()).is_err(), "no recursion");
}

#[test]
fn trailers_are_judged_as_the_kit_does() {
    let mut good = 0;
    for case in cases(&vectors("twresp1"), "trailer_rules") {
        let accepted = Trailer::parse(text(&case, "data").as_bytes()).is_ok();
        assert_eq!(accepted, text(&case, "result") == "ok", "{case}");
        good += u32::from(accepted);
    }
    assert_eq!(good, 3);
}

proptest! {
    #[test]
    fn what_is_written_is_read(tokens in prop::collection::vec(".{0,40}", 0..20), cuts in prop::collection::vec(1usize..60, 1..50)) {
        let alice = Keypair::from_uri("//Alice").expect("uri").account_id();
        let signer = bob(Scheme::Ed25519);
        let responder = signer.account_id();
        let exchange = Exchange { nonce: 5, sender: &alice, responder: &responder };
        let mut writer = SignedStreamWriter::new(signer, &exchange, StreamLimits::default());
        let headers = owned(writer.headers());
        let mut wire = Vec::new();
        for token in &tokens {
            wire.extend(writer.chunk(&TokenChunk { token: token.clone() }).expect("chunk"));
        }
        wire.extend(writer.end());

        let mut reader = SignedStreamReader::new(borrowed(&headers), &exchange, StreamLimits::default()).expect("headers");
        let (mut read, mut rest, mut cuts) = (Vec::new(), wire.as_slice(), cuts.into_iter().cycle());
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(cuts.next().expect("endless").min(rest.len()));
            for event in reader.push(piece).expect("valid") {
                if let StreamEvent::Chunk(json) = event {
                    read.push(serde_json::from_str::<TokenChunk>(&json).expect("token").token);
                }
            }
            rest = tail;
        }
        reader.finish().expect("the end came");
        prop_assert_eq!(read, tokens);
    }
}
