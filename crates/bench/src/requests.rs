//! Requests that are signed before the clock starts, so that the load costs its sender next to nothing.
//!
//! Of a signed request only the nonce and the signature change from one to the next. A [`Template`] holds the rest,
//! ready to be copied; a [`Shot`] is the 72 bytes that differ. Nonces are dated for the time when they will be sent, so
//! that a run may be longer than the window in which a nonce is fresh.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use axoneme_protocol::body_hash::body_hash;
use axoneme_protocol::signing::{parse_signature, sign_request};
use axoneme_protocol::{Envelope, Prompting, TerminalInfo, WIRE_VERSION};
use axoneme_wallet::{AccountId, Keypair};

use crate::error::BenchError;

/// What the load speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    /// The Synapse wire of SDK 10.
    V10,
    /// Signed requests of SDK 11.
    Btauth,
}

/// How long the load says it waits, seconds. Also widens the window of fresh nonces on the v10 wire.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The parts of a request that stay the same.
#[derive(Debug, Clone)]
pub struct Template {
    wire: Wire,
    receiver: AccountId,
    uuid: String,
    body: Vec<u8>,
    body_hash: String,
    text: String,
    before_nonce: Vec<u8>,
    before_signature: Vec<u8>,
    after_signature: Vec<u8>,
}

/// The parts of a request that change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shot {
    /// Nanoseconds since 1970.
    pub nonce: u64,
    /// By the sender, over everything the wire signs.
    pub signature: [u8; 64],
}

impl Template {
    /// A question of exactly `body_bytes` bytes of body for the axon `receiver`, with a lane of its own.
    pub fn new(
        wire: Wire,
        target: SocketAddr,
        signer: &Keypair,
        receiver: AccountId,
        body_bytes: usize,
    ) -> Result<Self, BenchError> {
        let uuid = uuid::Uuid::new_v4().to_string();
        let mut template = Self {
            wire,
            receiver,
            uuid,
            body: Vec::new(),
            body_hash: String::new(),
            text: String::new(),
            before_nonce: Vec::new(),
            before_signature: Vec::new(),
            after_signature: Vec::new(),
        };
        let envelope = template.envelope(target, signer);
        let least = template.write_body(&envelope, "")?.len();
        let padding = body_bytes.checked_sub(least).ok_or(BenchError::SmallBody {
            asked: body_bytes,
            least,
        })?;
        template.text = words(padding);
        template.body = template.write_body(&envelope, &template.text)?;
        template.body_hash =
            body_hash(&Prompting::ask(&*template.text)).map_err(|error| BenchError::Build(error.to_string()))?;
        match wire {
            Wire::V10 => template.write_v10_head(envelope, target),
            Wire::Btauth => template.write_btauth_head(signer, target),
        }
        Ok(template)
    }

    /// The question, which an echo gives back as its completion.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Signs the request under a nonce.
    pub fn sign(&self, signer: &Keypair, nonce: u64) -> Shot {
        let text = match self.wire {
            Wire::V10 => sign_request(signer, nonce, &self.receiver, &self.uuid, &self.body_hash),
            Wire::Btauth => {
                axoneme_protocol::btauth::sign(signer, Some(&self.receiver), "POST", PATH, &self.body, nonce)
                    .into_iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case("x-bittensor-signature"))
                    .map(|(_, value)| value)
                    .unwrap_or_default()
            }
        };
        Shot {
            nonce,
            // Both wires write 0x and 128 digits; should that ever change, every request would be refused and counted.
            signature: parse_signature(&text).unwrap_or([0; 64]),
        }
    }

    /// Writes the whole request into `out`.
    pub fn write(&self, shot: &Shot, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.before_nonce);
        // Writing into memory does not fail.
        let _ = write!(out, "{}", shot.nonce);
        out.extend_from_slice(&self.before_signature);
        let mut digits = [0; 128];
        let _ = hex::encode_to_slice(shot.signature, &mut digits);
        out.extend_from_slice(&digits);
        out.extend_from_slice(&self.after_signature);
    }

    /// The request with everything but a nonce and a signature.
    pub fn unsigned(&self, target: SocketAddr) -> Vec<u8> {
        self.end(begin_head(target))
    }

    fn envelope(&self, target: SocketAddr, signer: &Keypair) -> Envelope {
        Envelope {
            timeout: Some(TIMEOUT.as_secs_f64()),
            axon: TerminalInfo {
                ip: Some(target.ip().to_string()),
                port: Some(target.port()),
                hotkey: Some(self.receiver.to_string()),
                ..TerminalInfo::default()
            },
            dendrite: TerminalInfo {
                version: Some(WIRE_VERSION),
                uuid: Some(self.uuid.clone()),
                hotkey: Some(signer.account_id().to_string()),
                ..TerminalInfo::default()
            },
            ..Envelope::of::<Prompting>()
        }
    }

    fn write_body(&self, envelope: &Envelope, text: &str) -> Result<Vec<u8>, BenchError> {
        let question = Prompting::ask(text);
        let body = match self.wire {
            Wire::V10 => envelope.body(&question),
            Wire::Btauth => serde_json::to_vec(&question),
        };
        body.map_err(|error| BenchError::Build(error.to_string()))
    }

    fn write_v10_head(&mut self, mut envelope: Envelope, target: SocketAddr) {
        envelope.body_hash.clone_from(&self.body_hash);
        envelope.dendrite.nonce = Some(0);
        envelope.dendrite.signature = Some("0x".into());
        let mut head = begin_head(target);
        for (name, value) in envelope.headers() {
            match name.as_ref() {
                "bt_header_dendrite_nonce" => {
                    head.extend_from_slice(format!("{name}: ").as_bytes());
                    self.before_nonce = std::mem::take(&mut head);
                    head.extend_from_slice(b"\r\n");
                }
                "bt_header_dendrite_signature" => {
                    head.extend_from_slice(format!("{name}: 0x").as_bytes());
                    self.before_signature = std::mem::take(&mut head);
                    head.extend_from_slice(b"\r\n");
                }
                _ => head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes()),
            }
        }
        self.after_signature = self.end(head);
    }

    fn write_btauth_head(&mut self, signer: &Keypair, target: SocketAddr) {
        let mut head = begin_head(target);
        let headers = axoneme_protocol::btauth::sign(signer, Some(&self.receiver), "POST", PATH, &self.body, 0);
        let fixed = |name: &str| {
            !name.eq_ignore_ascii_case("x-bittensor-nonce") && !name.eq_ignore_ascii_case("x-bittensor-signature")
        };
        for (name, value) in headers.iter().filter(|(name, _)| fixed(name)) {
            head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        head.extend_from_slice(b"X-Bittensor-Nonce: ");
        self.before_nonce = std::mem::take(&mut head);
        self.before_signature = b"\r\nX-Bittensor-Signature: 0x".to_vec();
        self.after_signature = self.end(b"\r\n".to_vec());
    }

    fn end(&self, mut head: Vec<u8>) -> Vec<u8> {
        head.extend_from_slice(
            format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                self.body.len()
            )
            .as_bytes(),
        );
        head.extend_from_slice(&self.body);
        head
    }
}

/// The path of [`Prompting`].
const PATH: &str = "/Prompting";

fn begin_head(target: SocketAddr) -> Vec<u8> {
    format!("POST {PATH} HTTP/1.1\r\nHost: {target}\r\nAccept: */*\r\nUser-Agent: axoneme-bench\r\n").into_bytes()
}

/// Plain words of exactly `length` bytes: what a chat looks like to parsers and hashes.
fn words(length: usize) -> String {
    "the miner answers what the validator asks "
        .chars()
        .cycle()
        .take(length)
        .collect()
}
