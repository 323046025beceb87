//! One synapse and its handler, with the type forgotten.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axoneme_protocol::body_hash::{body_hash, body_matches};
use axoneme_protocol::envelope::read_body;
use axoneme_protocol::{EmptyValue, Envelope, Ping, Synapse};
use tokio_util::sync::CancellationToken;

use crate::handler::{Caller, Forward, HandlerError};
use crate::refusal::Refusal;

/// A route of the axon.
pub(crate) trait Route: Send + Sync {
    fn name(&self) -> &'static str;

    fn required_fields(&self) -> &'static [(&'static str, EmptyValue)];

    /// Parses a body and compares its hash; what comes back is ready to run.
    fn read(&self, body: &[u8], claimed_hash: &str) -> Result<Ready, Refusal>;
}

/// A parsed request, waiting for its handler.
pub(crate) type Ready = Box<dyn FnOnce(Caller, CancellationToken) -> Running + Send>;

/// A handler at work.
pub(crate) type Running = Pin<Box<dyn Future<Output = Result<Written, HandlerError>> + Send>>;

/// An answer ready to be written: sets the body hash in the envelope and gives the JSON.
pub(crate) type Written = Box<dyn FnOnce(&mut Envelope) -> Result<Vec<u8>, String> + Send>;

pub(crate) struct TypedRoute<S: Synapse>(pub(crate) Arc<dyn Forward<S>>);

impl<S: Synapse> Route for TypedRoute<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn required_fields(&self) -> &'static [(&'static str, EmptyValue)] {
        S::REQUIRED_FIELDS
    }

    fn read(&self, body: &[u8], claimed_hash: &str) -> Result<Ready, Refusal> {
        let synapse: S = read_body(body).map_err(|error| Refusal::Body {
            synapse: S::NAME,
            what: match error.classify() {
                serde_json::error::Category::Data => "wrong or missing fields",
                _ => "malformed JSON",
            },
        })?;
        match body_matches(&synapse, body, claimed_hash) {
            Ok(true) => {}
            Ok(false) => return Err(Refusal::BodyHash),
            Err(error) => return Err(Refusal::internal(&error)),
        }
        let forward = self.0.clone();
        Ok(Box::new(move |caller, cancel| {
            Box::pin(async move { forward.forward(caller, synapse, cancel).await.map(written) })
        }))
    }
}

fn written<S: Synapse>(answer: S) -> Written {
    Box::new(move |envelope| {
        envelope.body_hash = body_hash(&answer).map_err(|error| error.to_string())?;
        envelope.body(&answer).map_err(|error| error.to_string())
    })
}

/// The built-in ping every axon answers.
pub(crate) struct Pong;

#[async_trait::async_trait]
impl Forward<Ping> for Pong {
    async fn forward(&self, _: Caller, ping: Ping, _: CancellationToken) -> Result<Ping, HandlerError> {
        Ok(ping)
    }
}
