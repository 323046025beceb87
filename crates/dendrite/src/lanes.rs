//! Nonces and lanes.
//!
//! A Python axon wants rising nonces for each pair of hotkey and uuid, and refuses a request that another one of the
//! same pair has overtaken. So requests that are under way at the same time must differ in their uuid: each takes a
//! free lane, and a lane carries one request at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axoneme_protocol::Clock;
use parking_lot::Mutex;
use uuid::Uuid;

#[derive(Clone)]
pub(crate) struct Lanes {
    clock: Arc<dyn Clock>,
    last: Arc<AtomicU64>,
    free: Arc<Mutex<Vec<String>>>,
}

impl Lanes {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            last: Arc::default(),
            free: Arc::default(),
        }
    }

    /// A lane for one request; it is free again when the guard goes.
    pub(crate) fn take(&self) -> Lane {
        let uuid = self
            .free
            .lock()
            .pop()
            .unwrap_or_else(|| Uuid::new_v4().to_string());
        Lane {
            uuid,
            free: self.free.clone(),
        }
    }

    /// The time, nanoseconds since 1970, or one more than the last nonce where the clock has not moved on.
    pub(crate) fn nonce(&self) -> u64 {
        let now = self.clock.unix_ns();
        let next = |last: u64| Some(now.max(last.saturating_add(1)));
        let last = self
            .last
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
        now.max(last.unwrap_or_else(|last| last).saturating_add(1))
    }
}

pub(crate) struct Lane {
    pub(crate) uuid: String,
    free: Arc<Mutex<Vec<String>>>,
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.free.lock().push(std::mem::take(&mut self.uuid));
    }
}

#[cfg(test)]
mod tests {
    use axoneme_protocol::ManualClock;

    use super::*;

    #[test]
    fn nonces_rise_even_when_the_clock_stands_or_goes_back() {
        let clock = Arc::new(ManualClock::at(1_000));
        let lanes = Lanes::new(clock.clone());
        assert_eq!([lanes.nonce(), lanes.nonce()], [1_000, 1_001]);
        clock.set_unix_ns(10);
        assert_eq!(lanes.nonce(), 1_002);
        clock.set_unix_ns(5_000);
        assert_eq!(lanes.nonce(), 5_000);
    }

    #[test]
    fn requests_under_way_together_have_different_uuids_and_lanes_are_used_again() {
        let lanes = Lanes::new(Arc::new(ManualClock::at(0)));
        let (first, second) = (lanes.take(), lanes.take());
        assert_ne!(first.uuid, second.uuid);
        let uuid = first.uuid.clone();
        drop(first);
        assert_eq!(lanes.take().uuid, uuid);
    }
}
