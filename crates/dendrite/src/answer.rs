//! How a call ended.

use std::time::Duration;

use axoneme_protocol::StatusClass;
use axoneme_protocol::envelope::header_safe;
use axoneme_protocol::python::py_float;

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
    /// The axon published an address that is not on the internet, and
    /// [`allow_private`](crate::DendriteConfig::allow_private) is off: nothing was sent.
    PrivateAddress,
    /// No connection.
    Unreachable,
    /// Not in time.
    TimedOut,
    /// The axon closed the connection before answering.
    Disconnected,
    /// The answer ended early.
    Truncated,
    /// What came is not HTTP, or has a head that is too large.
    NotHttp,
    /// The answer is not the JSON of the synapse, says no status, or is too large.
    Invalid,
    /// A mistake on this side: the question cannot be sent.
    Unsendable,
}

/// How a call ended without an answer that counts: outcome, status and message of the Python dendrite.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    pub(crate) outcome: Outcome,
    pub(crate) status: u16,
    pub(crate) message: String,
    /// Whether a whole answer came; then the time it took means something.
    pub(crate) timed: bool,
}

impl Failure {
    fn new(outcome: Outcome, status: u16, message: String) -> Self {
        Self {
            outcome,
            status,
            message: header_safe(&message),
            timed: false,
        }
    }

    pub(crate) fn refused(status: u16, message: String) -> Self {
        Self {
            timed: true,
            ..Self::new(Outcome::Refused, status, message)
        }
    }

    pub(crate) fn unreachable(place: &str) -> Self {
        Self::new(Outcome::Unreachable, 503, format!("Service unavailable at {place}"))
    }

    pub(crate) fn private(place: &str) -> Self {
        let message = format!("Service unavailable at {place}: the address is not a public one");
        Self::new(Outcome::PrivateAddress, 503, message)
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

    pub(crate) fn invalid(why: impl std::fmt::Display) -> Self {
        Self::new(Outcome::Invalid, 422, format!("Failed to parse response: {why}"))
    }

    pub(crate) fn unsendable(why: impl std::fmt::Display) -> Self {
        Self::new(Outcome::Unsendable, 500, format!("Client error: {why}"))
    }
}
