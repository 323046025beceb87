//! An amount that many requests share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So much of something, for all that ask together.
pub(crate) struct Budget {
    all: usize,
    taken: AtomicUsize,
}

/// A part of a [`Budget`], given back when dropped.
pub(crate) struct Share {
    budget: Arc<Budget>,
    amount: usize,
}

impl Budget {
    pub(crate) fn new(all: usize) -> Arc<Self> {
        Arc::new(Self {
            all,
            taken: AtomicUsize::new(0),
        })
    }

    /// Takes `amount`, or nothing when there is not enough left.
    pub(crate) fn take(self: &Arc<Self>, amount: usize) -> Option<Share> {
        let fits = |taken: usize| taken.checked_add(amount).filter(|sum| *sum <= self.all);
        self.taken
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, fits)
            .ok()?;
        Some(Share {
            budget: self.clone(),
            amount,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.taken.fetch_sub(self.amount, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_missing_until_it_is_given_back() {
        let budget = Budget::new(10);
        let share = budget.take(7).expect("enough");
        assert!(budget.take(4).is_none());
        assert!(budget.take(usize::MAX).is_none());
        let rest = budget.take(3).expect("the rest");
        drop(share);
        assert!(budget.take(7).is_some());
        drop(rest);
    }
}
