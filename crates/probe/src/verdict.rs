//! What the outcome of a case means.

use serde::{Deserialize, Serialize};

use crate::case::Expect;
use crate::socket::Seen;

/// What the outcome of a case means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As required.
    Pass,
    /// Refused as required, but with a status that says something else; or an answer that could be better.
    Differs,
    /// The axon does not offer what the case needs.
    Skipped,
    /// Served, or left open, what must be refused; or an answer that breaks a rule.
    Lax,
    /// An honest request was refused.
    Strict,
    /// The axon did not serve others afterwards.
    Down,
    /// The case could not be played.
    Broken,
}

impl Verdict {
    /// Whether a rule that has to hold does not.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Lax | Self::Strict | Self::Down | Self::Broken)
    }

    /// All of them, best first.
    pub const ALL: [Self; 7] = [
        Self::Pass,
        Self::Differs,
        Self::Skipped,
        Self::Lax,
        Self::Strict,
        Self::Down,
        Self::Broken,
    ];

    /// A word for tables.
    pub fn label(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Differs => "differs",
            Self::Skipped => "skipped",
            Self::Lax => "LAX",
            Self::Strict => "STRICT",
            Self::Down => "DOWN",
            Self::Broken => "BROKEN",
        }
    }

    pub(crate) fn of(expect: Expect, seen: &Seen) -> Self {
        match (expect, seen) {
            (_, Seen::NotOffered) => Self::Skipped,
            (_, Seen::Wrong { .. }) => Self::Lax,
            (_, Seen::Odd { .. }) => Self::Differs,
            (Expect::Anything, _) => Self::Pass,
            (Expect::Served, Seen::Answer { status: 200, .. }) => Self::Pass,
            (Expect::Served, _) => Self::Strict,
            (Expect::BetterRefused(_), Seen::Answer { status: 200..=299, .. } | Seen::Open { .. }) => Self::Differs,
            (Expect::Refused(_) | Expect::Ended, Seen::Answer { status: 200..=299, .. } | Seen::Open { .. }) => {
                Self::Lax
            }
            (Expect::Refused(fitting) | Expect::BetterRefused(fitting), Seen::Answer { status, .. })
                if !fitting.is_empty() && !fitting.contains(status) =>
            {
                Self::Differs
            }
            (Expect::Refused(_) | Expect::BetterRefused(_) | Expect::Ended, _) => Self::Pass,
        }
    }
}
