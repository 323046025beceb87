//! Freshness and replay: stricter than the Python axon, which has no upper bound on nonces, stops checking freshness
//! after the first request of a caller, and forgets everything on restart.
//!
//! Two steps, and their order matters. [`NonceWindow::check`] is cheap and runs before the signature is verified.
//! [`NonceStore::claim`] runs only after it: were it earlier, anybody could burn the nonces of others.

use std::collections::{HashSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axoneme_wallet::AccountId;
use parking_lot::Mutex;
use sha3::{Digest, Sha3_256};

use crate::clock::Clock;

/// What every request may be late by, on top of its timeout.
const BASE_DELTA: Duration = Duration::from_secs(4);

/// Which nonces are fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NonceWindow {
    lead: Duration,
    timeout_cap: Duration,
}

impl Default for NonceWindow {
    /// Four seconds of clock lead, timeouts counted up to 60 s.
    fn default() -> Self {
        Self::new(Duration::from_secs(4), Duration::from_secs(60))
    }
}

impl NonceWindow {
    /// `lead`: how far a caller's clock may run ahead, kept between 2 s (less refuses honest callers) and 60 s.
    /// `timeout_cap`: the longest timeout that widens the window; also how long nonces have to be remembered.
    pub fn new(lead: Duration, timeout_cap: Duration) -> Self {
        Self {
            lead: lead.clamp(Duration::from_secs(2), Duration::from_secs(60)),
            timeout_cap,
        }
    }

    /// How long a claimed nonce must be remembered so that it cannot be fresh twice.
    pub fn retention(&self) -> Duration {
        BASE_DELTA + self.timeout_cap + self.lead
    }

    /// Whether a nonce is fresh: `now - (4 s + timeout) < nonce <= now + lead`.
    ///
    /// `timeout` is what the request's header says; nothing means zero.
    pub fn check(&self, now_ns: u64, nonce: u64, timeout: Option<Duration>) -> Result<(), NonceError> {
        let limit = BASE_DELTA + timeout.unwrap_or_default().min(self.timeout_cap);
        if nonce > now_ns.saturating_add(nanoseconds(self.lead)) {
            let ahead = Duration::from_nanos(nonce - now_ns);
            return Err(NonceError::TooNew {
                ahead,
                limit: self.lead,
            });
        }
        let age = now_ns.saturating_sub(nonce);
        if age >= nanoseconds(limit) {
            return Err(NonceError::TooOld {
                age: Duration::from_nanos(age),
                limit,
            });
        }
        Ok(())
    }
}

pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Why a nonce was refused. The wording starts as in Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NonceError {
    /// Signed too long ago, or the caller's clock is behind.
    #[error(
        "Nonce is too old: acceptable delta is {:.2} seconds but request was {:.2} seconds old",
        limit.as_secs_f64(), age.as_secs_f64()
    )]
    TooOld {
        /// How old it is.
        age: Duration,
        /// How old it may be.
        limit: Duration,
    },
    /// The caller's clock runs ahead.
    #[error(
        "Nonce is from the future: {:.2} seconds ahead of this clock, {:.2} allowed",
        ahead.as_secs_f64(), limit.as_secs_f64()
    )]
    TooNew {
        /// How far ahead it is.
        ahead: Duration,
        /// How far ahead it may be.
        limit: Duration,
    },
    /// Used before.
    #[error("Nonce was used before")]
    Replayed,
    /// The store cannot remember another nonce, so nothing can be accepted.
    #[error("too many requests within the replay window, try again later")]
    StoreFull,
    /// The store could not be asked.
    #[error("replay store unavailable, try again later")]
    StoreUnavailable,
}

/// One verified use of a nonce. The uuid is part of it: the same nonce under another uuid is another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NonceUse<'a> {
    /// Who signed.
    pub hotkey: &'a AccountId,
    /// The caller's uuid.
    pub uuid: &'a str,
    /// The nonce.
    pub nonce: u64,
}

/// What [`NonceStore::claim`] returns.
pub type Claim<'a> = Pin<Box<dyn Future<Output = Result<(), NonceError>> + Send + 'a>>;

/// Remembers which nonces were used, for at least [`NonceWindow::retention`].
///
/// A server of several processes needs one store between them.
pub trait NonceStore: Send + Sync + 'static {
    /// Claims a nonce, once: of any number of concurrent claims of one nonce exactly one succeeds.
    ///
    /// Must fail rather than forget a nonce that could still be fresh.
    fn claim<'a>(&'a self, used: NonceUse<'a>) -> Claim<'a>;
}

/// A bounded [`NonceStore`] in the memory of one process.
///
/// An entry is forgotten only when both clocks say that its nonce cannot be fresh any more, so that a wall clock set
/// back does not bring old requests to life. When full, claims fail.
pub struct MemoryNonceStore {
    clock: Arc<dyn Clock>,
    window: NonceWindow,
    capacity: usize,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    claimed: HashSet<[u8; 32]>,
    by_age: VecDeque<Entry>,
}

struct Entry {
    key: [u8; 32],
    nonce: u64,
    claimed_at: Duration,
}

impl MemoryNonceStore {
    /// Room for 3800 requests per second at the default window; about 30 MB when full.
    pub const DEFAULT_CAPACITY: usize = 1 << 18;

    /// A store for `window`, holding at most `capacity` nonces.
    pub fn new(clock: Arc<dyn Clock>, window: NonceWindow, capacity: usize) -> Self {
        Self {
            clock,
            window,
            capacity,
            seen: Mutex::default(),
        }
    }

    /// How many nonces are remembered now.
    pub fn len(&self) -> usize {
        self.seen.lock().by_age.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn claim_now(&self, used: NonceUse<'_>) -> Result<(), NonceError> {
        let key = digest(used);
        let now = self.clock.monotonic();
        let oldest_fresh = self
            .clock
            .unix_ns()
            .saturating_sub(nanoseconds(BASE_DELTA + self.window.timeout_cap));
        let retention = self.window.retention();
        let mut seen = self.seen.lock();
        while let Some(entry) = seen.by_age.front()
            && now.saturating_sub(entry.claimed_at) > retention
            && entry.nonce < oldest_fresh
        {
            let key = entry.key;
            seen.claimed.remove(&key);
            seen.by_age.pop_front();
        }
        if seen.claimed.contains(&key) {
            return Err(NonceError::Replayed);
        }
        if seen.by_age.len() >= self.capacity {
            return Err(NonceError::StoreFull);
        }
        seen.claimed.insert(key);
        seen.by_age.push_back(Entry {
            key,
            nonce: used.nonce,
            claimed_at: now,
        });
        Ok(())
    }
}

impl NonceStore for MemoryNonceStore {
    fn claim<'a>(&'a self, used: NonceUse<'a>) -> Claim<'a> {
        let result = self.claim_now(used);
        Box::pin(std::future::ready(result))
    }
}

/// A fixed-size key, so that long uuids cost no more memory than short ones.
fn digest(used: NonceUse<'_>) -> [u8; 32] {
    let mut hash = Sha3_256::new();
    hash.update(used.hotkey.0);
    hash.update(used.nonce.to_le_bytes());
    hash.update(used.uuid);
    hash.finalize().into()
}
