use std::sync::Arc;

use axoneme_reward::masks::{Relevance, cosine};
use axoneme_reward::{Mask, Task};

use crate::support::{Given, close, floats, list, number, vectors};

#[test]
fn the_cosine_is_that_of_the_network() {
    for case in list(&vectors("relevance")["measures"]) {
        let got = cosine(&floats(&case["completion"]), &floats(&case["prompt"])).abs();
        close(got, number(&case["mpnet_score"]), "cosine");
    }
}

#[test]
fn the_bound_is_inclusive_and_an_undefined_score_passes() {
    for case in list(&vectors("relevance")["decisions"]) {
        // The other measure is not applied: only rows where it passes say something about this one.
        let other = number(&case["bert"]);
        if other.is_nan() || other >= -0.0246 {
            assert_eq!(
                Relevance::decide(number(&case["mpnet"]), 0.3),
                number(&case["reward"]),
                "{case}"
            );
        }
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
