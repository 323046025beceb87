//! Used nonces in the memory of one process.

use std::sync::Arc;
use std::time::Duration;

use axoneme_guards::{Keyer, NonceSet, Seen};

use super::{Claim, Horizon, NonceError, NonceStore, NonceUse, nanoseconds, note_refusal, note_step};
use crate::clock::{self, Clock};

/// A bounded [`NonceStore`] in the memory of one process.
///
/// It never accepts a nonce twice, whatever the clocks do (see [`axoneme_guards::seen`]). When full, claims fail; when
/// the wall clock is set back by more than [`axoneme_guards::seen::STEP_MARGIN`], claims fail for the retention.
///
/// What it knows dies with the process. [`after_restart`](Self::after_restart) makes it refuse what an earlier process
/// may have accepted; a store that survives is in the crate `axoneme-replay`.
pub struct MemoryNonceStore {
    clock: Arc<dyn Clock>,
    horizon: Horizon,
    set: NonceSet,
}

impl MemoryNonceStore {
    /// Room for 15000 requests per second at the default window. A nonce takes 34 bytes (20 to 40, by how full the
    /// tables happen to be), so 36 MB when full, and next to nothing when not.
    pub const DEFAULT_CAPACITY: usize = 1 << 20;

    /// A store for one window, or for several joined by [`Horizon::and`], holding at most `capacity` nonces.
    pub fn new(clock: Arc<dyn Clock>, horizon: impl Into<Horizon>, capacity: usize) -> Self {
        let horizon = horizon.into();
        Self {
            clock,
            horizon,
            set: NonceSet::new(Keyer::random(), Seen::new(horizon, capacity)),
        }
    }

    /// Refuses every nonce that an earlier process could have accepted: those up to now, and up to the allowed lead
    /// ahead. Callers with good clocks are turned away for that lead, 4 s by default, after which all is well; callers
    /// whose clocks are behind for as much longer.
    #[must_use]
    pub fn after_restart(self) -> Self {
        let lead = nanoseconds(self.horizon.lead());
        self.refuse_up_to(self.clock.unix_ns().saturating_add(lead));
        self
    }

    /// Refuses every nonce up to this one from now on.
    pub fn refuse_up_to(&self, nonce: u64) {
        self.set.raise_floor(nonce);
    }

    /// How long a used nonce is remembered at least.
    pub fn retention(&self) -> Duration {
        self.horizon.retention()
    }

    /// How many nonces are remembered now.
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Bytes on the heap now.
    pub fn heap_bytes(&self) -> usize {
        self.set.heap_bytes()
    }

    /// [`NonceStore::claim`] without a future: memory makes nobody wait.
    pub fn claim_now(&self, used: NonceUse<'_>) -> Result<(), NonceError> {
        let now = || clock::read(&*self.clock);
        let (claimed, step) = self.set.claim(&used.hotkey.0, used.uuid, used.nonce, now);
        if let Some(step) = step {
            note_step(step, self.horizon);
        }
        claimed.map(|_| ()).map_err(|refused| {
            let error = NonceError::from_refused(refused, self.horizon);
            note_refusal(error);
            error
        })
    }
}

impl std::fmt::Debug for MemoryNonceStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut fields = f.debug_struct("MemoryNonceStore");
        fields.field("horizon", &self.horizon).field("len", &self.len());
        fields.finish_non_exhaustive()
    }
}

impl NonceStore for MemoryNonceStore {
    fn claim<'a>(&'a self, used: NonceUse<'a>) -> Claim<'a> {
        let result = self.claim_now(used);
        Box::pin(std::future::ready(result))
    }
}
