//! Signed requests, as a Python axon and a btauth server need them.

use std::net::IpAddr;
use std::sync::OnceLock;
use std::time::Duration;

use axoneme_protocol::body_hash::body_hash;
use axoneme_protocol::{Envelope, Ping, Synapse, TerminalInfo, WIRE_VERSION, btauth, signing};
use axoneme_wallet::Keypair;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};

use crate::answer::Failure;
use crate::body::Body;
use crate::target::AxonTarget;
use crate::transport::Route;

/// A synapse made ready once, however many axons it goes to.
pub(crate) struct Prepared<S> {
    pub(crate) synapse: S,
    /// Its JSON object.
    pub(crate) json: Bytes,
    /// Computed when the first v10 axon is asked.
    hash: OnceLock<Result<String, Failure>>,
}

impl<S: Synapse> Prepared<S> {
    pub(crate) fn new(synapse: S) -> Result<Self, (S, Failure)> {
        let failure = match serde_json::to_vec(&synapse) {
            Ok(json) if json.starts_with(b"{") => {
                return Ok(Self {
                    synapse,
                    json: json.into(),
                    hash: OnceLock::new(),
                });
            }
            Ok(_) => Failure::unsendable(format!("{} does not serialise as an object", S::NAME)),
            Err(error) => Failure::unsendable(error),
        };
        Err((synapse, failure))
    }

    fn body_hash(&self) -> Result<&str, Failure> {
        let hash = || body_hash(&self.synapse).map_err(Failure::unsendable);
        self.hash.get_or_init(hash).as_deref().map_err(Clone::clone)
    }
}

/// What the requests of one call are made from; each attempt is signed anew.
pub(crate) struct Question<'a, S> {
    pub(crate) signer: &'a Keypair,
    pub(crate) target: &'a AxonTarget,
    pub(crate) route: Route,
    pub(crate) own_ip: Option<IpAddr>,
    pub(crate) prepared: &'a Prepared<S>,
    pub(crate) timeout: Duration,
}

impl<S: Synapse> Question<'_, S> {
    /// A v10 request under a nonce and a lane.
    pub(crate) fn v10(&self, nonce: u64, uuid: &str) -> Result<Request<Body>, Failure> {
        let body_hash = self.prepared.body_hash()?;
        let signature = signing::sign_request(self.signer, nonce, &self.target.hotkey, uuid, body_hash);
        let envelope = Envelope {
            timeout: Some(self.timeout.as_secs_f64()),
            axon: TerminalInfo {
                ip: Some(self.target.ip.to_string()),
                port: Some(self.target.port),
                hotkey: Some(self.target.hotkey.to_string()),
                ..TerminalInfo::default()
            },
            dendrite: TerminalInfo {
                ip: self.own_ip.map(|ip| ip.to_string()),
                version: Some(WIRE_VERSION),
                nonce: Some(nonce),
                uuid: Some(uuid.to_owned()),
                hotkey: Some(self.signer.account_id().to_string()),
                signature: Some(signature),
                ..TerminalInfo::default()
            },
            body_hash: body_hash.to_owned(),
            ..Envelope::of::<S>()
        };
        // The envelope around no fields at all, then the fields, as one object.
        let mut own = envelope.body(&Ping {}).map_err(Failure::unsendable)?;
        own.pop();
        if self.prepared.json.len() > 2 {
            own.push(b',');
        }
        let mut request = self.post(Body::new(own, self.prepared.json.slice(1..)))?;
        add(request.headers_mut(), envelope.headers())?;
        Ok(request)
    }

    /// A btauth request under a nonce: the fields of the synapse as they are, bound to the axon that is asked.
    pub(crate) fn btauth(&self, nonce: u64) -> Result<Request<Body>, Failure> {
        let target = format!("/{}", S::NAME);
        let body = &self.prepared.json;
        let headers = btauth::sign(self.signer, Some(&self.target.hotkey), "POST", &target, body, nonce);
        let mut request = self.post(Body::new(Bytes::new(), body.clone()))?;
        add(request.headers_mut(), headers)?;
        Ok(request)
    }

    fn post(&self, body: Body) -> Result<Request<Body>, Failure> {
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.route.uri(S::NAME).map_err(Failure::unsendable)?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        // Answers are small; a compressed one could be a bomb.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("axoneme/", env!("CARGO_PKG_VERSION"))),
        );
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(request)
    }
}

fn add(headers: &mut HeaderMap, more: impl IntoIterator<Item = (impl AsRef<str>, String)>) -> Result<(), Failure> {
    for (name, value) in more {
        let name = HeaderName::try_from(name.as_ref()).map_err(Failure::unsendable)?;
        headers.append(name, HeaderValue::try_from(value).map_err(Failure::unsendable)?);
    }
    Ok(())
}
