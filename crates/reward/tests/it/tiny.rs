//! The functions over the scoring service, on tiny models of every architecture they are made for, against what the
//! reference implementations of these compute (1e-4, absolute).

use std::path::PathBuf;
use std::sync::Arc;

use axoneme_reward::functions::{Dahoas, Dpo, PairFormat, Reciprocate, Rlhf};
use axoneme_reward::masks::{Nsfw, NsfwRule, Relevance};
use axoneme_reward::{Mask, ModelInput, RepeatPenalty, RewardFunction, SentenceEmbedder, Task, TextClassifier};
use axoneme_scoring::{DeviceChoice, Head, Pooling, Scoring, ScoringConfig, ScoringModel};
use serde_json::Value;

use crate::support::{floats, list, number, text};

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../scoring/tests/models")
        .join(name)
}

async fn model(name: &str, head: Head) -> (ScoringModel, Value) {
    let config = ScoringConfig {
        device: DeviceChoice::Cpu,
        threads: 1,
        tokenisers: 1,
        ..ScoringConfig::default()
    };
    let scoring = Scoring::start(config).unwrap();
    let cases = std::fs::read_to_string(folder(name).join("io.json")).unwrap();
    let model = scoring.load(&folder(name), head).await.unwrap();
    (model, serde_json::from_str(&cases).unwrap())
}

#[track_caller]
fn near(got: f64, expected: f64, what: &str) {
    assert!((got - expected).abs() < 1e-4, "{what}: {got} instead of {expected}");
}

async fn score_one(function: &impl RewardFunction, base_text: &str, completion: &str) -> f64 {
    let task = Task::new("answer0", base_text, vec![]);
    function.score(&task, &[completion.to_owned()]).await.unwrap().raw[0]
}

#[tokio::test]
async fn rlhf_on_deberta() {
    let (model, file) = model("deberta-v2-sequence-classification", Head::Classify).await;
    let rlhf = Rlhf::new(Arc::new(model));
    let mut count = 0;
    for case in list(&file["cases"]) {
        for (pair, logits) in list(&case["pairs"]).iter().zip(list(&case["expected"]["logits"])) {
            let got = score_one(&rlhf, text(&pair[0]), text(&pair[1])).await;
            near(
                got,
                logits.as_f64().unwrap_or_else(|| number(&logits[0])),
                &pair.to_string(),
            );
            count += 1;
        }
    }
    assert!(count >= 4);
}

#[tokio::test]
async fn reciprocate_on_gpt_j_reads_the_last_token_that_is_not_the_pad_token() {
    let (model, file) = model("gptj-sequence-classification", Head::Classify).await;
    let reciprocate = Reciprocate::new(Arc::new(model), PairFormat::Auto);
    assert_eq!(reciprocate.format(), PairFormat::OpenAssistant);
    for case in list(&file["cases"]) {
        let got = score_one(&reciprocate, text(&case["prompt"]), text(&case["completion"])).await;
        near(
            got,
            number(&case["expected"]["model_output"]),
            text(&case["completion"]),
        );
    }
    // Cut to the 128 tokens that the model can read, where no end token is left.
    let got = score_one(&reciprocate, &"a long text ".repeat(50), "x").await;
    assert!(got.is_finite());
}

#[tokio::test]
async fn reciprocate_on_qwen3_reads_a_chat_at_its_last_token() {
    let (model, file) = model("qwen3-sequence-classification", Head::Classify).await;
    let reciprocate = Reciprocate::new(Arc::new(model), PairFormat::Auto);
    assert_eq!(reciprocate.format(), PairFormat::Chat);
    for case in list(&file["cases"]) {
        let (prompt, completion) = (text(&case["prompt"]), text(&case["completion"]));
        assert_eq!(PairFormat::Chat.compose(prompt, completion), text(&case["text"]));
        let got = score_one(&reciprocate, prompt, completion).await;
        near(got, number(&case["expected"]["logit"]), completion);
    }
}

#[tokio::test]
async fn dahoas_on_gpt_j_reads_the_value_before_the_first_end_token() {
    let (model, file) = model("gptj-value-head", Head::Values).await;
    let dahoas = Dahoas::new(Arc::new(model));
    let mut scores = Vec::new();
    for case in list(&file["cases"]) {
        let got = dahoas.scores(&[text(&case["text"]).to_owned()]).await.unwrap()[0];
        near(got, number(&case["expected"]["end_score"]), text(&case["text"]));
        scores.push(got);
    }
    let alone = dahoas.scores(&["The capital is Austin.".to_owned()]).await.unwrap()[0];
    let got = score_one(&dahoas, "What is the capital of Texas?", "The capital is Austin.").await;
    near(got, scores[0] - alone, "with the text less without");
}

#[tokio::test]
async fn dpo_on_llama_and_qwen3() {
    for name in ["llama-logprob", "qwen3-logprob"] {
        let (model, file) = model(name, Head::LogProb).await;
        let model = Arc::new(model);
        for case in list(&file["cases"]) {
            let (prompt, completion) = (text(&case["prompt"]), text(&case["completion"]));
            if completion.chars().count() <= 5 {
                continue;
            }
            for (repeat, field) in [
                (RepeatPenalty::Off, "mean_logprob"),
                (RepeatPenalty::Reference, "mean_logprob_with_repeat_penalty"),
            ] {
                let got = score_one(&Dpo::new(model.clone(), repeat), prompt, completion).await;
                near(got, number(&case["expected"][field]), &format!("{name} {completion}"));
            }
        }
    }
}

#[tokio::test]
async fn unsafe_text_by_roberta_and_distilbert_reads_the_two_logits() {
    for name in ["roberta-sequence-classification", "distilbert-sequence-classification"] {
        let (model, file) = model(name, Head::Classify).await;
        let model: Arc<dyn TextClassifier> = Arc::new(model);
        for case in list(&file["cases"]) {
            for (sample, logits) in list(&case["texts"]).iter().zip(list(&case["expected"]["logits"])) {
                let logits = floats(logits);
                let task = Task::new("augment", "", vec![]);
                let completions = [text(sample).to_owned()];
                let by_bound = Nsfw::new(model.clone(), &NsfwRule::Reference).unwrap();
                let judged = by_bound.judge(&task, &completions).await.unwrap();
                let score = f64::from(-logits[0]).max(f64::from(logits[1]));
                near(judged.extras[0].values[0].as_f64().unwrap(), score, text(sample));
                let by_label = NsfwRule::Label {
                    label: "LABEL_1".to_owned(),
                    threshold: 0.5,
                };
                let judged = Nsfw::new(model.clone(), &by_label)
                    .unwrap()
                    .judge(&task, &completions)
                    .await
                    .unwrap();
                let share = 1.0 / (1.0 + f64::from(logits[0] - logits[1]).exp());
                near(judged.extras[0].values[0].as_f64().unwrap(), share, text(sample));
            }
        }
    }
}

#[tokio::test]
async fn a_long_text_is_judged_chunk_by_chunk() {
    let (model, _) = model("distilbert-sequence-classification", Head::Classify).await;
    assert_eq!(TextClassifier::max_tokens(&model), Some(64));
    let long = "what is the capital of texas ? ".repeat(20);
    let ids = TextClassifier::ids(&model, &long).unwrap().unwrap();
    assert!(ids.len() > 128);
    let chunks = ids.chunks(64).map(|chunk| ModelInput::Ids(chunk.to_vec())).collect();
    let logits = TextClassifier::logits(&model, chunks).await.unwrap();
    let worst = logits.iter().map(|logits| f64::from((-logits[0]).max(logits[1])));
    let mask = Nsfw::new(Arc::new(model), &NsfwRule::Reference).unwrap();
    let judged = mask.judge(&Task::new("augment", "", vec![]), &[long]).await.unwrap();
    let got = judged.extras[0].values[0].as_f64().unwrap();
    near(got, worst.fold(f64::NEG_INFINITY, f64::max), "the worst of all chunks");
}

#[tokio::test]
async fn relevance_on_mpnet_and_bert() {
    let head = |windows| Head::Embed {
        pooling: Pooling::Mean,
        normalise: true,
        windows,
    };
    let (mpnet, _) = model("mpnet-mean-pooling", head(false)).await;
    let (bert, _) = model("bert-mean-pooling", head(true)).await;
    let base = "what is the capital of texas ?".to_owned();
    let long = "dogs run very fast at night . ".repeat(30);
    let completions = [base.clone(), "a".to_owned(), long.clone()];
    let mask = Relevance::new(Arc::new(mpnet.clone()), Relevance::DEFAULT_BOUND)
        .with_distance(Arc::new(bert.clone()), Relevance::DEFAULT_DISTANCE_BOUND);
    let judged = mask
        .judge(&Task::new("augment", base.clone(), vec![]), &completions)
        .await
        .unwrap();
    near(
        judged.extras[0].values[0].as_f64().unwrap(),
        0.0,
        "no distance to itself",
    );
    near(judged.extras[1].values[0].as_f64().unwrap(), 1.0, "cosine with itself");
    assert_eq!(judged.factor[0], 1.0);
    assert!(judged.extras[0].values[1].as_f64().unwrap() < -0.01);
    // A long text is read in windows, each at length 1, and the mean of them is not scaled again.
    let vector = SentenceEmbedder::embed(&bert, vec![long, base]).await.unwrap();
    let length = |vector: &[f32]| vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    assert!(length(&vector[0]) < 1.0 + 1e-5);
    assert!((length(&vector[1]) - 1.0).abs() < 1e-5);
}
