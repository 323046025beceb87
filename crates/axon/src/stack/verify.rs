//! The signature, and the nonce that goes with it.

use std::sync::Arc;

use axoneme_protocol::btauth::{BtauthError, body_sha256};
use axoneme_protocol::nonce::NonceUse;
use axoneme_wallet::batch::Claim;

use super::shared::Shared;
use super::stage::{Asked, Step};
use crate::head::Head;
use crate::refusal::Refusal;

#[derive(Clone)]
pub(crate) struct Verify(pub(crate) Arc<Shared>);

impl Step for Verify {
    async fn take(&self, asked: &mut Asked) -> Result<(), Refusal> {
        let shared = &self.0;
        if !asked.familiar
            && let Some(budget) = &shared.stranger_checks
        {
            // Strangers with many addresses pass the limit per address; together they still get only so much of the
            // processor, and callers served lately have the rest.
            budget.take(()).map_err(|_| Refusal::Busy)?;
        }
        if let Some(claim) = check_signature(shared, asked)?
            && !shared.checks.verify(claim).await
        {
            return Err(refused(asked.head()?));
        }
        let head = asked.head()?;
        let claim = shared.nonces.claim(NonceUse {
            hotkey: head.hotkey(),
            uuid: head.lane(),
            nonce: head.nonce(),
        });
        claim.await.map_err(|error| head.nonce_refused(error))?;
        asked.verified = true;
        asked.share = None;
        Ok(())
    }
}

/// What has to be checked, or nothing when it was: callers that were served lately are checked together.
fn check_signature(shared: &Shared, asked: &Asked) -> Result<Option<Claim>, Refusal> {
    match asked.head()? {
        Head::V10(head) if asked.familiar => Ok(Some(head.claim(&shared.address))),
        Head::V10(head) if head.verify(&shared.address) => Ok(None),
        Head::V10(_) => Err(Refusal::Signature),
        Head::Btauth(head) => {
            // As it came: percent-encoding and query are signed too.
            let target = asked.parts.uri.path_and_query().map_or("/", |target| target.as_str());
            let method = asked.parts.method.as_str();
            let hash = body_sha256(&asked.bytes);
            let claim = head.claim(method, target, &hash).filter(|_| asked.familiar);
            if claim.is_none() {
                head.check_signature(method, target, &hash)?;
            }
            Ok(claim)
        }
    }
}

/// A signature that does not hold, in the words of the wire.
fn refused(head: &Head) -> Refusal {
    match head {
        Head::V10(_) => Refusal::Signature,
        Head::Btauth(_) => BtauthError::BadSignature.into(),
    }
}
