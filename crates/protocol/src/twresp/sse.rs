//! Signed streams: server-sent events whose last one signs all before it.
//!
//! `event: chunk` blocks of JSON, then one `event: tw-end` with the SHA-256 over the concatenated chunk data, the number
//! of chunks and the signature. Who signs is in the headers at the start. A stream that ends in any other way is to be
//! thrown away as a whole: what arrived before the end is not vouched for by anybody.

use std::time::Duration;

use axoneme_wallet::{AccountId, Keypair, Scheme};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Exchange, Found, TwrespError, identity_headers, sign_digest, verify_digest};
use crate::envelope::read_body;
use crate::sse_lines::{EventParser, LineEvent};

/// The content type of a signed stream.
pub const CONTENT_TYPE: &str = "text/event-stream";

/// How deeply the JSON of one chunk may be nested.
pub const MAX_CHUNK_DEPTH: usize = 128;

const EVENT_CHUNK: &str = "chunk";
const EVENT_END: &str = "tw-end";

/// The status of every stream that is signed: others are answered as plain errors.
const STATUS: u16 = 200;

/// What both ends allow one stream. Times are kept by whoever owns the connection, bytes here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamLimits {
    /// Bytes on the wire.
    pub max_bytes: usize,
    /// From the first byte to the last.
    pub max_duration: Duration,
    /// Between two events.
    pub max_idle: Duration,
    /// Streams of one caller at the same time.
    pub max_open_per_caller: usize,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            max_bytes: 4 << 20,
            max_duration: Duration::from_secs(60),
            max_idle: Duration::from_secs(10),
            max_open_per_caller: 16,
        }
    }
}

/// Why a stream cannot be written on, or has to be thrown away.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The headers or the signature in the trailer.
    #[error(transparent)]
    Signature(#[from] TwrespError),
    /// More than [`StreamLimits::max_bytes`].
    #[error("the stream is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// A chunk is not one line of JSON holding an object or array, [`MAX_CHUNK_DEPTH`] levels deep at most.
    #[error("chunk {what}")]
    Chunk {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A value that cannot be written as JSON.
    #[error("a chunk cannot be written as JSON")]
    Serialize(#[source] serde_json::Error),
    /// An event that is neither a chunk nor the end, or something behind the end.
    #[error("unexpected event in a signed stream")]
    Event,
    /// The trailer is not what it should be.
    #[error("tw-end {what}")]
    Trailer {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The stream ended without a trailer.
    #[error("the stream ended before its signature")]
    Unfinished,
}

/// The chunk that Axoneme's own synapses stream: a piece of text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenChunk {
    /// The text to append.
    pub token: String,
}

/// Writes a signed stream.
pub struct SignedStreamWriter {
    signer: Keypair,
    nonce: u64,
    sender: AccountId,
    digest: Sha256,
    count: u64,
    written: usize,
    limits: StreamLimits,
}

impl SignedStreamWriter {
    /// A stream answering the given request. `signer` has to be the exchange's responder.
    pub fn new(signer: Keypair, exchange: &Exchange<'_>, limits: StreamLimits) -> Self {
        Self {
            signer,
            nonce: exchange.nonce,
            sender: *exchange.sender,
            digest: Sha256::new(),
            count: 0,
            written: 0,
            limits,
        }
    }

    /// The headers to send before the first chunk, besides [`CONTENT_TYPE`].
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        identity_headers(&self.signer)
    }

    /// The bytes of one more chunk. After an error the stream cannot be finished: abort the connection.
    pub fn chunk<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<Vec<u8>, StreamError> {
        let json = serde_json::to_string(value).map_err(StreamError::Serialize)?;
        self.chunk_json(&json)
    }

    /// Like [`chunk`](Self::chunk) with JSON already written, on one line.
    pub fn chunk_json(&mut self, json: &str) -> Result<Vec<u8>, StreamError> {
        check_chunk(json.as_bytes())?;
        let bytes = event(EVENT_CHUNK, json);
        self.written += bytes.len();
        if self.written + TRAILER_RESERVE > self.limits.max_bytes {
            let limit = self.limits.max_bytes;
            return Err(StreamError::TooLong { limit });
        }
        self.digest.update(json.as_bytes());
        self.count += 1;
        Ok(bytes)
    }

    /// The bytes of the end, with the signature over everything before.
    pub fn end(self) -> Vec<u8> {
        let responder = self.signer.account_id();
        let exchange = Exchange {
            nonce: self.nonce,
            sender: &self.sender,
            responder: &responder,
        };
        let (digest, count) = (hex::encode(self.digest.finalize()), self.count);
        let signature = sign_digest(&self.signer, &exchange, STATUS, &digest);
        let trailer = format!(r#"{{"digest":"{digest}","count":{count},"signature":"{signature}"}}"#);
        event(EVENT_END, &trailer)
    }
}

/// The longest trailer with its framing, kept free so that a stream at its limit can still be signed.
const TRAILER_RESERVE: usize = 320;

fn event(name: &str, data: &str) -> Vec<u8> {
    format!("event: {name}\ndata: {data}\n\n").into_bytes()
}

/// What a reader learned from the bytes it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEvent {
    /// The JSON of one chunk. Not vouched for until [`End`](Self::End) came.
    Chunk(String),
    /// The trailer came and its signature covers every chunk before.
    End {
        /// How many chunks there were.
        count: u64,
    },
}

/// Reads a signed stream, in pieces of any size.
pub struct SignedStreamReader {
    scheme: Scheme,
    nonce: u64,
    sender: AccountId,
    responder: AccountId,
    parser: EventParser,
    digest: Sha256,
    count: u64,
    read: usize,
    max_bytes: usize,
    ended: bool,
}

impl SignedStreamReader {
    /// Starts with the headers of the answer, which have to name the responder that was asked. Status and content type
    /// are the caller's to check.
    pub fn new<'a>(
        headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        exchange: &Exchange<'_>,
        limits: StreamLimits,
    ) -> Result<Self, StreamError> {
        let found = Found::collect(headers)?;
        Ok(Self {
            scheme: found.identity(exchange)?,
            nonce: exchange.nonce,
            sender: *exchange.sender,
            responder: *exchange.responder,
            parser: EventParser::default(),
            digest: Sha256::new(),
            count: 0,
            read: 0,
            max_bytes: limits.max_bytes,
            ended: false,
        })
    }

    /// Takes bytes as they arrived. After an error nothing of the stream may be used.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<StreamEvent>, StreamError> {
        self.read = self.read.saturating_add(bytes.len());
        if self.read > self.max_bytes {
            let limit = self.max_bytes;
            return Err(StreamError::TooLong { limit });
        }
        let mut parsed = Vec::new();
        self.parser.push(bytes, &mut parsed);
        parsed.into_iter().map(|event| self.take(event)).collect()
    }

    /// To be called at the end of the body: a stream without its trailer is worth nothing.
    pub fn finish(self) -> Result<(), StreamError> {
        if self.ended {
            Ok(())
        } else {
            Err(StreamError::Unfinished)
        }
    }

    fn take(&mut self, event: LineEvent) -> Result<StreamEvent, StreamError> {
        if self.ended {
            return Err(StreamError::Event);
        }
        match event.name.as_slice() {
            name if name == EVENT_CHUNK.as_bytes() => self.take_chunk(event.data),
            name if name == EVENT_END.as_bytes() => self.take_end(&event.data),
            _ => Err(StreamError::Event),
        }
    }

    fn take_chunk(&mut self, data: Vec<u8>) -> Result<StreamEvent, StreamError> {
        check_chunk(&data)?;
        self.digest.update(&data);
        self.count += 1;
        let json = String::from_utf8(data).map_err(|_| NOT_UTF8)?;
        Ok(StreamEvent::Chunk(json))
    }

    fn take_end(&mut self, data: &[u8]) -> Result<StreamEvent, StreamError> {
        let trailer = Trailer::parse(data)?;
        let digest = hex::encode(std::mem::take(&mut self.digest).finalize());
        if trailer.count != self.count {
            return Err(StreamError::Trailer {
                what: "counts other chunks than arrived",
            });
        }
        if trailer.digest != digest {
            return Err(StreamError::Trailer {
                what: "digest does not fit the chunks that arrived",
            });
        }
        let exchange = Exchange {
            nonce: self.nonce,
            sender: &self.sender,
            responder: &self.responder,
        };
        let signature = trailer.signature.ok_or(TwrespError::Unsigned)?;
        verify_digest(self.scheme, &exchange, STATUS, &digest, &signature)?;
        self.ended = true;
        Ok(StreamEvent::End { count: self.count })
    }
}

/// The data of the last event.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trailer {
    /// 64 lower-case hex digits: SHA-256 over the concatenated data of all chunks.
    pub digest: String,
    /// How many chunks there were.
    pub count: u64,
    /// `0x` and 128 hex digits; absent in streams that are not signed.
    #[serde(default)]
    pub signature: Option<String>,
}

impl Trailer {
    /// Reads the data of a `tw-end` event, strictly: these members and no others, each once, the count a plain number.
    pub fn parse(data: &[u8]) -> Result<Self, StreamError> {
        let trailer: Self = read_body(data).map_err(|_| StreamError::Trailer {
            what: "is not an object with digest, count and signature, each once",
        })?;
        let hex_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if trailer.digest.len() != 64 || !trailer.digest.bytes().all(hex_digit) {
            return Err(StreamError::Trailer {
                what: "digest is not 64 lower-case hex digits",
            });
        }
        Ok(trailer)
    }
}

const NOT_UTF8: StreamError = StreamError::Chunk { what: "is not UTF-8" };

/// Checks the data of one chunk: one line of JSON, an object or array, not too deep.
pub fn check_chunk(data: &[u8]) -> Result<(), StreamError> {
    let chunk = |what| StreamError::Chunk { what };
    let text = std::str::from_utf8(data).map_err(|_| NOT_UTF8)?;
    if text.contains(['\n', '\r']) {
        return Err(chunk("is not one line"));
    }
    if !text.trim_start_matches([' ', '\t']).starts_with(['{', '[']) {
        return Err(chunk("is not a JSON object or array"));
    }
    if depth(data) > MAX_CHUNK_DEPTH {
        return Err(chunk("is nested too deeply"));
    }
    // Ignoring a value takes no recursion, so the depth checked above is the only limit.
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|_| chunk("is not valid JSON"))?;
    Ok(())
}

/// How deeply brackets are nested outside of strings; right for valid JSON, bounded work for anything.
fn depth(json: &[u8]) -> usize {
    let (mut deepest, mut depth, mut in_string, mut escaped) = (0, 0usize, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
