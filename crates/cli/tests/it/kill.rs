//! SIGKILL in the middle of prompt runs: what was finished is on disk, whole.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value as Json;

use crate::harness::{Running, Subnet, alone_with_models};

const KILLS: u64 = 10;
const ALPHA: f64 = 0.25;

/// The number after `step=` in a log line, which may hold colour codes.
fn step_of(line: &str) -> Option<u64> {
    let digits: String = line
        .split("step=")
        .nth(1)?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

fn last_step(validator: &mut Running) -> u64 {
    let runs = validator.said().iter().filter(|line| line.contains("prompt run done"));
    runs.filter_map(|line| step_of(line)).next_back().unwrap_or(0)
}

/// Rewards of all finished runs in the event file, in order; a last line that was cut short is left out.
fn recorded_rewards(folder: &Path) -> Vec<f64> {
    let text = std::fs::read_to_string(folder.join("events.jsonl")).unwrap();
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let events = whole.filter_map(|line| serde_json::from_str::<Json>(line).ok());
    events
        .filter_map(|event| event["rewards"].as_array()?.first()?.as_f64())
        .collect()
}

#[test]
fn ten_sigkills_in_the_middle_of_runs_lose_no_finished_score_and_tear_no_file() {
    let _alone = alone_with_models();
    let subnet = Subnet::start();
    subnet.join("validator", "1000");
    subnet.join("miner", "1");
    let quick = [
        "--axon.port",
        "0",
        "--miner.max_tokens",
        "12",
        "--miner.threads",
        "1",
        "--miner.blocks_per_epoch",
        "4",
    ];
    let mut miner = subnet.start_daemon("miner", "miner", &quick);
    miner.wait_for("axon published on chain");

    let folder = PathBuf::from(subnet.path("neurons")).join("validator/default/netuid1/core_prompting_validator");
    let alpha = ALPHA.to_string();
    // A fixed walk through the moments, so that a failure can be repeated.
    let mut moment: u64 = 20_260_101;
    let (mut finished, mut rewarded) = (0, 0);
    for kill in 1..=KILLS {
        let mut validator = subnet.start_daemon(
            "validator",
            "validator",
            &[
                "--seed",
                "5",
                "--neuron.followup_sample_size",
                "1",
                "--neuron.answer_sample_size",
                "1",
                "--neuron.moving_average_alpha",
                &alpha,
                "--dataset.max_words",
                "40",
                "--neuron.disable_set_weights",
            ],
        );
        validator.wait_for("prompt run done");
        moment = moment
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_millis((moment >> 33) % 2_000));
        let said = last_step(&mut validator);
        validator.kill();

        let text = std::fs::read_to_string(folder.join("state.json")).unwrap();
        let state: Json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("torn after kill {kill}: {error}"));
        let steps = state["data"]["steps"].as_u64().unwrap();
        assert!(
            steps >= said,
            "kill {kill}: run {said} was finished, the state has {steps}"
        );
        assert!(steps > finished, "kill {kill}: no progress since {finished}");
        finished = steps;

        // The score of the only miner follows from the rewards of the finished runs, recorded elsewhere. The kill may
        // fall between the state and the record of a run, once per life.
        let rewards = recorded_rewards(&folder);
        assert!(
            rewards.len() as u64 <= steps && rewards.len() as u64 + kill >= steps,
            "kill {kill}: {} of {steps}",
            rewards.len()
        );
        if rewards.len() as u64 == steps {
            let score = rewards
                .iter()
                .fold(0.0, |score, reward| ALPHA * reward + (1.0 - ALPHA) * score);
            let neurons = state["data"]["neurons"].as_object().unwrap();
            let neuron = neurons.values().next().unwrap();
            assert_eq!(neuron["requests"].as_u64().unwrap(), steps);
            assert!(
                (neuron["score"].as_f64().unwrap() - score).abs() < 1e-9,
                "kill {kill}: {neuron} against {score}"
            );
        }
        rewarded = rewards.iter().filter(|reward| **reward > 0.0).count();
    }
    assert!(finished >= KILLS);
    assert!(rewarded > 0, "no run was rewarded, so the scores show nothing");
    let left: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    let temporary = left
        .iter()
        .filter(|name| name.to_string_lossy().starts_with(".state-"))
        .count();
    assert!(temporary <= 1, "leftovers of killed writes pile up: {left:?}");
}
