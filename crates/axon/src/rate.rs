//! Token buckets, one per address or hotkey, in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::limits::Rate;

/// Buckets kept at once. A full map is swept of buckets that are full again; if none is, newcomers share one bucket,
/// so that a stranger with many addresses can slow down other strangers but not the callers already known.
const MAX_BUCKETS: usize = 16_384;

pub(crate) struct RateLimiter<K> {
    rate: Rate,
    buckets: Mutex<Buckets<K>>,
}

struct Buckets<K> {
    by_key: HashMap<K, Bucket>,
    shared: Bucket,
    swept: Instant,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn full(rate: Rate, now: Instant) -> Self {
        Self {
            tokens: rate.burst,
            at: now,
        }
    }

    fn refill(&mut self, rate: Rate, now: Instant) {
        let earned = now.saturating_duration_since(self.at).as_secs_f64() * rate.per_second;
        self.tokens = (self.tokens + earned).min(rate.burst);
        self.at = now;
    }

    fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        self.refill(rate, now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::try_from_secs_f64((1.0 - self.tokens) / rate.per_second).unwrap_or(Duration::from_secs(60)))
    }
}

impl<K: Eq + Hash> RateLimiter<K> {
    pub(crate) fn new(rate: Rate) -> Self {
        let now = Instant::now();
        let buckets = Buckets {
            by_key: HashMap::new(),
            shared: Bucket::full(rate, now),
            swept: now,
        };
        Self {
            rate,
            buckets: Mutex::new(buckets),
        }
    }

    /// Takes one token, or says how long to wait for the next.
    pub(crate) fn take(&self, key: K) -> Result<(), Duration> {
        let now = Instant::now();
        let rate = self.rate;
        let mut buckets = self.buckets.lock();
        if buckets.by_key.len() >= MAX_BUCKETS && !buckets.by_key.contains_key(&key) {
            // Not at every request: a sweep looks at every bucket.
            if now.saturating_duration_since(buckets.swept) > Duration::from_secs(1) {
                buckets.swept = now;
                buckets.by_key.retain(|_, bucket| {
                    bucket.refill(rate, now);
                    bucket.tokens < rate.burst
                });
            }
            if buckets.by_key.len() >= MAX_BUCKETS {
                return buckets.shared.take(rate, now);
            }
        }
        buckets
            .by_key
            .entry(key)
            .or_insert_with(|| Bucket::full(rate, now))
            .take(rate, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        per_second: 10.0,
        burst: 3.0,
    };

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_and_then_the_rate_holds() {
        let limiter = RateLimiter::new(RATE);
        assert_eq!((0..10).filter(|_| limiter.take(1).is_ok()).count(), 3);
        let wait = limiter.take(1).expect_err("empty");
        assert!(wait <= Duration::from_millis(100), "{wait:?}");
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!((0..10).filter(|_| limiter.take(1).is_ok()).count(), 2);
        assert!(limiter.take(2).is_ok(), "others have buckets of their own");
    }

    #[tokio::test(start_paused = true)]
    async fn memory_stays_bounded_and_known_callers_keep_their_bucket() {
        let limiter = RateLimiter::new(RATE);
        for key in 0..MAX_BUCKETS + 1000 {
            let _ = limiter.take(key);
        }
        assert_eq!(limiter.buckets.lock().by_key.len(), MAX_BUCKETS);
        assert!(limiter.take(5).is_ok());
        assert!(limiter.take(usize::MAX).is_err(), "the shared bucket is empty");
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(limiter.take(usize::MAX).is_ok(), "full buckets were swept");
        assert_eq!(limiter.buckets.lock().by_key.len(), 1);
    }
}
