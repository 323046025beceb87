//! Which rounds a block brings.

use crate::{beacon, BeaconConfig, Config, LastStoredRound, Pallet, Pulse, WaitingRounds, MOST_PULSES};
use std::{collections::BTreeSet, time::Duration};

impl<T: Config> Pallet<T> {
    /// Pulses that are out at a time and not stored, at most [`MOST_PULSES`]. Time in milliseconds since 1970.
    ///
    /// A round comes one period late, like on the main chain, where it has to travel: clients of a chain with short blocks
    /// name rounds that are only just to come, and the chain refuses rounds that it has passed.
    ///
    /// After a stop, rounds are skipped to catch up at once, but not those that something waits for.
    pub(crate) fn new_pulses(now_ms: u64) -> Vec<Pulse> {
        let dev = beacon::dev_beacon().beacon();
        if BeaconConfig::<T>::get().public_key.as_slice() != dev.public_key {
            return vec![];
        }
        let last = LastStoredRound::<T>::get();
        let until = dev.round_at(Duration::from_millis(now_ms)).saturating_sub(1);
        rounds(last, until, |most| T::Waiting::waiting(last, until, most))
            .into_iter()
            .map(beacon::dev_pulse)
            .collect()
    }
}

/// Rounds after `last` up to `until` that a block brings; `waiting` gives those that must not be skipped.
fn rounds(last: u64, until: u64, waiting: impl FnOnce(usize) -> Vec<u64>) -> Vec<u64> {
    let most = MOST_PULSES as u64;
    if last == 0 {
        // Nothing from before the chain is of use to anybody.
        return (until > 0).then_some(until).into_iter().collect();
    }
    let missing = until.saturating_sub(last);
    if missing <= most {
        return (last.saturating_add(1)..=until).collect();
    }
    let awaited: BTreeSet<u64> = waiting(MOST_PULSES).into_iter().collect();
    // Ascending and without going back, or those in between could never be stored.
    if awaited.len() >= MOST_PULSES {
        return awaited.into_iter().take(MOST_PULSES).collect();
    }
    let newest = until.saturating_sub(most - awaited.len() as u64).saturating_add(1)..=until;
    let mut rounds: BTreeSet<u64> = newest.collect();
    rounds.extend(awaited);
    rounds.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nobody(_: usize) -> Vec<u64> {
        vec![]
    }

    #[test]
    fn the_first_round_is_the_one_that_is_out() {
        assert_eq!(rounds(0, 1_000, nobody), vec![1_000]);
        assert_eq!(rounds(0, 0, nobody), Vec::<u64>::new());
    }

    #[test]
    fn rounds_follow_each_other() {
        assert_eq!(rounds(10, 10, nobody), Vec::<u64>::new());
        assert_eq!(rounds(10, 9, nobody), Vec::<u64>::new());
        assert_eq!(rounds(10, 13, nobody), vec![11, 12, 13]);
        assert_eq!(rounds(10, 42, nobody), (11..=42).collect::<Vec<_>>());
    }

    #[test]
    fn after_a_stop_the_newest_come_and_those_that_are_waited_for() {
        assert_eq!(rounds(10, 10_000, nobody), (9_969..=10_000).collect::<Vec<_>>());
        let found = rounds(10, 10_000, |_| vec![12, 9_990]);
        assert_eq!(found.first(), Some(&12));
        assert_eq!(found[1..], (9_971..=10_000).collect::<Vec<_>>());
        let many: Vec<u64> = (100..200).collect();
        assert_eq!(rounds(10, 10_000, |_| many.clone()), many[..MOST_PULSES]);
    }
}
