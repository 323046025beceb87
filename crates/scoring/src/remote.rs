//! Models on another machine, behind the HTTP interface of text-embeddings-inference.
//!
//! For operators who outgrow one machine. The server says at `/info` what its model is and how much it takes at once;
//! requests are cut to that, equal inputs are sent once, a busy server is asked again later, and what comes back is
//! checked: a server that answers with too few scores or with something that is no number is an error, not a reward.

mod client;
mod info;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::{Input, LongInputs, ScoringError};
use client::Client;
pub use info::{RemoteInfo, RemoteKind};

/// Where a server is and how it is talked to.
#[derive(Clone)]
pub struct RemoteConfig {
    /// Its address, such as `http://10.0.0.7:8080`.
    pub url: String,
    /// Sent as a bearer token.
    pub api_key: Option<String>,
    /// How long one call may take with all its requests and repetitions.
    pub deadline: Duration,
    /// Requests under way at the same time.
    pub concurrent: usize,
    /// What the server is told about inputs that are too long.
    pub long: LongInputs,
}

impl RemoteConfig {
    /// A server with a deadline of 30 seconds, four requests at a time, long inputs cut.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            api_key: None,
            deadline: Duration::from_secs(30),
            concurrent: 4,
            long: LongInputs::Truncate,
        }
    }
}

/// A model on a server. Clones share the connections. It is asked like a [`crate::ScoringModel`].
#[derive(Clone)]
pub struct Remote {
    client: Arc<Client>,
    config: Arc<RemoteConfig>,
    info: Arc<RemoteInfo>,
}

impl Remote {
    /// Asks a server what it is.
    pub async fn connect(config: RemoteConfig) -> Result<Self, ScoringError> {
        let client = Client::new(&config.url, config.api_key.as_deref())?;
        let until = Instant::now() + config.deadline;
        let info = RemoteInfo::read(&client.get("info", until).await?).map_err(|reason| client.error(reason))?;
        tracing::info!(url = %config.url, model = %info.model, kind = ?info.kind, "scoring server found");
        Ok(Self {
            client: Arc::new(client),
            config: Arc::new(config),
            info: Arc::new(info),
        })
    }

    /// What the server said about itself.
    pub fn info(&self) -> &RemoteInfo {
        &self.info
    }

    /// Names of the logits, in their order; a reranker has one without a name of its own.
    pub fn labels(&self) -> &[String] {
        match &self.info.kind {
            RemoteKind::Classifier { labels } | RemoteKind::Reranker { labels } => labels,
            RemoteKind::Embedding => &[],
        }
    }

    /// Tokens of an input at most.
    pub fn max_tokens(&self) -> usize {
        self.info.max_input_length
    }

    /// One number per label for each input, not yet through any softmax or sigmoid: `/predict`, or for a reranker, which
    /// takes pairs of a query and a text, `/rerank`.
    pub async fn logits(&self, inputs: Vec<Input>) -> Result<Vec<Vec<f32>>, ScoringError> {
        match &self.info.kind {
            RemoteKind::Classifier { .. } => self.predict(inputs).await,
            RemoteKind::Reranker { .. } => self.rerank(inputs).await,
            RemoteKind::Embedding => Err(self.client.error("its model makes embeddings and has no logits")),
        }
    }

    /// One vector per input: `/embed`. `normalise` scales them to length 1.
    pub async fn embed(&self, inputs: Vec<Input>, normalise: bool) -> Result<Vec<Vec<f32>>, ScoringError> {
        if self.info.kind != RemoteKind::Embedding {
            return Err(self.client.error("its model makes no embeddings"));
        }
        let input = |index: usize, input: &Input| match input {
            Input::Text(text) => Ok(json!(text)),
            Input::Ids(ids) => Ok(json!(ids)),
            Input::Pair(..) => Err(wrong(index, "a pair has no embedding")),
        };
        let (distinct, places) = distinct(&inputs);
        let bodies = self.chunks(
            &distinct,
            input,
            |inputs| json!({"inputs": inputs, "normalize": normalise, "truncate": self.truncates()}),
        )?;
        let answers = self.post_all("embed", bodies).await?;
        let mut vectors = Vec::new();
        for (count, answer) in answers {
            let rows = self.rows(&answer, count)?;
            for row in rows {
                let vector: Option<Vec<f32>> = row.as_array().map(|row| row.iter().map_while(finite).collect());
                vectors.push(vector.filter(|vector| Some(vector.len()) == row.as_array().map(Vec::len)));
            }
        }
        let vectors: Option<Vec<Vec<f32>>> = vectors.into_iter().collect();
        let vectors = vectors.ok_or_else(|| self.client.error("an embedding has something in it that is no number"))?;
        let width = vectors.first().map_or(0, Vec::len);
        if width == 0 && !vectors.is_empty() || vectors.iter().any(|vector| vector.len() != width) {
            return Err(self.client.error("its embeddings are of different lengths"));
        }
        Ok(places.into_iter().map(|place| vectors[place].clone()).collect())
    }

    async fn predict(&self, inputs: Vec<Input>) -> Result<Vec<Vec<f32>>, ScoringError> {
        let input = |index: usize, input: &Input| match input {
            Input::Text(text) => Ok(json!([text])),
            Input::Pair(first, second) => Ok(json!([first, second])),
            Input::Ids(_) => Err(wrong(index, "a server classifies texts, not tokens")),
        };
        let (distinct, places) = distinct(&inputs);
        let bodies = self.chunks(
            &distinct,
            input,
            |inputs| json!({"inputs": inputs, "raw_scores": true, "truncate": self.truncates()}),
        )?;
        let mut logits = Vec::new();
        for (count, answer) in self.post_all("predict", bodies).await? {
            for row in self.rows(&answer, count)? {
                logits.push(self.by_label(row)?);
            }
        }
        Ok(places.into_iter().map(|place| logits[place].clone()).collect())
    }

    /// Scores come sorted by their size; put them in the order of the labels.
    fn by_label(&self, row: &Value) -> Result<Vec<f32>, ScoringError> {
        let labels = self.labels();
        let scores = row.as_array().filter(|scores| scores.len() == labels.len());
        let scores = scores.ok_or_else(|| self.client.error("a prediction has not one score per label"))?;
        let mut logits = vec![None; labels.len()];
        for score in scores {
            let place = labels.iter().position(|label| score["label"].as_str() == Some(label));
            let place = place.ok_or_else(|| self.client.error(format!("/info names no label {}", score["label"])))?;
            logits[place] = finite(&score["score"]);
        }
        let logits: Option<Vec<f32>> = logits.into_iter().collect();
        logits.ok_or_else(|| self.client.error("a prediction has a score that is no number"))
    }

    async fn rerank(&self, inputs: Vec<Input>) -> Result<Vec<Vec<f32>>, ScoringError> {
        let (distinct, places) = distinct(&inputs);
        let mut queries: Vec<(&str, Vec<(usize, &str)>)> = Vec::new();
        for (index, input) in distinct.iter().enumerate() {
            let Input::Pair(query, text) = input else {
                return Err(wrong(index, "a reranker scores pairs of a query and a text"));
            };
            match queries.iter_mut().find(|(known, _)| known == query) {
                Some((_, texts)) => texts.push((index, text)),
                None => queries.push((query, vec![(index, text)])),
            }
        }
        let (mut bodies, mut asked) = (Vec::new(), Vec::new());
        for (query, texts) in &queries {
            for texts in texts.chunks(self.info.max_client_batch_size) {
                let (indices, texts): (Vec<usize>, Vec<&str>) = texts.iter().copied().unzip();
                let body = json!({"query": query, "texts": texts, "raw_scores": true, "truncate": self.truncates()});
                bodies.push((indices.len(), body));
                asked.push(indices);
            }
        }
        let mut scores: Vec<Option<f32>> = vec![None; distinct.len()];
        for (indices, (count, answer)) in asked.iter().zip(self.post_all("rerank", bodies).await?) {
            for rank in self.rows(&answer, count)? {
                let index = rank["index"].as_u64().and_then(|index| usize::try_from(index).ok());
                let place = index.and_then(|index| indices.get(index));
                let place = place.ok_or_else(|| self.client.error("a rank has an index that was not asked for"))?;
                scores[*place] = finite(&rank["score"]);
            }
        }
        let scores: Option<Vec<f32>> = scores.into_iter().collect();
        let scores = scores.ok_or_else(|| self.client.error("a text has no rank, or one that is no number"))?;
        Ok(places.into_iter().map(|place| vec![scores[place]]).collect())
    }

    fn truncates(&self) -> bool {
        self.config.long == LongInputs::Truncate
    }

    /// Bodies of as many inputs as the server takes at once, each with how many it has.
    fn chunks(
        &self,
        inputs: &[&Input],
        encode: impl Fn(usize, &Input) -> Result<Value, ScoringError>,
        body: impl Fn(Vec<Value>) -> Value,
    ) -> Result<Vec<(usize, Value)>, ScoringError> {
        let encoded = inputs.iter().enumerate().map(|(index, input)| encode(index, input));
        let encoded: Vec<Value> = encoded.collect::<Result<_, _>>()?;
        let chunks = encoded.chunks(self.info.max_client_batch_size);
        Ok(chunks.map(|chunk| (chunk.len(), body(chunk.to_vec()))).collect())
    }

    /// The answers to all bodies, in their order, some at a time.
    async fn post_all(
        &self,
        route: &'static str,
        bodies: Vec<(usize, Value)>,
    ) -> Result<Vec<(usize, Value)>, ScoringError> {
        let until = Instant::now() + self.config.deadline;
        let mut answers: Vec<Option<(usize, Value)>> = vec![None; bodies.len()];
        let mut waiting = bodies.into_iter().enumerate();
        let mut running = JoinSet::new();
        loop {
            while running.len() < self.config.concurrent.max(1) {
                let Some((index, (count, body))) = waiting.next() else {
                    break;
                };
                let client = self.client.clone();
                running.spawn(async move { (index, count, client.post(route, &body, until).await) });
            }
            let Some(finished) = running.join_next().await else {
                break;
            };
            let (index, count, answer) = finished.map_err(|error| self.client.error(error))?;
            answers[index] = Some((count, answer?));
        }
        answers
            .into_iter()
            .collect::<Option<_>>()
            .ok_or_else(|| self.client.error("an answer was lost"))
    }

    fn rows<'a>(&self, answer: &'a Value, count: usize) -> Result<&'a [Value], ScoringError> {
        match answer.as_array() {
            Some(rows) if rows.len() == count => Ok(rows),
            Some(rows) => Err(self.client.error(format!("{count} inputs got {} results", rows.len()))),
            None => Err(self.client.error("its answer is no list")),
        }
    }
}

/// Each input once, and which of them every input is.
fn distinct(inputs: &[Input]) -> (Vec<&Input>, Vec<usize>) {
    let (mut known, mut distinct) = (HashMap::new(), Vec::new());
    let places = inputs.iter().map(|input| {
        *known.entry(input).or_insert_with(|| {
            distinct.push(input);
            distinct.len() - 1
        })
    });
    let places = places.collect();
    (distinct, places)
}

fn finite(value: &Value) -> Option<f32> {
    let number = value.as_f64()? as f32;
    number.is_finite().then_some(number)
}

fn wrong(index: usize, reason: &str) -> ScoringError {
    ScoringError::Input {
        index,
        reason: reason.to_owned(),
    }
}
