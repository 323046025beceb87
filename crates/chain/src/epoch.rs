//! When the next epoch of a subnet starts.
//!
//! Runtimes since spec 425 keep the schedule as state; older ones derive it from the block number alone.

pub use axoneme_timelock::reveal::EpochState;

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
        subnet_epoch_index: count / cycle,
        blocks_since_last_step: since,
        tempo: tempo.saturating_add(1),
        block,
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
