//! Token buckets, one per address or hotkey, in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use crate::sync::Mutex;

/// Not at every request: a sweep looks at every bucket.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// How fast a bucket fills and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Tokens per second.
    pub per_second: f64,
    /// Tokens in a full bucket.
    pub burst: f64,
}

/// Buckets for many keys, as a state machine without lock or clock. Time is what passed since some fixed moment.
///
/// A full map is swept of buckets that are full again; if none is, newcomers share one bucket, so that a stranger with
/// many addresses can slow down other strangers but not the callers already known.
#[derive(Debug)]
pub struct Buckets<K> {
    rate: Rate,
    max: usize,
    by_key: HashMap<K, Bucket>,
    shared: Bucket,
    swept: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Duration,
}

impl Bucket {
    fn full(rate: Rate, now: Duration) -> Self {
        Self {
            tokens: rate.burst,
            at: now,
        }
    }

    fn refill(&mut self, rate: Rate, now: Duration) {
        let earned = now.saturating_sub(self.at).as_secs_f64() * rate.per_second;
        self.tokens = (self.tokens + earned).min(rate.burst);
        // A reading taken before another thread's must not earn the time between them twice.
        self.at = self.at.max(now);
    }

    fn take(&mut self, rate: Rate, now: Duration) -> Result<(), Duration> {
        self.refill(rate, now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::try_from_secs_f64((1.0 - self.tokens) / rate.per_second).unwrap_or(Duration::from_secs(60)))
    }
}

impl<K: Eq + Hash> Buckets<K> {
    /// Full buckets for everybody, at most `max` of them.
    pub fn new(rate: Rate, max: usize, now: Duration) -> Self {
        Self {
            rate,
            max,
            by_key: HashMap::new(),
            shared: Bucket::full(rate, now),
            swept: now,
        }
    }

    /// Takes one token, or says how long to wait for the next.
    pub fn take(&mut self, key: K, now: Duration) -> Result<(), Duration> {
        let rate = self.rate;
        if self.by_key.len() >= self.max && !self.by_key.contains_key(&key) {
            if now.saturating_sub(self.swept) > SWEEP_EVERY {
                self.swept = now;
                self.by_key.retain(|_, bucket| {
                    bucket.refill(rate, now);
                    bucket.tokens < rate.burst
                });
            }
            if self.by_key.len() >= self.max {
                return self.shared.take(rate, now);
            }
        }
        let bucket = self.by_key.entry(key).or_insert_with(|| Bucket::full(rate, now));
        bucket.take(rate, now)
    }

    /// How many keys have a bucket of their own.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether nobody has a bucket.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}

/// [`Buckets`] behind a lock.
#[derive(Debug)]
pub struct Limiter<K>(Mutex<Buckets<K>>);

impl<K: Eq + Hash> Limiter<K> {
    /// Shares buckets between threads.
    pub fn new(buckets: Buckets<K>) -> Self {
        Self(Mutex::new(buckets))
    }

    /// Takes one token, or says how long to wait for the next. `now` is asked under the lock.
    pub fn take(&self, key: K, now: impl FnOnce() -> Duration) -> Result<(), Duration> {
        self.0.lock().take(key, now())
    }

    /// How many keys have a bucket of their own.
    pub fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Whether nobody has a bucket.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
