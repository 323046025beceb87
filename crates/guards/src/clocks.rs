//! Two clocks, and what to do when they disagree.
//!
//! Freshness needs the wall clock, which operators and time servers move. Moved back, it makes requests of the past
//! fresh again. The monotonic clock cannot be moved, so the difference of the two shows every step.

use std::time::Duration;

/// Both clocks at one moment, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Since 1970, as the machine believes. Can jump.
    pub wall: u64,
    /// Since some fixed moment. Never goes back.
    pub mono: u64,
}

/// A step of the wall clock that was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Set back by this much: nothing is accepted for a while.
    Back(Duration),
    /// Set forward by this much, or the machine slept. Harmless here.
    Forward(Duration),
}

/// Notices when the wall clock is set back, and says how long nothing may be accepted then.
///
/// Small steps add up: the comparison is with the furthest that the wall clock ever was ahead of the monotonic one.
#[derive(Debug)]
pub struct StepGuard {
    margin: i128,
    hold: u64,
    furthest: Option<i128>,
    held_until: u64,
    noticed: Option<Step>,
}

impl StepGuard {
    /// Steps back of more than `margin` are noticed; nothing is to be accepted for `hold` after one.
    pub fn new(margin: Duration, hold: Duration) -> Self {
        Self {
            margin: i128::from(nanoseconds(margin)),
            hold: nanoseconds(hold),
            furthest: None,
            held_until: 0,
            noticed: None,
        }
    }

    /// Looks at the clocks. An error says how long nothing may be accepted.
    pub fn observe(&mut self, now: Now) -> Result<(), Duration> {
        let ahead = i128::from(now.wall) - i128::from(now.mono);
        match self.furthest {
            None => self.furthest = Some(ahead),
            Some(furthest) if ahead < furthest - self.margin => {
                self.noticed = Some(Step::Back(duration(furthest - ahead)));
                self.furthest = Some(ahead);
                self.held_until = now.mono.saturating_add(self.hold);
            }
            Some(furthest) if ahead > furthest => {
                if ahead > furthest + self.margin {
                    self.noticed = Some(Step::Forward(duration(ahead - furthest)));
                }
                self.furthest = Some(ahead);
            }
            Some(_) => {}
        }
        match self.held_until.saturating_sub(now.mono) {
            0 => Ok(()),
            left => Err(Duration::from_nanos(left)),
        }
    }

    /// The last step noticed, once.
    pub fn take_noticed(&mut self) -> Option<Step> {
        self.noticed.take()
    }
}

pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn duration(nanoseconds: i128) -> Duration {
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn at(wall: u64, mono: u64) -> Now {
        Now {
            wall: wall * SECOND,
            mono: mono * SECOND,
        }
    }

    #[test]
    fn a_step_back_beyond_the_margin_holds_for_as_long_as_told() {
        let mut guard = StepGuard::new(Duration::from_secs(2), Duration::from_secs(60));
        assert_eq!(guard.observe(at(1000, 0)), Ok(()));
        assert_eq!(guard.observe(at(1098, 100)), Ok(()), "within the margin");
        assert_eq!(guard.take_noticed(), None);
        assert_eq!(guard.observe(at(1096, 100)), Err(Duration::from_secs(60)));
        assert_eq!(guard.take_noticed(), Some(Step::Back(Duration::from_secs(4))));
        assert_eq!(guard.take_noticed(), None);
        assert_eq!(guard.observe(at(1155, 159)), Err(Duration::from_secs(1)));
        assert_eq!(
            guard.observe(at(1156, 160)),
            Ok(()),
            "the step is over, and noticed once"
        );
    }

    #[test]
    fn small_steps_back_add_up() {
        let mut guard = StepGuard::new(Duration::from_secs(2), Duration::from_secs(60));
        let steps = [(1000, 0), (1000, 1), (1000, 2), (1000, 3)];
        let seen: Vec<_> = steps.map(|(wall, mono)| guard.observe(at(wall, mono)).is_ok()).into();
        assert_eq!(seen, [true, true, true, false]);
    }

    #[test]
    fn a_step_forward_is_told_and_holds_nothing() {
        let mut guard = StepGuard::new(Duration::from_secs(2), Duration::from_secs(60));
        assert_eq!(guard.observe(at(1000, 0)), Ok(()));
        assert_eq!(guard.observe(at(5000, 1)), Ok(()));
        assert_eq!(guard.take_noticed(), Some(Step::Forward(Duration::from_secs(3999))));
        assert!(guard.observe(at(1002, 2)).is_err(), "and back");
    }
}
