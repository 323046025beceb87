//! When something that happens once per so many blocks is due.

/// A head that falls back by more blocks than this is no fork that lost: the chain has been reset.
const RESET: u64 = 100;

/// Whether a multiple of `length` lies after `previous` and not after `now`. True exactly when a boundary was crossed, however
/// late the question is asked. `length` 0 is never due.
pub fn crossed(previous: u64, now: u64, length: u64) -> bool {
    length != 0 && now / length > previous / length
}

/// Keeps a program from asking the chain at every block whether something is due.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gate {
    done_at: Option<u64>,
    not_before: u64,
    seen: u64,
}

impl Gate {
    /// Whether it is worth asking at block `now`: a boundary was crossed since it was done, or nothing is known.
    pub fn is_open(&mut self, now: u64, length: u64) -> bool {
        if now.saturating_add(RESET) < self.seen {
            *self = Self::default();
        }
        self.seen = self.seen.max(now);
        now >= self.not_before && self.done_at.is_none_or(|block| crossed(block, now, length))
    }

    /// It was done in this block.
    pub fn done(&mut self, block: u64) {
        self.done_at = Some(block);
    }

    /// It cannot be done before this block.
    pub fn not_before(&mut self, block: u64) {
        self.not_before = block;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_opens_at_boundaries_and_after_a_reset() {
        let mut gate = Gate::default();
        assert!(gate.is_open(150, 100), "nothing is known yet");
        gate.done(151);
        assert!(
            !gate.is_open(150, 100),
            "our own block may be ahead of the head we know"
        );
        assert!(!gate.is_open(199, 100));
        assert!(gate.is_open(200, 100));
        gate.not_before(450);
        assert!(!gate.is_open(449, 100));
        assert!(gate.is_open(450, 100));
        gate.done(455);
        assert!(!gate.is_open(400, 100), "a short fork is no reset");
        assert!(gate.is_open(3, 100), "a chain that was reset");
    }
}
