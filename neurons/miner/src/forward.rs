//! What the miner answers. This is the file a fork changes first.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axoneme_axon::{Caller, Forward, ForwardStream, HandlerError, TokenStream};
use axoneme_llm::{Event, FinishReason, GenerateError, Generation, Generator, Message, Request, Sampling};
use axoneme_protocol::{Prompting, StreamPrompting};
use futures::StreamExt;
use parking_lot::Mutex;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::config::{ChatSettings, MinerConfig};
use crate::prompt_cache::PromptCache;

/// Kept free before the caller's deadline, so that the finished answer still reaches it.
const REPLY_MARGIN: Duration = Duration::from_millis(300);

/// Answers [`Prompting`] and [`StreamPrompting`] requests.
pub struct PromptingForward {
    generator: Arc<dyn Generator>,
    chat: ChatSettings,
    delay_share: f64,
    delay_seconds: f64,
    rng: Mutex<ChaCha8Rng>,
    /// Prompts of before, where the same must not be asked twice, and the newest block.
    cache: Option<(Mutex<PromptCache>, watch::Receiver<u64>)>,
}

impl PromptingForward {
    /// Answers with what `generator` says; `blocks` is the newest block of the chain.
    pub fn new(config: &MinerConfig, generator: Arc<dyn Generator>, blocks: watch::Receiver<u64>) -> Self {
        let (settings, rules) = (&config.miner, &config.miner.blacklist);
        let rng = settings
            .seed
            .map_or_else(ChaCha8Rng::from_os_rng, ChaCha8Rng::seed_from_u64);
        let cache = || (Mutex::new(PromptCache::new(rules.prompt_cache_block_span)), blocks);
        Self {
            generator,
            chat: config.chat(),
            delay_share: settings.delay_share,
            delay_seconds: settings.delay_seconds,
            rng: Mutex::new(rng),
            cache: rules.use_prompt_cache.then(cache),
        }
    }

    /// A slow miner's wait; mostly none.
    fn delay(&self) -> Duration {
        let slow = self.rng.lock().random::<f64>() < self.delay_share;
        let seconds = if slow { self.delay_seconds } else { 0.0 };
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
        let sampling = Sampling {
            temperature: self.chat.temperature as f32,
            top_p: self.chat.top_p as f32,
            repetition_penalty: self.chat.repetition_penalty as f32,
            no_repeat_ngram: self.chat.no_repeat_ngram,
            seed: self.rng.lock().random(),
            ..Sampling::default()
        };
        Request {
            messages: conversation(&self.chat, &synapse.roles, &synapse.messages),
            sampling,
            max_tokens: self.chat.max_tokens,
            deadline: caller.deadline.checked_sub(REPLY_MARGIN),
            cancel,
        }
    }

    /// Checks the request, dawdles where that is wanted, and starts the answer.
    async fn start(
        &self,
        synapse: &Prompting,
        caller: &Caller,
        cancel: CancellationToken,
    ) -> Result<Generation, HandlerError> {
        check(&synapse.roles, &synapse.messages)?;
        if let Some((cache, blocks)) = &self.cache {
            let block = *blocks.borrow();
            if cache.lock().seen(&synapse.messages, block) {
                return Err(HandlerError::new(403, "prompt already in cache"));
            }
        }
        self.wait(&cancel).await?;
        let request = self.request(synapse, caller, cancel);
        self.generator.generate(request).await.map_err(|error| refusal(&error))
    }
}

/// The caller's messages with our system prompt before them, or in the place of their own.
fn conversation(chat: &ChatSettings, roles: &[String], messages: &[String]) -> Vec<Message> {
    let turns = roles
        .iter()
        .zip(messages)
        .map(|(role, content)| Message::new(role, content));
    let mut turns: Vec<Message> = turns.collect();
    if chat.system_prompt.is_empty() {
        return turns;
    }
    let own = Message::system(&chat.system_prompt);
    let theirs = turns
        .iter_mut()
        .find(|message| chat.replaces && message.role == "system");
    match theirs {
        Some(theirs) => *theirs = own,
        None => turns.insert(0, own),
    }
    turns
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

/// What the caller hears. What a server elsewhere complains about is for the log alone.
fn refusal(error: &GenerateError) -> HandlerError {
    metrics::counter!("miner_refusals_total").increment(1);
    match error {
        GenerateError::Engine(error) => HandlerError::unavailable(error),
        GenerateError::Late => HandlerError::unavailable("no answer in time"),
        other => {
            tracing::warn!("no answer: {other}");
            HandlerError::unavailable(if other.is_passing() {
                "the model is busy; try again later"
            } else {
                "the model cannot be used now"
            })
        }
    }
}

#[async_trait]
impl Forward<Prompting> for PromptingForward {
    async fn forward(
        &self,
        caller: Caller,
        mut synapse: Prompting,
        cancel: CancellationToken,
    ) -> Result<Prompting, HandlerError> {
        let completion = self.start(&synapse, &caller, cancel).await?.completion().await;
        if completion.reason == FinishReason::Failed {
            return Err(broken());
        }
        metrics::counter!("miner_completion_tokens_total").increment(completion.completion_tokens as u64);
        tracing::debug!(caller = %caller.hotkey, tokens = completion.completion_tokens,
            reason = completion.reason.as_str(), "answered");
        synapse.completion = completion.text;
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
        let generation = self.start(&synapse.into(), &caller, cancel).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(replaces: bool, roles: &[&str]) -> Vec<(String, String)> {
        let chat = ChatSettings {
            system_prompt: "ours".into(),
            replaces,
            max_tokens: 1,
            temperature: 0.0,
            top_p: 1.0,
            repetition_penalty: 1.0,
            no_repeat_ngram: 0,
        };
        let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
        let turns = conversation(&chat, &roles, &roles);
        turns.into_iter().map(|turn| (turn.role, turn.content)).collect()
    }

    #[test]
    fn our_system_prompt_comes_first_or_takes_the_place_of_theirs() {
        let pair = |role: &str, content: &str| (role.to_owned(), content.to_owned());
        let (ours, user) = (pair("system", "ours"), pair("user", "user"));
        let both = [ours.clone(), pair("system", "system"), user.clone()];
        assert_eq!(said(false, &["system", "user"]), both);
        assert_eq!(said(true, &["system", "user"]), [ours.clone(), user.clone()]);
        assert_eq!(said(true, &["user"]), [ours, user]);
    }
}
