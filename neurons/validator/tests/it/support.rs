//! Vectors, scripted miners and a metagraph of one's own making.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use axoneme_chain::{AxonEndpoint, Metagraph, Neuron, RAO_PER_TAO};
use axoneme_wallet::AccountId;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};
use validator::replay::report::Report;
use validator::replay::{Replay, ReplayError};

pub fn vectors(name: &str) -> Value {
    let path = format!("{}/tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).expect(&path)).expect(&path)
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

pub fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| text(value).parse().expect("a number"))
}

pub fn numbers(value: &Value) -> Vec<f64> {
    list(value).iter().map(number).collect()
}

pub fn uids(value: &Value) -> Vec<u16> {
    numbers(value).into_iter().map(|uid| uid as u16).collect()
}

#[track_caller]
pub fn all_close(got: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (got, expected) in got.iter().zip(expected) {
        assert!(
            (got - expected).abs() <= tolerance,
            "{what}: {got} instead of {expected}"
        );
    }
}

pub fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// A hotkey that is told apart by one number.
pub fn hotkey(number: u16) -> AccountId {
    let mut bytes = [7; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    AccountId(bytes)
}

pub fn neuron(uid: u16, serving: bool, validator_permit: bool, stake_tao: u64) -> Neuron {
    let axon = AxonEndpoint::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), 8000 + uid, 1);
    Neuron {
        uid,
        hotkey: hotkey(uid),
        coldkey: hotkey(1000 + uid),
        axon: serving.then_some(axon),
        active: true,
        validator_permit,
        total_stake: stake_tao * RAO_PER_TAO,
        alpha_stake: 0,
        tao_stake: 0,
        last_update: 0,
        block_at_registration: 0,
        emission: 0,
        incentive: 0.0,
        consensus: 0.0,
        trust: 0.0,
        validator_trust: 0.0,
        dividends: 0.0,
        rank: 0.0,
    }
}

pub fn metagraph(neurons: Vec<Neuron>) -> Metagraph {
    Metagraph {
        netuid: 1,
        block: 100,
        tempo: 20,
        last_step: 0,
        neurons,
    }
}

/// What `replay` says of a record's lines, headers among them, whose files are in `folder`.
pub async fn judged_again(
    mut replay: Replay,
    folder: &Path,
    lines: Vec<Map<String, Value>>,
) -> Result<Report, ReplayError> {
    for mut line in lines {
        match line.remove("header") {
            Some(Value::Object(header)) => replay.begin(&header, folder).await?,
            _ => replay.event(line).await?,
        }
    }
    replay.finish().await
}
