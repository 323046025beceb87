//! One answer in the making.

use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;

use super::pace::Pace;
use super::request::{Event, FinishReason, Request, Usage};
use super::sampling::Sampler;
use crate::tokenize::TextStream;
use crate::{EngineError, TextTokenizer};

/// A request on its way through the engine.
pub(super) struct Answer {
    /// Prompt and what was drawn so far.
    tokens: Vec<u32>,
    prompt_len: usize,
    max_tokens: usize,
    sampler: Sampler,
    stream: TextStream,
    events: mpsc::Sender<Event>,
    deadline: Option<Instant>,
    cancel: CancellationToken,
    submitted: Instant,
    first_token: Option<Instant>,
    /// The place in the queue.
    permit: Option<OwnedSemaphorePermit>,
}

impl Answer {
    pub(super) fn new(
        request: Request,
        prompt: Vec<u32>,
        context: usize,
        permit: OwnedSemaphorePermit,
    ) -> (Self, mpsc::Receiver<Event>) {
        let max_tokens = request.max_tokens.min(context.saturating_sub(prompt.len()));
        // Room for every token, the held-back rest and the end: sending never waits and never fails for lack of space.
        let (events, receiver) = mpsc::channel(max_tokens + 2);
        let answer = Self {
            sampler: Sampler::new(request.sampling, &prompt),
            prompt_len: prompt.len(),
            tokens: prompt,
            max_tokens,
            stream: TextStream::default(),
            events,
            deadline: request.deadline,
            cancel: request.cancel,
            submitted: Instant::now(),
            first_token: None,
            permit: Some(permit),
        };
        (answer, receiver)
    }

    /// Everything the model has to have read to continue.
    pub(super) fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    /// The prompt alone.
    pub(super) fn prompt(&self) -> &[u32] {
        &self.tokens[..self.prompt_len]
    }

    fn drawn(&self) -> usize {
        self.tokens.len() - self.prompt_len
    }

    /// Whether the answer has to end before the next step. `cached` tokens have been read.
    pub(super) fn due(&self, cached: usize, pace: &Pace, now: Instant) -> Option<FinishReason> {
        if self.cancel.is_cancelled() || self.events.is_closed() {
            return Some(FinishReason::Cancelled);
        }
        if self.drawn() >= self.max_tokens {
            return Some(FinishReason::Length);
        }
        let prompt_left = self.prompt_len.saturating_sub(cached);
        pace.is_late(self.deadline, prompt_left, now)
            .then_some(FinishReason::Deadline)
    }

    /// Draws the next token and sends its text. Returns why the answer is over, if it is.
    pub(super) fn take_logits(
        &mut self,
        logits: &mut [f32],
        tokenizer: &TextTokenizer,
    ) -> Result<Option<FinishReason>, EngineError> {
        let token = self.sampler.next(logits);
        if self.first_token.is_none() {
            let now = Instant::now();
            self.first_token = Some(now);
            metrics::histogram!("llm_first_token_seconds").record((now - self.submitted).as_secs_f64());
        }
        if tokenizer.is_end(token) {
            return Ok(Some(FinishReason::Stop));
        }
        self.tokens.push(token);
        let piece = self.stream.push(token, tokenizer)?;
        self.send(piece);
        Ok((self.drawn() >= self.max_tokens).then_some(FinishReason::Length))
    }

    /// Sends what was held back and the end.
    pub(super) fn finish(mut self, reason: FinishReason, tokenizer: &TextTokenizer) {
        match self.stream.finish(tokenizer) {
            Ok(rest) => self.send(rest),
            Err(error) => tracing::warn!(%error, "the end of an answer could not be decoded"),
        }
        metrics::counter!("llm_requests_total", "outcome" => reason.as_str()).increment(1);
        metrics::counter!("llm_tokens_total", "kind" => "completion").increment(self.drawn() as u64);
        let usage = Usage {
            prompt_tokens: self.prompt_len,
            completion_tokens: self.drawn(),
            first_token_after: self.first_token.map(|first| first - self.submitted),
        };
        // First, so that whoever hears of the end finds the place free.
        drop(self.permit.take());
        // Nobody may be left to hear it.
        let _ = self.events.try_send(Event::Done { reason, usage });
    }

    fn send(&self, piece: String) {
        if !piece.is_empty() {
            // Fails only when the receiver is gone, which the next look at `due` notices.
            let _ = self.events.try_send(Event::Token(piece));
        }
    }
}
