//! What the miner answers. This is the file a fork changes first.

use std::time::Duration;

use async_trait::async_trait;
use axoneme_axon::{Caller, Forward, ForwardStream, HandlerError, TokenStream};
use axoneme_llm::{Engine, Event, FinishReason, Message, Request, Sampling};
use axoneme_protocol::{Prompting, StreamPrompting};
use futures::StreamExt;
use parking_lot::Mutex;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio_util::sync::CancellationToken;

use crate::config::MinerSection;

/// Kept free before the caller's deadline, so that the finished answer still reaches it.
const REPLY_MARGIN: Duration = Duration::from_millis(300);

/// Answers [`Prompting`] and [`StreamPrompting`] requests.
pub struct PromptingForward {
    settings: MinerSection,
    source: Source,
    rng: Mutex<ChaCha8Rng>,
}

/// Where answers come from.
enum Source {
    Model(Engine),
    Echo,
}

impl PromptingForward {
    /// Answers with the language model.
    pub fn model(settings: MinerSection, engine: Engine) -> Self {
        Self::new(settings, Source::Model(engine))
    }

    /// Answers with the prompt itself.
    pub fn echo(settings: MinerSection) -> Self {
        Self::new(settings, Source::Echo)
    }

    fn new(settings: MinerSection, source: Source) -> Self {
        let rng = settings
            .seed
            .map_or_else(ChaCha8Rng::from_os_rng, ChaCha8Rng::seed_from_u64);
        Self {
            settings,
            source,
            rng: Mutex::new(rng),
        }
    }

    /// A slow miner's wait; mostly none.
    fn delay(&self) -> Duration {
        let slow = self.rng.lock().random::<f64>() < self.settings.delay_share;
        let seconds = if slow { self.settings.delay_seconds } else { 0.0 };
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::ZERO)
    }

    async fn wait(&self, cancel: &CancellationToken) -> Result<(), HandlerError> {
        let delay = self.delay();
        if delay.is_zero() {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(delay) => Ok(()),
            () = cancel.cancelled() => Err(HandlerError::cancelled()),
        }
    }

    fn request(&self, synapse: &Prompting, caller: &Caller, cancel: CancellationToken) -> Request {
        let mut messages = Vec::with_capacity(synapse.messages.len() + 1);
        if !self.settings.system_prompt.is_empty() {
            messages.push(Message::system(&self.settings.system_prompt));
        }
        let turns = synapse.roles.iter().zip(&synapse.messages);
        messages.extend(turns.map(|(role, content)| Message::new(role, content)));
        let sampling = Sampling {
            temperature: self.settings.temperature as f32,
            top_p: self.settings.top_p as f32,
            repetition_penalty: self.settings.repetition_penalty as f32,
            seed: self.rng.lock().random(),
            ..Sampling::default()
        };
        Request {
            messages,
            sampling,
            max_tokens: self.settings.max_tokens,
            deadline: caller.deadline.checked_sub(REPLY_MARGIN),
            cancel,
        }
    }
}

/// Refuses what is no conversation.
fn check(roles: &[String], messages: &[String]) -> Result<(), HandlerError> {
    if roles.len() == messages.len() && !messages.is_empty() {
        return Ok(());
    }
    Err(HandlerError::bad_request(
        "roles and messages must be of the same length, at least one",
    ))
}

#[async_trait]
impl Forward<Prompting> for PromptingForward {
    async fn forward(
        &self,
        caller: Caller,
        mut synapse: Prompting,
        cancel: CancellationToken,
    ) -> Result<Prompting, HandlerError> {
        check(&synapse.roles, &synapse.messages)?;
        self.wait(&cancel).await?;
        synapse.completion = match &self.source {
            Source::Echo => synapse.messages.last().cloned().unwrap_or_default(),
            Source::Model(engine) => {
                let request = self.request(&synapse, &caller, cancel);
                let generation = engine.submit(request).map_err(HandlerError::unavailable)?;
                let completion = generation.completion().await;
                if completion.reason == FinishReason::Failed {
                    return Err(broken());
                }
                metrics::counter!("miner_completion_tokens_total").increment(completion.completion_tokens as u64);
                tracing::debug!(caller = %caller.hotkey, tokens = completion.completion_tokens,
                    reason = completion.reason.as_str(), "answered");
                completion.text
            }
        };
        Ok(synapse)
    }
}

/// The same, a token at a time.
#[async_trait]
impl ForwardStream<StreamPrompting> for PromptingForward {
    async fn forward(
        &self,
        caller: Caller,
        synapse: StreamPrompting,
        cancel: CancellationToken,
    ) -> Result<TokenStream, HandlerError> {
        check(&synapse.roles, &synapse.messages)?;
        self.wait(&cancel).await?;
        let engine = match &self.source {
            Source::Echo => {
                let last = synapse.messages.last().map_or("", String::as_str);
                let words: Vec<_> = last.split_inclusive(' ').map(|word| Ok(word.to_owned())).collect();
                return Ok(futures::stream::iter(words).boxed());
            }
            Source::Model(engine) => engine,
        };
        let request = self.request(&synapse.into(), &caller, cancel);
        let generation = engine.submit(request).map_err(HandlerError::unavailable)?;
        let pieces = futures::stream::unfold(generation, |mut generation| async move {
            match generation.next().await? {
                Event::Token(piece) => Some((Ok(piece), generation)),
                Event::Done { reason, usage } => {
                    metrics::counter!("miner_completion_tokens_total").increment(usage.completion_tokens as u64);
                    let failed = reason == FinishReason::Failed;
                    failed.then(|| (Err(broken()), generation))
                }
            }
        });
        Ok(pieces.boxed())
    }
}

fn broken() -> HandlerError {
    HandlerError::internal("the model broke; its log line says how")
}
