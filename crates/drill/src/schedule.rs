//! When things go wrong.

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::DrillError;
use crate::fault::{Fault, Refusal};

/// The longest time that is not a mistake.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);
/// Steps a schedule may have.
const MAX_STEPS: usize = 10_000;
/// Shortest round of a schedule that repeats: less would be a busy loop.
const SHORTEST_ROUND: Duration = Duration::from_millis(10);

/// One outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Time without a fault before it, counted from the end of the step before.
    pub after: Duration,
    /// What goes wrong.
    pub fault: Fault,
    /// How long.
    pub lasts: Duration,
}

/// Outages in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule {
    steps: Vec<Step>,
    /// Times the steps are gone through; `None` is for ever.
    rounds: Option<u32>,
}

impl Schedule {
    /// These steps, `rounds` times; `None` is for ever.
    ///
    /// # Errors
    /// When there are too many, one is longer than a week, or an endless round takes no time.
    pub fn new(steps: Vec<Step>, rounds: Option<u32>) -> Result<Self, DrillError> {
        let wrong = |text: String| Err(DrillError::Schedule(text));
        if steps.len() > MAX_STEPS {
            return wrong(format!("{} steps are too many; at most {MAX_STEPS}", steps.len()));
        }
        if let Some(step) = steps.iter().find(|step| step.after > LONGEST || step.lasts > LONGEST) {
            return wrong(format!(
                "a step with `{}` takes more than a week; check its units",
                step.fault
            ));
        }
        let round: Duration = steps.iter().map(|step| step.after + step.lasts).sum();
        if rounds.is_none() && !steps.is_empty() && round < SHORTEST_ROUND {
            return wrong(format!(
                "a schedule that repeats has to take at least {SHORTEST_ROUND:?} a round"
            ));
        }
        Ok(Self { steps, rounds })
    }

    /// `fault` for the last `down` of every `every`, for ever: `--cut-every 30s --down 5s`.
    ///
    /// # Errors
    /// When `down` is not shorter than `every`.
    pub fn every(fault: Fault, every: Duration, down: Duration) -> Result<Self, DrillError> {
        match every.checked_sub(down) {
            Some(after) if !after.is_zero() => Self::new(
                vec![Step {
                    after,
                    fault,
                    lasts: down,
                }],
                None,
            ),
            _ => Err(DrillError::Schedule(format!(
                "down for {down:?} of every {every:?} leaves nothing up"
            ))),
        }
    }

    /// Faults of all kinds at random times: one in every `every`, for up to `down`. The same seed gives the same.
    ///
    /// # Errors
    /// As [`Schedule::every`].
    pub fn random(seed: u64, every: Duration, down: Duration) -> Result<Self, DrillError> {
        const DRAWN: usize = 1_000;
        // The same limits, checked in one place.
        Self::every(Fault::Cut, every, down)?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut steps = Vec::with_capacity(DRAWN);
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut left_over = Duration::ZERO;
        for _ in 0..DRAWN {
            let lasts = Duration::from_millis(rng.random_range(1..=millis(down)));
            let room = every.saturating_sub(lasts);
            let before = Duration::from_millis(rng.random_range(0..=millis(room))).min(room);
            let fault = draw(&mut rng);
            steps.push(Step {
                after: left_over + before,
                fault,
                lasts,
            });
            left_over = room.saturating_sub(before);
        }
        Self::new(steps, None)
    }

    /// The steps of one round.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// All steps in the order they happen, repeated as often as asked for.
    pub fn iter(&self) -> impl Iterator<Item = Step> + '_ {
        let rounds = self.rounds.map_or(usize::MAX, |rounds| rounds as usize);
        let rounds = if self.steps.is_empty() { 0 } else { rounds };
        (0..rounds).flat_map(|_| self.steps.iter().copied())
    }
}

fn draw(rng: &mut ChaCha8Rng) -> Fault {
    match rng.random_range(0..10) {
        0 | 1 => Fault::Cut,
        2 => Fault::CutAnswers,
        3 => Fault::HalfClose,
        4 => Fault::HalfOpen,
        5 => Fault::Stall,
        6 => Fault::Delay(Duration::from_millis(rng.random_range(50..=3_000))),
        7 => Fault::Refuse(Refusal::TooManyRequests),
        8 => Fault::Refuse(Refusal::Unavailable),
        _ => Fault::Truncate,
    }
}

/// Reads `500ms`, `30s`, `2.5s`, `10m` or `1h`; a bare number is seconds.
///
/// # Errors
/// In words, when the text is none of these or longer than a week.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let (digits, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()));
    let factor = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return Err(format!("`{text}` is no time; write 500ms, 30s, 10m or 1h")),
    };
    let seconds = digits.trim().parse::<f64>().ok().map(|number| number * factor);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|duration| *duration <= LONGEST)
        .ok_or_else(|| format!("`{text}` is no time up to a week; write 500ms, 30s, 10m or 1h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn times_are_read_with_every_unit_and_nonsense_is_refused() {
        assert_eq!(parse_duration("500ms"), Ok(SECOND / 2));
        assert_eq!(parse_duration("30"), Ok(SECOND * 30));
        assert_eq!(parse_duration("2.5s"), Ok(SECOND * 5 / 2));
        assert_eq!(parse_duration("10m"), Ok(SECOND * 600));
        assert_eq!(parse_duration("1h"), Ok(SECOND * 3600));
        for wrong in ["", "s", "-1s", "1d", "nan", "inf", "1e9h", "8000h"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_cut_every_30_seconds_is_a_cycle_of_30_seconds() {
        let schedule = Schedule::every(Fault::Cut, SECOND * 30, SECOND * 5).expect("valid");
        let steps: Vec<Step> = schedule.iter().take(3).collect();
        assert!(
            steps
                .iter()
                .all(|step| step.after + step.lasts == SECOND * 30 && step.fault == Fault::Cut)
        );
        assert!(Schedule::every(Fault::Cut, SECOND, SECOND).is_err());
    }

    #[test]
    fn a_seed_gives_the_same_random_schedule_again_and_keeps_its_pace() {
        let schedule = |seed| Schedule::random(seed, SECOND * 20, SECOND * 5).expect("valid");
        assert_eq!(schedule(7), schedule(7));
        assert_ne!(schedule(7), schedule(8));
        let hundred: Duration = schedule(7).iter().take(100).map(|step| step.after + step.lasts).sum();
        assert!(hundred <= SECOND * 2_000 && hundred >= SECOND * 1_980, "{hundred:?}");
        let kinds: std::collections::HashSet<String> = schedule(7)
            .iter()
            .take(200)
            .map(|step| step.fault.to_string().split('=').next().unwrap_or("").to_owned())
            .collect();
        assert_eq!(kinds.len(), 9, "every kind is drawn: {kinds:?}");
    }

    #[test]
    fn rounds_end_and_a_busy_loop_is_refused() {
        let step = Step {
            after: SECOND,
            fault: Fault::Cut,
            lasts: SECOND,
        };
        assert_eq!(Schedule::new(vec![step; 2], Some(3)).expect("valid").iter().count(), 6);
        assert_eq!(Schedule::default().iter().count(), 0);
        let nothing = Step {
            after: Duration::ZERO,
            fault: Fault::Cut,
            lasts: Duration::ZERO,
        };
        assert!(Schedule::new(vec![nothing], None).is_err());
        assert!(
            Schedule::new(
                vec![Step {
                    lasts: LONGEST * 2,
                    ..step
                }],
                Some(1)
            )
            .is_err()
        );
    }
}
