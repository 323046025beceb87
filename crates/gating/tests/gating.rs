//! The head against vectors from the existing network's programs, and what must hold for any head.

use std::sync::Arc;

use async_trait::async_trait;
use axoneme_gating::{
    Encoder, GatingConfig, GatingError, GatingHead, SentenceEncoder, WindowEncoder, changed, pooling, top_k,
};
use axoneme_reward::{ModelFault, SentenceEmbedder, WordPieces};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

fn vectors() -> Value {
    let path = format!("{}/tests/vectors/gating.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn floats(value: &Value) -> Vec<f32> {
    let numbers = value.as_array().unwrap().iter();
    numbers.map(|number| number.as_f64().unwrap() as f32).collect()
}

fn rows(value: &Value) -> Vec<Vec<f32>> {
    value.as_array().unwrap().iter().map(floats).collect()
}

fn uids(value: &Value) -> Vec<u16> {
    floats(value).into_iter().map(|uid| uid as u16).collect()
}

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn largest_difference(got: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(got.len(), expected.len());
    got.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn head_of(file: &Value, config: GatingConfig) -> GatingHead {
    let weight = rows(&file["weight"]).concat();
    GatingHead::from_parts(4, weight, floats(&file["bias"]), config).unwrap()
}

/// Runs the steps of a vector run; the largest difference in loss, scores or parameters.
fn run(file: &Value, run: &Value) -> f32 {
    let config = GatingConfig {
        learning_rate: run["learning_rate"].as_f64().unwrap() as f32,
        momentum: run["momentum"].as_f64().unwrap() as f32,
    };
    let mut head = head_of(file, config);
    let mut worst = 0.0f32;
    for step in run["steps"].as_array().unwrap() {
        let hidden = floats(&step["hidden"]);
        worst = worst.max(largest_difference(
            &head.scores(&hidden).unwrap(),
            &floats(&step["scores"]),
        ));
        let loss = head
            .train(&uids(&step["uids"]), &hidden, &floats(&step["rewards"]))
            .unwrap();
        worst = worst.max((loss - step["loss"].as_f64().unwrap() as f32).abs());
        worst = worst.max(largest_difference(head.weight(), &rows(&step["weight_after"]).concat()));
        worst = worst.max(largest_difference(head.bias(), &floats(&step["bias_after"])));
    }
    worst
}

/// Defect 12: the reference never cleared its gradients.
#[test]
fn training_is_that_of_the_network_with_gradients_cleared_before_each_step() {
    let file = vectors();
    let (mut cleared, mut piled_up) = (0, 0);
    for case in file["runs"].as_array().unwrap() {
        let worst = run(&file, case);
        if case["name"].as_str().unwrap().contains("never cleared") {
            piled_up += 1;
            assert!(worst > 1e-5, "{}: the gradients pile up", case["name"]);
        } else {
            cleared += 1;
            assert!(worst < 1e-6, "{}: {worst}", case["name"]);
        }
    }
    assert_eq!((cleared, piled_up), (2, 2));
}

#[test]
fn losses_are_those_of_the_network_and_one_miner_alone_teaches_nothing() {
    for case in vectors()["loss_values"].as_array().unwrap() {
        let scores = floats(&case["scores"]);
        let uids: Vec<u16> = (0..scores.len() as u16).collect();
        let mut head = GatingHead::from_parts(1, vec![0.0; scores.len()], scores, GatingConfig::default()).unwrap();
        let before = head.clone();
        let loss = head.train(&uids, &[1.0], &floats(&case["rewards"])).unwrap();
        assert!(
            (f64::from(loss) - case["loss"].as_f64().unwrap()).abs() < 1e-6,
            "{case}"
        );
        assert_eq!(uids.len() == 1, head == before);
    }
}

#[test]
fn windows_are_pooled_as_in_the_networks_sentence_variant() {
    let file = vectors();
    let sentence = &file["sentence"];
    let masks = |value: &Value| -> Vec<Vec<u8>> {
        let masks = rows(value).into_iter();
        masks
            .map(|mask| mask.into_iter().map(|seen| seen as u8).collect())
            .collect()
    };
    let states: Vec<Vec<Vec<f32>>> = sentence["token_states"].as_array().unwrap().iter().map(rows).collect();
    let pool = |mask: &Value| -> Vec<Vec<f32>> {
        let masks = masks(mask);
        states
            .iter()
            .zip(&masks)
            .map(|(states, mask)| pooling::mean(states, mask))
            .collect()
    };
    let pooled = pool(&sentence["attention_mask"]);
    for (got, expected) in pooled.iter().zip(rows(&sentence["pooled"])) {
        assert!(largest_difference(got, &expected) < 1e-6);
    }
    for (got, expected) in pooled.iter().zip(rows(&sentence["normalised"])) {
        assert!(largest_difference(&pooling::normalised(got), &expected) < 1e-6);
    }
    let text = pooling::of_windows(&pooled);
    assert!(largest_difference(&text, &floats(&sentence["batch_representation"])) < 1e-6);
    let head = head_of(&file, GatingConfig::default());
    assert!(largest_difference(&head.scores(&text).unwrap(), &floats(&sentence["scores"])) < 1e-6);

    let empty = &file["pooling_with_empty_mask"];
    for (got, expected) in pool(&empty["attention_mask"]).iter().zip(rows(&empty["pooled"])) {
        assert!(largest_difference(got, &expected) < 1e-6);
    }
}

#[test]
fn a_new_head_is_drawn_from_the_seed_within_the_bounds() {
    let (one, same) = (
        GatingHead::new(64, 256, GatingConfig::default(), &mut rng(1)),
        GatingHead::new(64, 256, GatingConfig::default(), &mut rng(1)),
    );
    assert_eq!(one, same);
    assert_ne!(one, GatingHead::new(64, 256, GatingConfig::default(), &mut rng(2)));
    let largest = one
        .weight()
        .iter()
        .chain(one.bias())
        .fold(0.0f32, |most, value| most.max(value.abs()));
    assert!((0.12..=0.125).contains(&largest), "1/sqrt(64) is 0.125, got {largest}");
}

#[test]
fn a_replaced_miner_starts_anew_and_the_others_keep_what_was_learnt() {
    let mut head = GatingHead::new(8, 4, GatingConfig::default(), &mut rng(3));
    head.train(&[0, 1, 2, 3], &[0.5; 8], &[0.0, 1.0, 0.0, 0.2]).unwrap();
    let before = head.clone();
    let gone = changed(&["a", "b", "c", "d"], &["a", "x", "c", "d", "e"]);
    assert_eq!(gone, [1, 4]);
    head.resync(&gone, &mut rng(4));
    assert_eq!(head.weight()[..8], before.weight()[..8]);
    assert_eq!(head.weight()[16..], before.weight()[16..]);
    assert_eq!(head.bias()[1], 0.0);
    let bound = (6.0f32 / 9.0).sqrt();
    assert!(head.weight()[8..16].iter().all(|weight| weight.abs() <= bound));
    assert_ne!(head.weight()[8..16], before.weight()[8..16]);

    head.grow(6, &mut rng(5));
    assert_eq!((head.len(), head.bias()[5]), (6, 0.0));
    assert_eq!(head.weight()[..8], before.weight()[..8]);
    head.grow(2, &mut rng(6));
    assert_eq!(head.len(), 6, "a head never shrinks");
    assert!(head.scores(&[1.0; 8]).unwrap().iter().all(|score| score.is_finite()));
}

#[test]
fn the_best_comes_last_and_only_those_available_are_chosen() {
    let scores = [0.9, 0.1, 0.5, 0.7, f32::NAN];
    assert_eq!(top_k(&scores, &[0, 1, 2, 3], 2), [3, 0]);
    assert_eq!(top_k(&scores, &[1, 2, 3, 4], 3), [1, 2, 3]);
    assert_eq!(top_k(&scores, &[1, 2], 10), [1, 2]);
    assert_eq!(
        top_k(&scores, &[9, 1, 1], 5),
        [9, 1],
        "a uid without a score is the worst"
    );
    assert!(top_k(&scores, &[1, 2], 0).is_empty());
}

#[test]
fn what_is_not_a_number_is_never_learnt() {
    let mut head = GatingHead::new(2, 3, GatingConfig::default(), &mut rng(7));
    let before = head.clone();
    let refused = head.train(&[0, 1], &[f32::NAN, 0.0], &[1.0, 0.0]);
    assert!(matches!(refused, Err(GatingError::NotFinite)));
    assert!(matches!(
        head.train(&[7], &[0.0, 0.0], &[1.0]),
        Err(GatingError::UnknownUid { .. })
    ));
    assert!(matches!(
        head.train(&[0, 1], &[0.0, 0.0], &[1.0]),
        Err(GatingError::Rewards { .. })
    ));
    assert!(matches!(head.scores(&[1.0]), Err(GatingError::Dimensions { .. })));
    assert_eq!(head, before);

    let mut same = head.clone();
    head.train(&[0, 1], &[1.0, 2.0], &[f32::NAN, 1.0]).unwrap();
    same.train(&[0, 1], &[1.0, 2.0], &[0.0, 1.0]).unwrap();
    assert_eq!(head, same, "an undefined reward counts as none");
    for _ in 0..100 {
        let loss = head.train(&[0, 1, 2], &[f32::MAX, -f32::MAX], &[1.0, 0.0, f32::INFINITY]);
        assert!(loss.unwrap_or(0.0).is_finite());
    }
    assert!(head.weight().iter().chain(head.bias()).all(|value| value.is_finite()));
}

#[test]
fn a_saved_head_goes_on_learning_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gating.safetensors");
    let config = GatingConfig::default();
    assert!(GatingHead::load(&path, config).unwrap().is_none());
    let mut head = GatingHead::new(5, 3, config, &mut rng(8));
    let step = |head: &mut GatingHead| head.train(&[0, 2], &[0.1, 0.2, 0.3, 0.4, 0.5], &[1.0, 0.0]).unwrap();
    step(&mut head);
    head.save(&path).unwrap();
    let mut loaded = GatingHead::load(&path, config).unwrap().unwrap();
    assert_eq!(loaded, head, "the momentum too");
    step(&mut head);
    step(&mut loaded);
    assert_eq!(loaded, head);
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no temporary file stays"
    );

    let bytes = head.to_bytes().unwrap();
    for length in 0..bytes.len() {
        assert!(GatingHead::from_bytes(&bytes[..length], config).is_err(), "{length}");
    }
    let newer = String::from_utf8_lossy(&bytes).replace(r#""version":"1""#, r#""version":"9""#);
    assert!(newer.contains(r#""version":"9""#));
    let mut changed = bytes.clone();
    let at = bytes
        .windows(13)
        .position(|window| window == br#""version":"1""#)
        .unwrap();
    changed[at + 11] = b'9';
    assert!(matches!(
        GatingHead::from_bytes(&changed, config),
        Err(GatingError::Version { found: 9, known: 1 })
    ));
}

/// Embeds a text as its length and its first letter; tokens are words.
struct Words;

#[async_trait]
impl SentenceEmbedder for Words {
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, ModelFault> {
        let vector = |text: &String| match text.as_str() {
            "one two" => vec![3.0, 0.0],
            "three" => vec![0.0, 5.0],
            _ => vec![1.0, 1.0],
        };
        Ok(texts.iter().map(vector).collect())
    }
}

const WORDS: [&str; 3] = ["one", "two", "three"];

impl WordPieces for Words {
    fn ids(&self, text: &str) -> Result<Vec<u32>, ModelFault> {
        let id = |word: &str| WORDS.iter().position(|known| *known == word).unwrap() as u32;
        Ok(text.split_whitespace().map(id).collect())
    }
    fn decode(&self, ids: &[u32]) -> Result<String, ModelFault> {
        let words: Vec<&str> = ids.iter().map(|id| WORDS[*id as usize]).collect();
        Ok(words.join(" "))
    }
}

#[tokio::test]
async fn a_long_prompt_is_read_window_by_window() {
    let encoder = WindowEncoder::new(Arc::new(Words), Arc::new(Words), 2);
    assert_eq!(encoder.encode("one two three").await.unwrap(), [0.5, 0.5]);
    assert_eq!(encoder.encode("three").await.unwrap(), [0.0, 1.0]);
    let plain = SentenceEncoder(Arc::new(Words));
    assert_eq!(plain.encode("three").await.unwrap(), [0.0, 5.0]);
}

proptest::proptest! {
    #[test]
    fn bytes_nobody_wrote_are_an_error(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
        proptest::prop_assert!(GatingHead::from_bytes(&bytes, GatingConfig::default()).is_err());
    }
}
