use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axoneme_protocol::nonce::{Horizon, NonceUse};
use axoneme_protocol::{Clock, ManualClock, MemoryNonceStore, NonceError, NonceStore, NonceWindow};
use axoneme_wallet::{AccountId, Keypair};
use serde_json::Value;

use crate::{cases, text, vectors};

fn alice() -> AccountId {
    Keypair::from_uri("//Alice").expect("uri").account_id()
}

/// Claims in the memory store answer at once.
fn claim(store: &MemoryNonceStore, uuid: &str, nonce: u64) -> Result<(), NonceError> {
    let hotkey = alice();
    let used = NonceUse {
        hotkey: &hotkey,
        uuid,
        nonce,
    };
    let mut claim = store.claim(used);
    match claim
        .as_mut()
        .poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    {
        std::task::Poll::Ready(result) => result,
        std::task::Poll::Pending => panic!("the memory store made somebody wait"),
    }
}

fn store(capacity: usize) -> (Arc<ManualClock>, MemoryNonceStore) {
    let clock = Arc::new(ManualClock::at(1_700_000_000_000_000_000));
    let store = MemoryNonceStore::new(clock.clone(), NonceWindow::default(), capacity);
    (clock, store)
}

#[test]
fn every_recorded_sequence_is_judged_as_required() {
    let file = vectors("nonces");
    let window = NonceWindow::default();
    let mut checked = HashMap::new();
    for sequence in cases(&file, "sequences") {
        let (clock, store) = store(100);
        for step in cases(&sequence, "steps") {
            let now: u64 = text(&step, "now_ns").parse().expect("time");
            clock.set_unix_ns(now);
            // Numbers and timeouts go through the strict header parsers in the real pipeline.
            let nonce = text(&step, "nonce").parse::<u64>().ok();
            let timeout = match &step["timeout"] {
                Value::Null => Some(None),
                value => value
                    .as_f64()
                    .and_then(|t| Duration::try_from_secs_f64(t).ok())
                    .map(Some),
            };
            let accepted = match (nonce, timeout) {
                (Some(nonce), Some(timeout)) => {
                    window.check(now, nonce, timeout).is_ok()
                        && step["signature_valid"] == true
                        && claim(&store, text(&step, "uuid"), nonce).is_ok()
                }
                _ => false,
            };
            match &step["rust_required"] {
                Value::Bool(required) => {
                    assert_eq!(accepted, *required, "{} {step}", sequence["note"])
                }
                either => assert_eq!(either, "either"),
            }
            *checked.entry(accepted).or_insert(0) += 1;
        }
    }
    assert!(checked[&true] > 5 && checked[&false] > 5, "{checked:?}");
}

#[test]
fn a_nonce_is_claimed_once_per_uuid() {
    let (clock, store) = store(100);
    let now = clock.unix_ns();
    assert_eq!(claim(&store, "a", now), Ok(()));
    assert_eq!(claim(&store, "a", now), Err(NonceError::Replayed));
    assert_eq!(claim(&store, "b", now), Ok(()));
}

#[test]
fn of_many_concurrent_claims_one_succeeds() {
    let (clock, store) = store(1000);
    let now = clock.unix_ns();
    let won: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| (0..100).filter(|n| claim(&store, "a", now + n).is_ok()).count()))
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!(won, 100);
}

#[test]
fn memory_is_bounded_and_a_full_store_refuses_instead_of_forgetting() {
    let (clock, store) = store(3);
    let now = clock.unix_ns();
    for nonce in 0..3 {
        assert_eq!(claim(&store, "a", now + nonce), Ok(()));
    }
    assert_eq!(claim(&store, "a", now + 3), Err(NonceError::StoreFull));
    assert_eq!(claim(&store, "a", now), Err(NonceError::Replayed));
    clock.advance(NonceWindow::default().retention() + Duration::from_secs(1));
    assert_eq!(claim(&store, "a", clock.unix_ns()), Ok(()));
    assert_eq!(store.len(), 1);
}

#[test]
fn nothing_that_could_still_be_fresh_is_forgotten() {
    let window = NonceWindow::default();
    let (clock, store) = store(10);
    let nonce = clock.unix_ns() + 4_000_000_000; // as far ahead as allowed
    assert_eq!(claim(&store, "a", nonce), Ok(()));
    while window.check(clock.unix_ns(), nonce, Some(Duration::MAX)).is_ok() {
        assert_eq!(claim(&store, "a", nonce), Err(NonceError::Replayed));
        clock.advance(Duration::from_millis(500));
    }
}

#[test]
fn a_wall_clock_set_back_brings_nothing_to_life_and_is_noticed() {
    let (clock, store) = store(10);
    let now = clock.unix_ns();
    assert_eq!(claim(&store, "a", now), Ok(()));
    clock.advance(Duration::from_secs(3600));
    assert_eq!(
        claim(&store, "a", clock.unix_ns()),
        Ok(()),
        "the first one is forgotten now"
    );
    assert_eq!(store.len(), 1);
    clock.set_unix_ns(now);
    assert_eq!(NonceWindow::default().check(clock.unix_ns(), now, None), Ok(()));
    let refused = claim(&store, "a", now);
    assert!(matches!(refused, Err(NonceError::ClockSetBack { .. })), "{refused:?}");
    assert!(refused.is_err_and(|error| error.is_unavailable()));
    // After the retention the server serves again, and still nothing of the past.
    clock.advance(NonceWindow::default().retention());
    assert!(matches!(claim(&store, "a", now), Err(NonceError::TooOld { .. })));
    assert_eq!(claim(&store, "a", clock.unix_ns()), Ok(()));
}

#[test]
fn a_small_step_back_is_no_news() {
    let (clock, store) = store(10);
    let now = clock.unix_ns();
    assert_eq!(claim(&store, "a", now), Ok(()));
    clock.set_unix_ns(now - 1_900_000_000);
    assert_eq!(claim(&store, "a", now), Err(NonceError::Replayed));
    assert_eq!(claim(&store, "a", now - 1_900_000_000), Ok(()));
}

#[test]
fn after_a_restart_what_the_last_process_may_have_accepted_is_refused_for_as_long_as_it_is_fresh() {
    let clock = Arc::new(ManualClock::at(1_700_000_000_000_000_000));
    let window = NonceWindow::default();
    let before = MemoryNonceStore::new(clock.clone(), window, 10);
    let (late, ahead) = (clock.unix_ns() - 60_000_000_000, clock.unix_ns() + 4_000_000_000);
    for nonce in [late, ahead] {
        assert_eq!(claim(&before, "a", nonce), Ok(()));
    }
    drop(before);
    clock.advance(Duration::from_millis(500));
    let store = MemoryNonceStore::new(clock.clone(), window, 10).after_restart();
    for nonce in [late, ahead] {
        assert!(claim(&store, "a", nonce).is_err_and(|error| error.is_unavailable()));
    }
    let wait = claim(&store, "b", clock.unix_ns())
        .expect_err("may have been used")
        .retry_after();
    assert_eq!(wait, Some(Duration::from_secs(4)), "the lead, and no longer");
    clock.advance(Duration::from_nanos(4_000_000_001));
    assert_eq!(claim(&store, "b", clock.unix_ns()), Ok(()));
}

#[test]
fn one_store_keeps_what_any_of_its_windows_could_accept() {
    let narrow = NonceWindow::new(Duration::from_secs(2), Duration::ZERO).horizon();
    let wide = Horizon::new(Duration::from_secs(1), Duration::from_secs(30));
    let both = narrow.and(wide);
    assert_eq!(
        (both.past(), both.lead()),
        (Duration::from_secs(4), Duration::from_secs(30))
    );
    assert!(both.retention() >= Duration::from_secs(34));
}

#[test]
fn a_full_store_takes_at_most_forty_bytes_for_a_nonce() {
    let (clock, store) = store(1 << 16);
    let hotkey = alice();
    for n in 0..1 << 16 {
        // As under full load: every second of the window has as many.
        let used = NonceUse {
            hotkey: &hotkey,
            uuid: "a",
            nonce: clock.unix_ns() - (n % 64) * 1_000_000_000 + n,
        };
        assert_eq!(store.claim_now(used), Ok(()));
    }
    assert_eq!(
        claim(&store, "a", clock.unix_ns() + 1_000_000),
        Err(NonceError::StoreFull)
    );
    assert!(store.heap_bytes() <= store.len() * 40, "{} bytes", store.heap_bytes());
}

#[test]
fn the_allowed_lead_stays_within_reason() {
    let generous = NonceWindow::new(Duration::from_secs(86_400), Duration::from_secs(60));
    let now = 1_700_000_000_000_000_000;
    assert!(generous.check(now, now + 60_000_000_000, None).is_ok());
    assert!(matches!(
        generous.check(now, now + 61_000_000_000, None),
        Err(NonceError::TooNew { .. })
    ));
    let strict = NonceWindow::new(Duration::ZERO, Duration::from_secs(60));
    assert!(strict.check(now, now + 2_000_000_000, None).is_ok());
}
