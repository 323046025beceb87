//! Used nonces.
//!
//! A nonce says when a request was signed, so what is remembered is kept by the second it names, and forgotten a second
//! at a time: one set per second, dropped whole. What was forgotten leaves a floor behind, the last moment of the
//! newest forgotten second, and nothing at or below the floor is accepted again. That makes the promise independent of
//! the clocks: **one set never accepts one nonce twice**, whatever the wall clock does. The clocks only decide how
//! long callers with good clocks are turned away, which in ordinary times is never, since a second is forgotten only
//! after its nonces stopped being fresh.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::time::Duration;

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::clocks::{Now, Step, StepGuard, nanoseconds};
use crate::sync::Mutex;

const SECOND: u64 = 1_000_000_000;

/// Steps back of the wall clock up to this much change nothing: entries are kept this much longer than needed. Above
/// a leap second and what time servers correct in ordinary operation.
pub const STEP_MARGIN: Duration = Duration::from_secs(2);

/// How far into the past and the future an accepted nonce can lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Horizon {
    past: Duration,
    lead: Duration,
}

impl Horizon {
    /// Nonces are accepted when they are at most `past` old and at most `lead` ahead of the wall clock.
    pub const fn new(past: Duration, lead: Duration) -> Self {
        Self { past, lead }
    }

    /// The horizon that covers both.
    pub fn and(self, other: Self) -> Self {
        Self {
            past: self.past.max(other.past),
            lead: self.lead.max(other.lead),
        }
    }

    /// How old an accepted nonce can be.
    pub fn past(&self) -> Duration {
        self.past
    }

    /// How far ahead an accepted nonce can be.
    pub fn lead(&self) -> Duration {
        self.lead
    }

    /// How long a used nonce is remembered at least.
    pub fn retention(&self) -> Duration {
        self.past.saturating_add(self.lead).saturating_add(STEP_MARGIN)
    }
}

/// Why a nonce was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Used before.
    Seen,
    /// No room, and nothing may be forgotten yet.
    Full,
    /// Older than anything still remembered, and than anything fresh.
    Stale {
        /// Its age.
        age: Duration,
    },
    /// It may have been used: nothing is known about that time. Nonces of the time after `wait` can be told.
    Unknown {
        /// How long until newly signed requests are above the floor.
        wait: Duration,
    },
    /// The wall clock was set back a moment ago.
    SetBack {
        /// How long nothing is accepted.
        wait: Duration,
    },
}

/// Turns a use into a key of fixed size: SipHash-1-3 with 128 bits under a random secret.
///
/// Two uses with one key would make the second look like a replay, that is refuse a good request, never accept a bad
/// one. With n uses in one second the chance is n / 2^128, and who does not know the secret cannot do better.
#[derive(Clone, Copy)]
pub struct Keyer([u8; 16]);

impl std::fmt::Debug for Keyer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyer(..)")
    }
}

impl Keyer {
    /// With a secret of this process.
    pub fn random() -> Self {
        // Two hashers of the standard library: seeded by the operating system, and each different from the last.
        let half = || RandomState::new().build_hasher().finish().to_le_bytes();
        let mut secret = [0; 16];
        secret[..8].copy_from_slice(&half());
        secret[8..].copy_from_slice(&half());
        Self(secret)
    }

    /// With a secret that outlives the process.
    pub fn with_secret(secret: [u8; 16]) -> Self {
        Self(secret)
    }

    /// The secret, to be kept with the keys made under it.
    pub fn secret(&self) -> [u8; 16] {
        self.0
    }

    /// The key of one use. Injective up to the hash: only the last part has no fixed length.
    pub fn key(&self, hotkey: &[u8; 32], uuid: &str, nonce: u64) -> u128 {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write(hotkey);
        hasher.write(&nonce.to_le_bytes());
        hasher.write(uuid.as_bytes());
        hasher.finish128().as_u128()
    }
}

/// The keys are hashes already.
#[derive(Debug, Default, Clone, Copy)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

type Keys = HashSet<u128, BuildHasherDefault<Hashed>>;

/// Used nonces, as a state machine without lock or clock.
#[derive(Debug)]
pub struct Seen {
    horizon: Horizon,
    capacity: usize,
    seconds: BTreeMap<u64, Second>,
    len: usize,
    floor: u64,
    steps: StepGuard,
}

#[derive(Debug, Default)]
struct Second {
    keys: Keys,
    /// Monotonic time of the last claim in it.
    last: u64,
}

impl Seen {
    /// Nothing seen yet; room for `capacity` nonces.
    pub fn new(horizon: Horizon, capacity: usize) -> Self {
        Self {
            horizon,
            capacity,
            seconds: BTreeMap::new(),
            len: 0,
            floor: 0,
            steps: StepGuard::new(STEP_MARGIN, horizon.retention()),
        }
    }

    /// Refuses nonces up to this one from now on, because somebody else may have accepted them.
    pub fn raise_floor(&mut self, nonce: u64) {
        self.floor = self.floor.max(nonce);
    }

    /// Nonces up to this one are refused.
    pub fn floor(&self) -> u64 {
        self.floor
    }

    /// How many nonces are remembered.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes on the heap, by the layout of the tables: 16 for a key and 1 for its tag, in tables that are between
    /// half and seven eighths full.
    pub fn heap_bytes(&self) -> usize {
        let tables = self.seconds.values().map(|second| match second.keys.capacity() {
            0 => 0,
            keys => (keys * 8 / 7).next_power_of_two() * 17 + 16,
        });
        tables.sum::<usize>() + self.seconds.len() * (size_of::<Second>() + 16)
    }

    /// Takes in what an earlier process had accepted. Goes beyond the capacity rather than to lose it.
    pub fn restore(&mut self, second: u64, key: u128, now: Now) {
        let entry = self.seconds.entry(second).or_default();
        entry.last = now.mono;
        self.len += usize::from(entry.keys.insert(key));
    }

    /// Accepts a nonce, once.
    pub fn claim(&mut self, key: u128, nonce: u64, now: Now) -> Result<(), Refused> {
        let held = self.steps.observe(now);
        self.forget(now);
        if let Some(second) = self.seconds.get(&(nonce / SECOND))
            && second.keys.contains(&key)
        {
            return Err(Refused::Seen);
        }
        held.map_err(|wait| Refused::SetBack { wait })?;
        if nonce <= self.floor {
            let age = Duration::from_nanos(now.wall.saturating_sub(nonce));
            if age > self.horizon.past {
                return Err(Refused::Stale { age });
            }
            let wait = Duration::from_nanos(self.floor.saturating_sub(now.wall));
            return Err(Refused::Unknown { wait });
        }
        if self.len >= self.capacity {
            return Err(Refused::Full);
        }
        let second = self.seconds.entry(nonce / SECOND).or_default();
        second.keys.insert(key);
        second.last = now.mono;
        self.len += 1;
        Ok(())
    }

    /// The last step of the wall clock noticed, once.
    pub fn take_step(&mut self) -> Option<Step> {
        self.steps.take_noticed()
    }

    /// Drops the seconds that both clocks call past, and lifts the floor above them.
    fn forget(&mut self, now: Now) {
        let kept = nanoseconds(self.horizon.past.saturating_add(STEP_MARGIN));
        let stale = now.wall.saturating_sub(kept);
        let retention = nanoseconds(self.horizon.retention());
        while let Some(first) = self.seconds.first_entry() {
            let end = end_of(*first.key());
            if end >= stale || now.mono.saturating_sub(first.get().last) <= retention {
                return;
            }
            self.floor = self.floor.max(end);
            self.len -= first.remove().keys.len();
        }
    }
}

/// The last nanosecond of a second.
pub fn end_of(second: u64) -> u64 {
    second.saturating_mul(SECOND).saturating_add(SECOND - 1)
}

/// Used nonces of one process: [`Seen`] behind a lock.
#[derive(Debug)]
pub struct NonceSet {
    keyer: Keyer,
    seen: Mutex<Seen>,
}

impl NonceSet {
    /// Shares a state between threads. `keyer` must be the one that made the keys already in it.
    pub fn new(keyer: Keyer, seen: Seen) -> Self {
        Self {
            keyer,
            seen: Mutex::new(seen),
        }
    }

    /// Accepts a use, once: of any number of concurrent claims of one use exactly one succeeds. Returns the key too,
    /// for a log, and a step of the wall clock where one was noticed.
    ///
    /// `now` is asked under the lock, so that no thread acts on a reading older than what others did.
    pub fn claim(
        &self,
        hotkey: &[u8; 32],
        uuid: &str,
        nonce: u64,
        now: impl FnOnce() -> Now,
    ) -> (Result<u128, Refused>, Option<Step>) {
        let key = self.keyer.key(hotkey, uuid, nonce);
        let mut seen = self.seen.lock();
        let claimed = seen.claim(key, nonce, now());
        (claimed.map(|()| key), seen.take_step())
    }

    /// See [`Seen::raise_floor`].
    pub fn raise_floor(&self, nonce: u64) {
        self.seen.lock().raise_floor(nonce);
    }

    /// See [`Seen::floor`].
    pub fn floor(&self) -> u64 {
        self.seen.lock().floor()
    }

    /// How many nonces are remembered.
    pub fn len(&self) -> usize {
        self.seen.lock().len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// See [`Seen::heap_bytes`].
    pub fn heap_bytes(&self) -> usize {
        self.seen.lock().heap_bytes()
    }
}
