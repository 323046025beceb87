//! Whatever continues a chat: the model in this process, a server elsewhere, or something that only looks like one.

mod openai;
mod sse;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use tokio::sync::mpsc;

pub use openai::{OpenAi, OpenAiConfig};

use crate::{Engine, EngineError, Event, Generation, Request};

/// Continues chats.
#[async_trait]
pub trait Generator: Send + Sync + 'static {
    /// Starts an answer, or refuses. Must not take longer than the request's deadline allows, and ends its work when the
    /// request is cancelled or the answer dropped.
    ///
    /// # Errors
    /// Why there is no answer; [`GenerateError::is_passing`] tells what a later attempt may mend.
    async fn generate(&self, request: Request) -> Result<Generation, GenerateError>;

    /// Whether it could answer now. Cheap enough to be asked every half a minute.
    ///
    /// # Errors
    /// Why not.
    async fn check(&self) -> Result<(), GenerateError> {
        Ok(())
    }

    /// What it is, for logs.
    fn describe(&self) -> String;
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// The model in this process refused.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A setting of the endpoint makes no sense.
    #[error("the endpoint's {name} cannot be used: {reason}")]
    Setting {
        /// Which setting.
        name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// No connection, or one that broke before there was an answer.
    #[error("{endpoint} cannot be reached: {reason}; check that the server runs and that the base URL is right")]
    Unreachable {
        /// The base URL.
        endpoint: String,
        /// What the transport says.
        reason: String,
    },
    /// The key is missing, wrong, or not good for this model.
    #[error("{endpoint} refuses the key ({status}): {reason}; check the environment variable that holds it")]
    Key {
        /// The base URL.
        endpoint: String,
        /// HTTP status.
        status: u16,
        /// What the server says.
        reason: String,
    },
    /// Too many requests, here or there.
    #[error("{endpoint} is busy: {reason}; try again later")]
    Busy {
        /// The base URL.
        endpoint: String,
        /// What the server says, or that our own limit is reached.
        reason: String,
    },
    /// The server does not want this request.
    #[error("{endpoint} refuses the request ({status}): {reason}; check model name and parameters")]
    Refused {
        /// The base URL.
        endpoint: String,
        /// HTTP status.
        status: u16,
        /// What the server says.
        reason: String,
    },
    /// The server answered with something else than the protocol.
    #[error("{endpoint} does not speak the chat completions protocol: {reason}; check the base URL (it ends in /v1)")]
    Protocol {
        /// The base URL.
        endpoint: String,
        /// What does not fit.
        reason: String,
    },
    /// Time was up, or the caller gone, before the first word.
    #[error("no answer in time")]
    Late,
}

impl GenerateError {
    /// Whether a later attempt may be answered with nothing changed.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Engine(error) => matches!(error, EngineError::Busy { .. }),
            Self::Unreachable { .. } | Self::Busy { .. } | Self::Late => true,
            Self::Refused { status, .. } => *status >= 500,
            Self::Setting { .. } | Self::Key { .. } | Self::Protocol { .. } => false,
        }
    }
}

#[async_trait]
impl Generator for Engine {
    async fn generate(&self, request: Request) -> Result<Generation, GenerateError> {
        Ok(self.submit(request)?)
    }

    fn describe(&self) -> String {
        "the language model in this process".to_owned()
    }
}

impl Generation {
    /// An answer that comes from elsewhere: whatever is sent on the channel, up to [`Event::Done`]. A channel that closes
    /// without it reads as a failure, and one that is closed on this side says that nobody waits any more. `room` is how
    /// many pieces may wait.
    pub fn channel(room: usize) -> (mpsc::Sender<Event>, Self) {
        let (sender, events) = mpsc::channel(room.max(1));
        (sender, Self { events, ended: false })
    }
}
