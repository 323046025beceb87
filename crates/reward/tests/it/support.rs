//! Reading vectors, and models whose answers are given.

use std::collections::HashMap;

use async_trait::async_trait;
use axoneme_reward::{ModelFault, SentenceEmbedder};
use serde_json::Value;

pub fn vectors(name: &str) -> Value {
    let path = format!("{}/tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).expect(&path)).expect(&path)
}

/// A number, or one of the texts `nan`, `inf`, `-inf`.
pub fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| value.as_str().expect("a number").parse().expect("a number"))
}

pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(number).collect()
}

pub fn floats(value: &Value) -> Vec<f32> {
    numbers(value).into_iter().map(|number| number as f32).collect()
}

pub fn texts(value: &Value) -> Vec<String> {
    value
        .as_array()
        .expect("a list")
        .iter()
        .map(|text| text.as_str().expect("text").to_owned())
        .collect()
}

pub fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

#[track_caller]
pub fn close(got: f64, expected: f64, what: &str) {
    let same = (got.is_nan() && expected.is_nan()) || (got - expected).abs() <= 1e-5 * expected.abs().max(1.0);
    assert!(same, "{what}: {got} instead of {expected}");
}

#[track_caller]
pub fn all_close(got: &[f64], expected: &[f64], what: &str) {
    assert_eq!(got.len(), expected.len(), "{what}");
    got.iter()
        .zip(expected)
        .for_each(|(got, expected)| close(*got, *expected, what));
}

/// Embeds texts it was given.
#[derive(Default)]
pub struct Given(pub HashMap<String, Vec<f32>>);

#[async_trait]
impl SentenceEmbedder for Given {
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, ModelFault> {
        texts
            .iter()
            .map(|text| self.0.get(text).cloned().ok_or_else(|| "a text nobody gave".into()))
            .collect()
    }
}
