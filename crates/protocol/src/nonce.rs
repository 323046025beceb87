//! Freshness and replay: stricter than the Python axon, which has no upper bound on nonces, stops checking freshness
//! after the first request of a caller, and forgets everything on restart.
//!
//! Two steps, and their order matters. [`NonceWindow::check`] is cheap and runs before the signature is verified.
//! [`NonceStore::claim`] runs only after it: were it earlier, anybody could burn the nonces of others.

mod memory;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub use axoneme_guards::Horizon;
use axoneme_guards::{Refused, Step};
use axoneme_wallet::AccountId;

use crate::btauth::BtauthWindow;

pub use self::memory::MemoryNonceStore;

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
        self.horizon().retention()
    }

    /// How far from now a fresh nonce can be, in both directions.
    pub fn horizon(&self) -> Horizon {
        Horizon::new(BASE_DELTA + self.timeout_cap, self.lead)
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

impl From<NonceWindow> for Horizon {
    fn from(window: NonceWindow) -> Self {
        window.horizon()
    }
}

impl From<BtauthWindow> for Horizon {
    /// Twice what is accepted, as the signed wire asks for.
    fn from(window: BtauthWindow) -> Self {
        Self::new(window.max_age * 2 + window.skew, window.skew)
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
    /// Signed in a time that the store knows nothing about, mostly because the server started since: nobody can tell
    /// whether it was used.
    #[error("cannot tell whether this nonce was used before, sign again in {:.1} seconds", wait.as_secs_f64())]
    Unknowable {
        /// How long until newly signed requests can be told.
        wait: Duration,
    },
    /// This machine's clock was set back, which makes old requests look fresh.
    #[error("the clock of this server was set back, try again in {:.1} seconds", wait.as_secs_f64())]
    ClockSetBack {
        /// How long nothing is accepted.
        wait: Duration,
    },
}

impl NonceError {
    /// Whether the server cannot judge now, rather than the request being wrong: status 503, not 401.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::TooOld { .. } | Self::TooNew { .. } | Self::Replayed => false,
            Self::StoreFull | Self::StoreUnavailable | Self::Unknowable { .. } | Self::ClockSetBack { .. } => true,
        }
    }

    /// When it is worth trying again, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unknowable { wait } | Self::ClockSetBack { wait } => Some(*wait),
            Self::StoreFull | Self::StoreUnavailable => Some(Duration::from_secs(1)),
            Self::TooOld { .. } | Self::TooNew { .. } | Self::Replayed => None,
        }
    }

    /// What a refusal of the used-nonce set means to a caller.
    pub fn from_refused(refused: Refused, horizon: Horizon) -> Self {
        match refused {
            Refused::Seen => Self::Replayed,
            Refused::Full => Self::StoreFull,
            Refused::Stale { age } => Self::TooOld {
                age,
                limit: horizon.past(),
            },
            Refused::Unknown { wait } => Self::Unknowable { wait },
            Refused::SetBack { wait } => Self::ClockSetBack { wait },
        }
    }
}

/// Counts a claim that could not be judged, for whoever watches the server; a replay is the caller's business. For
/// implementations of [`NonceStore`].
pub fn note_refusal(error: NonceError) {
    let why = match error {
        NonceError::StoreFull => "full",
        NonceError::Unknowable { .. } => "before the start",
        NonceError::ClockSetBack { .. } => "clock set back",
        NonceError::StoreUnavailable => "unavailable",
        NonceError::TooOld { .. } | NonceError::TooNew { .. } | NonceError::Replayed => return,
    };
    metrics::counter!("nonce_store_refusals_total", "why" => why).increment(1);
}

/// Logs and counts a step of the wall clock. For implementations of [`NonceStore`].
pub fn note_step(step: Step, horizon: Horizon) {
    match step {
        Step::Back(by) => {
            metrics::counter!("nonce_clock_steps_total", "direction" => "back").increment(1);
            tracing::error!(
                "the wall clock was set back by {:.1} s: signed requests are refused for {:.0} s, so that none of the \
                 past passes again. Let a time server slew the clock instead of stepping it",
                by.as_secs_f64(),
                horizon.retention().as_secs_f64(),
            );
        }
        Step::Forward(by) => {
            metrics::counter!("nonce_clock_steps_total", "direction" => "forward").increment(1);
            tracing::warn!(
                "the wall clock went forward by {:.1} s: set, or the machine slept",
                by.as_secs_f64()
            );
        }
    }
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

/// Remembers which nonces were used, for at least [`Horizon::retention`].
///
/// One store serves every kind of request: those of v10 by hotkey, uuid and nonce, those of `btauth/1` by sender and
/// nonce under a uuid that no v10 caller can have. A server of several processes needs one store between them.
pub trait NonceStore: Send + Sync + 'static {
    /// Claims a nonce, once: of any number of concurrent claims of one nonce exactly one succeeds.
    ///
    /// Must fail rather than forget a nonce that could still be fresh.
    fn claim<'a>(&'a self, used: NonceUse<'a>) -> Claim<'a>;
}
