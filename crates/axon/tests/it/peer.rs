//! A raw HTTP peer: builds requests a dendrite would send, and ones it would never.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use axoneme_axon::{Axon, AxonBuilder, AxonHandle, Caller, CancellationToken, Forward, HandlerError};
use axoneme_protocol::body_hash::body_hash;
use axoneme_protocol::{Envelope, Prompting, TerminalInfo, WIRE_VERSION, signing};
use axoneme_wallet::Keypair;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const DEADLINE: Duration = Duration::from_secs(20);

pub fn key(uri: &str) -> Keypair {
    Keypair::from_uri(uri).expect("dev key")
}

/// Counts what reaches it, and does what the last message says.
#[derive(Default)]
pub struct Counting {
    pub calls: AtomicUsize,
    pub cancelled: Arc<AtomicUsize>,
    pub seen: parking_lot::Mutex<Option<Caller>>,
}

impl Counting {
    pub fn count(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Forward<Prompting> for Counting {
    async fn forward(
        &self,
        caller: Caller,
        mut synapse: Prompting,
        cancel: CancellationToken,
    ) -> Result<Prompting, HandlerError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        *self.seen.lock() = Some(caller);
        match synapse.messages.last().map_or("", String::as_str) {
            "panic" => panic!("the handler panics on request"),
            "internal" => return Err(HandlerError::internal("a secret of the operator")),
            "slow down" => return Err(HandlerError::new(429, "slow down")),
            "hang" => {
                let cancelled = self.cancelled.clone();
                tokio::spawn(async move {
                    cancel.cancelled().await;
                    cancelled.fetch_add(1, Ordering::SeqCst);
                });
                std::future::pending::<()>().await;
            }
            message => synapse.completion = format!("echo {message}"),
        }
        Ok(synapse)
    }
}

/// An axon of //Bob on a free port with a counting handler.
pub async fn start(change: impl FnOnce(AxonBuilder) -> AxonBuilder) -> (AxonHandle, Arc<Counting>) {
    let handler = Arc::new(Counting::default());
    let builder = Axon::builder(Arc::new(key("//Bob")))
        .bind("127.0.0.1:0".parse().expect("address"))
        .route::<Prompting>(handler.clone());
    (change(builder).start().await.expect("started"), handler)
}

/// A request as parts that a test can bend.
#[derive(Clone)]
pub struct Raw {
    pub method: &'static str,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Nonces that rise within this process.
pub fn now_ns() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970")
        .as_nanos() as u64;
    LAST.fetch_max(now, Ordering::SeqCst);
    LAST.fetch_add(1, Ordering::SeqCst)
}

/// What is signed, and by and for whom.
pub struct Signed<'a> {
    pub by: &'a str,
    pub for_axon: &'a str,
    pub nonce: u64,
    pub timeout: Option<f64>,
    pub synapse: Prompting,
}

impl Default for Signed<'_> {
    fn default() -> Self {
        Self {
            by: "//Alice",
            for_axon: "//Bob",
            nonce: now_ns(),
            timeout: Some(12.0),
            synapse: Prompting::ask("hello"),
        }
    }
}

impl Signed<'_> {
    pub fn raw(self) -> Raw {
        let signer = key(self.by);
        let axon = key(self.for_axon).account_id();
        let hash = body_hash(&self.synapse).expect("hash");
        let uuid = "0b8e3f6a-0000-11ef-8000-000000000001";
        let envelope = Envelope {
            timeout: self.timeout,
            axon: TerminalInfo {
                hotkey: Some(axon.to_string()),
                ..TerminalInfo::default()
            },
            dendrite: TerminalInfo {
                version: Some(WIRE_VERSION),
                nonce: Some(self.nonce),
                uuid: Some(uuid.into()),
                hotkey: Some(signer.account_id().to_string()),
                signature: Some(signing::sign_request(&signer, self.nonce, &axon, uuid, &hash)),
                ..TerminalInfo::default()
            },
            body_hash: hash,
            ..Envelope::of::<Prompting>()
        };
        let body = envelope.body(&self.synapse).expect("body");
        let mut headers = vec![
            ("Host".into(), "axon".into()),
            ("Content-Type".into(), "application/json".into()),
        ];
        headers.extend(
            envelope
                .headers()
                .into_iter()
                .map(|(name, value)| (name.into_owned(), value)),
        );
        Raw {
            method: "POST",
            path: "/Prompting".into(),
            headers,
            body,
        }
    }
}

/// A well-formed request with this last message.
pub fn asking(message: &str) -> Raw {
    Signed {
        synapse: Prompting::ask(message),
        ..Signed::default()
    }
    .raw()
}

impl Raw {
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    pub fn also(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn header(&self, name: &str) -> String {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
            .expect("header")
    }

    /// The head, with a content length unless the test framed the body itself.
    pub fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let framed = self.headers.iter().any(|(name, _)| {
            name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("transfer-encoding")
        });
        if !framed {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    pub fn bytes(&self) -> Vec<u8> {
        [self.head(), self.body.clone()].concat()
    }

    /// Sends it on a connection of its own and reads one answer.
    pub async fn send(&self, to: SocketAddr) -> Reply {
        let mut stream = TcpStream::connect(to).await.expect("connected");
        stream.write_all(&self.bytes()).await.expect("sent");
        Reply::read(&mut stream).await.expect("an answer")
    }
}

/// An answer as it came.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// Reads one answer; none when the connection ended first.
    pub async fn read(stream: &mut TcpStream) -> Option<Self> {
        tokio::time::timeout(DEADLINE, Self::read_now(stream))
            .await
            .expect("an answer in time")
    }

    async fn read_now(stream: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        let head = String::from_utf8(bytes[..end].to_vec()).expect("ascii head");
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length: usize = length.map_or(0, |(_, value)| value.parse().expect("length"));
        let mut body = bytes.split_off(end + 4);
        while body.len() < length {
            if stream.read_buf(&mut body).await.ok()? == 0 {
                return None;
            }
        }
        Some(Self { status, headers, body })
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    pub fn message(&self) -> String {
        self.json()["message"].as_str().expect("a message").to_owned()
    }
}
