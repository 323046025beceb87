//! When the next epoch of a subnet starts.
//!
//! Runtimes since spec 425 keep the schedule as state; older ones derive it from the block number alone.

use serde::{Deserialize, Serialize};

/// Blocks without a step after which an epoch is due whatever the tempo says.
const MAX_BLOCKS_WITHOUT_STEP: u64 = 50_400;

/// The stored schedule of one subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EpochState {
    /// Block of the latest epoch.
    pub last_epoch_block: u64,
    /// Block to which a due epoch was put off; 0 for none.
    pub pending_epoch_at: u64,
    /// Number of epochs so far.
    pub epoch_index: u64,
    /// Blocks since the latest epoch that ran completely.
    pub blocks_since_last_step: u64,
    /// Blocks between epochs; 0 means that the subnet has none.
    pub tempo: u16,
}

impl EpochState {
    /// Whether an epoch runs at `block`, given that this is the state before it.
    pub fn due_at(&self, block: u64) -> bool {
        if self.tempo == 0 {
            return false;
        }
        let pending = self.pending_epoch_at != 0 && block >= self.pending_epoch_at;
        pending
            || self.blocks_since_last_step > MAX_BLOCKS_WITHOUT_STEP
            || block.saturating_sub(self.last_epoch_block) >= u64::from(self.tempo)
    }

    /// Index of the epoch that `block` belongs to, counting one that is due there.
    pub fn index_at(&self, block: u64) -> u64 {
        self.epoch_index.saturating_add(u64::from(self.due_at(block)))
    }

    /// Block at which the next epoch starts; `None` for a subnet without epochs.
    pub fn next_start(&self) -> Option<u64> {
        if self.tempo == 0 {
            return None;
        }
        let regular = self.last_epoch_block.saturating_add(u64::from(self.tempo));
        match self.pending_epoch_at {
            0 => Some(regular),
            pending => Some(regular.min(pending)),
        }
    }
}

/// Blocks until the next epoch on a runtime without stored schedule; `None` for a subnet without epochs.
pub fn legacy_blocks_until_next(netuid: u16, tempo: u16, block: u64) -> Option<u64> {
    if tempo == 0 {
        return None;
    }
    let cycle = u64::from(tempo) + 1;
    let position = block.wrapping_add(u64::from(netuid)).wrapping_add(1) % cycle;
    Some(u64::from(tempo) - position)
}

/// The schedule of a runtime without a stored one, as it would be stored at `block`.
///
/// It says when the current epoch began, its index, and that the next one starts `tempo + 1` blocks after it began,
/// which is what [`EpochState::next_start`] makes of a tempo that is one larger.
pub fn legacy_epoch(netuid: u16, tempo: u16, block: u64) -> EpochState {
    if tempo == 0 {
        return EpochState::default();
    }
    let cycle = u64::from(tempo) + 1;
    let count = block.saturating_add(u64::from(netuid)).saturating_add(1);
    // The epoch runs in the last block of a cycle.
    let since = (count + 1) % cycle;
    EpochState {
        last_epoch_block: block.saturating_sub(since),
        pending_epoch_at: 0,
        epoch_index: count / cycle,
        blocks_since_last_step: since,
        tempo: tempo.saturating_add(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../tests/vectors/epoch.json")).expect("valid JSON")
    }

    fn number(value: &Value) -> u64 {
        value.as_u64().expect("a number")
    }

    #[test]
    fn the_stored_schedule_agrees_with_the_vectors() {
        for case in vectors()["schedule_cases"].as_array().expect("cases") {
            let name = case["name"].as_str().expect("name");
            let given = &case["state"];
            let state = EpochState {
                last_epoch_block: number(&given["last_epoch_block"]),
                pending_epoch_at: number(&given["pending_epoch_at"]),
                epoch_index: number(&given["subnet_epoch_index"]),
                blocks_since_last_step: number(&given["blocks_since_last_step"]),
                tempo: number(&given["tempo"]) as u16,
            };
            let block = number(&given["current_block"]);
            assert_eq!(
                Some(state.due_at(block)),
                case["should_run_epoch_at_current"].as_bool(),
                "{name}"
            );
            assert_eq!(
                Some(state.due_at(block + 1)),
                case["should_run_epoch_at_next"].as_bool(),
                "{name}"
            );
            assert_eq!(state.next_start(), case["next_epoch_start_block"].as_u64(), "{name}");
            if let Some(expected) = case["commit_epoch"].as_u64() {
                assert_eq!(state.index_at(block + 1), expected, "{name}");
            }
        }
    }

    #[test]
    fn the_older_schedule_agrees_with_the_vectors() {
        for case in vectors()["legacy_modulo"].as_array().expect("cases") {
            let blocks = legacy_blocks_until_next(
                number(&case["netuid"]) as u16,
                number(&case["tempo"]) as u16,
                number(&case["block"]),
            );
            assert_eq!(blocks, case["blocks_until_next"].as_u64(), "{case}");
        }
    }
}
