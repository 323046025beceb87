//! Time as a parameter.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

pub use axoneme_guards::Now;

/// Where the wire gets its time from.
pub trait Clock: Send + Sync + 'static {
    /// Nanoseconds since 1970, as the machine believes. Can jump.
    fn unix_ns(&self) -> u64;

    /// Time since some fixed moment of this process. Never goes back.
    fn monotonic(&self) -> Duration;
}

/// Reads both clocks as close together as possible: a thread that is put aside between the two readings would see a
/// step of the wall clock that never was.
pub fn read(clock: &dyn Clock) -> Now {
    const CLOSE: Duration = Duration::from_millis(1);
    let mut before = clock.monotonic();
    for _ in 0..8 {
        let wall = clock.unix_ns();
        let after = clock.monotonic();
        if after.saturating_sub(before) <= CLOSE {
            return now(wall, after);
        }
        before = after;
    }
    now(clock.unix_ns(), before)
}

fn now(wall: u64, mono: Duration) -> Now {
    let mono = u64::try_from(mono.as_nanos()).unwrap_or(u64::MAX);
    Now { wall, mono }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn unix_ns(&self) -> u64 {
        // Nanoseconds fit 64 bits until the year 2554; a clock before 1970 counts as 1970 and makes every nonce stale.
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A clock that moves when told to. For tests and replays.
#[derive(Debug, Default)]
pub struct ManualClock {
    unix_ns: AtomicU64,
    monotonic_ns: AtomicU64,
}

impl ManualClock {
    /// A clock that shows `unix_ns`.
    pub fn at(unix_ns: u64) -> Self {
        Self {
            unix_ns: unix_ns.into(),
            monotonic_ns: 0.into(),
        }
    }

    /// Lets time pass on both clocks.
    pub fn advance(&self, by: Duration) {
        let ns = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.unix_ns.fetch_add(ns, Ordering::SeqCst);
        self.monotonic_ns.fetch_add(ns, Ordering::SeqCst);
    }

    /// Sets the wall clock alone, as an operator or a time server may.
    pub fn set_unix_ns(&self, unix_ns: u64) {
        self.unix_ns.store(unix_ns, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn unix_ns(&self) -> u64 {
        self.unix_ns.load(Ordering::SeqCst)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_nanos(self.monotonic_ns.load(Ordering::SeqCst))
    }
}
