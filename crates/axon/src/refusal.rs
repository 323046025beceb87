//! Why a request was refused, and the status and words for it, in one place.

use std::time::Duration;

use axoneme_protocol::envelope::header_safe;
use axoneme_protocol::{HeadError, NonceError};

use crate::handler::HandlerError;

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
    /// The miner's rules refuse this caller.
    #[error("Forbidden. Key is blacklisted: {0}.")]
    Blacklisted(String),
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
            Self::Blacklisted(_) => 403,
            Self::UnknownRoute { .. } => 404,
            Self::Method => 405,
            Self::SlowRequest => 408,
            Self::TooLarge { .. } => 413,
            Self::AddressRate { .. } | Self::HotkeyRate { .. } => 429,
            Self::Internal { .. } => 500,
            Self::Busy | Self::ShuttingDown => 503,
            Self::HandlerTimeout { .. } => 504,
            Self::Handler(error) => error.status(),
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
            Self::Busy => Some(1),
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
