//! Servers with the chat completions of OpenAI: its own service, vLLM, TGI, llama.cpp and many more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::sse::Lines;
use super::{GenerateError, Generator};
use crate::{Event, FinishReason, Generation, Request, Usage};

/// Longest time to connect.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest answer where the request names no deadline.
const LONGEST: Duration = Duration::from_secs(600);
/// Longest look at whether the server is there.
const CHECK: Duration = Duration::from_secs(10);
/// Attempts at one request, where there is time: the first and those after a refused connection, 429 or 503.
const ATTEMPTS: u32 = 3;
/// Pause before the second attempt, unless the server asks for another; doubled before the third.
const PAUSE: Duration = Duration::from_millis(250);
/// An attempt needs so much time to be worth it.
const WORTH_IT: Duration = Duration::from_millis(500);
/// Most text of an answer, bytes: what is longer was not asked for.
const MAX_TEXT: usize = 1 << 20;
/// Most bytes read of one answer, framing included.
const MAX_STREAM: usize = 64 << 20;
/// Longest complaint of a server that is passed on, bytes.
const MAX_COMPLAINT: usize = 600;
/// Pieces that may wait for the reader.
const ROOM: usize = 64;

/// What an endpoint is and how it is used.
#[derive(Clone)]
pub struct OpenAiConfig {
    /// Where `/chat/completions` is, such as `http://127.0.0.1:8080/v1`.
    pub base_url: String,
    /// The server's name of the model.
    pub model: String,
    /// Sent as bearer token, if any. Never shown.
    pub api_key: Option<String>,
    /// −2 to 2: makes tokens less likely that occurred already. 0 does nothing and is not sent.
    pub presence_penalty: f64,
    /// −2 to 2: the same, more with every occurrence. 0 does nothing and is not sent.
    pub frequency_penalty: f64,
    /// Requests under way at the same time; more are refused as busy.
    pub concurrent: usize,
}

impl Default for OpenAiConfig {
    fn default() -> Self {
        Self {
            base_url: "https://api.openai.com/v1".into(),
            model: String::new(),
            api_key: None,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            concurrent: 64,
        }
    }
}

impl std::fmt::Debug for OpenAiConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenAiConfig")
            .field("base_url", &self.base_url)
            .field("model", &self.model)
            .field("api_key", &self.api_key.as_ref().map(|_| "…"))
            .finish_non_exhaustive()
    }
}

/// A server with chat completions. Answers are always streamed, so that what exists at the deadline can be used.
#[derive(Clone)]
pub struct OpenAi {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    config: OpenAiConfig,
    chat: Url,
    models: Url,
    key: Option<HeaderValue>,
    places: Arc<Semaphore>,
}

impl std::fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("OpenAi").field(&self.inner.config).finish()
    }
}

impl OpenAi {
    /// Checks the settings; connects to nothing yet.
    ///
    /// # Errors
    /// When a setting makes no sense.
    pub fn new(config: OpenAiConfig) -> Result<Self, GenerateError> {
        let wrong = |name: &'static str, reason: &dyn std::fmt::Display| GenerateError::Setting {
            name,
            reason: reason.to_string(),
        };
        let mut base = Url::parse(&config.base_url).map_err(|error| wrong("base URL", &error))?;
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(wrong("base URL", &"it has to be http://… or https://…"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(wrong(
                "base URL",
                &"it must not hold a password; the key goes into the environment",
            ));
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let join = |path: &str| base.join(path).map_err(|error| wrong("base URL", &error));
        let (chat, models) = (join("chat/completions")?, join("models")?);
        for (name, value) in [
            ("presence penalty", config.presence_penalty),
            ("frequency penalty", config.frequency_penalty),
        ] {
            if !(-2.0..=2.0).contains(&value) {
                return Err(wrong(name, &"it has to be from -2 to 2"));
            }
        }
        let key = config.api_key.as_deref().map(str::trim).filter(|key| !key.is_empty());
        let key = key
            .map(|key| HeaderValue::from_str(&format!("Bearer {key}")))
            .transpose();
        let mut key = key.map_err(|_| wrong("key", &"it holds characters that cannot be sent"))?;
        if let Some(key) = &mut key {
            key.set_sensitive(true);
        }
        // Nobody else may have chosen one yet; a second choice is refused, and that is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .connect_timeout(CONNECT)
            // A redirect would take the key elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| wrong("client", &chain(&error)))?;
        let places = Arc::new(Semaphore::new(config.concurrent.clamp(1, Semaphore::MAX_PERMITS)));
        let inner = Inner {
            client,
            config,
            chat,
            models,
            key,
            places,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    #[cfg(test)]
    pub(super) fn config(&self) -> OpenAiConfig {
        self.inner.config.clone()
    }

    /// Whether the key, if there is one, would cross a network in clear text.
    pub fn exposes_key(&self) -> bool {
        let chat = &self.inner.chat;
        let host = chat.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
        self.inner.key.is_some() && chat.scheme() == "http" && !here
    }
}

impl Inner {
    fn endpoint(&self) -> String {
        self.config.base_url.clone()
    }

    fn unreachable(&self, error: &reqwest::Error) -> GenerateError {
        GenerateError::Unreachable {
            endpoint: self.endpoint(),
            reason: chain(error),
        }
    }

    fn body(&self, request: &Request) -> Value {
        let messages: Vec<Value> = request
            .messages
            .iter()
            .map(|message| json!({ "role": known_role(&message.role), "content": message.content }))
            .collect();
        let sampling = &request.sampling;
        let mut body = json!({
            "model": self.config.model,
            "messages": messages,
            "max_tokens": request.max_tokens,
            "temperature": round(sampling.temperature),
            "top_p": round(sampling.top_p),
            // What all servers take as a seed.
            "seed": sampling.seed & 0x7fff_ffff,
            "stream": true,
            "stream_options": { "include_usage": true },
        });
        let mut set = |name: &str, value: f64, off: f64| {
            if value != off
                && let Some(body) = body.as_object_mut()
            {
                body.insert(name.to_owned(), json!(value));
            }
        };
        set("presence_penalty", self.config.presence_penalty, 0.0);
        set("frequency_penalty", self.config.frequency_penalty, 0.0);
        // Not OpenAI's own; the first name is that of vLLM and TGI, the second that of llama.cpp.
        let repetition = round(sampling.repetition_penalty);
        set("repetition_penalty", repetition, 1.0);
        set("repeat_penalty", repetition, 1.0);
        set("top_k", sampling.top_k as f64, 0.0);
        body
    }

    /// One attempt: the response once its status says that an answer follows, or what is wrong and how long the server
    /// wants to be left alone.
    async fn attempt(&self, body: &[u8]) -> Result<Response, (GenerateError, Option<Duration>)> {
        let mut request = self.client.post(self.chat.clone()).body(body.to_vec());
        request = request.header(CONTENT_TYPE, "application/json");
        request = request.header(ACCEPT, "text/event-stream, application/json");
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, key.clone());
        }
        let response = request.send().await.map_err(|error| (self.unreachable(&error), None))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let pause = response.headers().get(RETRY_AFTER);
        let pause = pause.and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
        let status = response.status();
        let reason = complaint(response).await;
        Err((self.refusal(status, reason), pause.map(Duration::from_secs)))
    }

    fn refusal(&self, status: StatusCode, reason: String) -> GenerateError {
        let (endpoint, number) = (self.endpoint(), status.as_u16());
        match number {
            401 | 403 => GenerateError::Key {
                endpoint,
                status: number,
                reason,
            },
            429 | 503 => GenerateError::Busy { endpoint, reason },
            404 | 405 => GenerateError::Protocol {
                endpoint,
                reason: format!("status {number}: {reason}"),
            },
            status => GenerateError::Refused {
                endpoint,
                status,
                reason,
            },
        }
    }

    /// Attempts until one is answered, time is up, or what is wrong will not pass.
    async fn send(&self, body: &[u8], end: Instant) -> Result<Response, GenerateError> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let (error, asked) = match self.attempt(body).await {
                Ok(response) => return Ok(response),
                Err(failed) => failed,
            };
            let again = matches!(error, GenerateError::Unreachable { .. } | GenerateError::Busy { .. });
            let wait = asked.unwrap_or(pause);
            let left = end.saturating_duration_since(Instant::now());
            if !again || attempt >= ATTEMPTS || wait + WORTH_IT > left {
                return Err(error);
            }
            tracing::debug!("{error}; again in {wait:?}");
            tokio::time::sleep(wait).await;
            pause *= 2;
        }
        Err(GenerateError::Late)
    }
}

#[async_trait]
impl Generator for OpenAi {
    async fn generate(&self, request: Request) -> Result<Generation, GenerateError> {
        request.sampling.check()?;
        let inner = &self.inner;
        let place = inner
            .places
            .clone()
            .try_acquire_owned()
            .map_err(|_| GenerateError::Busy {
                endpoint: inner.endpoint(),
                reason: format!("{} requests are under way", inner.config.concurrent),
            })?;
        let started = Instant::now();
        let longest = started + LONGEST;
        let end = request.deadline.map_or(longest, |deadline| deadline.min(longest));
        let body = inner.body(&request).to_string();
        let sent = tokio::select! {
            sent = inner.send(body.as_bytes(), end) => sent?,
            () = tokio::time::sleep_until(end.into()) => return Err(GenerateError::Late),
            () = request.cancel.cancelled() => return Err(GenerateError::Late),
        };
        let (events, generation) = Generation::channel(ROOM);
        let reading = Reading {
            events,
            end,
            started,
            cancel: request.cancel,
            endpoint: inner.endpoint(),
            usage: Usage::default(),
            pieces: 0,
            text: 0,
            _place: place,
        };
        tokio::spawn(reading.run(sent));
        Ok(generation)
    }

    /// Asks for the list of models, which costs nothing and needs the key. Servers without such a list count as well.
    async fn check(&self) -> Result<(), GenerateError> {
        let inner = &self.inner;
        let mut request = inner.client.get(inner.models.clone()).timeout(CHECK);
        if let Some(key) = &inner.key {
            request = request.header(AUTHORIZATION, key.clone());
        }
        let response = request.send().await.map_err(|error| inner.unreachable(&error))?;
        let status = response.status();
        match status.as_u16() {
            401 | 403 | 429 | 500.. => Err(inner.refusal(status, complaint(response).await)),
            _ => Ok(()),
        }
    }

    fn describe(&self) -> String {
        let OpenAiConfig { base_url, model, .. } = &self.inner.config;
        format!("model {model:?} at {base_url}")
    }
}

/// What a piece of a streamed answer may hold, and what a whole one does; all else is passed over.
#[derive(Deserialize)]
struct Piece {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Counted>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u64,
    #[serde(default, alias = "message")]
    delta: Option<Delta>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
}

#[derive(Deserialize)]
struct Counted {
    #[serde(default)]
    prompt_tokens: usize,
    #[serde(default)]
    completion_tokens: usize,
}

/// An answer on its way.
struct Reading {
    events: mpsc::Sender<Event>,
    end: Instant,
    started: Instant,
    cancel: CancellationToken,
    endpoint: String,
    usage: Usage,
    pieces: usize,
    text: usize,
    _place: OwnedSemaphorePermit,
}

impl Reading {
    async fn run(mut self, response: Response) {
        let (cancel, gone) = (self.cancel.clone(), self.events.clone());
        let (end, endpoint) = (self.end, self.endpoint.clone());
        let reason = tokio::select! {
            read = self.read(response) => read.unwrap_or_else(|problem| {
                tracing::warn!("{endpoint}: {problem}");
                FinishReason::Failed
            }),
            () = tokio::time::sleep_until(end.into()) => FinishReason::Deadline,
            () = cancel.cancelled() => FinishReason::Cancelled,
            () = gone.closed() => FinishReason::Cancelled,
        };
        // Servers without a count: a piece is about a token.
        if self.usage.completion_tokens == 0 {
            self.usage.completion_tokens = self.pieces;
        }
        let done = Event::Done {
            reason,
            usage: self.usage,
        };
        // The reader may be slow, but not for longer than a moment after its deadline.
        let _ = tokio::time::timeout(CONNECT, self.events.send(done)).await;
    }

    async fn read(&mut self, mut response: Response) -> Result<FinishReason, String> {
        let streamed = response.headers().get(CONTENT_TYPE).is_none_or(|kind| {
            let kind = kind.to_str().unwrap_or_default();
            kind.starts_with("text/event-stream")
        });
        let (mut lines, mut whole, mut reason, mut bytes) = (Lines::default(), Vec::new(), None, 0);
        while let Some(chunk) = response.chunk().await.map_err(|error| chain(&error))? {
            bytes += chunk.len();
            if bytes > MAX_STREAM {
                return Err(format!("an answer of more than {MAX_STREAM} bytes"));
            }
            if !streamed {
                whole.extend_from_slice(&chunk);
                if whole.len() > 4 * MAX_TEXT {
                    return Err("an answer far too long".into());
                }
                continue;
            }
            lines.push(&chunk)?;
            while let Some(line) = lines.next() {
                if line == "[DONE]" {
                    return Ok(reason.unwrap_or(FinishReason::Stop));
                }
                reason = self.take(&line).await?.or(reason);
                if self.text > MAX_TEXT {
                    return Ok(FinishReason::Length);
                }
            }
        }
        if streamed {
            lines.finish();
            while let Some(line) = lines.next().filter(|line| line != "[DONE]") {
                reason = self.take(&line).await?.or(reason);
            }
        } else {
            // A server that does not stream answers with all of it.
            reason = self.take(&String::from_utf8_lossy(&whole)).await?;
        }
        reason.ok_or_else(|| "the answer broke off".to_owned())
    }

    /// Takes in one piece; says why the answer ended, if it did.
    async fn take(&mut self, text: &str) -> Result<Option<FinishReason>, String> {
        let piece: Piece = serde_json::from_str(text).map_err(|error| format!("no chat completion: {error}"))?;
        if let Some(error) = piece.error {
            return Err(clean(&error.to_string()));
        }
        if let Some(usage) = piece.usage {
            self.usage.prompt_tokens = usage.prompt_tokens;
            self.usage.completion_tokens = usage.completion_tokens;
        }
        let mut ended = None;
        for choice in piece.choices.into_iter().filter(|choice| choice.index == 0) {
            let content = choice.delta.and_then(|delta| delta.content);
            if let Some(content) = content.filter(|content| !content.is_empty()) {
                self.pieces += 1;
                self.text += content.len();
                self.usage
                    .first_token_after
                    .get_or_insert_with(|| self.started.elapsed());
                if self.events.send(Event::Token(content)).await.is_err() {
                    return Ok(Some(FinishReason::Cancelled));
                }
            }
            ended = choice.finish_reason.map(|reason| match reason.as_str() {
                "length" => FinishReason::Length,
                _ => FinishReason::Stop,
            });
        }
        Ok(ended)
    }
}

/// Roles that every server knows; what a stranger makes up speaks as the user.
fn known_role(role: &str) -> &str {
    match role {
        "system" | "assistant" => role,
        _ => "user",
    }
}

/// 0.7 and not 0.699999988079071.
fn round(value: f32) -> f64 {
    (f64::from(value) * 1e6).round() / 1e6
}

/// What a server says is wrong, cut short.
async fn complaint(mut response: Response) -> String {
    let mut bytes = Vec::new();
    let reading = async {
        while let Ok(Some(chunk)) = response.chunk().await {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > 8 * MAX_COMPLAINT {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(CONNECT, reading).await;
    let said = serde_json::from_slice::<Value>(&bytes).ok();
    let said = said.and_then(|said| {
        let error = said.get("error").unwrap_or(&said);
        let message = error.get("message").or(said.get("message")).unwrap_or(error);
        message.as_str().map(str::to_owned)
    });
    clean(&said.unwrap_or_else(|| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Text of a stranger for one line of a log.
fn clean(text: &str) -> String {
    let mut line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_COMPLAINT)
        .collect();
    if line.trim().is_empty() {
        line = "it says nothing about why".to_owned();
    }
    line.trim().to_owned()
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    clean(&text)
}
