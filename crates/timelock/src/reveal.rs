//! In which block the chain reveals a commit, and which round of the beacon is out by then.

use crate::beacon::Beacon;
use crate::error::TimelockError;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Blocks without a step after which an epoch is due whatever the tempo says.
const MAX_BLOCKS_WITHOUT_STEP: u64 = 50_400;
/// Blocks by which a round is chosen later than the reveal block, so that its pulse is not out too early.
pub const SAFETY_BLOCKS: u64 = 3;
/// Periods the chain may ask for; its own limit is 100.
const MAX_PERIOD: u64 = 10_000;

/// The schedule of a subnet as the chain stores it, at the end of `block`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EpochState {
    /// Block of the latest epoch.
    pub last_epoch_block: u64,
    /// Block to which a due epoch was put off; 0 for none.
    pub pending_epoch_at: u64,
    /// Number of epochs so far.
    pub subnet_epoch_index: u64,
    /// Blocks between epochs; 0 means that the subnet has none.
    pub tempo: u16,
    /// Blocks since the latest epoch that ran completely.
    pub blocks_since_last_step: u64,
    /// The block at whose end this was read.
    pub block: u64,
}

impl EpochState {
    /// Whether an epoch is due at `block`, given that this is the state before it.
    pub fn due_at(&self, block: u64) -> bool {
        self.tempo != 0
            && (self.pending_epoch_at != 0 && block >= self.pending_epoch_at
                || self.blocks_since_last_step > MAX_BLOCKS_WITHOUT_STEP
                || block.saturating_sub(self.last_epoch_block) >= u64::from(self.tempo))
    }

    /// The current epoch with look-ahead: the index, and one more when an epoch is due at `block`.
    pub fn epoch_at(&self, block: u64) -> u64 {
        self.subnet_epoch_index.saturating_add(u64::from(self.due_at(block)))
    }

    /// The epoch a commit is stored under that lands in the next block.
    pub fn commit_epoch(&self) -> u64 {
        self.epoch_at(self.block.saturating_add(1))
    }

    /// First block after `self.block` at which an epoch is due, when the chain puts none off; `None` without epochs.
    pub fn next_start(&self) -> Option<u64> {
        if self.tempo == 0 {
            return None;
        }
        let next = self.block.saturating_add(1);
        let regular = self.last_epoch_block.saturating_add(u64::from(self.tempo));
        let pending = match self.pending_epoch_at {
            0 => u64::MAX,
            block => block,
        };
        // The count is one higher at the end of each block, so it passes the limit that many blocks after the next.
        let forced = next.saturating_add((MAX_BLOCKS_WITHOUT_STEP + 1).saturating_sub(self.blocks_since_last_step));
        Some(regular.min(pending).min(forced).max(next))
    }

    /// First block after `self.block` that belongs to `epoch`; the next one when that epoch has begun already.
    ///
    /// # Errors
    /// [`TimelockError::NoEpochs`] for tempo 0, [`TimelockError::TooFar`] when that is further than a chain looks ahead.
    pub fn first_block_of(&self, epoch: u64) -> Result<u64, TimelockError> {
        let period = epoch.saturating_sub(self.subnet_epoch_index);
        if period > MAX_PERIOD {
            return Err(TimelockError::TooFar { period });
        }
        let mut state = *self;
        while state.commit_epoch() < epoch {
            let block = state.next_start().ok_or(TimelockError::NoEpochs)?;
            if state.subnet_epoch_index.saturating_add(1) >= epoch {
                return Ok(block);
            }
            state = Self {
                last_epoch_block: block,
                pending_epoch_at: 0,
                subnet_epoch_index: state.subnet_epoch_index.saturating_add(1),
                blocks_since_last_step: 0,
                block,
                ..state
            };
        }
        Ok(state.block.saturating_add(1))
    }
}

/// The block at whose start the chain opens a commit that lands in the block after `state.block`.
///
/// # Errors
/// [`TimelockError::NoEpochs`] for tempo 0, [`TimelockError::TooFar`] for a period beyond all that a chain allows.
pub fn reveal_block(state: &EpochState, reveal_period: u64) -> Result<u64, TimelockError> {
    if state.tempo == 0 {
        return Err(TimelockError::NoEpochs);
    }
    if reveal_period > MAX_PERIOD {
        return Err(TimelockError::TooFar { period: reveal_period });
    }
    state.first_block_of(state.commit_epoch().saturating_add(reveal_period))
}

/// The round to encrypt to: the latest that is out [`SAFETY_BLOCKS`] after the reveal block.
///
/// `now` is the time since 1970 at the head, `blocks_from_head` the reveal block less the head.
pub fn reveal_round(beacon: &Beacon, now: Duration, blocks_from_head: u64, block_time: Duration) -> u64 {
    let blocks = u32::try_from(blocks_from_head.saturating_add(SAFETY_BLOCKS)).unwrap_or(u32::MAX);
    let reveal = now.saturating_add(block_time.saturating_mul(blocks));
    let age = reveal.saturating_sub(Duration::from_secs(beacon.genesis));
    (age.as_secs() / beacon.period.max(1)).max(1)
}
