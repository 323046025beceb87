//! The scoring rule against vectors from the reference validator, on logits given by a formula.

use serde_json::Value;

use super::*;

const VECTORS: &str = include_str!("../../tests/fixtures/dpo.json");

/// One letter is one token.
fn tokens(vectors: &Value, text: &str) -> Vec<u32> {
    let alphabet = vectors["alphabet"].as_str().unwrap();
    text.chars()
        .map(|letter| alphabet.find(letter).unwrap() as u32)
        .collect()
}

fn formula_logits(rows: usize, vocabulary: usize, without_e: bool) -> Vec<Vec<f32>> {
    let logit = |t: usize, v: usize| {
        if without_e && v == 4 {
            return f32::NEG_INFINITY;
        }
        let value = 3.0 * (0.7 * t as f64 + 1.3 * v as f64).sin() + 0.1 * v as f64;
        ((value * 1e4).round() / 1e4) as f32
    };
    (0..rows)
        .map(|t| (0..vocabulary).map(|v| logit(t, v)).collect())
        .collect()
}

#[test]
fn every_vector_of_the_reference_is_met() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let vocabulary = vectors["vocab_size"].as_u64().unwrap() as usize;
    let cases = vectors["cases"].as_array().unwrap();
    assert!(cases.len() >= 15);
    for case in cases {
        let (name, prompt) = (case["name"].as_str().unwrap(), case["prompt"].as_str().unwrap());
        let completion = case["completion"].as_str().unwrap();
        let most = case["model_max_length"].as_u64().unwrap() as usize;
        let mut joined = tokens(&vectors, &format!("{prompt}{completion}"));
        joined.truncate(most);
        if let Some(expected) = case["model_input_ids"].as_array() {
            let expected: Vec<u32> = expected.iter().map(|id| id.as_u64().unwrap() as u32).collect();
            assert_eq!(joined, expected, "{name}");
        }
        let logits = formula_logits(joined.len(), vocabulary, name.contains("-inf"));
        let prompt_len = tokens(&vectors, prompt).len();
        for (key, penalty) in [
            ("reward", RepeatPenalty::Reference),
            ("reward_without_penalty", RepeatPenalty::Off),
        ] {
            let score = match dpo_floor_applies(completion) {
                true => DPO_FLOOR,
                false => dpo_score(&logits, &joined, prompt_len, penalty),
            };
            let expected = case[key].as_f64().unwrap() as f32;
            assert!(
                (score - expected).abs() < 1e-5,
                "{name}, {key}: {score}, expected {expected}"
            );
        }
    }
}

#[test]
fn a_prompt_that_fills_the_context_leaves_nothing_to_score() {
    let logits = formula_logits(8, 16, false);
    assert_eq!(
        dpo_score(&logits, &[0, 1, 2, 3, 4, 5, 6, 7], 8, RepeatPenalty::Reference),
        DPO_FLOOR
    );
    assert_eq!(
        dpo_score(&logits, &[0, 1, 2, 3, 4, 5, 6, 7], 20, RepeatPenalty::Reference),
        DPO_FLOOR
    );
    assert_eq!(dpo_score(&[], &[], 0, RepeatPenalty::Reference), DPO_FLOOR);
}

#[test]
fn broken_logits_give_the_floor_and_not_a_number_that_spreads() {
    let logits = vec![vec![f32::NAN; 4]; 9];
    let tokens = [0, 1, 2, 3, 0, 1, 2, 3, 0];
    for penalty in [RepeatPenalty::Reference, RepeatPenalty::Off] {
        assert_eq!(dpo_score(&logits, &tokens, 1, penalty), DPO_FLOOR);
    }
}

#[test]
fn only_the_end_of_a_completion_is_searched_for_repetition() {
    let repeated_inside = [1, 2, 3, 4, 5, 1, 2, 3, 4, 6];
    assert!(punished_tokens(&repeated_inside, 0, RepeatPenalty::Reference).is_empty());
    let repeated_at_the_end = [9, 1, 2, 3, 4, 7, 1, 2, 3, 4, 6, 1, 2, 3, 4];
    assert_eq!(
        punished_tokens(&repeated_at_the_end, 1, RepeatPenalty::Reference),
        [6, 7]
    );
    assert!(punished_tokens(&repeated_at_the_end, 1, RepeatPenalty::Off).is_empty());
    // The prompt does not count.
    assert!(punished_tokens(&[1, 2, 3, 4, 7, 1, 2, 3, 4], 5, RepeatPenalty::Reference).is_empty());
}
