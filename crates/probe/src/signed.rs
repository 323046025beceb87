//! A `btauth/1` request before and after signing.

use axoneme_protocol::btauth;
use axoneme_wallet::{AccountId, Keypair};

use crate::draft::Http;
use crate::session::{Session, now};

/// What is signed. Fields are what an honest caller would say until a case changes them.
#[derive(Clone)]
pub(crate) struct Signed {
    pub(crate) signer: Keypair,
    pub(crate) nonce: u64,
    pub(crate) receiver: Option<AccountId>,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
    host: String,
}

impl Signed {
    pub(crate) fn honest(session: &Session) -> Self {
        Self {
            signer: session.signer.clone(),
            nonce: now(),
            receiver: Some(session.hotkey),
            method: "POST",
            path: format!("/{}", session.synapse.name),
            body: serde_json::to_vec(&session.synapse.body).unwrap_or_default(),
            host: session.target.to_string(),
        }
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Signs and writes it down as HTTP.
    pub(crate) fn http(self) -> Http {
        let signed = btauth::sign(
            &self.signer,
            self.receiver.as_ref(),
            self.method,
            &self.path,
            &self.body,
            self.nonce,
        );
        let mut http = Http {
            method: self.method.into(),
            path: self.path,
            version: "HTTP/1.1",
            fields: Vec::new(),
            body: self.body,
            length: true,
        };
        http.add("Host", &self.host);
        http.add("Content-Type", "application/json");
        for (name, value) in signed {
            http.add(name, value);
        }
        http
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.http().bytes()
    }
}
