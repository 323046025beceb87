//! A signed request, as a Python axon needs it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axoneme_protocol::{Envelope, Synapse, TerminalInfo, WIRE_VERSION, signing};
use axoneme_wallet::Keypair;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;

use crate::answer::Failure;
use crate::target::AxonTarget;

/// What a request is made from; each attempt signs it anew.
pub(crate) struct Question<'a, S> {
    pub(crate) signer: &'a Keypair,
    pub(crate) target: &'a AxonTarget,
    pub(crate) connect_to: SocketAddr,
    pub(crate) own_ip: Option<IpAddr>,
    pub(crate) synapse: &'a S,
    pub(crate) body_hash: &'a str,
    pub(crate) timeout: Duration,
}

impl<S: Synapse> Question<'_, S> {
    /// The request under a nonce and a lane.
    pub(crate) fn sign(&self, nonce: u64, uuid: &str) -> Result<Request<Full<Bytes>>, Failure> {
        let signature = signing::sign_request(self.signer, nonce, &self.target.hotkey, uuid, self.body_hash);
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
            body_hash: self.body_hash.to_owned(),
            ..Envelope::of::<S>()
        };
        let body = envelope.body(self.synapse).map_err(Failure::unsendable)?;
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri()?;
        let headers = request.headers_mut();
        for (name, value) in envelope.headers() {
            let name = HeaderName::try_from(name.as_ref()).map_err(Failure::unsendable)?;
            headers.append(name, HeaderValue::try_from(value).map_err(Failure::unsendable)?);
        }
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

    fn uri(&self) -> Result<Uri, Failure> {
        // A socket address prints IPv6 in brackets.
        Uri::try_from(format!("http://{}/{}", self.connect_to, S::NAME)).map_err(Failure::unsendable)
    }
}
