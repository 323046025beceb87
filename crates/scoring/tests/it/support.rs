//! Fixtures and comparisons.

use std::path::PathBuf;

use axoneme_scoring::{DeviceChoice, Head, Input, Pooling, Scoring, ScoringConfig, ScoringModel};
use serde_json::Value;

pub fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/models")
        .join(name)
}

/// What a folder's `io.json` holds.
pub fn fixture(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder(name).join("io.json")).unwrap()).unwrap()
}

pub fn scoring() -> Scoring {
    Scoring::start(ScoringConfig {
        device: DeviceChoice::Cpu,
        ..ScoringConfig::default()
    })
    .unwrap()
}

pub async fn model(name: &str, head: Head) -> ScoringModel {
    scoring().load(&folder(name), head).await.unwrap()
}

pub fn embed(pooling: Pooling, normalise: bool) -> Head {
    Head::Embed {
        pooling,
        normalise,
        windows: false,
    }
}

pub fn numbers(value: &Value) -> Vec<f32> {
    let number = |value: &Value| value.as_f64().unwrap() as f32;
    match value {
        Value::Array(values) => values.iter().map(number).collect(),
        value => vec![number(value)],
    }
}

pub fn ids(value: &Value) -> Vec<u32> {
    let id = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
    value.as_array().unwrap().iter().map(id).collect()
}

/// The tokens of each row of a batch that are no padding.
pub fn rows(case: &Value) -> Vec<Input> {
    let rows = case["input_ids"].as_array().unwrap().iter();
    let masks = case["attention_mask"].as_array().unwrap().iter();
    rows.zip(masks)
        .map(|(row, mask)| {
            let kept = ids(row).into_iter().zip(ids(mask)).filter(|(_, visible)| *visible == 1);
            Input::Ids(kept.map(|(id, _)| id).collect())
        })
        .collect()
}

pub fn texts(case: &Value) -> Vec<Input> {
    let text = |value: &Value| Input::Text(value.as_str().unwrap().to_owned());
    case["texts"].as_array().unwrap().iter().map(text).collect()
}

/// Fails where two rows differ by more than `tolerance`, and returns the largest difference.
pub fn close(found: &[f32], expected: &[f32], tolerance: f32, what: &str) -> f32 {
    assert_eq!(found.len(), expected.len(), "{what}");
    let mut largest = 0f32;
    for (found, expected) in found.iter().zip(expected) {
        let difference = (found - expected).abs();
        assert!(difference <= tolerance, "{what}: {found}, expected {expected}");
        largest = largest.max(difference);
    }
    largest
}

pub fn bits(rows: &[Vec<f32>]) -> Vec<Vec<u32>> {
    rows.iter()
        .map(|row| row.iter().map(|number| number.to_bits()).collect())
        .collect()
}
