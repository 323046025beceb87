//! Answers in pieces.

use std::sync::Arc;
use std::time::Duration;

use axoneme_dendrite::{AnswerStream, BtauthConfig, DendriteConfig, Outcome, Wire};
use axoneme_protocol::twresp::sse::{SignedStreamWriter, StreamLimits, TokenChunk};
use axoneme_protocol::{Exchange, Prompting, StreamPrompting};
use axoneme_wallet::Keypair;
use futures::StreamExt;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::scripted::{Act, Asked, Server, alice, bob, signed, with_headers};

const TIMEOUT: Duration = Duration::from_secs(5);
const SOON: Duration = Duration::from_millis(40);
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nbt_header_axon_status_code: 200\r\n\
                    bt_header_axon_status_message: Success\r\ntransfer-encoding: chunked\r\n\r\n";

fn question() -> StreamPrompting {
    Prompting::ask("hello").into()
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

/// A v10 stream of these chunks, well ended.
fn stream(chunks: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut parts = vec![HEAD.as_bytes().to_vec()];
    parts.extend(chunks.iter().map(|bytes| chunk(bytes)));
    parts.push(b"0\r\n\r\n".to_vec());
    parts
}

async fn pieces(stream: &mut AnswerStream<StreamPrompting>) -> Vec<String> {
    let mut seen = Vec::new();
    while let Some(piece) = stream.next().await {
        seen.push(piece.into_unverified());
    }
    seen
}

#[tokio::test]
async fn pieces_come_as_they_are_made_and_whole_characters_only() {
    // A smile cut in two, and a newline, which a Python client would lose.
    let [head, one, smile, rest, two, end] = stream(&[b"one ", b"\xf0\x9f", b"\x99\x82\n", b"two"])
        .try_into()
        .expect("six parts");
    let steps = vec![[head, one].concat(), [smile, rest].concat(), [two, end].concat()];
    let allowed = Arc::new(Semaphore::new(1));
    let allow = allowed.clone();
    let server = Server::start(move |_| Act::Steps(allowed.clone(), steps.clone())).await;
    let mut stream = alice(DendriteConfig::default()).stream(&server.target(), question(), TIMEOUT);
    for expected in ["one ", "\u{1f642}\n", "two"] {
        let piece = stream.next().await.expect("a piece");
        assert_eq!(piece.unverified(), expected);
        allow.add_permits(1);
    }
    assert_eq!(stream.next().await, None);
    let answer = stream.finish().await;
    assert!(answer.is_success() && !answer.signed, "{answer:?}");
    assert_eq!((answer.status, answer.message.as_str()), (200, "Success"));
    assert_eq!(answer.synapse.completion, "one \u{1f642}\ntwo");
    assert_eq!(answer.synapse.messages, ["hello"]);
    assert!(answer.process_time.is_some());
    assert_eq!(server.asked.lock()[0].line, "POST /StreamPrompting HTTP/1.1");
}

#[tokio::test]
async fn the_answer_is_whole_even_if_nobody_takes_the_pieces_and_it_is_a_stream_for_combinators() {
    let server = Server::start(|_| Act::Drip(SOON / 8, stream(&[b"a", b"b", b"c"]))).await;
    let dendrite = alice(DendriteConfig::default());
    let answer = dendrite.stream(&server.target(), question(), TIMEOUT).finish().await;
    assert_eq!(
        (answer.outcome, answer.synapse.completion.as_str()),
        (Outcome::Answered, "abc")
    );
    let texts = dendrite
        .stream(&server.target(), question(), TIMEOUT)
        .map(|piece| piece.into_unverified());
    assert_eq!(texts.collect::<String>().await, "abc");
    // One connection served both.
    assert!(server.asked.lock().iter().all(|asked| asked.connection == 0));
}

#[tokio::test]
async fn a_stream_that_breaks_off_or_is_no_text_counts_for_nothing() {
    let cut = || stream(&[b"half an ans"])[..2].concat();
    let not_text = || stream(&[b"good ", b"\xff"]).concat();
    let cut_character = || stream(&[b"good \xf0\x9f"]).concat();
    let whole = || {
        let body = r#"{"roles":["user"],"messages":["hello"],"completion":"hi"}"#;
        with_headers(200, "bt_header_axon_status_code: 200\r\n", body)
    };
    let no_text = || stream(&[b"x"]).concat().replace(b"text/event-stream", b"image/png");
    let elsewhere = || b"HTTP/1.1 302 x\r\nlocation: /y\r\ncontent-length: 0\r\n\r\n".to_vec();
    for (says, outcome, shown) in [
        (cut(), Outcome::Truncated, "half an ans"),
        (not_text(), Outcome::Invalid, "good "),
        (cut_character(), Outcome::Invalid, "good "),
        (whole(), Outcome::Invalid, ""),
        (no_text(), Outcome::Invalid, ""),
        (elsewhere(), Outcome::Redirected, ""),
    ] {
        let server = Server::start(move |_| Act::SayAndClose(says.clone())).await;
        let mut stream = alice(DendriteConfig::default()).stream(&server.target(), question(), TIMEOUT);
        assert_eq!(pieces(&mut stream).await.concat(), shown, "{outcome:?}");
        let answer = stream.finish().await;
        assert_eq!(
            (answer.outcome, answer.synapse.completion.as_str()),
            (outcome, ""),
            "{answer:?}"
        );
        assert_ne!(answer.status, 200);
    }
}

/// Replaces the first occurrence of some bytes.
trait Replace {
    fn replace(self, from: &[u8], to: &[u8]) -> Vec<u8>;
}

impl Replace for Vec<u8> {
    fn replace(mut self, from: &[u8], to: &[u8]) -> Vec<u8> {
        let at = self
            .windows(from.len())
            .position(|window| window == from)
            .expect("there");
        self.splice(at..at + from.len(), to.iter().copied());
        self
    }
}

#[tokio::test]
async fn one_deadline_covers_the_whole_stream() {
    let endless = stream(&[b"word ".as_slice(); 100]);
    let server = Server::start(move |_| Act::Drip(SOON, endless.clone())).await;
    let began = Instant::now();
    let mut stream = alice(DendriteConfig::default()).stream(&server.target(), question(), SOON * 10);
    assert!(!pieces(&mut stream).await.is_empty());
    let answer = stream.finish().await;
    assert_eq!((answer.status, answer.outcome), (408, Outcome::TimedOut), "{answer:?}");
    assert!(began.elapsed() < SOON * 50);
    server.wait_closed(1).await;
}

#[tokio::test]
async fn endless_streams_are_cut_at_the_limit() {
    let endless = stream(&[[b'x'; 4000].as_slice(); 100]);
    let server = Server::start(move |_| Act::Drip(Duration::ZERO, endless.clone())).await;
    let config = DendriteConfig {
        answer_bytes: 10_000,
        ..DendriteConfig::default()
    };
    let mut stream = alice(config).stream(&server.target(), question(), TIMEOUT);
    assert!(pieces(&mut stream).await.concat().len() <= 10_000);
    assert_eq!(stream.finish().await.outcome, Outcome::TooLarge);
}

#[tokio::test]
async fn dropping_a_stream_closes_its_connection() {
    let endless = stream(&[b"word ".as_slice(); 1000]);
    let server = Server::start(move |_| Act::Drip(SOON / 4, endless.clone())).await;
    let dendrite = alice(DendriteConfig::default());
    let mut stream = dendrite.stream(&server.target(), question(), TIMEOUT);
    assert!(stream.next().await.is_some());
    drop(stream);
    server.wait_closed(1).await;
    // So does dropping one that has not been answered at all.
    let server = Server::start(|_| Act::Hang).await;
    let mut stream = dendrite.stream(&server.target(), question(), TIMEOUT);
    assert!(tokio::time::timeout(SOON * 4, stream.next()).await.is_err());
    drop(stream);
    server.wait_closed(1).await;
}

/// The parts of a stream signed by `signer`: head, events, end of the body.
fn signed_stream(asked: &Asked, signer: Keypair, tokens: &[&str]) -> Vec<Vec<u8>> {
    let head = asked.btauth();
    let exchange = Exchange {
        nonce: head.nonce,
        sender: &head.sender,
        responder: &signer.account_id(),
    };
    let mut writer = SignedStreamWriter::new(signer, &exchange, StreamLimits::default());
    let headers = writer
        .headers()
        .into_iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"));
    let headers: String = headers.collect();
    let mut parts = vec![
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{headers}transfer-encoding: chunked\r\n\r\n")
            .into_bytes(),
    ];
    for token in tokens {
        let token = TokenChunk {
            token: (*token).to_owned(),
        };
        parts.push(chunk(&writer.chunk(&token).expect("a chunk")));
    }
    parts.push(chunk(&writer.end()));
    parts.push(b"0\r\n\r\n".to_vec());
    parts
}

#[tokio::test]
async fn a_signed_stream_counts_once_its_end_has_come() {
    let server =
        Server::answering(|_, asked| Act::Drip(SOON, signed_stream(asked, bob(), &["one ", "t\u{1f642}o\n"]))).await;
    let dendrite = alice(DendriteConfig::default());
    let target = server.target().over(Wire::Btauth);
    let mut stream = dendrite.stream(&target, question(), TIMEOUT);
    assert_eq!(pieces(&mut stream).await.concat(), "one t\u{1f642}o\n");
    let answer = stream.finish().await;
    assert!(answer.is_success() && answer.signed, "{answer:?}");
    assert_eq!(answer.synapse.completion, "one t\u{1f642}o\n");
    assert_eq!(dendrite.signers(), [bob().account_id()]);
}

#[tokio::test]
async fn a_signed_stream_that_is_not_what_was_signed_counts_for_nothing() {
    type Answering = fn(&Asked) -> Vec<u8>;
    let cases: [(&str, Outcome, Answering); 8] = [
        ("no end", Outcome::Truncated, |asked| {
            let parts = signed_stream(asked, bob(), &["one", "two"]);
            [parts[..3].concat(), b"0\r\n\r\n".to_vec()].concat()
        }),
        ("cut", Outcome::Truncated, |asked| {
            signed_stream(asked, bob(), &["one", "two"])[..2].concat()
        }),
        ("a piece left out", Outcome::Invalid, |asked| {
            let mut parts = signed_stream(asked, bob(), &["one", "two"]);
            parts.remove(1);
            parts.concat()
        }),
        ("a piece changed", Outcome::Invalid, |asked| {
            signed_stream(asked, bob(), &["one", "two"])
                .concat()
                .replace(b"one", b"One")
        }),
        ("another key", Outcome::BadSignature, |asked| {
            signed_stream(asked, Keypair::from_uri("//Mallory").expect("uri"), &["one"]).concat()
        }),
        ("another key under the right name", Outcome::BadSignature, |asked| {
            let mallory = Keypair::from_uri("//Mallory").expect("uri");
            let name = mallory.account_id().to_string();
            let parts = signed_stream(asked, mallory, &["one"]).concat();
            parts.replace(name.as_bytes(), bob().account_id().to_string().as_bytes())
        }),
        ("no identity", Outcome::Unsigned, |_| {
            stream(&[b"event: chunk\ndata: {\"token\":\"x\"}\n\n"]).concat()
        }),
        ("no event stream", Outcome::Invalid, |asked| {
            signed(
                asked,
                &bob(),
                200,
                r#"{"roles":["user"],"messages":["hello"],"completion":"hi"}"#,
            )
        }),
    ];
    for (what, outcome, answering) in cases {
        let server = Server::answering(move |_, asked| Act::SayAndClose(answering(asked))).await;
        let dendrite = alice(DendriteConfig::default());
        let target = server.target().over(Wire::Btauth);
        let answer = dendrite.stream(&target, question(), TIMEOUT).finish().await;
        assert_eq!(answer.outcome, outcome, "{what}: {answer:?}");
        assert_eq!(
            (answer.signed, answer.synapse.completion.as_str()),
            (false, ""),
            "{what}"
        );
        assert!(dendrite.signers().is_empty(), "{what}");
    }
}

#[tokio::test]
async fn errors_before_a_signed_stream_are_ordinary_answers() {
    let error = r#"{"error":{"code":"tw.rate_limited","message":"slower"}}"#;
    let server = Server::answering(move |_, asked| Act::Say(signed(asked, &bob(), 429, error))).await;
    let target = server.target().over(Wire::Btauth);
    let mut stream = alice(DendriteConfig::default()).stream(&target, question(), TIMEOUT);
    assert!(pieces(&mut stream).await.is_empty());
    let answer = stream.finish().await;
    assert_eq!((answer.status, answer.signed), (429, true), "{answer:?}");
    assert_eq!(answer.message, "tw.rate_limited: slower");
}

#[tokio::test]
async fn a_signed_stream_may_not_pause_for_long() {
    let server = Server::answering(|_, asked| Act::Drip(SOON * 10, signed_stream(asked, bob(), &["one", "two"]))).await;
    let config = DendriteConfig {
        btauth: BtauthConfig {
            stream: StreamLimits {
                max_idle: SOON * 5,
                ..StreamLimits::default()
            },
            ..BtauthConfig::default()
        },
        ..DendriteConfig::default()
    };
    let target = server.target().over(Wire::Btauth);
    let answer = alice(config).stream(&target, question(), TIMEOUT).finish().await;
    assert_eq!((answer.status, answer.outcome), (408, Outcome::TimedOut), "{answer:?}");
}
