//! One test per architecture. Batches and single texts, from tokens and from texts.

use axoneme_scoring::{Head, Input, Pooling, RepeatPenalty, ScoringModel};
use serde_json::Value;

use crate::support::{close, embed, fixture, folder, ids, model, numbers, rows, scoring, texts};

/// Compares rows of results with rows of `expected`, and returns the largest difference.
fn all_close(found: &[Vec<f32>], expected: &Value, tolerance: f32, what: &str) -> f32 {
    let expected = expected.as_array().unwrap();
    assert_eq!(found.len(), expected.len(), "{what}");
    let rows = found.iter().zip(expected);
    rows.map(|(found, expected)| close(found, &numbers(expected), tolerance, what))
        .fold(0.0, f32::max)
}

fn tolerance(fixture: &Value) -> f32 {
    let tolerance = fixture["tolerance"].as_f64().unwrap() as f32;
    assert_eq!(tolerance, 1e-4);
    tolerance
}

async fn classifies(name: &str) {
    let fixture = fixture(name);
    let model = model(name, Head::Classify).await;
    let mut largest = 0f32;
    for case in fixture["cases"].as_array().unwrap() {
        for inputs in [rows(case), texts(case)] {
            let logits = model.logits(inputs).await.unwrap();
            largest = largest.max(all_close(
                &logits,
                &case["expected"]["logits"],
                tolerance(&fixture),
                name,
            ));
        }
    }
    assert_eq!(model.width(), model.labels().len());
    println!("{name}: largest difference {largest:e}");
}

async fn embeds(name: &str) {
    let fixture = fixture(name);
    let service = scoring();
    let plain = service.load(&folder(name), embed(Pooling::Mean, false)).await.unwrap();
    let unit = service.load(&folder(name), embed(Pooling::Mean, true)).await.unwrap();
    let mut largest = 0f32;
    for case in fixture["cases"].as_array().unwrap() {
        let expected = &case["expected"];
        for inputs in [rows(case), texts(case)] {
            let vectors = plain.embed(inputs.clone()).await.unwrap();
            largest = largest.max(all_close(&vectors, &expected["mean_pooled"], tolerance(&fixture), name));
            let vectors = unit.embed(inputs).await.unwrap();
            largest = largest.max(all_close(&vectors, &expected["normalised"], tolerance(&fixture), name));
        }
    }
    println!("{name}: largest difference {largest:e}");
}

#[tokio::test]
async fn bert_sequence_classification() {
    classifies("bert-sequence-classification").await;
}

#[tokio::test]
async fn roberta_sequence_classification() {
    classifies("roberta-sequence-classification").await;
    embeds("roberta-sequence-classification").await;
}

#[tokio::test]
async fn distilbert_sequence_classification() {
    classifies("distilbert-sequence-classification").await;
    let name = "distilbert-sequence-classification";
    let (fixture, model) = (fixture(name), model(name, embed(Pooling::Cls, false)).await);
    for case in fixture["cases"].as_array().unwrap() {
        let states = model.embed(rows(case)).await.unwrap();
        all_close(
            &states,
            &case["expected"]["hidden_first_token"],
            tolerance(&fixture),
            name,
        );
    }
}

#[tokio::test]
async fn modernbert_sequence_classification() {
    classifies("modernbert-sequence-classification").await;
    let name = "modernbert-sequence-classification";
    let (fixture, model) = (fixture(name), model(name, embed(Pooling::Mean, false)).await);
    for case in fixture["cases"].as_array().unwrap() {
        let states = model.embed(rows(case)).await.unwrap();
        all_close(&states, &case["expected"]["mean_pooled"], tolerance(&fixture), name);
    }
}

#[tokio::test]
async fn bert_mean_pooling() {
    embeds("bert-mean-pooling").await;
}

#[tokio::test]
async fn mpnet_mean_pooling() {
    embeds("mpnet-mean-pooling").await;
}

#[tokio::test]
async fn deberta_v2_sequence_classification() {
    let name = "deberta-v2-sequence-classification";
    let (fixture, model) = (fixture(name), model(name, Head::Classify).await);
    let mut largest = 0f32;
    for case in fixture["cases"].as_array().unwrap() {
        let pairs = case["pairs"].as_array().unwrap().iter();
        let pairs: Vec<Input> = pairs
            .map(|pair| Input::Pair(pair[0].as_str().unwrap().into(), pair[1].as_str().unwrap().into()))
            .collect();
        for inputs in [rows(case), pairs] {
            let logits = model.logits(inputs).await.unwrap().concat();
            let expected = numbers(&case["expected"]["logits"]);
            largest = largest.max(close(&logits, &expected, tolerance(&fixture), name));
        }
    }
    println!("{name}: largest difference {largest:e}");
}

#[tokio::test]
async fn gptj_value_head() {
    let name = "gptj-value-head";
    let (fixture, model) = (fixture(name), model(name, Head::Values).await);
    let mut largest = 0f32;
    for case in fixture["cases"].as_array().unwrap() {
        let expected = &case["expected"];
        let (all, mask) = (ids(&case["input_ids"]), ids(&case["attention_mask"]));
        let first_end = usize::try_from(expected["first_pad_index"].as_u64().unwrap()).unwrap();
        let visible = mask.iter().filter(|visible| **visible == 1).count();
        let text = case["wrapped"]
            .as_str()
            .unwrap()
            .replace("TEXT", case["text"].as_str().unwrap());
        for input in [Input::Ids(all[..visible].to_vec()), Input::Text(text)] {
            let values = model.values(vec![input]).await.unwrap().remove(0);
            assert_eq!(values.len(), visible);
            let wanted = numbers(&expected["values"]);
            largest = largest.max(close(
                &values[..first_end],
                &wanted[..first_end],
                tolerance(&fixture),
                name,
            ));
            let end_score = numbers(&expected["end_score"]);
            close(&values[first_end - 1..first_end], &end_score, tolerance(&fixture), name);
        }
    }
    println!("{name}: largest difference {largest:e}");
}

async fn reads_last_token(name: &str, text: impl Fn(&Value) -> String, wanted: &str) -> (ScoringModel, f32) {
    let (fixture, model) = (fixture(name), model(name, Head::Classify).await);
    let mut largest = 0f32;
    for case in fixture["cases"].as_array().unwrap() {
        for input in [Input::Ids(ids(&case["input_ids"])), Input::Text(text(case))] {
            let logits = model.logits(vec![input]).await.unwrap().remove(0);
            let expected = numbers(&case["expected"][wanted]);
            largest = largest.max(close(&logits, &expected, tolerance(&fixture), name));
        }
    }
    println!("{name}: largest difference {largest:e}");
    (model, largest)
}

#[tokio::test]
async fn gptj_sequence_classification() {
    let name = "gptj-sequence-classification";
    let text = |case: &Value| {
        let template = case["template"].as_str().unwrap();
        let prompt = template.replace("PROMPT", case["prompt"].as_str().unwrap());
        prompt.replace("COMPLETION", case["completion"].as_str().unwrap())
    };
    reads_last_token(name, text, "model_output").await;
    // The same score at every position, as a value head would give it.
    let (fixture, values) = (fixture(name), model(name, Head::Values).await);
    for case in fixture["cases"].as_array().unwrap() {
        let found = values.values(vec![Input::Ids(ids(&case["input_ids"]))]).await.unwrap();
        close(
            &found[0],
            &numbers(&case["expected"]["score_per_position"]),
            tolerance(&fixture),
            name,
        );
    }
}

#[tokio::test]
async fn qwen3_sequence_classification() {
    let name = "qwen3-sequence-classification";
    reads_last_token(name, |case| case["text"].as_str().unwrap().to_owned(), "logit").await;
    let (fixture, states) = (fixture(name), model(name, embed(Pooling::Last, false)).await);
    for case in fixture["cases"].as_array().unwrap() {
        let found = states.embed(vec![Input::Ids(ids(&case["input_ids"]))]).await.unwrap();
        close(
            &found[0],
            &numbers(&case["expected"]["hidden_last_token"]),
            tolerance(&fixture),
            name,
        );
    }
}

#[tokio::test]
async fn gpt_neo_last_token() {
    let name = "gpt-neo-last-token";
    let fixture = fixture(name);
    let service = scoring();
    let last = service.load(&folder(name), embed(Pooling::Last, false)).await.unwrap();
    let first = service.load(&folder(name), embed(Pooling::Cls, false)).await.unwrap();
    let mut largest = 0f32;
    for case in fixture["cases"].as_array().unwrap() {
        for input in [
            Input::Ids(ids(&case["input_ids"])),
            case["text"].as_str().unwrap().into(),
        ] {
            let expected = &case["expected"];
            let state = last.embed(vec![input.clone()]).await.unwrap().remove(0);
            largest = largest.max(close(
                &state,
                &numbers(&expected["last_token_state"]),
                tolerance(&fixture),
                name,
            ));
            let state = first.embed(vec![input]).await.unwrap().remove(0);
            largest = largest.max(close(
                &state,
                &numbers(&expected["first_token_state"]),
                tolerance(&fixture),
                name,
            ));
        }
    }
    println!("{name}: largest difference {largest:e}");
}

async fn log_probs(name: &str) {
    let (fixture, model) = (fixture(name), model(name, Head::LogProb).await);
    let mut largest = 0f32;
    for case in fixture["cases"].as_array().unwrap() {
        let text = |field: &str| case[field].as_str().unwrap().to_owned();
        let kinds = [
            (RepeatPenalty::Off, "mean_logprob"),
            (RepeatPenalty::Reference, "mean_logprob_with_repeat_penalty"),
        ];
        for (repeat, wanted) in kinds {
            let scores = model
                .mean_log_prob(text("prompt"), vec![text("completion")], repeat)
                .await
                .unwrap();
            largest = largest.max(close(
                &scores,
                &numbers(&case["expected"][wanted]),
                tolerance(&fixture),
                name,
            ));
        }
    }
    println!("{name}: largest difference {largest:e}");
}

#[tokio::test]
async fn llama_log_probabilities() {
    log_probs("llama-logprob").await;
}

#[tokio::test]
async fn qwen3_log_probabilities() {
    log_probs("qwen3-logprob").await;
}
