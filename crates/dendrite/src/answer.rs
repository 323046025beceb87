//! What a call ended with.

use axoneme_protocol::StatusClass;

/// The end of one call. Every call has one; none is an error of the whole query.
#[derive(Debug, Clone)]
pub struct Answer<S> {
    /// The synapse that was sent, with the output fields of the answer where there was a good one.
    pub synapse: S,
    /// 200, the axon's own code, or the code the SDK uses for what happened here (408, 422, 503 …).
    pub status: u16,
    /// A sentence about it, printable, of bounded length.
    pub message: String,
    /// Seconds from sending to the whole answer, measured here; `None` when no answer came.
    pub process_time: Option<f64>,
    /// What happened.
    pub outcome: Outcome,
}

impl<S> Answer<S> {
    /// Whether the axon served the request.
    pub fn is_success(&self) -> bool {
        self.outcome == Outcome::Served
    }

    /// The class of the status.
    pub fn class(&self) -> StatusClass {
        StatusClass::of(self.status)
    }
}

/// How a call ended. The SDK reports the same cases by the status codes given here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// 200 with a synapse in it.
    Served,
    /// The axon answered with another status, which is the status of the answer.
    Refused,
    /// The deadline passed, in whatever phase: 408.
    TimedOut,
    /// No connection: 503.
    Unreachable,
    /// The axon closed the connection before it answered: 503.
    Disconnected,
    /// The answer broke off: 400.
    Truncated,
    /// The answer is larger than allowed: 422.
    TooLarge,
    /// The answer is not what a synapse's answer looks like: 422.
    Unreadable,
    /// The request could not be made: 500.
    NotSent,
}

impl Outcome {
    /// A word for metric labels.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Refused => "refused",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Disconnected => "disconnected",
            Self::Truncated => "truncated",
            Self::TooLarge => "too_large",
            Self::Unreadable => "unreadable",
            Self::NotSent => "not_sent",
        }
    }
}
