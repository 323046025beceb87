//! Every interleaving of threads, as far as loom's mutex and atomics let them differ. Run by `scripts/loom`.
#![cfg(loom)]

use std::time::Duration;

use axoneme_guards::{Buckets, Horizon, Keyer, Limiter, NonceSet, Now, Rate, Refused, Seen};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

const SECOND: u64 = 1_000_000_000;
const START: u64 = 1_700_000_000;
const HORIZON: Horizon = Horizon::new(Duration::from_secs(4), Duration::from_secs(2));

fn at(second: u64) -> Now {
    Now {
        wall: (START + second) * SECOND,
        mono: second * SECOND,
    }
}

/// A set and a clock that another thread moves; both clocks in step.
#[derive(Clone)]
struct World {
    set: Arc<NonceSet>,
    second: Arc<AtomicU64>,
}

impl World {
    fn new(capacity: usize) -> Self {
        let keyer = Keyer::with_secret([9; 16]);
        Self {
            set: Arc::new(NonceSet::new(keyer, Seen::new(HORIZON, capacity))),
            second: Arc::new(AtomicU64::new(0)),
        }
    }

    fn claim(&self, second: u64) -> Result<(), Refused> {
        let now = || at(self.second.load(Ordering::SeqCst));
        let (claimed, step) = self.set.claim(&[1; 32], "uuid", (START + second) * SECOND, now);
        assert_eq!(step, None);
        claimed.map(|_| ())
    }
}

#[test]
fn of_three_threads_with_one_nonce_exactly_one_wins() {
    loom::model(|| {
        let world = World::new(10);
        let claim = |world: World| thread::spawn(move || world.claim(1).is_ok());
        let (one, two) = (claim(world.clone()), claim(world.clone()));
        let three = world.claim(1).is_ok();
        let won = [one.join().unwrap(), two.join().unwrap(), three];
        assert_eq!(won.iter().filter(|won| **won).count(), 1);
        assert_eq!(world.set.len(), 1);
    });
}

#[test]
fn two_threads_with_two_nonces_in_opposite_order_win_two() {
    loom::model(|| {
        let world = World::new(10);
        let other = world.clone();
        let other = thread::spawn(move || [2, 1].map(|second| other.claim(second).is_ok()));
        let mine = [1, 2].map(|second| world.claim(second).is_ok());
        let [theirs_2, theirs_1] = other.join().unwrap();
        assert!(mine[0] != theirs_1 && mine[1] != theirs_2);
    });
}

#[test]
fn a_nonce_that_is_forgotten_meanwhile_is_not_accepted_again() {
    loom::model(|| {
        let world = World::new(10);
        let (ticking, claiming) = (world.clone(), world.clone());
        // Time passes until the nonce is stale, with a claim in between that makes the set forget.
        let ticking = thread::spawn(move || {
            ticking.second.store(30, Ordering::SeqCst);
            ticking.claim(30).is_ok()
        });
        let claiming = thread::spawn(move || claiming.claim(1).is_ok());
        let mine = world.claim(1).is_ok();
        assert!(!(mine && claiming.join().unwrap()), "twice");
        assert!(ticking.join().unwrap(), "a fresh nonce of its own");
        assert!(world.claim(1).is_err());
    });
}

#[test]
fn of_two_threads_that_want_the_last_room_one_is_refused() {
    loom::model(|| {
        let world = World::new(2);
        assert_eq!(world.claim(1), Ok(()));
        let other = world.clone();
        let other = thread::spawn(move || other.claim(2));
        let results = [world.claim(3), other.join().unwrap()];
        assert!(
            results.contains(&Ok(())) && results.contains(&Err(Refused::Full)),
            "{results:?}"
        );
        assert_eq!(world.set.len(), 2);
    });
}

#[test]
fn threads_cannot_take_more_tokens_than_there_are() {
    loom::model(|| {
        let rate = Rate {
            per_second: 1.0,
            burst: 2.0,
        };
        let limiter = Arc::new(Limiter::new(Buckets::new(rate, 2, Duration::ZERO)));
        let second = Arc::new(AtomicU64::new(0));
        let take = |limiter: &Limiter<u8>, second: &AtomicU64| {
            limiter
                .take(1, || Duration::from_secs(second.load(Ordering::SeqCst)))
                .is_ok()
        };
        let (other, clock) = (limiter.clone(), second.clone());
        let other = thread::spawn(move || {
            let first = take(&other, &clock);
            clock.store(1, Ordering::SeqCst);
            usize::from(first) + usize::from(take(&other, &clock))
        });
        let mine = usize::from(take(&limiter, &second)) + usize::from(take(&limiter, &second));
        let taken = mine + other.join().unwrap();
        assert!(taken == 3 || taken == 2, "two at first, one earned: {taken}");
        assert!(!take(&limiter, &second) || taken == 2, "nothing is left");
    });
}

#[test]
fn newcomers_to_full_buckets_share_one() {
    loom::model(|| {
        let rate = Rate {
            per_second: 1.0,
            burst: 1.0,
        };
        let limiter = Arc::new(Limiter::new(Buckets::new(rate, 1, Duration::ZERO)));
        let take = |limiter: &Limiter<u8>, key| limiter.take(key, || Duration::ZERO).is_ok();
        let spawn = |key: u8| {
            let limiter = limiter.clone();
            thread::spawn(move || take(&limiter, key))
        };
        let (one, two) = (spawn(1), spawn(2));
        let three = take(&limiter, 3);
        let taken = [one.join().unwrap(), two.join().unwrap(), three];
        assert_eq!(
            taken.iter().filter(|taken| **taken).count(),
            2,
            "a bucket of its own, and the shared one"
        );
        assert_eq!(limiter.len(), 1);
    });
}
