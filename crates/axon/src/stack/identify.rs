//! Which wire a request is on, and what its head claims: parsed strictly, fresh, meant for this axon.
//!
//! All of it is cheap, depends on nothing but the request, the clock and this axon's own address, and is remembered
//! nowhere. So it may come before the signature without telling a stranger anything about other callers.

use std::sync::Arc;

use axoneme_protocol::btauth::{BtauthError, BtauthHead};
use axoneme_protocol::{HeadError, SignedHead};
use http::HeaderMap;

use super::shared::Shared;
use super::stage::{Asked, Check};
use crate::auth::AuthPolicy;
use crate::head::{Head, speaks_btauth, speaks_v10};
use crate::refusal::Refusal;

#[derive(Clone)]
pub(crate) struct Identify(pub(crate) Arc<Shared>);

impl Check for Identify {
    fn check(&self, asked: &mut Asked) -> Result<(), Refusal> {
        let shared = &self.0;
        let policy = asked.endpoint()?.auth;
        let headers = &asked.parts.headers;
        let now = shared.clock.unix_ns();
        let head = if is_btauth(headers, policy)? {
            let head = BtauthHead::parse(texts(headers))?;
            head.check_receiver(&shared.address, policy.require_receiver)?;
            shared.limits.btauth_window.check(now, head.nonce)?;
            Head::Btauth(head)
        } else {
            let head = SignedHead::parse(texts(headers))?;
            shared.window.check(now, head.nonce, head.timeout)?;
            Head::V10(head)
        };
        asked.head = Some(head);
        Ok(())
    }
}

/// Which of the accepted wires a request is on.
fn is_btauth(headers: &HeaderMap, policy: AuthPolicy) -> Result<bool, Refusal> {
    match (speaks_btauth(headers), policy) {
        (true, AuthPolicy { btauth: true, .. }) => Ok(true),
        // To a client that tries this wire first, an answer in the other's words says what is spoken here.
        (true, _) => Err(HeadError::Missing { what: "Signature" }.into()),
        (false, AuthPolicy { v10: true, .. }) => Ok(false),
        (false, _) if speaks_v10(headers) => Err(Refusal::LegacyDisabled),
        (false, _) => Err(BtauthError::Malformed("no X-Bittensor-Signature").into()),
    }
}

fn texts(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}
