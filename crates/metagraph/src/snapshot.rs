//! A metagraph with what is known about its age.

use axoneme_chain::Metagraph;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// A metagraph as it was fetched. Never changed: a newer one takes its place.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The metagraph; all of it belongs to one block.
    pub metagraph: Arc<Metagraph>,
    /// First block of the chain it is from.
    pub genesis_hash: [u8; 32],
    /// When it was fetched, by the clock on the wall.
    pub fetched_at: SystemTime,
    /// Whether it was read from disk, and the chain has not answered since.
    pub from_disk: bool,
    /// The same moment by a clock that nobody sets.
    fetched: Instant,
    /// How old it was by the clock on the wall when it came into this process.
    age_then: Duration,
}

impl Snapshot {
    /// One that was fetched just now.
    pub fn fetched_now(metagraph: Metagraph, genesis_hash: [u8; 32]) -> Self {
        Snapshot {
            metagraph: Arc::new(metagraph),
            genesis_hash,
            fetched_at: SystemTime::now(),
            from_disk: false,
            fetched: Instant::now(),
            age_then: Duration::ZERO,
        }
    }

    /// One that an earlier process fetched.
    pub fn from_disk(metagraph: Metagraph, genesis_hash: [u8; 32], fetched_at: SystemTime) -> Self {
        Snapshot {
            metagraph: Arc::new(metagraph),
            genesis_hash,
            fetched_at,
            from_disk: true,
            fetched: Instant::now(),
            // A clock that was set back since makes it new, not older than time.
            age_then: fetched_at.elapsed().unwrap_or_default(),
        }
    }

    /// Time since it was fetched.
    pub fn age(&self) -> Duration {
        self.age_then + self.fetched.elapsed()
    }
}

/// How far a snapshot can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// As new as it should be.
    Fresh,
    /// A refresh is overdue. Good for all purposes.
    Late,
    /// So old that neurons may have changed: good for serving, not for weights.
    Stale,
    /// Older than a neuron's place in the subnet lasts without its doing; good for a last resort.
    Expired,
}

impl Stage {
    /// The stage as a metric label and in messages.
    pub fn label(self) -> &'static str {
        match self {
            Stage::Fresh => "fresh",
            Stage::Late => "late",
            Stage::Stale => "stale",
            Stage::Expired => "expired",
        }
    }

    /// Whether weights may be computed from it.
    pub fn good_for_weights(self) -> bool {
        self <= Stage::Late
    }
}

/// From which age on a snapshot is in which stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stages {
    /// Age of [`Stage::Late`]. Too low cries wolf at each slow block.
    pub late: Duration,
    /// Age of [`Stage::Stale`]. Too high and weights go to neurons that are gone.
    pub stale: Duration,
    /// Age of [`Stage::Expired`].
    pub expired: Duration,
}

impl Default for Stages {
    /// Two minutes, twenty minutes, a day.
    fn default() -> Self {
        Stages {
            late: Duration::from_secs(2 * 60),
            stale: Duration::from_secs(20 * 60),
            expired: Duration::from_secs(24 * 3600),
        }
    }
}

impl Stages {
    /// The stage of something this old.
    pub fn of(&self, age: Duration) -> Stage {
        match age {
            age if age >= self.expired => Stage::Expired,
            age if age >= self.stale => Stage::Stale,
            age if age >= self.late => Stage::Late,
            _ => Stage::Fresh,
        }
    }

    /// What an operator should know about a snapshot: its stage, its age, where it is from. `None` while all is well.
    pub fn complaint(&self, snapshot: &Snapshot) -> Option<String> {
        let (age, stage) = (snapshot.age(), self.of(snapshot.age()));
        if stage == Stage::Fresh && !snapshot.from_disk {
            return None;
        }
        let origin = match snapshot.from_disk {
            true => " from disk, because the chain has not answered since the start",
            false => "",
        };
        let (stage, block, seconds) = (stage.label(), snapshot.metagraph.block, age.as_secs());
        Some(format!("{stage}: block {block}, fetched {seconds} s ago{origin}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changes::tests::metagraph;

    #[test]
    fn stages_follow_each_other_as_a_snapshot_ages() {
        let stages = Stages::default();
        let ages = [0, 119, 120, 1199, 1200, 86_399, 86_400];
        let labels = ages.map(|seconds| stages.of(Duration::from_secs(seconds)).label());
        assert_eq!(labels, ["fresh", "fresh", "late", "late", "stale", "stale", "expired"]);
        assert!(Stage::Late.good_for_weights() && !Stage::Stale.good_for_weights());
    }

    #[tokio::test(start_paused = true)]
    async fn a_snapshot_ages_while_nobody_touches_it() {
        let stages = Stages::default();
        let fresh = Snapshot::fetched_now(metagraph(7, &[1]), [0; 32]);
        assert_eq!(stages.complaint(&fresh), None);
        tokio::time::advance(Duration::from_secs(1300)).await;
        let text = stages.complaint(&fresh).expect("a complaint");
        assert!(
            text.contains("stale") && text.contains("block 7") && !text.contains("disk"),
            "{text}"
        );
        let hour_ago = SystemTime::now() - Duration::from_secs(3600);
        let kept = Snapshot::from_disk(metagraph(7, &[1]), [0; 32], hour_ago);
        assert!(kept.age() >= Duration::from_secs(3600));
        assert!(stages.complaint(&kept).is_some_and(|text| text.contains("from disk")));
    }
}
