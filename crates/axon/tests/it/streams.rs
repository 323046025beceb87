//! Answers in pieces, on both wires.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axoneme_axon::{
    AxonBuilder, AxonHandle, Caller, CancellationToken, ForwardStream, HandlerError, Limits, StreamLimits, TokenStream,
};
use axoneme_protocol::twresp::Exchange;
use axoneme_protocol::twresp::sse::{SignedStreamReader, StreamEvent};
use axoneme_protocol::{StreamPrompting, StreamingSynapse, Synapse};
use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::btauth::Question;
use crate::peer::{DEADLINE, Raw, Reply, asking, key, now_ns, start};

/// Sends the words of the last message one by one. Some of them are orders.
#[derive(Default)]
struct Words {
    cancelled: Arc<AtomicUsize>,
}

#[async_trait]
impl ForwardStream<StreamPrompting> for Words {
    async fn forward(
        &self,
        _caller: Caller,
        synapse: StreamPrompting,
        cancel: CancellationToken,
    ) -> Result<TokenStream, HandlerError> {
        let last = synapse.messages.last().cloned().unwrap_or_default();
        if last == "refuse" {
            return Err(HandlerError::new(429, "slow down"));
        }
        let cancelled = self.cancelled.clone();
        tokio::spawn(async move {
            cancel.cancelled().await;
            cancelled.fetch_add(1, Ordering::SeqCst);
        });
        let words: Vec<String> = last.split_inclusive(' ').map(str::to_owned).collect();
        let pieces = futures::stream::iter(words).then(|word| async move {
            match word.trim() {
                "fail" => Err(HandlerError::internal("a secret of the operator")),
                "panic" => panic!("the stream panics on request"),
                "hang" => std::future::pending().await,
                "nothing" => Ok(String::new()),
                _ => Ok(word),
            }
        });
        Ok(pieces.boxed())
    }
}

async fn streaming(change: impl FnOnce(AxonBuilder) -> AxonBuilder) -> (AxonHandle, Arc<AtomicUsize>) {
    let words = Words::default();
    let cancelled = words.cancelled.clone();
    let (axon, _) = start(|axon| change(axon.route_stream::<StreamPrompting>(Arc::new(words)))).await;
    (axon, cancelled)
}

fn v10(message: &str) -> Raw {
    Raw {
        path: format!("/{}", StreamPrompting::NAME),
        ..asking(message)
    }
}

fn btauth(message: &str) -> Question {
    let body = serde_json::json!({ "roles": ["user"], "messages": [message] }).to_string();
    Question::by(&key("//Alice"), Some("//Bob"), now_ns(), "/StreamPrompting", &body)
}

/// An answer as its chunks.
struct Chunked {
    head: String,
    chunks: Vec<Vec<u8>>,
    /// Whether the last chunk came.
    complete: bool,
}

async fn open(raw: &Raw, to: std::net::SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(to).await.expect("connected");
    stream.write_all(&raw.bytes()).await.expect("sent");
    stream
}

async fn read(stream: &mut TcpStream) -> Chunked {
    let mut bytes = Vec::new();
    let reading = async {
        loop {
            if bytes.ends_with(b"0\r\n\r\n") || stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                return;
            }
        }
    };
    tokio::time::timeout(DEADLINE, reading).await.expect("in time");
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8(bytes[..end].to_vec())
        .expect("ascii")
        .to_ascii_lowercase();
    let (mut rest, mut chunks) = (&bytes[end + 4..], Vec::new());
    while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&rest[..line]).expect("a size");
        let size = usize::from_str_radix(size, 16).expect("a size");
        if size == 0 {
            return Chunked {
                head,
                chunks,
                complete: true,
            };
        }
        chunks.push(rest[line + 2..line + 2 + size].to_vec());
        rest = &rest[line + 4 + size..];
    }
    Chunked {
        head,
        chunks,
        complete: false,
    }
}

#[tokio::test]
async fn a_v10_stream_is_raw_text_in_chunks_behind_the_headers_of_any_answer() {
    let (axon, _) = streaming(|axon| axon).await;
    let mut stream = open(&v10("h\u{e9}llo w\u{1f600}rld and nothing more"), axon.local_addr()).await;
    let answer = read(&mut stream).await;
    assert!(answer.complete);
    let words: Vec<_> = answer
        .chunks
        .iter()
        .map(|chunk| std::str::from_utf8(chunk).expect("whole characters"))
        .collect();
    assert_eq!(words, ["h\u{e9}llo ", "w\u{1f600}rld ", "and ", "more"]);
    assert!(answer.head.starts_with("http/1.1 200 "), "{}", answer.head);
    for header in [
        "content-type: text/event-stream",
        "transfer-encoding: chunked",
        "name: streamprompting",
        "bt_header_axon_status_code: 200",
        "bt_header_axon_process_time: ",
        "timeout: 12.0",
        "header_size: 0",
        "total_size: 0",
        "computed_body_hash: ",
    ] {
        assert!(answer.head.contains(header), "{header}: {}", answer.head);
    }
    // The connection is kept.
    stream.write_all(&v10("again").bytes()).await.expect("sent");
    assert_eq!(read(&mut stream).await.chunks, [b"again".to_vec()]);
}

#[tokio::test]
async fn a_stream_that_fails_before_its_first_piece_is_an_ordinary_error() {
    let (axon, _) = streaming(|axon| axon).await;
    for (message, status) in [("refuse", 429), ("fail", 500), ("panic", 500), ("nothing fail", 500)] {
        let reply = v10(message).send(axon.local_addr()).await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (status, Some("application/json")),
            "{message}"
        );
        assert!(!String::from_utf8_lossy(&reply.body).contains("secret"));
        let question = btauth(message);
        let reply = question.raw.send(axon.local_addr()).await;
        assert_eq!(reply.status, status, "{message}");
        assert!(question.is_signed(&reply), "{message}");
    }
}

#[tokio::test]
async fn a_stream_that_fails_later_ends_without_its_last_chunk() {
    let limits = Limits {
        streams: StreamLimits {
            max_idle: Duration::from_millis(300),
            max_bytes: 1000,
            ..StreamLimits::default()
        },
        ..Limits::default()
    };
    let (axon, cancelled) = streaming(|axon| axon.limits(limits)).await;
    let long = "x ".to_owned() + &"y".repeat(1000);
    for (n, message) in ["one fail", "one panic", "one hang", &long].into_iter().enumerate() {
        let answer = read(&mut open(&v10(message), axon.local_addr()).await).await;
        assert!(answer.head.starts_with("http/1.1 200 "), "{message}");
        assert_eq!((answer.chunks.len(), answer.complete), (1, false), "{message}");
        let answer = read(&mut open(&btauth(message).raw, axon.local_addr()).await).await;
        let events = answer.chunks.concat();
        assert!(
            !answer.complete && !String::from_utf8_lossy(&events).contains("tw-end"),
            "{message}"
        );
        wait_for(|| cancelled.load(Ordering::SeqCst) == 2 * (n + 1)).await;
    }
    assert_eq!(
        v10("fine").send(axon.local_addr()).await.status,
        200,
        "nobody else is harmed"
    );
}

#[tokio::test]
async fn the_deadline_of_a_request_is_also_that_of_its_stream() {
    let (axon, cancelled) = streaming(|axon| axon).await;
    let answer = read(&mut open(&v10("one hang").set("timeout", "0.4"), axon.local_addr()).await).await;
    assert_eq!((answer.chunks.len(), answer.complete), (1, false));
    wait_for(|| cancelled.load(Ordering::SeqCst) == 1).await;
    // Before its first piece that is a timeout like any other.
    let reply = v10("hang").set("timeout", "0.4").send(axon.local_addr()).await;
    assert_eq!(reply.status, 504);
}

#[tokio::test]
async fn a_reader_that_leaves_cancels_its_stream() {
    let (axon, cancelled) = streaming(|axon| axon).await;
    for (n, raw) in [v10("one hang"), btauth("one hang").raw].into_iter().enumerate() {
        let mut stream = open(&raw, axon.local_addr()).await;
        let mut some = [0; 16];
        stream.read_exact(&mut some).await.expect("the beginning");
        assert_eq!(cancelled.load(Ordering::SeqCst), n);
        drop(stream);
        wait_for(|| cancelled.load(Ordering::SeqCst) == n + 1).await;
    }
}

#[tokio::test]
async fn a_btauth_stream_is_signed_at_its_end() {
    let (axon, _) = streaming(|axon| axon).await;
    for (message, expected) in [("h\u{e9}llo w\u{1f600}rld", 2), ("nothing", 0)] {
        let question = btauth(message);
        let mut stream = open(&question.raw.clone().set("Connection", "close"), axon.local_addr()).await;
        let (head, body) = if expected == 0 {
            // Nothing but a signature: that is known before the first byte.
            let reply = Reply::read(&mut stream).await.expect("an answer");
            (reply.headers, reply.body)
        } else {
            let answer = read(&mut stream).await;
            assert!(answer.complete);
            let lines = answer.head.lines().filter_map(|line| line.split_once(": "));
            (
                lines.map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
                answer.chunks.concat(),
            )
        };
        let bob = key("//Bob").account_id();
        let exchange = Exchange {
            nonce: question.nonce,
            sender: &question.sender,
            responder: &bob,
        };
        // `read` lower-cases the head; the address is the one value that minds.
        let head = head.iter().map(|(name, value)| {
            let is_hotkey = name == "x-tw-resp-hotkey";
            let value = if is_hotkey { bob.to_string() } else { value.clone() };
            (name.as_str(), value)
        });
        let head: Vec<_> = head.collect();
        assert!(head.iter().any(|(name, _)| *name == "x-tw-request-id"));
        let headers = head.iter().map(|(name, value)| (*name, value.as_bytes()));
        let mut reader = SignedStreamReader::new(headers, &exchange, StreamLimits::default()).expect("an identity");
        let events = reader.push(&body).expect("events");
        let mut synapse = StreamPrompting {
            roles: Vec::new(),
            messages: Vec::new(),
            completion: String::new(),
        };
        for event in &events {
            if let StreamEvent::Chunk(json) = event {
                let chunk: serde_json::Value = serde_json::from_str(json).expect("json");
                synapse.push(chunk["token"].as_str().expect("a token"));
            }
        }
        assert_eq!(events.last(), Some(&StreamEvent::End { count: expected }));
        assert_eq!(synapse.completion, if expected == 0 { "" } else { message });
    }
}

#[tokio::test]
async fn a_caller_has_so_many_streams_at_once() {
    let limits = Limits {
        streams: StreamLimits {
            max_open_per_caller: 2,
            ..StreamLimits::default()
        },
        ..Limits::default()
    };
    let (axon, _) = streaming(|axon| axon.limits(limits)).await;
    let to = axon.local_addr();
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = open(&v10("one hang"), to).await;
        let mut some = [0; 16];
        stream.read_exact(&mut some).await.expect("the beginning");
        held.push(stream);
    }
    let question = btauth("one");
    let reply = question.raw.send(to).await;
    assert_eq!(
        (reply.status, reply.json()["error"]["code"].as_str()),
        (429, Some("tw.rate_limited"))
    );
    assert!(question.is_signed(&reply));
    drop(held);
    let mut served = false;
    for _ in 0..100 {
        served = served || read(&mut open(&v10("one"), to).await).await.complete;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(served);
}

#[tokio::test]
async fn shutting_down_aborts_what_does_not_end() {
    let (axon, _) = streaming(|axon| axon).await;
    let mut stream = open(&v10("one hang"), axon.local_addr()).await;
    let mut some = [0; 16];
    stream.read_exact(&mut some).await.expect("the beginning");
    axon.shutdown(Duration::from_millis(100)).await;
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut rest))
        .await
        .expect("closed");
    assert!(!rest.ends_with(b"0\r\n\r\n"));
}

async fn wait_for(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.expect("in time");
}
