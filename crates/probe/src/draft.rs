//! A v10 request before and after signing, open to every kind of damage.

use axoneme_protocol::WIRE_VERSION;
use axoneme_protocol::signing::signed_message;
use axoneme_wallet::{AccountId, Keypair};
use serde_json::{Map, Value};

use crate::session::{Session, now};

/// What is signed and said. Fields are what an honest caller would say until a case changes them.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) signer: Keypair,
    pub(crate) nonce: u64,
    pub(crate) uuid: String,
    pub(crate) axon: AccountId,
    pub(crate) timeout: f64,
    /// The hash in the header and under the signature.
    pub(crate) hash: String,
    /// What is put around the message before it is signed.
    pub(crate) wrap: (&'static str, &'static str),
    name: String,
    body: Vec<u8>,
    placeholders: Vec<(String, &'static str)>,
    target: String,
}

impl Draft {
    pub(crate) fn honest(session: &Session, name: &str, fields: &Map<String, Value>, hash_fields: &[String]) -> Self {
        let spec = crate::session::SynapseSpec {
            name: name.to_owned(),
            body: fields.clone(),
            hash_fields: hash_fields.to_vec(),
        };
        Self {
            signer: session.signer.clone(),
            nonce: now(),
            // One lane each: a Python axon wants rising nonces within a lane, and some cases spoil theirs.
            uuid: uuid::Uuid::new_v4().to_string(),
            axon: session.hotkey,
            timeout: session.patience.as_secs_f64(),
            hash: spec.hash(fields),
            wrap: ("", ""),
            name: name.to_owned(),
            body: serde_json::to_vec(fields).unwrap_or_default(),
            placeholders: spec.placeholders().collect(),
            target: session.target.to_string(),
        }
    }

    /// The same, as if made so many seconds ago.
    pub(crate) fn aged(self, seconds: u64) -> Self {
        self.with(|draft| draft.nonce -= seconds * 1_000_000_000)
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Another body under the same signature.
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Signs and writes it down as HTTP.
    pub(crate) fn http(self) -> Http {
        let own = self.signer.account_id();
        let message = signed_message(self.nonce, &own, &self.axon, &self.uuid, &self.hash);
        let message = format!("{}{message}{}", self.wrap.0, self.wrap.1);
        let signature = format!("0x{}", hex::encode(self.signer.sign(message.as_bytes())));
        let mut http = Http {
            method: "POST".into(),
            path: format!("/{}", self.name),
            version: "HTTP/1.1",
            fields: Vec::new(),
            body: self.body,
            length: true,
        };
        http.add("Host", &self.target);
        http.add("name", &self.name);
        http.add("timeout", format!("{:?}", self.timeout));
        http.add("bt_header_axon_hotkey", self.axon.to_string());
        http.add("bt_header_dendrite_version", WIRE_VERSION.to_string());
        http.add("bt_header_dendrite_nonce", self.nonce.to_string());
        http.add("bt_header_dendrite_uuid", &self.uuid);
        http.add("bt_header_dendrite_hotkey", own.to_string());
        http.add("bt_header_dendrite_signature", signature);
        for (name, value) in self.placeholders {
            http.add(&name, value);
        }
        http.add("computed_body_hash", &self.hash);
        http.add("Content-Type", "application/json");
        http
    }

    /// The bytes of an honest request.
    pub(crate) fn bytes(self) -> Vec<u8> {
        self.http().bytes()
    }
}

/// An HTTP request line by line.
#[derive(Clone)]
pub(crate) struct Http {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) version: &'static str,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// Whether to say the body's true length.
    pub(crate) length: bool,
}

impl Http {
    pub(crate) fn add(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.fields.push((name.to_owned(), value.as_ref().to_vec()));
    }

    /// One more header, even if the name is there already.
    pub(crate) fn plus(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.add(name, value);
        self
    }

    /// Another value for a header.
    pub(crate) fn set(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, place)) => *place = value.as_ref().to_vec(),
            None => self.add(name, value),
        }
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    /// The value of a header.
    pub(crate) fn get(&self, name: &str) -> String {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map_or_else(String::new, |(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    /// The same header said twice.
    pub(crate) fn twice(self, name: &str) -> Self {
        let value = self.get(name);
        self.plus(name, value)
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn head(&self) -> Vec<u8> {
        let mut bytes = format!("{} {} {}\r\n", self.method, self.path, self.version).into_bytes();
        for (name, value) in &self.fields {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        if self.length {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n", self.body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.head();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// The body in chunks of `size` bytes.
    pub(crate) fn chunked(mut self, size: usize) -> Vec<u8> {
        self.length = false;
        let mut bytes = self.plus_chunked().head();
        let body = std::mem::take(&mut self.body);
        for piece in body.chunks(size.max(1)) {
            bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            bytes.extend_from_slice(piece);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        bytes
    }

    pub(crate) fn plus_chunked(&self) -> Self {
        let mut http = self.clone().plus("Transfer-Encoding", "chunked");
        http.length = false;
        http
    }
}
