//! Lanes and nonces: what keeps requests in flight from overtaking each other.
//!
//! A Python axon wants nonces of one uuid to rise. Two requests in flight at once can arrive in either order, so each
//! has a uuid of its own: a lane, used by one request at a time. Lanes are used again, the last one first: a Python
//! axon remembers every uuid it ever saw.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axoneme_protocol::Clock;
use parking_lot::Mutex;

/// The nonce signed last. One for the whole process: two dendrites with one hotkey must not sign the same nonce.
static LAST_NONCE: AtomicU64 = AtomicU64::new(0);

/// A nonce above all before: the time, or one more than the last when the clock stands still or was set back.
pub(crate) fn next_nonce(clock: &dyn Clock) -> u64 {
    let now = clock.unix_ns();
    let next = |last: u64| now.max(last.saturating_add(1));
    let last = LAST_NONCE.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| Some(next(last)));
    next(last.unwrap_or_else(|last| last))
}

/// The uuids no request uses at the moment.
#[derive(Default)]
pub(crate) struct Lanes {
    free: Arc<Mutex<Vec<String>>>,
}

/// A uuid for one request; free again when dropped.
pub(crate) struct Lane {
    free: Arc<Mutex<Vec<String>>>,
    uuid: String,
}

impl Lanes {
    /// A lane nobody uses.
    pub(crate) fn enter(&self) -> Lane {
        let uuid = self
            .free
            .lock()
            .pop()
            .unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let free = self.free.clone();
        Lane { free, uuid }
    }
}

impl Lane {
    pub(crate) fn uuid(&self) -> &str {
        &self.uuid
    }
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
    fn nonces_rise_even_when_the_clock_does_not() {
        let clock = ManualClock::at(4_000_000_000_000_000_000);
        let first = next_nonce(&clock);
        assert_eq!(first, 4_000_000_000_000_000_000);
        assert_eq!(next_nonce(&clock), first + 1);
        clock.set_unix_ns(1);
        assert_eq!(next_nonce(&clock), first + 2);
        clock.set_unix_ns(first + 1000);
        assert_eq!(next_nonce(&clock), first + 1000);
    }

    #[test]
    fn requests_at_once_have_lanes_of_their_own_and_later_ones_use_them_again() {
        let lanes = Lanes::default();
        let (first, second) = (lanes.enter(), lanes.enter());
        assert_ne!(first.uuid(), second.uuid());
        let uuid = second.uuid().to_owned();
        drop(second);
        assert_eq!(lanes.enter().uuid(), uuid);
    }
}
