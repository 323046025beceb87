//! The filter, the priority and the prompt cache against what the reference did, and where it is not followed on purpose.

use serde_json::Value as Json;

use super::tests::{blank, hotkey};
use super::*;
use crate::prompt_cache::{PromptCache, canonical, key};
use axoneme_chain::Neuron;

fn vectors() -> Json {
    serde_json::from_str(include_str!("../../tests/vectors/miner_base.json")).expect("JSON")
}

/// The account of a hotkey that the vectors call by a letter.
fn account(letter: &Json) -> AccountId {
    hotkey(letter.as_str().expect("a letter").as_bytes()[0])
}

fn seconds(value: &Json) -> Duration {
    Duration::from_secs_f64(value.as_f64().expect("a number"))
}

fn world(vectors: &Json) -> Metagraph {
    let world = &vectors["world"];
    let letters = world["hotkeys"].as_array().expect("hotkeys").iter().enumerate();
    let neurons = letters.map(|(place, letter)| Neuron {
        uid: place as u16,
        hotkey: account(letter),
        validator_permit: world["validator_permit"][place].as_bool().expect("a bool"),
        total_stake: (world["stake"][place].as_f64().expect("a number") * RAO) as u64,
        ..blank()
    });
    Metagraph {
        netuid: 1,
        block: 1,
        tempo: 360,
        last_step: 0,
        neurons: neurons.collect(),
    }
}

fn settings(options: &Json) -> BlacklistSection {
    let list = |name: &str| {
        let letters = options[name].as_array().cloned().unwrap_or_default();
        letters.iter().map(|letter| account(letter).to_string()).collect()
    };
    let switch = |name: &str| options[name].as_bool().unwrap_or(false);
    BlacklistSection {
        whitelist: list("whitelist"),
        blacklist: list("blacklist"),
        allow_non_registered: switch("allow_non_registered"),
        force_validator_permit: switch("force_validator_permit"),
        minimum_stake_requirement: options["minimum_stake_requirement"].as_f64().unwrap_or(0.0),
        ..BlacklistSection::default()
    }
}

#[tokio::test(start_paused = true)]
async fn the_filter_decides_as_the_reference_but_for_the_stake_it_never_checked() {
    let vectors = vectors();
    let mut cases = 0;
    for case in vectors["blacklist"].as_array().expect("cases") {
        let name = case["name"].as_str().expect("a name");
        let priority = PrioritySection::default();
        let policy = MinerPolicy::new(&settings(&case["options"]), &priority, &world(&vectors), Duration::ZERO);
        let policy = policy.expect("settings");
        tokio::time::advance(seconds(&case["now"])).await;
        let caller = account(&case["hotkey"]);
        // A place that holds 0 was never used.
        if let Some(first) = case["timestamps_first"].as_f64().filter(|first| *first > 0.0) {
            for _ in 0..case["timestamps_len"].as_u64().expect("a number") {
                let places = priority.len_request_timestamps;
                policy
                    .requests
                    .lock()
                    .of_mut(&caller)
                    .record(Duration::from_secs_f64(first), places);
            }
        }
        let standing = policy.census.read().find(&caller);
        let (ground, reason) = policy.filter(&caller, standing);
        cases += 1;
        if case["options"].get("minimum_stake_requirement").is_some() {
            assert_eq!(
                ground,
                Some(Ground::LowStake),
                "{name}: the setting has its obvious meaning"
            );
            continue;
        }
        let expected = case["blacklisted"].as_bool().expect("a bool");
        assert_eq!(
            (ground.is_some(), reason.as_str()),
            (expected, case["reason"].as_str().expect("text")),
            "{name}"
        );
    }
    assert!(cases >= 13);
}

#[tokio::test(start_paused = true)]
async fn priorities_are_the_references_once_ten_requests_are_known_and_the_stake_before() {
    let vectors = vectors();
    let (rules, world) = (PrioritySection::default(), world(&vectors));
    let policy = MinerPolicy::new(&BlacklistSection::default(), &rules, &world, Duration::ZERO).expect("settings");
    let mut now = Duration::ZERO;
    let mut compared = 0;
    for step in vectors["priority_sequence"].as_array().expect("steps") {
        let then = seconds(&step["now"]);
        tokio::time::advance(then - now).await;
        now = then;
        let caller = account(&step["hotkey"]);
        let priority = policy.priority(&caller);
        let (said, recorded) = (
            step["priority"].as_f64().expect("a number"),
            step["recorded"].as_u64().expect("a number"),
        );
        let stake = policy
            .census
            .read()
            .find(&caller)
            .map(|standing| standing.stake as f64 / RAO);
        let expected = match stake {
            None => said,
            // The reference takes a place not used yet for the year 1970.
            Some(stake) if recorded <= 10 => stake,
            Some(_) => {
                compared += 1;
                said
            }
        };
        assert!(
            (priority - expected).abs() < 1e-9 * expected.max(1.0),
            "at {now:?}: {priority}, not {expected}"
        );
    }
    assert!(compared >= 7);
}

#[test]
fn the_prompt_cache_forgets_when_the_reference_does_and_hashes_alike() {
    let vectors = vectors();
    let cached = &vectors["prompt_cache"];
    let texts = |list: &Json| -> Vec<String> {
        let list = list.as_array().expect("messages").iter();
        list.map(|text| text.as_str().expect("text").to_owned()).collect()
    };
    let mut cache = PromptCache::new(cached["span"].as_u64().expect("a number"));
    for step in cached["steps"].as_array().expect("steps") {
        let seen = cache.seen(&texts(&step["messages"]), step["block"].as_u64().expect("a number"));
        assert_eq!(Json::from(seen), step["in_cache"], "{step}");
        assert_eq!(Json::from(cache.len()), step["cache_size_after"], "{step}");
    }
    for case in cached["keys"].as_array().expect("keys") {
        let messages = texts(&case["messages"]);
        assert_eq!(Json::from(canonical(&messages)), case["json"]);
        let hex: String = key(&messages).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(Json::from(hex), case["sha256"]);
    }
}
