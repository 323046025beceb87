use crate::vectors;
use axoneme_timelock::reveal::{EpochState, SAFETY_BLOCKS, reveal_block, reveal_round};
use axoneme_timelock::{Beacon, TimelockError};
use proptest::prelude::*;
use serde_json::Value;
use std::time::Duration;

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn state(given: &Value) -> EpochState {
    EpochState {
        last_epoch_block: number(&given["last_epoch_block"]),
        pending_epoch_at: number(&given["pending_epoch_at"]),
        subnet_epoch_index: number(&given["subnet_epoch_index"]),
        tempo: number(&given["tempo"]) as u16,
        blocks_since_last_step: number(&given["blocks_since_last_step"]),
        block: number(&given["current_block"]),
    }
}

#[test]
fn reveal_blocks_and_rounds_agree() {
    let file = vectors("epoch");
    assert_eq!(number(&file["constants"]["SECURITY_BLOCK_OFFSET"]), SAFETY_BLOCKS);
    for case in file["schedule_cases"].as_array().unwrap() {
        let name = &case["name"];
        let state = state(&case["state"]);
        let period = number(&case["reveal_period_epochs"]);
        let due = case["should_run_epoch_at_next"].as_bool();
        assert_eq!(Some(state.due_at(state.block + 1)), due, "{name}");
        if !case["error"].is_null() {
            assert_eq!(reveal_block(&state, period), Err(TimelockError::NoEpochs), "{name}");
            continue;
        }
        assert_eq!(state.commit_epoch(), number(&case["commit_epoch"]), "{name}");
        let block = reveal_block(&state, period).unwrap();
        assert_eq!(block, number(&case["first_reveal_block"]), "{name}");
        for (block_time, expected) in case["reveal_round_at_unix_1780000000"].as_object().unwrap() {
            let block_time = Duration::from_secs_f64(block_time.parse().unwrap());
            let now = Duration::from_secs(1_780_000_000);
            let round = reveal_round(&Beacon::quicknet(), now, block - state.block, block_time);
            assert_eq!(round, number(expected), "{name} at {block_time:?}");
        }
    }
}

#[test]
fn the_live_commit_was_made_for_our_round() {
    let sample = vectors("timelock")["sample_commit_v2"].clone();
    let inputs = &sample["inputs"];
    let state = state(inputs);
    let block = reveal_block(&state, number(&inputs["reveal_period_epochs"])).unwrap();
    let now = Duration::from_secs_f64(sample["unix_time"].as_f64().unwrap());
    let block_time = Duration::from_secs_f64(inputs["block_time"].as_f64().unwrap());
    let round = reveal_round(&Beacon::quicknet(), now, block - state.block, block_time);
    assert_eq!(round, number(&sample["reveal_round"]));
}

#[test]
fn rounds_and_times_agree() {
    let file = vectors("epoch");
    let beacon = Beacon::quicknet();
    for case in file["drand_rounds"].as_array().unwrap() {
        assert_eq!(
            beacon.time_of(number(&case["round"])),
            number(&case["published_at_unix"])
        );
    }
    for case in file["drand_latest_round"].as_array().unwrap() {
        let unix = Duration::from_secs(number(&case["unix"]));
        assert_eq!(beacon.round_at(unix), number(&case["latest_round"]));
    }
    assert_eq!(
        beacon.round_at(Duration::from_secs(beacon.genesis - 1)),
        0,
        "before the first"
    );
    assert_eq!(beacon.time_of(u64::MAX), u64::MAX, "no overflow");
}

/// The rule word for word: simulate block after block.
fn simulated(state: &EpochState, period: u64) -> u64 {
    let target = state.commit_epoch() + period;
    let mut state = *state;
    for block in state.block + 1.. {
        if state.epoch_at(block) == target {
            return block;
        }
        state.blocks_since_last_step += 1;
        if state.due_at_after_count(block) {
            state.last_epoch_block = block;
            state.pending_epoch_at = 0;
            state.subnet_epoch_index += 1;
            state.blocks_since_last_step = 0;
        }
        state.block = block;
    }
    unreachable!()
}

trait DueAfterCount {
    fn due_at_after_count(&self, block: u64) -> bool;
}

impl DueAfterCount for EpochState {
    /// Whether an epoch is due, once the block's own count has been added.
    fn due_at_after_count(&self, block: u64) -> bool {
        let before = EpochState {
            blocks_since_last_step: self.blocks_since_last_step - 1,
            ..*self
        };
        before.due_at(block)
    }
}

proptest! {
    #[test]
    fn the_jump_lands_where_the_simulation_does(
        last in 0u64..2000,
        ahead in 0u64..2000,
        pending in prop_oneof![Just(0u64), 1u64..4500],
        index in 0u64..10,
        tempo in 1u16..700,
        since in prop_oneof![0u64..1000, 50_300u64..50_500],
        period in 0u64..6,
    ) {
        let state = EpochState {
            last_epoch_block: last,
            pending_epoch_at: pending,
            subnet_epoch_index: index,
            tempo,
            blocks_since_last_step: since,
            block: last + ahead,
        };
        prop_assert_eq!(reveal_block(&state, period).unwrap(), simulated(&state, period));
    }

    #[test]
    fn no_schedule_however_strange_panics_or_hangs(
        last: u64, pending: u64, index: u64, tempo: u16, since: u64, block: u64, period: u64, now: u64, blocks: u64,
    ) {
        let state = EpochState {
            last_epoch_block: last,
            pending_epoch_at: pending,
            subnet_epoch_index: index,
            tempo,
            blocks_since_last_step: since,
            block,
        };
        let _ = reveal_block(&state, period);
        let _ = reveal_block(&state, period % 101);
        let _ = reveal_round(&Beacon::quicknet(), Duration::from_secs(now), blocks, Duration::from_secs(12));
    }
}
