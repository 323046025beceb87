//! How fast the model is at the moment, to end answers in time.

use std::time::{Duration, Instant};

/// Weight of the newest step in the moving averages.
const NEWEST: f64 = 0.2;
/// Steps with at least so many rows say how fast prompts are read.
const PROMPT_STEP: usize = 16;
/// For handing the answer over after the last step.
const MARGIN: Duration = Duration::from_millis(3);

/// Moving averages over the steps of the engine.
#[derive(Debug, Default)]
pub(super) struct Pace {
    step_seconds: f64,
    prompt_row_seconds: f64,
}

impl Pace {
    /// Takes note of a step.
    pub(super) fn took(&mut self, rows: usize, time: Duration) {
        let seconds = time.as_secs_f64();
        blend(&mut self.step_seconds, seconds);
        if rows >= PROMPT_STEP {
            blend(&mut self.prompt_row_seconds, seconds / rows as f64);
        }
    }

    /// Whether a request with this deadline must end now: the coming step, or the rest of its prompt, would come late.
    pub(super) fn is_late(&self, deadline: Option<Instant>, prompt_left: usize, now: Instant) -> bool {
        let Some(deadline) = deadline else {
            return false;
        };
        let needed = self.step_seconds.max(prompt_left as f64 * self.prompt_row_seconds);
        now + MARGIN + Duration::from_secs_f64(needed.min(3600.0)) > deadline
    }
}

fn blend(average: &mut f64, newest: f64) {
    *average = if *average == 0.0 {
        newest
    } else {
        *average * (1.0 - NEWEST) + newest * NEWEST
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_ends_when_the_next_step_would_come_too_late() {
        let mut pace = Pace::default();
        let now = Instant::now();
        let at = |milliseconds| Some(now + Duration::from_millis(milliseconds));
        assert!(!pace.is_late(None, 1000, now));
        assert!(!pace.is_late(at(50), 0, now));
        for _ in 0..50 {
            pace.took(64, Duration::from_millis(100));
        }
        assert!(pace.is_late(at(50), 0, now));
        assert!(!pace.is_late(at(150), 0, now));
        // 640 rows at 64 per 100 ms need a second.
        assert!(pace.is_late(at(900), 640, now));
        assert!(!pace.is_late(at(1100), 640, now));
    }

    #[test]
    fn a_deadline_in_the_past_is_late_from_the_start() {
        let now = Instant::now();
        assert!(Pace::default().is_late(Some(now), 0, now));
    }
}
