//! Status codes of the wire and what they mean to whoever scores the answer.

/// What a status says about an answer, as the Python properties `is_success`, `is_timeout`, `is_blacklist` and
/// `failed_verification` do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StatusClass {
    /// 200: served.
    Success,
    /// 401: the axon did not accept our signature.
    Unverified,
    /// 403: the axon does not serve us.
    Blacklisted,
    /// 408 and 504: too late.
    Timeout,
    /// 429 and 503: not now.
    Busy,
    /// Anything else.
    Failure,
}

impl StatusClass {
    /// The class of a status code.
    pub const fn of(status: u16) -> Self {
        match status {
            200 => Self::Success,
            401 => Self::Unverified,
            403 => Self::Blacklisted,
            408 | 504 => Self::Timeout,
            429 | 503 => Self::Busy,
            _ => Self::Failure,
        }
    }

    /// A short lower-case word for metric labels.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Unverified => "unverified",
            Self::Blacklisted => "blacklisted",
            Self::Timeout => "timeout",
            Self::Busy => "busy",
            Self::Failure => "failure",
        }
    }
}
