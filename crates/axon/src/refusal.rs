//! Why a request was refused, and the status and words for it, in one place.

use std::time::Duration;

use axoneme_protocol::envelope::header_safe;
use axoneme_protocol::{BtauthError, HeadError, NonceError};

use crate::handler::HandlerError;
use crate::policy::Ground;

/// Why a request did not get an answer. The first words of each message are those of the Python axon.
///
/// Never holds signatures, and no text of the caller's but a route name, shortened and cleaned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// More requests than one address may send.
    #[error("Too many requests from this address")]
    AddressRate {
        /// When the next one is welcome.
        retry_after: Duration,
    },
    /// More requests than one hotkey may send.
    #[error("Too many requests from this hotkey")]
    HotkeyRate {
        /// When the next one is welcome.
        retry_after: Duration,
    },
    /// More streams at once than one caller may have.
    #[error("Too many open streams of this hotkey")]
    TooManyStreams,
    /// No such synapse here.
    #[error("Synapse name '{name}' not found. Available synapses {available}")]
    UnknownRoute {
        /// What was asked for, cleaned.
        name: String,
        /// The routes of this axon.
        available: String,
    },
    /// Not a POST.
    #[error("Method Not Allowed")]
    Method,
    /// Framing, encoding or a header that HTTP allows but this axon does not.
    #[error("Bad request: {0}")]
    BadRequest(&'static str),
    /// Headers that do not name and sign the request properly.
    #[error("{}{_0}", if _0.is_authentication() { "Not Verified with error: " } else { "Bad request: " })]
    Head(HeadError),
    /// Headers of `btauth/1` that are malformed, stale, for another axon, or replayed.
    #[error("{_0}")]
    Btauth(BtauthError),
    /// This route does not speak the v10 wire.
    #[error("Gone: this axon accepts btauth/1 requests only")]
    LegacyDisabled,
    /// The miner's rules refuse this caller.
    #[error("Forbidden. Key is blacklisted: {0}.")]
    Blacklisted(String),
    /// One of the usual rules refuses this caller.
    #[error("Forbidden. Key is blacklisted: {1}.")]
    Forbidden(Ground, String),
    /// The metagraph is too old to tell who may ask.
    #[error("Service unavailable: what is known of the subnet is too old, try again later")]
    MetagraphStale,
    /// The nonce is not fresh, not new, or cannot be remembered.
    #[error("{}{_0}", if _0.is_unavailable() { "" } else { "Not Verified with error: " })]
    Nonce(NonceError),
    /// The signature is not the caller's, or not for this axon.
    #[error("Not Verified with error: Signature mismatch")]
    Signature,
    /// The body is larger than this route takes.
    #[error("Payload too large, at most {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The body took too long.
    #[error("Request took too long to arrive")]
    SlowRequest,
    /// The body is not the JSON of this synapse.
    #[error("Bad request: the body is not a valid {synapse} ({what})")]
    Body {
        /// Name of the synapse.
        synapse: &'static str,
        /// Which kind of wrong.
        what: &'static str,
    },
    /// The body is not the one that was signed.
    #[error("Bad request: body hash mismatch")]
    BodyHash,
    /// Too many wait already.
    #[error("Service busy, try again later")]
    Busy,
    /// Going down.
    #[error("Service is shutting down")]
    ShuttingDown,
    /// The handler did not finish in time.
    #[error("Response timeout after: {:.1}s", after.as_secs_f64())]
    HandlerTimeout {
        /// How long it was given.
        after: Duration,
    },
    /// The handler refused.
    #[error("{_0}")]
    Handler(HandlerError),
    /// The handler broke; the log has the rest under this id.
    #[error("Internal Server Error #{id}")]
    HandlerFailed {
        /// Also in the log.
        id: uuid::Uuid,
    },
    /// This side's fault; the log has the rest under this id.
    #[error("Internal Server Error #{id}")]
    Internal {
        /// Also in the log.
        id: uuid::Uuid,
    },
}

impl Refusal {
    /// The HTTP status, also sent as `bt_header_axon_status_code`.
    pub fn status(&self) -> u16 {
        match self {
            Self::BadRequest(_) | Self::Body { .. } | Self::BodyHash => 400,
            Self::Head(error) if !error.is_authentication() => 400,
            Self::Nonce(error) if error.is_unavailable() => 503,
            Self::Head(_) | Self::Nonce(_) | Self::Signature => 401,
            Self::Btauth(error) => error.status(),
            Self::LegacyDisabled => 410,
            Self::Blacklisted(_) | Self::Forbidden(..) => 403,
            Self::UnknownRoute { .. } => 404,
            Self::Method => 405,
            Self::SlowRequest => 408,
            Self::TooLarge { .. } => 413,
            Self::AddressRate { .. } | Self::HotkeyRate { .. } | Self::TooManyStreams => 429,
            Self::Internal { .. } | Self::HandlerFailed { .. } => 500,
            Self::Busy | Self::ShuttingDown | Self::MetagraphStale => 503,
            Self::HandlerTimeout { .. } => 504,
            Self::Handler(error) => error.status(),
        }
    }

    /// How a `btauth/1` caller is told.
    pub(crate) fn code(&self) -> Code {
        // What is signed was decided after the caller was known; 503 never is, so that it can be sent at any load.
        let signed = |name, status| Code {
            name,
            status,
            signed: true,
        };
        let unsigned = |name, status| Code {
            name,
            status,
            signed: false,
        };
        match self {
            Self::AddressRate { .. } => unsigned("tw.rate_limited", 429),
            Self::HotkeyRate { .. } | Self::TooManyStreams => signed("tw.rate_limited", 429),
            Self::UnknownRoute { .. } => unsigned("tw.not_found", 404),
            Self::Method => unsigned("tw.invalid_request", 405),
            Self::BadRequest(_) => unsigned("tw.invalid_request", 400),
            Self::SlowRequest => unsigned("tw.invalid_request", 408),
            Self::TooLarge { .. } => unsigned("tw.payload_too_large", 413),
            Self::Btauth(error) => unsigned(error.code(), error.status()),
            Self::Signature => unsigned("tw.auth_bad_signature", 401),
            Self::Head(_) => unsigned("tw.legacy_auth_failed", 401),
            Self::Nonce(error) if error.is_unavailable() => unsigned("tw.replay_store_unavailable", 503),
            Self::Nonce(_) => unsigned("tw.auth_failed", 401),
            Self::LegacyDisabled => unsigned("tw.legacy_disabled", 410),
            Self::Blacklisted(_) => signed("tw.forbidden_blacklisted", 403),
            Self::Forbidden(ground, _) => signed(ground.code(), 403),
            Self::MetagraphStale => unsigned("tw.metagraph_stale", 503),
            Self::Body { .. } | Self::BodyHash => signed("tw.invalid_request", 422),
            Self::Busy | Self::ShuttingDown => unsigned("tw.overloaded", 503),
            Self::HandlerTimeout { .. } => signed("tw.handler_timeout", 504),
            Self::HandlerFailed { .. } => signed("tw.handler_error", 500),
            Self::Internal { .. } => unsigned("tw.internal", 500),
            // The kit has no 400: what a handler finds wrong with a question is an invalid request there.
            Self::Handler(error) => match error.status() {
                400 | 422 => signed("tw.invalid_request", 422),
                status @ (401 | 404 | 413 | 503) => unsigned("tw.handler_error", status),
                status => signed("tw.handler_error", status),
            },
        }
    }

    /// When to come back, in whole seconds, where that is known.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::AddressRate { retry_after } | Self::HotkeyRate { retry_after } => {
                Some(retry_after.as_secs_f64().ceil().max(1.0) as u64)
            }
            Self::Nonce(error) => error
                .retry_after()
                .map(|wait| wait.as_secs_f64().ceil().max(1.0) as u64),
            Self::Busy | Self::TooManyStreams => Some(1),
            _ => None,
        }
    }

    /// Whether the connection is not worth keeping: its framing is suspect, or the rest of the body is not wanted.
    pub(crate) fn closes(&self) -> bool {
        matches!(
            self,
            Self::BadRequest(_) | Self::TooLarge { .. } | Self::SlowRequest | Self::ShuttingDown
        )
    }

    pub(crate) fn unknown_route(name: &str, routes: impl Iterator<Item = &'static str>) -> Self {
        let name = header_safe(name).chars().take(64).collect();
        let available = routes.map(|route| format!("'{route}'")).collect::<Vec<_>>().join(", ");
        Self::UnknownRoute {
            name,
            available: format!("[{available}]"),
        }
    }

    /// 500 with a fresh id, and a line in the log that has the cause.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        let id = uuid::Uuid::new_v4();
        tracing::error!(%id, "request failed: {cause}");
        Self::Internal { id }
    }

    /// As [`internal`](Self::internal), for what a handler did.
    pub(crate) fn handler_failed(cause: &dyn std::fmt::Display) -> Self {
        let id = uuid::Uuid::new_v4();
        tracing::error!(%id, "handler failed: {cause}");
        Self::HandlerFailed { id }
    }
}

/// A refusal on the `btauth/1` wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) name: &'static str,
    pub(crate) status: u16,
    /// Whether the answer is signed, given that the caller is verified.
    pub(crate) signed: bool,
}

impl From<HeadError> for Refusal {
    fn from(error: HeadError) -> Self {
        Self::Head(error)
    }
}

impl From<NonceError> for Refusal {
    fn from(error: NonceError) -> Self {
        Self::Nonce(error)
    }
}

impl From<BtauthError> for Refusal {
    fn from(error: BtauthError) -> Self {
        Self::Btauth(error)
    }
}
