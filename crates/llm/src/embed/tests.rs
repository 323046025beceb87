//! The encoder against numbers from the reference implementation.

use std::path::PathBuf;

use serde_json::Value;

use super::*;

fn fixture() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bert-mean-pooling")
}

fn embedder() -> Embedder {
    Embedder::load(&fixture(), DeviceChoice::Cpu).unwrap()
}

fn numbers(value: &Value) -> Vec<f32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|number| number.as_f64().unwrap() as f32)
        .collect()
}

#[tokio::test]
async fn vectors_are_those_of_the_reference() {
    let json: Value = serde_json::from_str(&std::fs::read_to_string(fixture().join("io.json")).unwrap()).unwrap();
    let tolerance = json["tolerance"].as_f64().unwrap() as f32;
    let embedder = embedder();
    assert_eq!(embedder.dimensions(), 32);
    for case in json["cases"].as_array().unwrap() {
        let texts: Vec<String> = case["texts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|text| text.as_str().unwrap().to_owned())
            .collect();
        let expected = &case["expected"];
        let normalised = expected
            .as_object()
            .unwrap()
            .iter()
            .find(|(key, _)| key.contains("normalised"));
        let (_, rows) = normalised.expect("the fixture has normalised vectors");
        let vectors = embedder.embed(texts.clone()).await.unwrap();
        for (index, vector) in vectors.iter().enumerate() {
            for (left, right) in vector.iter().zip(numbers(&rows[index])) {
                assert!(
                    (left - right).abs() < tolerance,
                    "{:?}: {left}, expected {right}",
                    texts[index]
                );
            }
        }
    }
}

#[tokio::test]
async fn a_vector_does_not_depend_on_its_neighbours() {
    let mut texts: Vec<String> = ["the capital", "what is the capital of texas?", "a", ""]
        .map(str::to_owned)
        .into();
    // Enough for several groups, so that they run side by side.
    texts.extend((0..90).map(|number| format!("dogs run {number} {}", "very ".repeat(number % 13))));
    let together = embedder().embed(texts.clone()).await.unwrap();
    let few = [&texts[..4], &texts[50..53]].concat();
    let expected = [&together[..4], &together[50..53]].concat();
    for (text, expected) in few.into_iter().zip(&expected) {
        // A new one each time, so that nothing is remembered.
        let alone = embedder().embed(vec![text.clone()]).await.unwrap();
        let bits = |vector: &[f32]| vector.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&alone[0]), bits(expected), "{text:?}");
        let length: f32 = expected.iter().map(|number| number * number).sum();
        assert!((length - 1.0).abs() < 1e-5);
    }
}

#[tokio::test]
async fn remembered_and_repeated_texts_give_the_same_vectors() {
    let embedder = embedder();
    let texts = vec!["texas".to_owned(), "capital".to_owned(), "texas".to_owned()];
    let first = embedder.embed(texts.clone()).await.unwrap();
    assert_eq!(first[0], first[2]);
    assert_ne!(first[0], first[1]);
    assert_eq!(embedder.embed(texts).await.unwrap(), first);
    assert!(embedder.embed(vec![]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_text_longer_than_the_model_holds_is_cut() {
    let vectors = embedder()
        .embed(vec!["what is the capital of texas? ".repeat(200)])
        .await
        .unwrap();
    assert!(vectors[0].iter().all(|number| number.is_finite()));
}

#[test]
fn a_folder_without_a_model_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = Embedder::load(folder.path(), DeviceChoice::Cpu)
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(error, ModelError::NotFound { .. }), "{error}");
    for name in ["config.json", "tokenizer.json"] {
        std::fs::copy(fixture().join(name), folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("model.safetensors"), b"torn").unwrap();
    let error = Embedder::load(folder.path(), DeviceChoice::Cpu)
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(error, ModelError::Corrupt { .. }), "{error}");
}
