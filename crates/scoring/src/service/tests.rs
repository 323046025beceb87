//! The queue, with the thread held so that a test knows what waits.

use std::path::PathBuf;
use std::time::Duration;

use axoneme_llm::DeviceChoice;
use tokio::sync::oneshot;

use super::*;
use crate::{Input, Pooling, RepeatPenalty};

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/models")
        .join(name)
}

fn service(change: impl FnOnce(&mut ScoringConfig)) -> Scoring {
    let mut config = ScoringConfig {
        device: DeviceChoice::Cpu,
        ..ScoringConfig::default()
    };
    change(&mut config);
    Scoring::start(config).unwrap()
}

/// Holds the thread until the result is dropped.
fn hold(scoring: &Scoring) -> oneshot::Sender<()> {
    let (held, until) = oneshot::channel();
    scoring.shared.work.send(Work::Hold(until)).map_err(|_| ()).unwrap();
    held
}

/// Waits until so many inputs are in the queue and tokenised.
async fn until_waiting(scoring: &Scoring, count: u64) {
    for _ in 0..2000 {
        if scoring.stats().waiting == count {
            // The permit is taken before the tokens are made; a round through the pool comes after all of these.
            let (done, wait) = oneshot::channel::<()>();
            scoring.shared.tokenisers.spawn(|| drop(done));
            let _ = wait.await;
            tokio::time::sleep(Duration::from_millis(30)).await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{:?}", scoring.stats());
}

async fn classifier(scoring: &Scoring) -> ScoringModel {
    scoring
        .load(&folder("bert-sequence-classification"), Head::Classify)
        .await
        .unwrap()
}

fn texts(range: std::ops::Range<usize>) -> Vec<Input> {
    range.map(|number| Input::Text(format!("dogs run {number}"))).collect()
}

#[tokio::test]
async fn equal_inputs_of_one_and_of_several_callers_are_scored_once() {
    let scoring = service(|_| {});
    let model = classifier(&scoring).await;
    let expected = model.logits(texts(0..6)).await.unwrap();
    let before = scoring.stats();
    let held = hold(&scoring);
    let ask = |inputs: Vec<Input>| {
        let model = model.clone();
        tokio::spawn(async move { model.logits(inputs).await.unwrap() })
    };
    let (first, second) = (ask([texts(0..4), texts(0..4)].concat()), ask(texts(2..6)));
    until_waiting(&scoring, 12).await;
    drop(held);
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert_eq!(first[..4], expected[..4]);
    assert_eq!(first[4..], expected[..4]);
    assert_eq!(second, expected[2..]);
    let after = scoring.stats();
    assert_eq!(after.scored - before.scored, 6);
    assert_eq!(after.deduplicated - before.deduplicated, 6);
    assert_eq!(after.passes - before.passes, 1);
    assert_eq!(after.waiting, 0);
}

#[tokio::test]
async fn a_batch_holds_as_many_tokens_as_the_budget() {
    let scoring = service(|config| config.batch_tokens = 40);
    let model = classifier(&scoring).await;
    let tokens: Vec<usize> = (0..9)
        .map(|number| {
            model
                .tokenizer()
                .encode(format!("dogs run {number}"), true)
                .unwrap()
                .len()
        })
        .collect();
    assert!(tokens.iter().all(|count| *count == tokens[0]), "{tokens:?}");
    model.logits(texts(0..9)).await.unwrap();
    let per_batch = 40 / tokens[0];
    assert_eq!(scoring.stats().passes, 9usize.div_ceil(per_batch) as u64);
    // One that is over the budget by itself goes alone.
    let long = Input::Text("dogs run very fast at night ".repeat(9));
    model.logits(vec![long]).await.unwrap();
}

#[tokio::test]
async fn an_input_whose_caller_has_gone_is_never_scored() {
    let scoring = service(|_| {});
    let model = classifier(&scoring).await;
    let held = hold(&scoring);
    let gone = {
        let model = model.clone();
        tokio::spawn(async move { model.logits(texts(0..5)).await })
    };
    until_waiting(&scoring, 5).await;
    gone.abort();
    let _ = gone.await;
    let stays = {
        let model = model.clone();
        tokio::spawn(async move { model.logits(texts(10..12)).await.unwrap() })
    };
    drop(held);
    assert_eq!(stays.await.unwrap().len(), 2);
    let stats = scoring.stats();
    assert_eq!((stats.scored, stats.dropped, stats.waiting), (2, 5, 0));
}

#[tokio::test]
async fn more_than_the_queue_holds_is_refused_at_once_and_the_rest_is_served() {
    let scoring = service(|config| config.queue = 10);
    let model = classifier(&scoring).await;
    let held = hold(&scoring);
    let waits = {
        let model = model.clone();
        tokio::spawn(async move { model.logits(texts(0..8)).await.unwrap() })
    };
    until_waiting(&scoring, 8).await;
    let error = model.logits(texts(0..3)).await.unwrap_err();
    assert!(
        matches!(
            error,
            ScoringError::Busy {
                asked: 3,
                waiting: 8,
                limit: 10
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("raise the queue"), "{error}");
    drop(held);
    assert_eq!(waits.await.unwrap().len(), 8);
    assert_eq!(model.logits(texts(0..10)).await.unwrap().len(), 10);
    assert!(matches!(
        model.logits(texts(0..11)).await,
        Err(ScoringError::Busy { .. })
    ));
}

#[tokio::test]
async fn a_model_is_loaded_once_per_head_and_goes_with_its_last_handle() {
    let scoring = service(|_| {});
    let (first, second) = tokio::join!(classifier(&scoring), classifier(&scoring));
    let once = scoring.stats().model_bytes;
    assert!(once > 0);
    let head = Head::Embed {
        pooling: Pooling::Mean,
        normalise: true,
        windows: false,
    };
    let vectors = scoring
        .load(&folder("bert-sequence-classification"), head)
        .await
        .unwrap();
    assert_eq!(scoring.stats().model_bytes, 2 * once);
    drop(first);
    assert_eq!(scoring.stats().model_bytes, 2 * once);
    drop((second, vectors));
    assert_eq!(scoring.stats().model_bytes, 0);
}

#[tokio::test]
async fn a_model_beyond_the_budget_is_refused_before_it_is_read() {
    let scoring = service(|config| config.memory_budget = Some(50_000));
    let result = scoring
        .load(&folder("bert-sequence-classification"), Head::Classify)
        .await;
    let error = result.map(|_| ()).unwrap_err();
    assert!(matches!(error, ScoringError::Memory { .. }), "{error}");
    let small = service(|config| config.memory_budget = Some(150_000));
    let first = classifier(&small).await;
    let folder = folder("roberta-sequence-classification");
    assert!(small.load(&folder, Head::Classify).await.is_err());
    drop(first);
    assert!(
        small.load(&folder, Head::Classify).await.is_err(),
        "156,000 bytes do not fit into 150,000"
    );
}

#[tokio::test]
async fn models_of_all_kinds_share_the_queue() {
    let scoring = service(|_| {});
    let classes = classifier(&scoring).await;
    let language = scoring.load(&folder("qwen3-logprob"), Head::LogProb).await.unwrap();
    let values = scoring.load(&folder("gptj-value-head"), Head::Values).await.unwrap();
    let held = hold(&scoring);
    let completions: Vec<String> = vec!["the capital is austin".into(), "dogs run fast".into()];
    let gone = {
        let (language, completions) = (language.clone(), completions.clone());
        tokio::spawn(async move {
            language
                .mean_log_prob("gone".into(), completions, RepeatPenalty::Off)
                .await
        })
    };
    until_waiting(&scoring, 2).await;
    gone.abort();
    let _ = gone.await;
    drop(held);
    let (logits, scores, numbers) = tokio::join!(
        classes.logits(texts(0..3)),
        language.mean_log_prob("where?".into(), completions, RepeatPenalty::Reference),
        values.values(vec![Input::Ids(vec![1, 2, 3])]),
    );
    assert_eq!(logits.unwrap().len(), 3);
    assert!(scores.unwrap().iter().all(|score| *score < 0.0 && *score > -11.0));
    assert_eq!(numbers.unwrap()[0].len(), 3);
    assert_eq!(scoring.stats().dropped, 2);
}

#[tokio::test]
async fn the_service_ends_when_nobody_holds_it() {
    let scoring = service(|_| {});
    let model = classifier(&scoring).await;
    let watched = Arc::downgrade(&scoring.shared);
    drop(scoring);
    assert_eq!(model.logits(texts(0..1)).await.unwrap().len(), 1);
    drop(model);
    assert!(watched.upgrade().is_none());
}
