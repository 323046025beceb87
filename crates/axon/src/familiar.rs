//! Callers that were admitted lately, and from where.
//!
//! Under a flood most of what arrives comes from nobody. Who was verified and admitted at an address not long ago is
//! probably the same again, and gets what is kept for such callers: a bucket of its own, connections, signature checks.
//! Nothing else follows from it; every request is verified all the same.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::head::HotkeyText;
use crate::limits::Rate;
use crate::peers::Peer;
use crate::rate::RateLimiter;

/// Pairs of address and hotkey kept at once: more than a subnet has neurons, with several addresses each.
const MAX_PAIRS: usize = 4096;
/// How long a pair is remembered after it was admitted.
const MEMORY: Duration = Duration::from_secs(600);

/// Pairs of address and hotkey that were admitted lately.
pub(crate) struct Familiar {
    buckets: Option<RateLimiter<(Peer, HotkeyText)>>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// When each was admitted last.
    pairs: HashMap<(Peer, HotkeyText), Instant>,
    peers: HashSet<Peer>,
    swept: Option<Instant>,
}

impl Familiar {
    /// `rate`: of each pair's own bucket; nothing for no limit.
    pub(crate) fn new(rate: Option<Rate>) -> Self {
        Self {
            buckets: rate.map(RateLimiter::new),
            known: Mutex::default(),
        }
    }

    /// Takes a token from a pair's bucket; nothing when the pair is not known.
    pub(crate) fn take(&self, peer: Peer, hotkey: HotkeyText) -> Option<Result<(), Duration>> {
        let now = Instant::now();
        let admitted = *self.known.lock().pairs.get(&(peer, hotkey))?;
        if now.saturating_duration_since(admitted) > MEMORY {
            return None;
        }
        let buckets = self.buckets.as_ref();
        Some(buckets.map_or(Ok(()), |buckets| buckets.take((peer, hotkey))))
    }

    /// Whether somebody was admitted from there lately.
    pub(crate) fn knows(&self, peer: Peer) -> bool {
        self.known.lock().peers.contains(&peer)
    }

    /// Remembers an admitted caller.
    pub(crate) fn note(&self, peer: Peer, hotkey: HotkeyText) {
        let now = Instant::now();
        let mut known = self.known.lock();
        if let Some(admitted) = known.pairs.get_mut(&(peer, hotkey)) {
            *admitted = now;
            return;
        }
        known.sweep(now);
        if known.pairs.len() < MAX_PAIRS {
            known.pairs.insert((peer, hotkey), now);
            known.peers.insert(peer);
        }
    }
}

impl Known {
    /// Forgets what is old; at most once a second, for it looks at everything.
    fn sweep(&mut self, now: Instant) {
        let due = |swept: Instant| now.saturating_duration_since(swept) >= Duration::from_secs(1);
        if !self.swept.is_none_or(due) {
            return;
        }
        self.swept = Some(now);
        let before = self.pairs.len();
        self.pairs
            .retain(|_, admitted| now.saturating_duration_since(*admitted) <= MEMORY);
        if self.pairs.len() < before {
            self.peers = self.pairs.keys().map(|(peer, _)| *peer).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        per_second: 1.0,
        burst: 2.0,
    };

    fn peer(n: u32) -> Peer {
        Peer::V4(n.to_be_bytes())
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_admitted_has_a_bucket_of_its_own_for_a_while() {
        let familiar = Familiar::new(Some(RATE));
        assert_eq!(familiar.take(peer(1), [1; 48]), None);
        familiar.note(peer(1), [1; 48]);
        assert_eq!(familiar.take(peer(1), [1; 48]), Some(Ok(())));
        assert_eq!(familiar.take(peer(1), [1; 48]), Some(Ok(())));
        assert!(matches!(familiar.take(peer(1), [1; 48]), Some(Err(_))), "empty");
        assert_eq!(familiar.take(peer(2), [1; 48]), None, "claimed from elsewhere");
        assert_eq!(familiar.take(peer(1), [2; 48]), None, "another from there");
        assert!(familiar.knows(peer(1)) && !familiar.knows(peer(2)));
        tokio::time::advance(MEMORY + Duration::from_secs(1)).await;
        assert_eq!(familiar.take(peer(1), [1; 48]), None);
        familiar.note(peer(3), [3; 48]);
        assert!(!familiar.knows(peer(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn memory_stays_bounded() {
        let familiar = Familiar::new(None);
        for n in 0..MAX_PAIRS as u32 + 100 {
            familiar.note(peer(n), [0; 48]);
        }
        assert_eq!(familiar.known.lock().pairs.len(), MAX_PAIRS);
        assert_eq!(familiar.take(peer(0), [0; 48]), Some(Ok(())));
        tokio::time::advance(MEMORY * 2).await;
        familiar.note(peer(9), [1; 48]);
        assert_eq!(familiar.known.lock().pairs.len(), 1);
    }
}
