//! What loom does by `scripts/loom`, in a form that runs with every test: each operation is one critical section, so
//! the interleavings of several threads are the merges of their lists of operations. All merges are tried, against
//! models that say the same in the simplest possible way.
#![cfg(not(loom))]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axoneme_guards::{Buckets, Horizon, Now, Rate, Refused, Seen};

const SECOND: u64 = 1_000_000_000;
const START: u64 = 1_700_000_000 * SECOND;

/// Calls `visit` with every merge of the threads' lists that keeps each list's order.
fn merges<T: Clone>(threads: &[Vec<T>], visit: &mut impl FnMut(&[(usize, T)])) -> usize {
    fn extend<T: Clone>(
        threads: &[Vec<T>],
        next: &mut [usize],
        merged: &mut Vec<(usize, T)>,
        visit: &mut impl FnMut(&[(usize, T)]),
    ) -> usize {
        let mut count = 0;
        for thread in 0..threads.len() {
            if let Some(operation) = threads[thread].get(next[thread]) {
                next[thread] += 1;
                merged.push((thread, operation.clone()));
                count += extend(threads, next, merged, visit);
                merged.pop();
                next[thread] -= 1;
            }
        }
        if count == 0 {
            visit(merged);
            count = 1;
        }
        count
    }
    extend(threads, &mut vec![0; threads.len()], &mut Vec::new(), visit)
}

#[derive(Debug, Clone, Copy)]
enum Operation {
    /// Claims a nonce this many seconds from the start.
    Claim(u64),
    /// Both clocks go on.
    Pass(u64),
    /// The wall clock alone is set, in seconds from the start.
    Set(i64),
}

use Operation::{Claim, Pass, Set};

#[test]
fn in_every_interleaving_one_claim_of_a_nonce_wins() {
    let threads = [
        vec![Claim(1), Claim(2), Claim(3)],
        vec![Claim(2), Claim(1), Claim(3)],
        vec![Claim(3), Claim(2), Claim(1)],
    ];
    let horizon = Horizon::new(Duration::from_secs(4), Duration::from_secs(4));
    let tried = merges(&threads, &mut |merged| {
        let mut seen = Seen::new(horizon, 3);
        let mut won = BTreeMap::new();
        for (_, operation) in merged {
            let Claim(second) = operation else { unreachable!() };
            let nonce = START + second * SECOND;
            let result = seen.claim(u128::from(nonce), nonce, Now { wall: START, mono: 0 });
            assert!(matches!(result, Ok(()) | Err(Refused::Seen)), "{result:?}");
            *won.entry(second).or_insert(0) += usize::from(result.is_ok());
        }
        assert_eq!(won.into_values().collect::<Vec<_>>(), [1, 1, 1]);
    });
    assert_eq!(tried, 1680, "9! / 3!³");
}

/// Runs operations on a set and checks after each what must always hold. Returns how many claims were accepted.
fn run(operations: impl Iterator<Item = Operation>, capacity: usize) -> usize {
    let horizon = Horizon::new(Duration::from_secs(4), Duration::from_secs(2));
    let mut seen = Seen::new(horizon, capacity);
    let mut now = Now { wall: START, mono: 0 };
    // The model: everything ever accepted, and when by which clock.
    let mut accepted: BTreeMap<u64, Now> = BTreeMap::new();
    let mut must_know = BTreeSet::new();
    let retention = u64::try_from(horizon.retention().as_nanos()).expect("short");
    let mut steady = true;
    for operation in operations {
        match operation {
            Pass(seconds) => {
                now.wall += seconds * SECOND;
                now.mono += seconds * SECOND;
            }
            Set(seconds) => {
                now.wall = START.checked_add_signed(seconds * SECOND as i64).expect("in range");
                steady = false;
            }
            Claim(second) => {
                let nonce = START + second * SECOND;
                let fresh = nonce + 4 * SECOND > now.wall && nonce <= now.wall + 2 * SECOND;
                let result = seen.claim(u128::from(nonce), nonce, now);
                if result.is_ok() {
                    let before = accepted.insert(nonce, now);
                    assert_eq!(before, None, "accepted twice");
                    must_know.insert(nonce);
                } else if steady && fresh && !accepted.contains_key(&nonce) {
                    assert_eq!(result, Err(Refused::Full), "a fresh, unused nonce with clocks in order");
                }
                if fresh && accepted.contains_key(&nonce) && result.is_err() && steady {
                    assert_eq!(result, Err(Refused::Seen), "what is fresh is remembered by name");
                }
            }
        }
        assert!(seen.len() <= capacity, "bounded");
        // Forgotten only when both clocks said so at some moment.
        must_know.retain(|nonce| {
            let at = accepted[nonce];
            now.wall <= nonce + 4 * SECOND || now.mono - at.mono <= retention
        });
        assert!(seen.len() >= must_know.len(), "something was forgotten too early");
    }
    accepted.len()
}

#[test]
fn in_every_interleaving_with_expiry_no_nonce_is_accepted_twice() {
    let threads = [
        vec![Claim(1), Claim(2), Claim(12), Claim(1)],
        vec![Pass(2), Pass(5), Pass(4), Pass(3)],
        vec![Claim(2), Claim(1), Claim(12)],
    ];
    let mut accepted = BTreeSet::new();
    let tried = merges(&threads, &mut |merged| {
        accepted.insert(run(merged.iter().map(|(_, operation)| *operation), 2));
    });
    assert_eq!(tried, 11550, "11! / 4! 4! 3!");
    assert!(accepted.len() >= 2, "the order matters: {accepted:?}");
}

#[test]
fn in_every_interleaving_with_a_clock_that_jumps_no_nonce_is_accepted_twice() {
    let threads = [
        vec![Claim(1), Claim(101), Claim(1), Claim(101)],
        vec![Set(100), Pass(9), Set(0), Pass(9)],
        vec![Claim(101), Claim(1), Pass(10)],
    ];
    let tried = merges(&threads, &mut |merged| {
        run(merged.iter().map(|(_, operation)| *operation), 10);
    });
    assert_eq!(tried, 11550);
}

#[test]
fn every_short_history_of_a_bucket_agrees_with_whole_numbers() {
    // Half-second steps and one token per second: two halves are a token, and nothing is rounded.
    let rate = Rate {
        per_second: 1.0,
        burst: 2.0,
    };
    #[derive(Clone, Copy)]
    enum Step {
        Take(u8),
        Wait(u64),
    }
    let steps = [Step::Take(0), Step::Take(1), Step::Wait(1), Step::Wait(3)];
    let length = 8;
    for history in 0..steps.len().pow(length) {
        let mut buckets = Buckets::new(rate, 2, Duration::ZERO);
        let mut halves = 0;
        let mut model: BTreeMap<u8, (u64, u64)> = BTreeMap::new();
        let mut rest = history;
        for _ in 0..length {
            let step = steps[rest % steps.len()];
            rest /= steps.len();
            match step {
                Step::Wait(by) => halves += by,
                Step::Take(key) => {
                    let (tokens, at) = model.entry(key).or_insert((4, halves));
                    *tokens = (*tokens + halves - *at).min(4);
                    *at = halves;
                    let expected = *tokens >= 2;
                    *tokens -= if expected { 2 } else { 0 };
                    let result = buckets.take(key, Duration::from_millis(500 * halves));
                    assert_eq!(result.is_ok(), expected, "history {history}");
                    if let Err(wait) = result {
                        assert_eq!(wait, Duration::from_millis(500 * (2 - *tokens)), "history {history}");
                    }
                }
            }
        }
    }
}

#[test]
fn readings_of_the_clock_that_arrive_out_of_order_earn_nothing_twice() {
    let rate = Rate {
        per_second: 1.0,
        burst: 1.0,
    };
    let mut buckets = Buckets::new(rate, 2, Duration::ZERO);
    let at = Duration::from_secs;
    let results = [at(0), at(10), at(0), at(10), at(0), at(10)].map(|now| buckets.take(1, now).is_ok());
    assert_eq!(results, [true, true, false, false, false, false]);
}

mod random {
    use proptest::prelude::*;

    use super::*;

    fn operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            6 => (0_u64..40).prop_map(Claim),
            3 => (0_u64..6).prop_map(Pass),
            1 => (-30_i64..60).prop_map(Set),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn no_history_of_claims_and_clock_jumps_accepts_a_nonce_twice(
            operations in prop::collection::vec(operation(), 1..120),
            capacity in 1_usize..20,
        ) {
            run(operations.into_iter(), capacity);
        }

        #[test]
        fn with_clocks_in_order_every_fresh_nonce_is_accepted_once(
            operations in prop::collection::vec(
                prop_oneof![3 => (0_u64..60).prop_map(Claim), 1 => (0_u64..3).prop_map(Pass)], 1..150,
            ),
        ) {
            run(operations.into_iter(), 1000);
        }

        #[test]
        fn no_key_gets_more_than_its_burst_and_its_rate(
            takes in prop::collection::vec((0_u8..4, 0_u64..900), 1..200),
            max in 1_usize..4,
        ) {
            let rate = Rate { per_second: 5.0, burst: 3.0 };
            let mut buckets = Buckets::new(rate, max, Duration::ZERO);
            let mut now = 0;
            let mut taken: BTreeMap<u8, f64> = BTreeMap::new();
            for (key, wait) in takes {
                now += wait;
                if buckets.take(key, Duration::from_millis(now)).is_ok() {
                    *taken.entry(key).or_default() += 1.0;
                }
                prop_assert!(buckets.len() <= max);
            }
            // A key can have drawn on the shared bucket too.
            let most = 2.0 * (3.0 + 5.0 * now as f64 / 1000.0) + 1e-6;
            prop_assert!(taken.values().all(|taken| *taken <= most), "{taken:?}");
        }
    }
}
