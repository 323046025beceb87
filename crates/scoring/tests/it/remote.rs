//! The remote backend gives the numbers of the models behind it, or an error.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axoneme_scoring::{Head, Input, Pooling, Remote, RemoteConfig, ScoringError};

use crate::support::{embed, model};
use crate::tei::{BATCH, Manners, serve};

const CLASSIFIER: &str = "roberta-sequence-classification";
const RERANKER: &str = "deberta-v2-sequence-classification";
const ENCODER: &str = "bert-mean-pooling";

fn texts() -> Vec<Input> {
    (0..11)
        .map(|number| Input::Text(format!("dogs run {} times", number % 9)))
        .collect()
}

fn pairs() -> Vec<Input> {
    (0..11)
        .map(|number| Input::Pair(format!("what is {}?", number % 2), format!("it is {}", number % 7)))
        .collect()
}

fn config(url: String) -> RemoteConfig {
    RemoteConfig {
        deadline: Duration::from_secs(20),
        ..RemoteConfig::new(url)
    }
}

fn same(found: &[Vec<f32>], expected: &[Vec<f32>]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
        assert!((found - expected).abs() < 1e-6, "{found}, {expected}");
    }
}

#[tokio::test]
async fn a_classifier_on_a_server_gives_the_logits_it_gives_here() {
    let local = model(CLASSIFIER, Head::Classify).await;
    let (url, server) = serve(local.clone(), "classifier", Manners::Good).await;
    let remote = Remote::connect(RemoteConfig {
        api_key: Some("secret".into()),
        ..config(url)
    })
    .await
    .unwrap();
    assert_eq!(remote.labels(), local.labels());
    assert_eq!(remote.max_tokens(), local.max_tokens());
    same(
        &remote.logits(texts()).await.unwrap(),
        &local.logits(texts()).await.unwrap(),
    );
    same(
        &remote.logits(pairs()).await.unwrap(),
        &local.logits(pairs()).await.unwrap(),
    );
    // Nine and eleven distinct ones, and never more at once than the server takes.
    let batches = server.batches.lock().clone();
    assert!(batches.iter().all(|count| *count <= BATCH), "{batches:?}");
    assert_eq!(batches.iter().sum::<usize>(), 9 + 11);
    assert!(
        server
            .keys
            .lock()
            .iter()
            .all(|key| key.as_deref() == Some("Bearer secret"))
    );
    assert!(remote.embed(texts(), true).await.is_err());
    assert!(remote.logits(Vec::new()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_reranker_on_a_server_gives_the_logits_it_gives_here() {
    let local = model(RERANKER, Head::Classify).await;
    let (url, server) = serve(local.clone(), "reranker", Manners::Good).await;
    let remote = Remote::connect(config(url)).await.unwrap();
    same(
        &remote.logits(pairs()).await.unwrap(),
        &local.logits(pairs()).await.unwrap(),
    );
    assert!(server.batches.lock().iter().all(|count| *count <= BATCH));
    let error = remote.logits(texts()).await.unwrap_err();
    assert!(error.to_string().contains("pairs of a query and a text"), "{error}");
}

#[tokio::test]
async fn an_encoder_on_a_server_gives_the_vectors_it_gives_here() {
    let local = model(ENCODER, embed(Pooling::Mean, true)).await;
    let (url, _) = serve(local.clone(), "embedding", Manners::Good).await;
    let remote = Remote::connect(config(url)).await.unwrap();
    let inputs = [texts(), vec![Input::Ids(vec![2, 9, 3])]].concat();
    same(
        &remote.embed(inputs.clone(), true).await.unwrap(),
        &local.embed(inputs).await.unwrap(),
    );
    assert!(remote.logits(texts()).await.is_err());
}

#[tokio::test]
async fn a_busy_server_is_asked_again() {
    for status in [429, 503] {
        let local = model(CLASSIFIER, Head::Classify).await;
        let (url, server) = serve(local.clone(), "classifier", Manners::Fails(3, status)).await;
        let remote = Remote::connect(config(url)).await.unwrap();
        same(
            &remote.logits(texts()).await.unwrap(),
            &local.logits(texts()).await.unwrap(),
        );
        assert_eq!(server.requests.load(Ordering::SeqCst), 3 + 3);
    }
}

#[tokio::test]
async fn a_server_that_stays_busy_or_silent_fails_at_the_deadline() {
    for (manners, part) in [
        (Manners::Fails(usize::MAX, 429), "Model is overloaded (Overloaded)"),
        (Manners::Slow, "within the deadline"),
    ] {
        let (url, _) = serve(model(CLASSIFIER, Head::Classify).await, "classifier", manners).await;
        let remote = Remote::connect(RemoteConfig {
            deadline: Duration::from_millis(700),
            ..config(url)
        })
        .await
        .unwrap();
        let error = remote.logits(texts()).await.unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn an_error_that_stays_is_not_asked_for_twice() {
    let (url, server) = serve(
        model(CLASSIFIER, Head::Classify).await,
        "classifier",
        Manners::Fails(1, 422),
    )
    .await;
    let remote = Remote::connect(config(url)).await.unwrap();
    let error = remote.logits(vec!["a".into()]).await.unwrap_err();
    assert!(
        matches!(&error, ScoringError::Remote { reason, .. } if reason.contains("422")),
        "{error}"
    );
    assert_eq!(server.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn answers_that_cannot_be_right_are_errors() {
    for (manners, part) in [
        (Manners::Forgets, "results"),
        (Manners::NotANumber, "no number"),
        (Manners::Html, "no JSON"),
    ] {
        let (url, _) = serve(model(CLASSIFIER, Head::Classify).await, "classifier", manners).await;
        let error = Remote::connect(config(url))
            .await
            .unwrap()
            .logits(texts())
            .await
            .unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        let (url, _) = serve(model(RERANKER, Head::Classify).await, "reranker", manners).await;
        let error = Remote::connect(config(url))
            .await
            .unwrap()
            .logits(pairs())
            .await
            .unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
    for (manners, part) in [
        (Manners::Forgets, "results"),
        (Manners::NotANumber, "no number"),
        (Manners::Ragged, "different lengths"),
    ] {
        let (url, _) = serve(model(ENCODER, embed(Pooling::Mean, true)).await, "embedding", manners).await;
        let error = Remote::connect(config(url))
            .await
            .unwrap()
            .embed(texts(), true)
            .await
            .unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_or_is_something_else_says_so() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let gone = RemoteConfig {
        deadline: Duration::from_millis(400),
        ..config(url.clone())
    };
    let error = Remote::connect(gone).await.map(|_| ()).unwrap_err();
    assert!(error.to_string().contains(&url), "{error}");
    let error = Remote::connect(config("ftp://a".into())).await.map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("http://"), "{error}");
}
