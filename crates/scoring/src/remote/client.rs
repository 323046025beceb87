//! HTTP to one server: deadlines, bounds, repetitions.

use std::time::Duration;

use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::ScoringError;

/// Answers beyond this are refused: 32 vectors of 8192 numbers are a tenth of it.
const LARGEST_ANSWER: usize = 64 << 20;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A connection pool to one server.
pub(super) struct Client {
    http: reqwest::Client,
    url: String,
    key: Option<String>,
}

/// Why a request got no answer.
enum Failure {
    /// Worth asking again, after this long if the server said so.
    Busy { reason: String, after: Option<Duration> },
    /// Asking again would change nothing.
    Final(String),
}

impl Client {
    pub(super) fn new(url: &str, key: Option<&str>) -> Result<Self, ScoringError> {
        // The first of a process wins; another crate may have been earlier.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let failed = |reason: String| ScoringError::Remote {
            url: url.to_owned(),
            reason,
        };
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(failed("the address has to begin with http:// or https://".into()));
        }
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self {
            http,
            url: url.trim_end_matches('/').to_owned(),
            key: key.map(str::to_owned),
        })
    }

    pub(super) fn error(&self, reason: impl ToString) -> ScoringError {
        ScoringError::Remote {
            url: self.url.clone(),
            reason: reason.to_string(),
        }
    }

    pub(super) async fn get(&self, route: &str, until: Instant) -> Result<Value, ScoringError> {
        self.ask(until, || self.http.get(format!("{}/{route}", self.url))).await
    }

    pub(super) async fn post(&self, route: &str, body: &Value, until: Instant) -> Result<Value, ScoringError> {
        self.ask(until, || self.http.post(format!("{}/{route}", self.url)).json(body))
            .await
    }

    /// Asks until there is an answer, an error that stays, or no time left.
    async fn ask(&self, until: Instant, request: impl Fn() -> RequestBuilder) -> Result<Value, ScoringError> {
        let mut pause = FIRST_PAUSE;
        loop {
            let request = match &self.key {
                Some(key) => request().bearer_auth(key),
                None => request(),
            };
            let outcome = timeout_at(until, Self::once(request)).await;
            let (reason, after) = match outcome {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(Failure::Final(reason))) => return Err(self.error(reason)),
                Ok(Err(Failure::Busy { reason, after })) => (reason, after),
                Err(_) => return Err(self.error("no answer within the deadline; raise it or ask for less")),
            };
            metrics::counter!("scoring_remote_retries_total").increment(1);
            let next = Instant::now() + after.unwrap_or(pause).min(LONGEST_PAUSE);
            if next >= until {
                return Err(self.error(format!("{reason}; still so at the deadline")));
            }
            sleep_until(next).await;
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }

    async fn once(request: RequestBuilder) -> Result<Value, Failure> {
        let response = request.send().await.map_err(|error| {
            let reason = with_cause(&error);
            match error.is_builder() {
                true => Failure::Final(reason),
                false => Failure::Busy { reason, after: None },
            }
        })?;
        let (status, after) = (response.status(), pause_asked_for(&response));
        let body = read(response).await?;
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|error| Failure::Final(format!("its answer is no JSON: {error}")));
        }
        let reason = format!("{status}: {}", message(&body));
        Err(match status {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::BAD_GATEWAY
            | StatusCode::GATEWAY_TIMEOUT => Failure::Busy { reason, after },
            _ => Failure::Final(reason),
        })
    }
}

/// The body, as far as it is not absurdly long.
async fn read(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await.map_err(|error| Failure::Busy {
            reason: with_cause(&error),
            after: None,
        })?;
        let Some(chunk) = chunk else { return Ok(body) };
        if body.len().saturating_add(chunk.len()) > LARGEST_ANSWER {
            return Err(Failure::Final(format!(
                "its answer is longer than {LARGEST_ANSWER} bytes"
            )));
        }
        body.extend_from_slice(&chunk);
    }
}

fn pause_asked_for(response: &Response) -> Option<Duration> {
    let header = response.headers().get(reqwest::header::RETRY_AFTER)?;
    header.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// Errors come as `{"error": …, "error_type": …}`.
fn message(body: &[u8]) -> String {
    let json: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    match (json["error"].as_str(), json["error_type"].as_str()) {
        (Some(error), Some(kind)) => format!("{error} ({kind})"),
        (Some(error), None) => error.to_owned(),
        _ => String::from_utf8_lossy(body).chars().take(200).collect(),
    }
}

fn with_cause(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
