//! How a call ended.

use std::time::Duration;

use axoneme_protocol::StatusClass;
use axoneme_protocol::envelope::header_safe;
use axoneme_protocol::python::py_float;
use axoneme_protocol::twresp::TwrespError;
use axoneme_protocol::twresp::sse::StreamError;

/// The end of one call.
#[derive(Debug, Clone)]
pub struct Answer<S> {
    /// The question as it was asked; with the output fields of the answer when [`outcome`](Answer::outcome) is
    /// [`Outcome::Answered`], untouched otherwise.
    pub synapse: S,
    /// 200, the axon's error status, or the status a Python dendrite reports for a failure on this side.
    pub status: u16,
    /// What the axon or this side says about it. From a stranger: at most 1 KiB, printable.
    pub message: String,
    /// Seconds from asking to the complete answer, measured here; none when there was no usable answer.
    pub process_time: Option<f64>,
    /// What happened.
    pub outcome: Outcome,
    /// Whether the miner's own key signed this answer to this question, be it a success or an error. Never on the v10
    /// wire, whose answers anybody on the way can write.
    pub signed: bool,
}

impl<S> Answer<S> {
    /// Whether the miner answered the question.
    pub fn is_success(&self) -> bool {
        self.outcome == Outcome::Answered
    }

    /// The class of the status, as the Python properties have it.
    pub fn class(&self) -> StatusClass {
        StatusClass::of(self.status)
    }
}

/// What happened to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// A valid answer.
    Answered,
    /// The axon answered with an error, or with two statuses that contradict each other.
    Refused,
    /// The axon sent us elsewhere; nobody goes there.
    Redirected,
    /// The axon published an address that is not on the internet, and
    /// [`allow_private`](crate::DendriteConfig::allow_private) is off: nothing was sent.
    PrivateAddress,
    /// No connection.
    Unreachable,
    /// No TLS connection to the owner of the published key, or no usable key was published though
    /// [`tls`](crate::DendriteConfig::tls) asks for one: nothing was sent.
    Tls,
    /// Not in time.
    TimedOut,
    /// The axon closed the connection before answering.
    Disconnected,
    /// The answer ended early.
    Truncated,
    /// What came is not HTTP, or has a head that is too large.
    NotHttp,
    /// The answer is larger than allowed.
    TooLarge,
    /// The answer should be signed and is not.
    Unsigned,
    /// The answer carries a signature that does not hold: it is another's, of another answer, or to another question.
    BadSignature,
    /// The answer is not the JSON or text of the synapse, or says no status.
    Invalid,
    /// A mistake on this side: the question cannot be sent.
    Unsendable,
}

impl Outcome {
    /// A short lower-case word for logs and metric labels.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Redirected => "redirected",
            Self::PrivateAddress => "private_address",
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::TimedOut => "timed_out",
            Self::Disconnected => "disconnected",
            Self::Truncated => "truncated",
            Self::NotHttp => "not_http",
            Self::TooLarge => "too_large",
            Self::Unsigned => "unsigned",
            Self::BadSignature => "bad_signature",
            Self::Invalid => "invalid",
            Self::Unsendable => "unsendable",
        }
    }
}

/// An answer that counts.
pub(crate) struct Good<S> {
    /// The synapse with what the axon says; not yet taken over.
    pub(crate) synapse: S,
    pub(crate) message: String,
    pub(crate) signed: bool,
}

/// How a call ended without an answer that counts: outcome, status and message of the Python dendrite.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    pub(crate) outcome: Outcome,
    pub(crate) status: u16,
    pub(crate) message: String,
    /// Whether a whole answer came; then the time it took means something.
    pub(crate) timed: bool,
    pub(crate) signed: bool,
}

impl Failure {
    fn new(outcome: Outcome, status: u16, message: String) -> Self {
        Self {
            outcome,
            status,
            message: header_safe(&message),
            timed: false,
            signed: false,
        }
    }

    fn unusable(outcome: Outcome, why: impl std::fmt::Display) -> Self {
        Self::new(outcome, 422, format!("Failed to parse response: {why}"))
    }

    pub(crate) fn refused(status: u16, message: String) -> Self {
        Self {
            timed: true,
            ..Self::new(Outcome::Refused, status, message)
        }
    }

    pub(crate) fn redirected(status: u16) -> Self {
        Self::unusable(
            Outcome::Redirected,
            format!("status {status}, redirects are not followed"),
        )
    }

    pub(crate) fn unreachable(place: &str) -> Self {
        Self::new(Outcome::Unreachable, 503, format!("Service unavailable at {place}"))
    }

    pub(crate) fn private(place: &str) -> Self {
        let message = format!("Service unavailable at {place}: the address is not a public one");
        Self::new(Outcome::PrivateAddress, 503, message)
    }

    pub(crate) fn tls(place: &str, why: impl std::fmt::Display) -> Self {
        Self::new(Outcome::Tls, 503, format!("Service unavailable at {place}: {why}"))
    }

    pub(crate) fn timed_out(timeout: Duration) -> Self {
        let seconds = py_float(timeout.as_secs_f64());
        Self::new(
            Outcome::TimedOut,
            408,
            format!("Request timeout after {seconds} seconds"),
        )
    }

    pub(crate) fn disconnected() -> Self {
        Self::new(
            Outcome::Disconnected,
            503,
            "Service disconnected: Server disconnected".into(),
        )
    }

    pub(crate) fn truncated(why: impl std::fmt::Display) -> Self {
        Self::new(Outcome::Truncated, 400, format!("Payload error: {why}"))
    }

    pub(crate) fn not_http(why: impl std::fmt::Display) -> Self {
        Self::new(Outcome::NotHttp, 400, format!("Client response error: {why}"))
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        Self::unusable(Outcome::TooLarge, format!("the answer is larger than {limit} bytes"))
    }

    pub(crate) fn invalid(why: impl std::fmt::Display) -> Self {
        Self::unusable(Outcome::Invalid, why)
    }

    pub(crate) fn unsendable(why: impl std::fmt::Display) -> Self {
        Self::new(Outcome::Unsendable, 500, format!("Client error: {why}"))
    }
}

impl From<TwrespError> for Failure {
    fn from(error: TwrespError) -> Self {
        let outcome = match error {
            TwrespError::Unsigned => Outcome::Unsigned,
            _ => Outcome::BadSignature,
        };
        Self::unusable(outcome, error)
    }
}

impl From<StreamError> for Failure {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Signature(error) => error.into(),
            StreamError::TooLong { limit } => Self::too_large(limit),
            StreamError::Unfinished => Self::truncated(error),
            other => Self::invalid(other),
        }
    }
}
