//! The queue in front of the handlers: highest priority first, first come first served among equals.
//!
//! The Python axon computes a priority and then ignores it. Here it decides who runs next, and who is turned away when
//! too many wait.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Lets a bounded number of requests run and a bounded number wait. Some of the places are for preferred callers alone.
pub(crate) struct Gate {
    max_running: usize,
    /// How many that are not preferred may run.
    max_ordinary: usize,
    max_waiting: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: usize,
    /// Of those that run, the ones that are not preferred.
    ordinary: usize,
    arrivals: u64,
    preferred_waiting: Line,
    ordinary_waiting: Line,
}

type Line = BTreeMap<Place, oneshot::Sender<()>>;

impl State {
    fn line(&mut self, preferred: bool) -> &mut Line {
        if preferred {
            &mut self.preferred_waiting
        } else {
            &mut self.ordinary_waiting
        }
    }

    fn waiting(&self) -> usize {
        self.preferred_waiting.len() + self.ordinary_waiting.len()
    }

    /// Whether the last in line is among the preferred; nothing when nobody waits.
    fn last(&self) -> Option<(Place, bool)> {
        let ordinary = self.ordinary_waiting.last_key_value().map(|(place, _)| (*place, false));
        let preferred = self.preferred_waiting.last_key_value().map(|(place, _)| (*place, true));
        ordinary.into_iter().chain(preferred).max_by_key(|(place, _)| *place)
    }

    /// Whether the next that may run is among the preferred; nothing when nobody may.
    fn next(&self, max_ordinary: usize) -> Option<bool> {
        let ordinary = self
            .ordinary_waiting
            .first_key_value()
            .map(|(place, _)| (*place, false));
        let preferred = self
            .preferred_waiting
            .first_key_value()
            .map(|(place, _)| (*place, true));
        let ordinary = ordinary.filter(|_| self.ordinary < max_ordinary);
        let next = ordinary.into_iter().chain(preferred).min_by_key(|(place, _)| *place);
        next.map(|(_, preferred)| preferred)
    }
}

/// A place in the queue; the smallest is served next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    priority: Reverse<Priority>,
    arrival: u64,
}

#[derive(Clone, Copy)]
struct Priority(f64);

impl Ord for Priority {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Priority {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Priority {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Priority {}

/// Why a request may not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turned {
    /// Too many wait, all of at least this priority.
    Full,
    /// Its turn did not come in time.
    Late,
}

/// The right to run; gives way to the next when dropped.
pub(crate) struct Permit {
    gate: Arc<Gate>,
    preferred: bool,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.leave(self.preferred);
    }
}

impl Gate {
    /// `reserved`: how many of `max_running` are for preferred callers; half at most.
    pub(crate) fn new(max_running: usize, reserved: usize, max_waiting: usize) -> Arc<Self> {
        // Zero running would be a server that never answers.
        let max_running = max_running.max(1);
        Arc::new(Self {
            max_running,
            max_ordinary: max_running - reserved.min(max_running / 2),
            max_waiting,
            state: Mutex::default(),
        })
    }

    /// The right to run, if it can be had at once.
    pub(crate) fn try_enter(self: &Arc<Self>, preferred: bool) -> Option<Permit> {
        let mut state = self.state.lock();
        let free = state.running < self.max_running && (preferred || state.ordinary < self.max_ordinary);
        if !free {
            return None;
        }
        state.running += 1;
        state.ordinary += usize::from(!preferred);
        Some(self.permit(preferred))
    }

    fn permit(self: &Arc<Self>, preferred: bool) -> Permit {
        Permit {
            gate: self.clone(),
            preferred,
        }
    }

    /// Waits for the right to run.
    pub(crate) async fn enter(
        self: &Arc<Self>,
        priority: f64,
        preferred: bool,
        until: Instant,
    ) -> Result<Permit, Turned> {
        if let Some(permit) = self.try_enter(preferred) {
            return Ok(permit);
        }
        // Not-a-number would otherwise sort above everything.
        let priority = Priority(if priority.is_nan() { f64::NEG_INFINITY } else { priority });
        let mut waiter = {
            let mut state = self.state.lock();
            let place = Place {
                priority: Reverse(priority),
                arrival: state.arrivals,
            };
            if state.waiting() >= self.max_waiting {
                match state.last() {
                    // Dropping the sender tells the one that has to go.
                    Some((last, line)) if place < last => drop(state.line(line).pop_last()),
                    _ => return Err(Turned::Full),
                }
            }
            state.arrivals += 1;
            let (turn, my_turn) = oneshot::channel();
            state.line(preferred).insert(place, turn);
            // A place may have come free since it was tried above.
            self.call_next(&mut state);
            Waiter {
                gate: self,
                place,
                preferred,
                my_turn,
            }
        };
        match tokio::time::timeout_at(until, &mut waiter.my_turn).await {
            Ok(Ok(())) => Ok(self.permit(preferred)),
            Ok(Err(_)) => Err(Turned::Full),
            Err(_) => Err(Turned::Late),
        }
    }

    #[cfg(test)]
    fn waiting(&self) -> usize {
        self.state.lock().waiting()
    }

    fn leave(&self, preferred: bool) {
        let mut state = self.state.lock();
        state.running -= 1;
        state.ordinary -= usize::from(!preferred);
        self.call_next(&mut state);
    }

    /// Gives every free place to whoever is next.
    fn call_next(&self, state: &mut State) {
        while state.running < self.max_running
            && let Some(preferred) = state.next(self.max_ordinary)
            && let Some((_, turn)) = state.line(preferred).pop_first()
        {
            if turn.send(()).is_ok() {
                state.running += 1;
                state.ordinary += usize::from(!preferred);
            }
        }
    }
}

/// A place in the queue, given up when dropped: the client went away, or time is up.
struct Waiter<'a> {
    gate: &'a Gate,
    place: Place,
    preferred: bool,
    my_turn: oneshot::Receiver<()>,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.state.lock();
        let was_waiting = state.line(self.preferred).remove(&self.place).is_some();
        drop(state);
        if !was_waiting && self.my_turn.try_recv().is_ok() {
            // The turn came after the wait had ended; nobody else would pass it on.
            self.gate.leave(self.preferred);
        }
    }
}

#[cfg(test)]
mod schedules;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    /// Starts waiting in a task of its own and lets it reach the queue.
    async fn wait(gate: &Arc<Gate>, priority: f64) -> tokio::task::JoinHandle<Result<Permit, Turned>> {
        let before = gate.waiting();
        let gate_of_task = gate.clone();
        let task = tokio::spawn(async move { gate_of_task.enter(priority, false, soon()).await });
        while gate.waiting() == before && !task.is_finished() {
            tokio::task::yield_now().await;
        }
        task
    }

    #[tokio::test(start_paused = true)]
    async fn the_highest_priority_runs_next_and_equals_in_order_of_arrival() {
        let gate = Gate::new(1, 0, 10);
        let mut running = gate.enter(0.0, false, soon()).await.ok();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for (name, priority) in [
            ("low", 1.0),
            ("high", 5.0),
            ("also low", 1.0),
            ("nan", f64::NAN),
            ("top", 9.0),
        ] {
            let (gate_of_task, order) = (gate.clone(), order.clone());
            let before = gate.waiting();
            tasks.push(tokio::spawn(async move {
                let permit = gate_of_task.enter(priority, false, soon()).await.expect("a turn");
                order.lock().push(name);
                drop(permit);
            }));
            while gate.waiting() == before {
                tokio::task::yield_now().await;
            }
        }
        drop(running.take());
        for task in tasks {
            task.await.expect("no panic");
        }
        assert_eq!(*order.lock(), ["top", "high", "low", "also low", "nan"]);
        assert_eq!(gate.state.lock().running, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn when_full_the_lowest_priority_is_turned_away() {
        let gate = Gate::new(1, 0, 2);
        let running = gate.enter(0.0, false, soon()).await.expect("free");
        let low = wait(&gate, 1.0).await;
        let middle = wait(&gate, 2.0).await;
        assert_eq!(gate.enter(1.0, false, soon()).await.err(), Some(Turned::Full));
        let high = tokio::spawn({
            let gate = gate.clone();
            async move { gate.enter(3.0, false, soon()).await }
        });
        assert_eq!(low.await.expect("no panic").err(), Some(Turned::Full));
        drop(running);
        drop(high.await.expect("no panic").expect("first"));
        drop(middle.await.expect("no panic").expect("second"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_waiter_that_leaves_gives_up_its_place() {
        let gate = Gate::new(1, 0, 5);
        let running = gate.enter(0.0, false, soon()).await.expect("free");
        let gone = wait(&gate, 9.0).await;
        let next = wait(&gate, 1.0).await;
        gone.abort();
        assert!(gone.await.is_err());
        assert_eq!(gate.waiting(), 1);
        drop(running);
        assert!(next.await.expect("no panic").is_ok());
        assert_eq!(gate.state.lock().running, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_given_to_one_that_just_left_is_passed_on() {
        let gate = Gate::new(1, 0, 5);
        let running = gate.enter(0.0, false, soon()).await.expect("free");
        let mut leaving = Box::pin(gate.enter(9.0, false, soon()));
        assert!(futures::poll!(&mut leaving).is_pending());
        let next = wait(&gate, 1.0).await;
        drop(running); // the turn is on its way to `leaving`
        drop(leaving);
        assert!(next.await.expect("no panic").is_ok());
        assert_eq!(gate.state.lock().running, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends() {
        let gate = Gate::new(1, 0, 5);
        let _running = gate.enter(0.0, false, soon()).await.expect("free");
        assert_eq!(gate.enter(0.0, false, soon()).await.err(), Some(Turned::Late));
        assert_eq!(gate.waiting(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn some_places_are_for_preferred_callers_alone() {
        let gate = Gate::new(4, 2, 5);
        let first = gate.enter(9.0, false, soon()).await.expect("free");
        let _second = gate.enter(9.0, false, soon()).await.expect("free");
        assert!(gate.try_enter(false).is_none(), "the rest is reserved");
        let third = gate.enter(0.0, true, soon()).await.expect("reserved");
        let _fourth = gate.enter(0.0, true, soon()).await.expect("reserved");
        assert!(gate.try_enter(true).is_none());

        // A reserved place that comes free is no ordinary one's.
        let ordinary = wait(&gate, 9.0).await;
        drop(third);
        tokio::task::yield_now().await;
        assert_eq!(gate.waiting(), 1);
        let third = gate.enter(0.0, true, soon()).await.expect("reserved");
        drop(first);
        assert!(ordinary.await.expect("no panic").is_ok());
        drop(third);
        drop((_second, _fourth));
        let state = gate.state.lock();
        assert_eq!((state.running, state.ordinary), (0, 0));
    }
}
