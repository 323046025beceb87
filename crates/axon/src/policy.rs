//! Who may ask, and who is served first.

use axoneme_wallet::AccountId;

/// The rules of one miner, usually over a snapshot of the metagraph.
///
/// Both functions run for every request, on the async runtime: they must not wait and not do I/O.
pub trait CallerPolicy: Send + Sync + 'static {
    /// Whether `caller` may use `synapse`.
    ///
    /// Asked before the signature is verified, because refusing is cheaper than verifying. It is not a place to count
    /// requests or to remember callers: anybody can claim to be anybody here.
    fn blacklist(&self, caller: &AccountId, synapse: &str) -> Verdict;

    /// Higher is served first when requests wait; a number that is not one counts as lowest. Asked for verified callers.
    fn priority(&self, caller: &AccountId) -> f64;
}

/// What a policy says about a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Served.
    Allow,
    /// Answered with 403 and this reason.
    Refuse(String),
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
