use std::sync::Arc;

use axoneme_reward::masks::{Diversity, DiversityConfig, DiversityRule, diversity};
use axoneme_reward::{Mask, Task};
use serde_json::Value;

use crate::support::{Given, all_close, close, floats, list, number, numbers, vectors};

fn embeddings(value: &Value) -> Vec<Vec<f32>> {
    list(value).iter().map(floats).collect()
}

#[test]
fn values_within_a_batch_are_those_of_the_network_except_for_a_lone_answer() {
    let file = vectors("diversity");
    for case in list(&file["batch_cases"]) {
        let vectors = embeddings(&case["embeddings"]);
        let got = diversity::batch_values(&vectors);
        if vectors.len() == 1 {
            assert_eq!(got, [1.0], "a lone answer must be able to earn something");
            continue;
        }
        all_close(&got, &numbers(&case["batch"]), &case["name"].to_string());
        let mask: Vec<f64> = got.iter().map(|value| if *value > 0.2 { 1.0 } else { 0.0 }).collect();
        assert_eq!(mask, numbers(&case["mask"]), "{}", case["name"]);
    }
    for case in list(&file["regularise"]) {
        close(
            diversity::batch_value(number(&case["x"])),
            number(&case["batch"]),
            "batch curve",
        );
        close(
            diversity::historic_value(number(&case["x"])),
            number(&case["historic"]),
            "historic curve",
        );
    }
}

#[tokio::test]
async fn history_is_compared_appended_and_bounded_as_in_the_network() {
    for case in list(&vectors("diversity")["history_cases"]) {
        let range = numbers(&case["history_range"]);
        let config = DiversityConfig {
            history_skip: range[0] as usize,
            history_len: range[1] as usize,
            bound: 0.2,
            rule: DiversityRule::Bound,
        };
        let mut given = Given::default();
        let mut steps = Vec::new();
        for (step, record) in list(&case["steps"]).iter().enumerate() {
            let vectors = embeddings(&record["embeddings"]);
            let names: Vec<String> = (0..vectors.len()).map(|index| format!("{step}-{index}")).collect();
            given.0.extend(names.iter().cloned().zip(vectors));
            steps.push((names, record));
        }
        let mask = Diversity::new(Arc::new(given), config);
        for (names, record) in steps {
            let judged = mask.judge(&Task::new("answer0", "", vec![]), &names).await.unwrap();
            mask.settle();
            assert_eq!(
                mask.history_len() as u64,
                record["history_len_after"].as_u64().unwrap(),
                "{}",
                case["name"]
            );
            let historic = &judged.extras[1].values;
            for (got, expected) in historic.iter().zip(list(&record["historic"])) {
                match expected {
                    Value::Null => assert!(got.is_null()),
                    expected => close(got.as_f64().unwrap(), number(expected), "historic"),
                }
            }
            // One answer alone: the batch value is 1 here, so the reward is the historic value.
            if names.len() > 1 {
                all_close(&judged.raw, &numbers(&record["reward"]), &case["name"].to_string());
                assert_eq!(judged.factor, numbers(&record["mask"]), "{}", case["name"]);
            } else {
                close(judged.raw[0], historic[0].as_f64().unwrap_or(1.0), "lone");
            }
        }
    }
}

#[test]
fn real_sentence_vectors_mask_the_two_near_copies_only() {
    let file = vectors("minilm_real");
    let cosine: Vec<Vec<f64>> = list(&file["cosine"]).iter().map(numbers).collect();
    let nearest = |row: &Vec<f64>| {
        let mut distances: Vec<f64> = row.iter().map(|cosine| 1.0 - cosine.abs()).collect();
        distances.sort_by(f64::total_cmp);
        distances[1]
    };
    let values: Vec<f64> = cosine.iter().map(|row| diversity::batch_value(nearest(row))).collect();
    let expected = numbers(&file["batch_diversity"]);
    values
        .iter()
        .zip(&expected)
        .for_each(|(got, expected)| assert!((got - expected).abs() < 2e-3));
}
