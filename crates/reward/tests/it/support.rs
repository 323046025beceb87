//! Reading vectors, and models whose answers are given.

use std::collections::HashMap;

use async_trait::async_trait;
use axoneme_reward::{ModelFault, ModelInput, SentenceEmbedder, TextClassifier, TextGenerator, TokenValues};
use parking_lot::Mutex;
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

/// A tokenizer of one token per character, and models with one rule for all inputs. Remembers what it was asked.
pub struct Ruled<T> {
    pub rule: T,
    pub labels: Vec<String>,
    pub tokens: Vec<&'static str>,
    pub most: Option<usize>,
    pub asked: Mutex<Vec<ModelInput>>,
}

impl<T> Ruled<T> {
    pub fn new(rule: T) -> Self {
        Self {
            rule,
            labels: vec![],
            tokens: vec![],
            most: None,
            asked: Mutex::default(),
        }
    }

    /// The id of a known token is its place after all characters.
    fn tokenise(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            let token = self.tokens.iter().position(|token| rest.starts_with(token));
            let (id, length) = match token {
                Some(place) => (1_000_000 + place as u32, self.tokens[place].len()),
                None => (u32::from(character), character.len_utf8()),
            };
            ids.push(id);
            rest = &rest[length..];
        }
        ids
    }
}

#[async_trait]
impl<T: Fn(&ModelInput) -> Vec<f32> + Send + Sync> TextClassifier for Ruled<T> {
    async fn logits(&self, inputs: Vec<ModelInput>) -> Result<Vec<Vec<f32>>, ModelFault> {
        self.asked.lock().extend(inputs.iter().cloned());
        Ok(inputs.iter().map(&self.rule).collect())
    }
    fn labels(&self) -> Vec<String> {
        self.labels.clone()
    }
    fn ids(&self, text: &str) -> Result<Option<Vec<u32>>, ModelFault> {
        Ok(Some(self.tokenise(text)))
    }
    fn max_tokens(&self) -> Option<usize> {
        self.most
    }
    fn has_token(&self, text: &str) -> bool {
        self.tokens.contains(&text)
    }
}

#[async_trait]
impl<T: Fn(&ModelInput) -> Vec<f32> + Send + Sync> TokenValues for Ruled<T> {
    async fn values(&self, inputs: Vec<ModelInput>) -> Result<Vec<Vec<f32>>, ModelFault> {
        TextClassifier::logits(self, inputs).await
    }
    fn ids(&self, text: &str) -> Result<Vec<u32>, ModelFault> {
        Ok(self.tokenise(text))
    }
    fn end_token(&self) -> Option<u32> {
        let place = self.tokens.iter().position(|token| *token == "<|endoftext|>")?;
        Some(1_000_000 + place as u32)
    }
    fn max_tokens(&self) -> Option<usize> {
        self.most
    }
}

/// Goes on with a text as told.
pub struct Told<T>(pub T);

#[async_trait]
impl<T: Fn(&str) -> String + Send + Sync> TextGenerator for Told<T> {
    async fn continue_texts(&self, prompts: Vec<String>, _: usize) -> Result<Vec<String>, ModelFault> {
        Ok(prompts.iter().map(|prompt| (self.0)(prompt)).collect())
    }
}
