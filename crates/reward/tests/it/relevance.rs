use std::sync::Arc;

use axoneme_reward::masks::{Relevance, cosine, negative_distance};
use axoneme_reward::{Mask, Task};

use crate::support::{Given, close, floats, list, number, numbers, vectors};

#[test]
fn the_cosine_is_that_of_the_network() {
    for case in list(&vectors("relevance")["measures"]) {
        let got = cosine(&floats(&case["completion"]), &floats(&case["prompt"])).abs();
        close(got, number(&case["mpnet_score"]), "cosine");
    }
}

#[test]
fn the_distance_is_that_of_the_network() {
    for case in list(&vectors("relevance")["measures"]) {
        let got = negative_distance(&floats(&case["completion"]), &floats(&case["prompt"]));
        close(got, number(&case["bert_score"]), "distance");
    }
}

/// An embedder whose vectors make a given measure come out.
fn embedder(vectors: &[(&str, Vec<f32>)]) -> Arc<Given> {
    let vectors = vectors
        .iter()
        .map(|(text, vector)| ((*text).to_owned(), vector.clone()));
    Arc::new(Given(vectors.collect()))
}

#[tokio::test]
async fn both_bounds_are_inclusive_and_an_undefined_score_passes() {
    let file = vectors("relevance");
    let bounds = numbers(&file["bounds"]);
    for case in list(&file["decisions"]) {
        let (bert, mpnet) = (number(&case["bert"]), number(&case["mpnet"]));
        let decided = Relevance::decide(bert, bounds[0]) * Relevance::decide(mpnet, bounds[1]);
        assert_eq!(decided, number(&case["reward"]), "{case}");
        if bert.is_nan() || mpnet.is_nan() {
            continue;
        }
        // The same through the mask, with room for how vectors round.
        let cosine = embedder(&[
            ("base", vec![1.0, 0.0]),
            ("answer", vec![mpnet as f32, (1.0 - mpnet * mpnet).sqrt() as f32]),
        ]);
        let distance = embedder(&[("base", vec![0.0]), ("answer", vec![bert as f32])]);
        let mask = Relevance::new(cosine, bounds[1] + 1e-8).with_distance(distance, bounds[0] - 1e-9);
        let near = (bert - bounds[0]).abs() < 1e-6 || (mpnet - bounds[1]).abs() < 1e-6;
        let judged = mask
            .judge(&Task::new("augment", "base", vec![]), &["answer".into()])
            .await
            .unwrap();
        let names: Vec<&str> = judged.extras.iter().map(|extra| extra.name).collect();
        assert_eq!(names, ["bert_score", "mpnet_score"]);
        assert!((judged.extras[0].values[0].as_f64().unwrap() - bert).abs() < 1e-6);
        assert!((judged.extras[1].values[0].as_f64().unwrap() - mpnet).abs() < 1e-6);
        assert!(near || judged.factor == [number(&case["reward"])], "{case}");
    }
}

#[tokio::test]
async fn an_answer_about_something_else_is_masked() {
    let given = [
        ("base", [1.0, 0.0]),
        ("close", [0.9, 0.1]),
        ("far", [0.1, 0.99]),
        ("opposite", [-1.0, 0.0]),
    ];
    let given = Given(
        given
            .iter()
            .map(|(text, vector)| (text.to_string(), vector.to_vec()))
            .collect(),
    );
    let mask = Relevance::new(Arc::new(given), Relevance::DEFAULT_BOUND);
    let texts = ["close", "far", "opposite"].map(String::from);
    let judged = mask.judge(&Task::new("augment", "base", vec![]), &texts).await.unwrap();
    assert_eq!(judged.factor, [1.0, 0.0, 1.0]);
    assert!(judged.extras[0].values[0].as_f64().unwrap() > 0.99);
}
