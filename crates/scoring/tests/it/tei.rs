//! A small server that speaks the HTTP interface of text-embeddings-inference, over real models.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axoneme_scoring::{Input, ScoringModel};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use parking_lot::Mutex;
use serde_json::{Value, json};

pub const BATCH: usize = 4;

/// How the server misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manners {
    Good,
    /// So many requests are answered with this status first.
    Fails(usize, u16),
    /// One result too few.
    Forgets,
    /// A null where a number belongs, as JSON writes what is no number.
    NotANumber,
    /// Vectors of different lengths.
    Ragged,
    /// Headers, then nothing for a long time.
    Slow,
    /// Something that is no JSON.
    Html,
}

pub struct Server {
    model: ScoringModel,
    kind: &'static str,
    manners: Manners,
    pub requests: AtomicUsize,
    pub batches: Mutex<Vec<usize>>,
    pub keys: Mutex<Vec<Option<String>>>,
}

/// Starts a server and returns its address.
pub async fn serve(model: ScoringModel, kind: &'static str, manners: Manners) -> (String, Arc<Server>) {
    let server = Arc::new(Server {
        model,
        kind,
        manners,
        requests: AtomicUsize::new(0),
        batches: Mutex::new(Vec::new()),
        keys: Mutex::new(Vec::new()),
    });
    let router = Router::new()
        .route("/info", get(info))
        .route("/embed", post(embed))
        .route("/predict", post(predict))
        .route("/rerank", post(rerank))
        .with_state(server.clone());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, server)
}

fn refusal(status: u16, error: &str, kind: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    (status, Json(json!({"error": error, "error_type": kind}))).into_response()
}

async fn info(State(server): State<Arc<Server>>) -> Json<Value> {
    let labels = server.model.labels().iter().enumerate();
    let labels: serde_json::Map<String, Value> =
        labels.map(|(index, label)| (index.to_string(), json!(label))).collect();
    let kind = match server.kind {
        "embedding" => json!({"embedding": {"pooling": "mean"}}),
        kind => json!({kind: {"id2label": labels, "label2id": {}}}),
    };
    Json(json!({
        "model_id": "tests/tiny", "model_sha": "0123", "model_dtype": "float32", "model_type": kind,
        "max_concurrent_requests": 512, "max_input_length": server.model.max_tokens(), "max_batch_tokens": 16384,
        "max_batch_requests": null, "max_client_batch_size": BATCH, "auto_truncate": false,
        "tokenization_workers": 4, "version": "1.8.2",
    }))
}

impl Server {
    /// What comes before any work: misbehaviour, and the limits a real server has.
    async fn admit(&self, headers: &HeaderMap, count: usize) -> Option<Response> {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        self.batches.lock().push(count);
        let key = headers.get("authorization").map(|key| key.to_str().unwrap().to_owned());
        self.keys.lock().push(key);
        match self.manners {
            Manners::Fails(times, status) if number < times => {
                return Some(refusal(status, "Model is overloaded", "Overloaded"));
            }
            Manners::Slow => tokio::time::sleep(Duration::from_secs(60)).await,
            Manners::Html => return Some("<html>hello</html>".into_response()),
            _ => {}
        }
        if count > BATCH {
            let error = format!("batch size {count} > maximum allowed batch size {BATCH}");
            return Some(refusal(413, &error, "Validation"));
        }
        None
    }

    fn spoil(&self, rows: &mut Vec<Value>) {
        match self.manners {
            Manners::Forgets => {
                rows.pop();
            }
            Manners::NotANumber => match &mut rows[0] {
                Value::Array(numbers) if numbers[0].is_number() => numbers[0] = Value::Null,
                Value::Array(scores) => scores[0]["score"] = Value::Null,
                rank => rank["score"] = Value::Null,
            },
            Manners::Ragged => {
                rows[0].as_array_mut().unwrap().pop();
            }
            _ => {}
        }
    }
}

async fn embed(State(server): State<Arc<Server>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let inputs: Vec<Input> = match &body["inputs"] {
        Value::String(text) => vec![text.as_str().into()],
        Value::Array(inputs) => inputs
            .iter()
            .map(|input| match input.as_str() {
                Some(text) => text.into(),
                None => Input::Ids(serde_json::from_value(input.clone()).unwrap()),
            })
            .collect(),
        _ => return refusal(422, "`inputs` is wrong", "Validation"),
    };
    if let Some(refused) = server.admit(&headers, inputs.len()).await {
        return refused;
    }
    match server.model.embed(inputs).await {
        Ok(vectors) => {
            let mut rows = vectors.into_iter().map(|vector| json!(vector)).collect();
            server.spoil(&mut rows);
            Json(rows).into_response()
        }
        Err(error) => refusal(424, &error.to_string(), "Backend"),
    }
}

/// Largest first, as the real server answers.
fn sorted(mut scores: Vec<Value>) -> Vec<Value> {
    scores.sort_by(|left, right| {
        right["score"]
            .as_f64()
            .unwrap()
            .total_cmp(&left["score"].as_f64().unwrap())
    });
    scores
}

async fn predict(State(server): State<Arc<Server>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let Ok(inputs) = serde_json::from_value::<Vec<Vec<String>>>(body["inputs"].clone()) else {
        return refusal(422, "`inputs` must be a batch", "Validation");
    };
    if body["raw_scores"] != true {
        return refusal(400, "this server gives raw scores", "Validation");
    }
    if let Some(refused) = server.admit(&headers, inputs.len()).await {
        return refused;
    }
    let inputs = inputs.into_iter().map(|mut texts| match texts.len() {
        1 => Input::Text(texts.remove(0)),
        _ => Input::Pair(texts.remove(0), texts.remove(0)),
    });
    match server.model.logits(inputs.collect()).await {
        Ok(logits) => {
            let labelled = |logits: Vec<f32>| {
                let scores = logits.iter().zip(server.model.labels());
                json!(sorted(
                    scores
                        .map(|(score, label)| json!({"score": score, "label": label}))
                        .collect()
                ))
            };
            let mut rows = logits.into_iter().map(labelled).collect();
            server.spoil(&mut rows);
            Json(rows).into_response()
        }
        Err(error) => refusal(424, &error.to_string(), "Backend"),
    }
}

async fn rerank(State(server): State<Arc<Server>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let texts: Vec<String> = serde_json::from_value(body["texts"].clone()).unwrap();
    if let Some(refused) = server.admit(&headers, texts.len()).await {
        return refused;
    }
    let query = body["query"].as_str().unwrap();
    let pairs = texts
        .into_iter()
        .map(|text| Input::Pair(query.to_owned(), text))
        .collect();
    match server.model.logits(pairs).await {
        Ok(logits) => {
            let ranks = logits
                .iter()
                .enumerate()
                .map(|(index, logits)| json!({"index": index, "score": logits[0]}));
            let mut rows = sorted(ranks.collect());
            server.spoil(&mut rows);
            Json(rows).into_response()
        }
        Err(error) => refusal(424, &error.to_string(), "Backend"),
    }
}
