//! When callers asked: what they may still ask, and how urgent their next request is.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use axoneme_wallet::AccountId;

/// The request before the newest nine decides how long ago a caller "last asked": one alone would reward whoever sends
/// requests in pairs.
const LOOK_BACK: usize = 10;

/// The newest times of one caller, oldest first.
#[derive(Debug, Default)]
pub(super) struct Times(VecDeque<Duration>);

impl Times {
    /// Whether as many requests as fit were made within `period` before `now`. Places not used yet never refuse.
    pub(super) fn are_full(&self, now: Duration, places: usize, period: Duration) -> bool {
        self.0.len() >= places
            && self
                .0
                .front()
                .is_some_and(|oldest| now.saturating_sub(*oldest) < period)
    }

    /// The caller's stake, times how many `unit`s ago its tenth last request was, once. Places not used yet count as long
    /// ago and change nothing: a new caller is as urgent as its stake.
    pub(super) fn priority(&self, now: Duration, stake: f64, unit: Duration) -> f64 {
        let tenth_last = self.0.len().checked_sub(LOOK_BACK).and_then(|place| self.0.get(place));
        let waited = tenth_last.map_or(0.0, |time| now.saturating_sub(*time).as_secs_f64());
        let factor = if unit.is_zero() {
            1.0
        } else {
            waited / unit.as_secs_f64()
        };
        factor.max(1.0) * stake
    }

    /// A request at `now`.
    pub(super) fn record(&mut self, now: Duration, places: usize) {
        while self.0.len() >= places.max(1) {
            self.0.pop_front();
        }
        self.0.push_back(now);
    }
}

/// The times of all registered callers.
#[derive(Debug, Default)]
pub(super) struct Requests(HashMap<AccountId, Times>);

impl Requests {
    pub(super) fn of(&self, caller: &AccountId) -> Option<&Times> {
        self.0.get(caller)
    }

    pub(super) fn of_mut(&mut self, caller: &AccountId) -> &mut Times {
        self.0.entry(*caller).or_default()
    }

    /// Forgets everybody but these, so that there are never more than neurons.
    pub(super) fn keep(&mut self, registered: &HashSet<AccountId>) {
        self.0.retain(|caller, _| registered.contains(caller));
    }
}
