//! Who may ask, and who is served first.

use axoneme_wallet::AccountId;

/// The rules of one miner, usually over a snapshot of the metagraph.
///
/// Both functions run for every request, on the async runtime: they must not wait and not do I/O.
pub trait CallerPolicy: Send + Sync + 'static {
    /// Whether `caller` may use `synapse`.
    ///
    /// Asked after the signature was verified and the nonce claimed, for every request: whoever is told that a hotkey
    /// is refused holds its key. The Python axon asks before, and so tells anybody who is registered.
    fn blacklist(&self, caller: &AccountId, synapse: &str) -> Verdict;

    /// Higher is served first when requests wait; a number that is not one counts as lowest. Asked for verified callers.
    fn priority(&self, caller: &AccountId) -> f64;

    /// Whether `caller` may also use the handlers that [`Limits::reserved_concurrent`](crate::Limits) keeps back.
    /// Nobody, unless said otherwise.
    fn preferred(&self, _caller: &AccountId) -> bool {
        false
    }
}

/// What a policy says about a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Served.
    Allow,
    /// Answered with 403 and this reason.
    Refuse(String),
    /// Answered with 403, this reason, and the code of its ground for callers whose wire has codes.
    Forbid(Ground, String),
    /// Answered with 503: what is known of the subnet is too old to tell.
    Unknown,
}

/// The usual grounds for turning a caller away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ground {
    /// On the deny list.
    Denied,
    /// Not registered on the subnet.
    NotRegistered,
    /// Without validator permit.
    NotValidator,
    /// With too little stake.
    LowStake,
}

impl Ground {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Denied => "tw.forbidden_denied",
            Self::NotRegistered => "tw.forbidden_not_registered",
            Self::NotValidator => "tw.forbidden_not_validator",
            Self::LowStake => "tw.forbidden_low_stake",
        }
    }
}

/// Serves everybody, first come first served. For tests and examples.
#[derive(Debug, Clone, Copy, Default)]
pub struct AllowAll;

impl CallerPolicy for AllowAll {
    fn blacklist(&self, _caller: &AccountId, _synapse: &str) -> Verdict {
        Verdict::Allow
    }

    fn priority(&self, _caller: &AccountId) -> f64 {
        0.0
    }
}
