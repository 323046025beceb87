//! What a subnet implements: a handler over a typed synapse and its verified caller.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use axoneme_protocol::{StreamingSynapse, Synapse};
use axoneme_wallet::AccountId;
use futures::stream::BoxStream;
use tokio_util::sync::CancellationToken;

use crate::auth::AuthKind;

/// Who asks. Everything here is verified or measured by this side, except where said otherwise.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Caller {
    /// The hotkey that signed the request for this axon.
    pub hotkey: AccountId,
    /// Where the connection comes from.
    pub ip: IpAddr,
    /// How long the caller says it waits, at most this axon's limit. Not signed; the v10 wire only.
    pub timeout: Option<Duration>,
    /// When the answer is dropped: the caller's timeout, or this axon's limit if that is sooner.
    pub deadline: std::time::Instant,
    /// Name of the route.
    pub synapse: &'static str,
    /// How the caller proved who it is.
    pub auth: AuthKind,
    /// The signed nonce: nanoseconds since 1970 by the caller's clock.
    pub nonce: u64,
    /// The signed lane of the caller; empty where the wire has none.
    pub uuid: String,
    /// The SDK version the caller claims. Not signed; the v10 wire only.
    pub version: Option<u64>,
}

/// A handler of one synapse.
///
/// Runs on the async runtime: anything that computes for more than a millisecond belongs on a thread of its own. When
/// the caller goes away, the deadline passes or the axon shuts down, `cancel` fires and the future is dropped at its
/// next await; what it started elsewhere should watch `cancel`. A panic is answered with 500 and harms no other request.
#[async_trait]
pub trait Forward<S: Synapse>: Send + Sync + 'static {
    /// Fills in the answer. Leave the fields of the question as they are: Python callers overwrite theirs with them.
    async fn forward(&self, caller: Caller, synapse: S, cancel: CancellationToken) -> Result<S, HandlerError>;
}

/// An answer in pieces of text: whole characters by their type, sent one by one as they come.
pub type TokenStream = BoxStream<'static, Result<String, HandlerError>>;

/// A handler of one synapse that answers while it thinks.
///
/// An error before the first piece is answered as any other; headers go out with the first piece. An error or panic
/// after that ends the connection without the end of the stream, so that the caller does not take half an answer for
/// a whole one. When the caller goes away, the deadline passes or the axon shuts down, `cancel` fires and the stream is
/// dropped; what it started elsewhere should watch `cancel`.
#[async_trait]
pub trait ForwardStream<S: StreamingSynapse>: Send + Sync + 'static {
    /// Begins the answer.
    async fn forward(&self, caller: Caller, synapse: S, cancel: CancellationToken)
    -> Result<TokenStream, HandlerError>;
}

/// A handler's refusal to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlerError {
    status: u16,
    message: String,
}

impl HandlerError {
    /// Any error status from 400 to 599 (others become 500), with a message the caller sees.
    pub fn new(status: u16, message: impl fmt::Display) -> Self {
        let status = if (400..600).contains(&status) { status } else { 500 };
        Self {
            status,
            message: message.to_string(),
        }
    }

    /// 400: the question makes no sense.
    pub fn bad_request(message: impl fmt::Display) -> Self {
        Self::new(400, message)
    }

    /// 503: not now.
    pub fn unavailable(message: impl fmt::Display) -> Self {
        Self::new(503, message)
    }

    /// 503 after `cancel` fired; nobody reads it.
    pub fn cancelled() -> Self {
        Self::new(503, "cancelled")
    }

    /// 500: this side's fault. The message goes to the log, the caller sees only its id.
    pub fn internal(message: impl fmt::Display) -> Self {
        Self::new(500, message)
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for HandlerError {}
