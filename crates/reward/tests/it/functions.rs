//! The reward functions on models whose answers are given.

use std::sync::Arc;

use axoneme_reward::functions::{Dahoas, PairFormat, Reciprocate, Rlhf, shifted_difference};
use axoneme_reward::{ModelInput, RewardFunction, Task};

use crate::support::{Ruled, close, list, number, numbers, vectors};

fn task(base_text: &str) -> Task {
    Task::new("answer0", base_text, vec![])
}

fn own(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn rlhf_reads_text_and_completion_as_a_pair_and_takes_the_one_logit() {
    let model = Arc::new(Ruled::new(|input: &ModelInput| match input {
        ModelInput::Pair(prompt, completion) => vec![(prompt.len() * 100 + completion.len()) as f32],
        _ => vec![],
    }));
    let rlhf = Rlhf::new(model.clone());
    assert_eq!(rlhf.name(), "rlhf_reward_model");
    let scores = rlhf.score(&task("text"), &own(&["one", "three"])).await.unwrap();
    assert_eq!(scores.raw, [403.0, 405.0]);
    assert!(rlhf.score(&task("text"), &[]).await.unwrap().raw.is_empty());
    assert_eq!(model.asked.lock().len(), 2, "no completions, no question");
}

#[tokio::test]
async fn reciprocate_writes_the_markers_its_model_knows() {
    for (tokens, format, expected) in [
        (
            vec!["<|prompter|>", "<|assistant|>", "</s>", "<|endoftext|>"],
            PairFormat::OpenAssistant,
            "<|prompter|>p</s><|assistant|>c</s><|endoftext|>",
        ),
        (
            vec!["<|im_start|>", "<|im_end|>"],
            PairFormat::Chat,
            "<|im_start|>user\np<|im_end|>\n<|im_start|>assistant\nc<|im_end|>\n",
        ),
    ] {
        let mut model = Ruled::new(|_: &ModelInput| vec![0.5]);
        model.tokens = tokens;
        let model = Arc::new(model);
        let reciprocate = Reciprocate::new(model.clone(), PairFormat::Auto);
        assert_eq!(reciprocate.format(), format);
        assert_eq!(reciprocate.score(&task("p"), &own(&["c"])).await.unwrap().raw, [0.5]);
        assert_eq!(*model.asked.lock(), [ModelInput::Text(expected.to_owned())]);
    }
}

#[tokio::test]
async fn reciprocate_cuts_a_long_conversation_at_its_end() {
    let mut model = Ruled::new(|_: &ModelInput| vec![1.0]);
    model.tokens = vec!["<|prompter|>"];
    model.most = Some(4);
    let model = Arc::new(model);
    let reciprocate = Reciprocate::new(model.clone(), PairFormat::OpenAssistant);
    reciprocate.score(&task("abc"), &own(&["never seen"])).await.unwrap();
    let expected = [1_000_000, 'a' as u32, 'b' as u32, 'c' as u32];
    assert_eq!(*model.asked.lock(), [ModelInput::Ids(expected.to_vec())]);
}

/// A value model whose value at a position is the number of characters up to it.
fn counting() -> Ruled<impl Fn(&ModelInput) -> Vec<f32> + Send + Sync> {
    let mut model = Ruled::new(|input: &ModelInput| match input {
        ModelInput::Ids(ids) => (1..=ids.len()).map(|count| count as f32).collect(),
        _ => vec![],
    });
    model.tokens = vec!["<|endoftext|>"];
    model
}

/// Defect 6: the network's first validators scored single characters and then failed.
#[tokio::test]
async fn dahoas_is_the_score_of_text_and_completion_less_that_of_the_completion() {
    let dahoas = Dahoas::new(Arc::new(counting()));
    let start = "<|startoftext|>".len() as f64;
    let scores = dahoas.scores(&own(&["abc", "", "ab<|endoftext|>cdef"])).await.unwrap();
    assert_eq!(
        scores,
        [start + 3.0, start, start + 2.0],
        "read at the token before the first end token"
    );
    let raw = dahoas
        .score(&task("prompt"), &own(&["one", "twenty"]))
        .await
        .unwrap()
        .raw;
    assert_eq!(raw, [6.0, 6.0]);
}

#[tokio::test]
async fn dahoas_reads_a_text_without_end_token_at_its_last_one_and_no_more_than_the_model_can() {
    let mut model = counting();
    model.tokens.clear();
    let whole = "<|startoftext|>abc<|endoftext|>".len() as f64;
    assert_eq!(
        Dahoas::new(Arc::new(model)).scores(&own(&["abc"])).await.unwrap(),
        [whole]
    );
    let mut model = counting();
    model.most = Some(5);
    assert_eq!(
        Dahoas::new(Arc::new(model)).scores(&own(&["abc"])).await.unwrap(),
        [5.0]
    );
}

#[tokio::test]
async fn the_core_validators_difference_is_shifted_and_cut_off_at_zero() {
    for case in list(&vectors("core_validator")["reward_difference"]) {
        let (full, alone) = (numbers(&case["full_reward"]), numbers(&case["completion_reward"]));
        for ((full, alone), expected) in full.iter().zip(&alone).zip(numbers(&case["difference"])) {
            close(
                shifted_difference(*full, *alone, number(&case["shift"])),
                expected,
                &case.to_string(),
            );
        }
    }
    assert!(shifted_difference(f64::NAN, 0.0, 3.0).is_nan());
    let dahoas = Dahoas::new(Arc::new(counting()));
    let got = dahoas.shifted("hi\n", &own(&["abc"]), 3.0).await.unwrap();
    assert_eq!(got, ["Question: hi\nAnswer: ".len() as f64]);
}

#[tokio::test]
async fn a_model_that_answers_for_another_number_of_texts_is_an_error() {
    use async_trait::async_trait;
    use axoneme_reward::{ModelFault, TextClassifier};
    struct Short;
    #[async_trait]
    impl TextClassifier for Short {
        async fn logits(&self, _: Vec<ModelInput>) -> Result<Vec<Vec<f32>>, ModelFault> {
            Ok(vec![vec![1.0]])
        }
        fn labels(&self) -> Vec<String> {
            vec![]
        }
        fn ids(&self, _: &str) -> Result<Option<Vec<u32>>, ModelFault> {
            Ok(None)
        }
        fn max_tokens(&self) -> Option<usize> {
            None
        }
        fn has_token(&self, _: &str) -> bool {
            false
        }
    }
    let model = Arc::new(Short);
    assert!(
        Rlhf::new(model.clone())
            .score(&task("p"), &own(&["a", "b"]))
            .await
            .is_err()
    );
    let reciprocate = Reciprocate::new(model, PairFormat::Auto);
    assert!(reciprocate.score(&task("p"), &own(&["a", "b"])).await.is_err());
}
