//! Fair rounds over uids, while uids come and go.

use parking_lot::Mutex;
use rand::Rng;
use std::collections::BTreeSet;

/// An endless walk over uids in ascending order.
///
/// It remembers the uid at which to go on rather than a position, so that uids which come and go never make it skip
/// or repeat another, and one that was emptied goes on when it is filled again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UidCycle {
    uids: BTreeSet<u16>,
    next: u16,
}

impl UidCycle {
    /// A walk that starts at a random uid, so that frequent restarts do not favour the low ones.
    pub fn new(uids: impl IntoIterator<Item = u16>, rng: &mut impl Rng) -> Self {
        let uids: BTreeSet<u16> = uids.into_iter().collect();
        let start = match uids.len() {
            0 => 0,
            count => rng.random_range(0..count),
        };
        UidCycle::from_set(uids, start)
    }

    /// A walk that starts at the uid with this number in ascending order.
    pub fn starting_at(uids: impl IntoIterator<Item = u16>, index: usize) -> Self {
        UidCycle::from_set(uids.into_iter().collect(), index)
    }

    fn from_set(uids: BTreeSet<u16>, index: usize) -> Self {
        let next = uids.iter().nth(index).copied().unwrap_or_default();
        UidCycle { uids, next }
    }

    /// The uid that comes next, without going on. `None` when there is none at all.
    pub fn peek(&self) -> Option<u16> {
        let from_here = self.uids.range(self.next..).next();
        from_here.or_else(|| self.uids.first()).copied()
    }

    /// The next uid.
    pub fn next_uid(&mut self) -> Option<u16> {
        let uid = self.peek()?;
        // After the highest uid there is, the walk starts over.
        self.next = match uid.checked_add(1) {
            Some(next) if self.uids.range(next..).next().is_some() => next,
            _ => self.uids.first().copied().unwrap_or_default(),
        };
        Some(uid)
    }

    /// Replaces the uids. The walk goes on at the first that is not below the one that would have come next; what is
    /// new below it waits for the next round.
    pub fn set_uids(&mut self, uids: impl IntoIterator<Item = u16>) {
        if let Some(next) = self.peek() {
            self.next = next;
        }
        self.uids = uids.into_iter().collect();
    }

    /// Number of different uids.
    pub fn len(&self) -> usize {
        self.uids.len()
    }

    /// Whether there is no uid.
    pub fn is_empty(&self) -> bool {
        self.uids.is_empty()
    }
}

/// A [`UidCycle`] that several tasks share: each uid goes to one of them.
#[derive(Debug, Default)]
pub struct MinerIterator(Mutex<UidCycle>);

impl MinerIterator {
    /// A walk that starts at a random uid.
    pub fn new(uids: impl IntoIterator<Item = u16>) -> Self {
        MinerIterator(Mutex::new(UidCycle::new(uids, &mut rand::rng())))
    }

    /// A walk that starts at the uid with this number in ascending order.
    pub fn starting_at(uids: impl IntoIterator<Item = u16>, index: usize) -> Self {
        MinerIterator(Mutex::new(UidCycle::starting_at(uids, index)))
    }

    /// The uid that comes next, without going on.
    pub fn peek(&self) -> Option<u16> {
        self.0.lock().peek()
    }

    /// The next uid; `None` while there is none, which may change with [`set_uids`](Self::set_uids).
    pub fn next_uid(&self) -> Option<u16> {
        self.0.lock().next_uid()
    }

    /// Replaces the uids, as [`UidCycle::set_uids`]. From here on no uid is given out that is not among them.
    pub fn set_uids(&self, uids: impl IntoIterator<Item = u16>) {
        self.0.lock().set_uids(uids);
    }

    /// Follows a metagraph: from here on only uids are given out that it has, and that `wanted` lets through.
    pub fn follow(&self, metagraph: &axoneme_chain::Metagraph, wanted: impl Fn(&axoneme_chain::Neuron) -> bool) {
        let uids = metagraph
            .neurons
            .iter()
            .filter(|neuron| wanted(neuron))
            .map(|neuron| neuron.uid);
        self.set_uids(uids);
    }

    /// Number of different uids.
    pub fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Whether there is no uid.
    pub fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value as Json;

    fn uids(list: &Json) -> Vec<u16> {
        let list = list.as_array().expect("a list").iter();
        list.map(|uid| uid.as_u64().expect("a number") as u16).collect()
    }

    #[test]
    fn rounds_are_those_of_the_original_without_its_defects() {
        let vectors: Json =
            serde_json::from_str(include_str!("../tests/vectors/miner_iterator.json")).expect("valid JSON");
        let mut compared = 0;
        for case in vectors["cases"].as_array().expect("cases") {
            let name = case["case"].as_str().expect("a name");
            let given = uids(&case["uids"]);
            let repeats = |list: &[u16]| list.iter().collect::<BTreeSet<_>>().len() < list.len();
            let empties = |step: &Json| step["op"] == "set" && uids(&step["uids"]).is_empty();
            let steps = case["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
            let defects = repeats(&given)
                || given.is_empty()
                || steps.iter().any(empties)
                || steps
                    .iter()
                    .any(|step| step["op"] == "set" && repeats(&uids(&step["uids"])));
            // Uids given twice and a list that was empty are where the original goes wrong.
            if defects {
                continue;
            }
            compared += 1;
            let mut cycle = UidCycle::starting_at(given, case["start_index"].as_u64().unwrap_or(0) as usize);
            for step in steps {
                match step["op"].as_str() {
                    Some("next") => {
                        for expected in uids(&step["out"]) {
                            assert_eq!(cycle.next_uid(), Some(expected), "{name}");
                        }
                    }
                    Some("peek") => assert_eq!(cycle.peek().map(u64::from), step["out"].as_u64(), "{name}"),
                    Some("set") => cycle.set_uids(uids(&step["uids"])),
                    other => panic!("{name}: {other:?}"),
                }
            }
        }
        assert!(compared >= 7, "{compared} cases");
    }

    #[test]
    fn an_emptied_walk_goes_on_when_it_is_filled_again() {
        let mut cycle = UidCycle::starting_at([1, 5, 9], 1);
        assert_eq!(cycle.next_uid(), Some(5));
        cycle.set_uids([]);
        assert_eq!((cycle.next_uid(), cycle.peek(), cycle.len()), (None, None, 0));
        cycle.set_uids([1, 5, 9, 10]);
        assert_eq!(
            (cycle.next_uid(), cycle.next_uid(), cycle.next_uid()),
            (Some(9), Some(10), Some(1))
        );
    }

    #[test]
    fn repeated_uids_and_repeated_updates_neither_skip_nor_repeat() {
        let mut cycle = UidCycle::starting_at([3, 3, 3, 4], 0);
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(cycle.next_uid().expect("a uid"));
            cycle.set_uids([4, 3, 3]);
        }
        assert_eq!(seen, [3, 4, 3, 4]);
        let mut highest = UidCycle::starting_at([0, u16::MAX], 1);
        assert_eq!((highest.next_uid(), highest.next_uid()), (Some(u16::MAX), Some(0)));
    }

    #[test]
    fn no_task_gets_a_uid_that_is_gone() {
        let miners = MinerIterator::new(0..100);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| assert!(miners.next_uid().is_some_and(|uid| uid < 100))));
            }
            scope.spawn(|| (0..100).for_each(|round| miners.set_uids((0..100).filter(|uid| uid % 7 != round % 7))));
        });
        miners.set_uids([7]);
        assert!((0..50).all(|_| miners.next_uid() == Some(7)));
    }

    #[test]
    fn a_round_visits_each_uid_once() {
        let miners = MinerIterator::new(0..64);
        let round: BTreeSet<u16> = (0..64).filter_map(|_| miners.next_uid()).collect();
        assert_eq!(round.len(), 64);
    }
}
