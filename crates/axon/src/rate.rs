//! Token buckets, one per address or hotkey, in bounded memory. The buckets themselves are in `axoneme-guards`, where
//! every interleaving of threads is tried; here is the clock.

use std::hash::Hash;
use std::time::Duration;

use axoneme_guards::{Buckets, Limiter};
use tokio::time::Instant;

use crate::limits::Rate;

/// Buckets kept at once; see [`Buckets`] for what happens to newcomers beyond.
const MAX_BUCKETS: usize = 16_384;

pub(crate) struct RateLimiter<K> {
    since: Instant,
    limiter: Limiter<K>,
}

impl<K: Eq + Hash> RateLimiter<K> {
    pub(crate) fn new(rate: Rate) -> Self {
        let rate = axoneme_guards::Rate {
            per_second: rate.per_second,
            burst: rate.burst,
        };
        Self {
            since: Instant::now(),
            limiter: Limiter::new(Buckets::new(rate, MAX_BUCKETS, Duration::ZERO)),
        }
    }

    /// Takes one token, or says how long to wait for the next.
    pub(crate) fn take(&self, key: K) -> Result<(), Duration> {
        self.limiter.take(key, || self.since.elapsed())
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
        assert_eq!(limiter.limiter.len(), MAX_BUCKETS);
        assert!(limiter.take(5).is_ok());
        assert!(limiter.take(usize::MAX).is_err(), "the shared bucket is empty");
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(limiter.take(usize::MAX).is_ok(), "full buckets were swept");
        assert_eq!(limiter.limiter.len(), 1);
    }
}
