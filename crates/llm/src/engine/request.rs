//! What goes into the engine and what comes out.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Sampling;

/// One turn of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `user` or `assistant`, or what else the model's template knows.
    pub role: String,
    /// What was said.
    pub content: String,
}

impl Message {
    /// A turn of this role.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            role: role.into(),
            content: content.into(),
        }
    }

    /// What the user says.
    pub fn user(content: impl Into<String>) -> Self {
        Self::new("user", content)
    }

    /// How the assistant should behave.
    pub fn system(content: impl Into<String>) -> Self {
        Self::new("system", content)
    }

    /// What the assistant said earlier.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self::new("assistant", content)
    }
}

/// A chat to continue.
#[derive(Debug, Clone)]
pub struct Request {
    /// The chat so far.
    pub messages: Vec<Message>,
    /// How the answer is drawn.
    pub sampling: Sampling,
    /// Most tokens of the answer; the context may end it earlier.
    pub max_tokens: usize,
    /// When the answer must be there; what exists by then is returned.
    pub deadline: Option<Instant>,
    /// Ends the work at the next token when cancelled.
    pub cancel: CancellationToken,
}

impl Request {
    /// A request without time limit, answered with the likeliest tokens.
    pub fn new(messages: Vec<Message>, max_tokens: usize) -> Self {
        Self {
            messages,
            sampling: Sampling::default(),
            max_tokens,
            deadline: None,
            cancel: CancellationToken::new(),
        }
    }

    /// The same with a time limit from now on.
    pub fn within(mut self, limit: Duration) -> Self {
        self.deadline = Instant::now().checked_add(limit);
        self
    }

    /// The same, drawn like this.
    pub fn sampled(mut self, sampling: Sampling) -> Self {
        self.sampling = sampling;
        self
    }
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// The model said what it had to say.
    Stop,
    /// The allowed number of tokens, or the context, is used up.
    Length,
    /// Time is up; the text so far stands.
    Deadline,
    /// The caller cancelled or went away.
    Cancelled,
    /// The model broke; the log says how. The text so far stands.
    Failed,
}

impl FinishReason {
    /// The word for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Deadline => "deadline",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

/// What an answer took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Tokens of the rendered prompt.
    pub prompt_tokens: usize,
    /// Tokens of the answer.
    pub completion_tokens: usize,
    /// From submission to the first token.
    pub first_token_after: Option<Duration>,
}

/// A piece of a streamed answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// More text, always whole characters.
    Token(String),
    /// The end; nothing follows.
    Done {
        /// Why it ended.
        reason: FinishReason,
        /// What it took.
        usage: Usage,
    },
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What the model said.
    pub text: String,
    /// Why it ended.
    pub reason: FinishReason,
    /// Tokens of the rendered prompt.
    pub prompt_tokens: usize,
    /// Tokens of the answer.
    pub completion_tokens: usize,
    /// From submission to the first token.
    pub first_token_after: Option<Duration>,
}

/// An answer in the making. Dropping it ends the work at the next token.
#[derive(Debug)]
pub struct Generation {
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) ended: bool,
}

impl Generation {
    /// The next piece; `None` after [`Event::Done`].
    pub async fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        // The engine sends `Done` last; a channel that closes without it means that its thread died.
        let lost = Event::Done {
            reason: FinishReason::Failed,
            usage: Usage::default(),
        };
        let event = self.events.recv().await.unwrap_or(lost);
        self.ended = matches!(event, Event::Done { .. });
        Some(event)
    }

    /// Waits for the end and returns all text.
    pub async fn completion(mut self) -> Completion {
        let mut text = String::new();
        let (mut reason, mut usage) = (FinishReason::Failed, Usage::default());
        while let Some(event) = self.next().await {
            match event {
                Event::Token(piece) => text.push_str(&piece),
                Event::Done {
                    reason: why,
                    usage: took,
                } => (reason, usage) = (why, took),
            }
        }
        Completion {
            text,
            reason,
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            first_token_after: usage.first_token_after,
        }
    }
}
