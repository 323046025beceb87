//! Text generation, scoring and sentence embeddings on candle, and the models for them.
//!
//! - [`ModelStore`] finds or fetches a model and checks that it is whole.
//! - [`Engine`] owns a language model on a thread of its own. It continues chats for many callers at once, streaming,
//!   within deadlines, and tells how likely a given text is.
//! - [`Generator`] is whatever continues a chat: an [`Engine`], or a server elsewhere by [`OpenAi`].
//! - [`Embedder`] turns sentences into vectors whose cosine says how alike they are.
//!
//! Everything a stranger can fill is bounded: the queue of requests, the tokens of an answer, the cache of embeddings.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use axoneme_llm::{DeviceChoice, Engine, EngineConfig, Message, ModelRef, ModelStore, Request, SMOLLM2_135M, StderrProgress};
//!
//! let store = ModelStore::new(None);
//! let path = store.ensure(&ModelRef::Default, &SMOLLM2_135M, Arc::new(StderrProgress::new())).await?;
//! let engine = Engine::load(&path, DeviceChoice::Auto, EngineConfig::default())?;
//! let mut answer = engine.submit(Request::new(vec![Message::user("Name three rivers.")], 48))?;
//! println!("{}", answer.completion().await.text);
//! # Ok(()) }
//! ```

mod device;
mod embed;
mod engine;
mod error;
mod generate;
pub mod kernels;
mod model;
mod score;
mod store;
mod tokenize;

pub use device::DeviceChoice;
pub use embed::Embedder;
pub use engine::{
    Completion, Engine, EngineConfig, Event, FinishReason, Generation, Message, Request, Sampling, Usage,
};
pub use error::{EngineError, ModelError};
pub use generate::{GenerateError, Generator, OpenAi, OpenAiConfig};
pub use score::{DPO_FLOOR, LogProbs, RepeatPenalty, dpo_floor_applies, dpo_score};
pub use store::{MINILM_L6, Member, ModelRef, ModelStore, NoProgress, Progress, SMOLLM2_135M, Shipped, StderrProgress};
pub use tokenize::TextTokenizer;
