//! Every order in which callers can arrive, be called, look, give up and finish, up to five callers.
//!
//! Each of these is one critical section of the gate, so the orders are all there is: threads cannot do anything that
//! is not one of them.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    Arrive,
    Look,
    GiveUp,
    Finish,
}

type Entering = Pin<Box<dyn Future<Output = Result<Permit, Turned>> + Send>>;

enum Caller {
    Away,
    Waiting(Entering),
    Running(#[allow(dead_code, reason = "its drop is what matters")] Permit),
    Gone,
}

/// Priority, and whether preferred.
type Kind = (f64, bool);

struct World {
    gate: Arc<Gate>,
    callers: Vec<Caller>,
    kinds: Vec<Kind>,
    until: Instant,
}

impl World {
    fn new(gate: (usize, usize, usize), kinds: &[Kind], until: Instant) -> Self {
        Self {
            gate: Gate::new(gate.0, gate.1, gate.2),
            callers: kinds.iter().map(|_| Caller::Away).collect(),
            kinds: kinds.to_vec(),
            until,
        }
    }

    fn moves(&self) -> Vec<(usize, Move)> {
        let mut moves = Vec::new();
        for (n, caller) in self.callers.iter().enumerate() {
            match caller {
                Caller::Away => moves.push((n, Move::Arrive)),
                Caller::Waiting(_) => moves.extend([(n, Move::Look), (n, Move::GiveUp)]),
                Caller::Running(_) => moves.push((n, Move::Finish)),
                Caller::Gone => {}
            }
        }
        moves
    }

    /// Whether the move changed anything: looking in vain does not.
    fn make(&mut self, (n, made): (usize, Move)) -> bool {
        let before = std::mem::replace(&mut self.callers[n], Caller::Gone);
        let after = match (before, made) {
            (Caller::Away, Move::Arrive) => {
                let ((priority, preferred), until, gate) = (self.kinds[n], self.until, self.gate.clone());
                look(Box::pin(async move { gate.enter(priority, preferred, until).await })).0
            }
            (Caller::Waiting(entering), Move::Look) => {
                let (after, changed) = look(entering);
                if !changed {
                    self.callers[n] = after;
                    return false;
                }
                after
            }
            (Caller::Waiting(_) | Caller::Running(_), Move::GiveUp | Move::Finish) => Caller::Gone,
            (_, made) => panic!("no such move: {made:?}"),
        };
        self.callers[n] = after;
        true
    }

    fn check(&self) {
        let state = self.gate.state.lock();
        let holding = |preferred| {
            let of_kind = self.callers.iter().zip(&self.kinds);
            of_kind
                .filter(|(caller, kind)| matches!(caller, Caller::Running(_)) && (preferred || !kind.1))
                .count()
        };
        assert!(state.running <= self.gate.max_running && state.ordinary <= self.gate.max_ordinary);
        assert!(
            holding(true) <= state.running && holding(false) <= state.ordinary,
            "uncounted"
        );
        assert!(state.waiting() <= self.gate.max_waiting);
        let idle = state.running < self.gate.max_running && state.next(self.gate.max_ordinary).is_some();
        assert!(!idle, "somebody waits for a place that is free");
    }

    /// With nobody left, nothing is counted.
    fn check_end(&self) {
        let state = self.gate.state.lock();
        assert_eq!((state.running, state.ordinary, state.waiting()), (0, 0, 0));
    }
}

fn look(mut entering: Entering) -> (Caller, bool) {
    match entering.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(permit)) => (Caller::Running(permit), true),
        Poll::Ready(Err(_)) => (Caller::Gone, true),
        Poll::Pending => (Caller::Waiting(entering), false),
    }
}

/// Tries every order by depth first; a world cannot be copied, so each is built again from its moves.
fn every_order(gate: (usize, usize, usize), kinds: &[Kind], until: Instant) -> (usize, usize) {
    let (mut orders, mut longest_line) = (0, 0);
    let mut open = vec![Vec::new()];
    while let Some(moves) = open.pop() {
        let mut world = World::new(gate, kinds, until);
        let mut changed = true;
        for made in &moves {
            changed = world.make(*made);
            world.check();
            longest_line = longest_line.max(world.gate.waiting());
        }
        // Looking in vain leads to a world that is tried anyway.
        if !changed {
            continue;
        }
        let next = world.moves();
        if next.is_empty() {
            world.check_end();
            orders += 1;
        }
        open.extend(next.into_iter().map(|made| [moves.as_slice(), &[made]].concat()));
    }
    (orders, longest_line)
}

/// Without tokio's budget, which would make futures pretend to wait after a while.
async fn freely(test: impl FnOnce(Instant)) {
    let test = async {
        test(Instant::now() + Duration::from_secs(60));
    };
    tokio::task::unconstrained(test).await;
}

#[tokio::test(start_paused = true)]
async fn in_every_order_places_are_counted_and_nobody_waits_for_a_free_one() {
    freely(|until| {
        let kinds = [(1.0, false), (3.0, false), (2.0, true), (3.0, true)];
        let mut tried = BTreeSet::new();
        for gate in [(1, 0, 2), (2, 1, 2), (2, 1, 1), (1, 0, 1), (2, 0, 0)] {
            let (orders, longest_line) = every_order(gate, &kinds, until);
            assert!(orders > 500, "{gate:?}: {orders}");
            assert!(longest_line <= gate.2);
            tried.insert(longest_line);
        }
        assert_eq!(tried, BTreeSet::from([0, 1, 2]), "lines of every length");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn in_every_order_of_five_with_a_short_line() {
    freely(|until| {
        let kinds = [(1.0, false), (2.0, true), (2.0, false), (3.0, true), (3.0, false)];
        let (orders, _) = every_order((2, 1, 1), &kinds, until);
        assert!(orders > 100_000, "{orders}");
    })
    .await;
}
