//! From a prompt to the vector the head reads.

use std::sync::Arc;

use async_trait::async_trait;
use axoneme_reward::{SentenceEmbedder, WordPieces};

use crate::error::GatingError;
use crate::pooling::of_windows;

/// A frozen model that places prompts in a space.
#[async_trait]
pub trait Encoder: Send + Sync {
    /// The vector of `text`; always of the same length.
    async fn encode(&self, text: &str) -> Result<Vec<f32>, GatingError>;
}

/// An embedding model as it is: a last-token state of a causal model, or a sentence encoder that reads its windows itself.
pub struct SentenceEncoder(pub Arc<dyn SentenceEmbedder>);

#[async_trait]
impl Encoder for SentenceEncoder {
    async fn encode(&self, text: &str) -> Result<Vec<f32>, GatingError> {
        let mut vectors = embed(&self.0, vec![text.to_owned()]).await?;
        vectors.pop().ok_or_else(no_vector)
    }
}

/// A sentence encoder that reads only the beginning of a text, given the text window by window.
pub struct WindowEncoder {
    embedder: Arc<dyn SentenceEmbedder>,
    pieces: Arc<dyn WordPieces>,
    window: usize,
}

impl WindowEncoder {
    /// More windows than this add nothing a prompt would need.
    pub const MOST_WINDOWS: usize = 64;

    /// With windows of `window` word pieces: what the model reads, less its special tokens.
    pub fn new(embedder: Arc<dyn SentenceEmbedder>, pieces: Arc<dyn WordPieces>, window: usize) -> Self {
        let window = window.max(1);
        Self {
            embedder,
            pieces,
            window,
        }
    }
}

#[async_trait]
impl Encoder for WindowEncoder {
    async fn encode(&self, text: &str) -> Result<Vec<f32>, GatingError> {
        let ids = self.pieces.ids(text).map_err(GatingError::Encoder)?;
        if ids.len() <= self.window {
            let vectors = embed(&self.embedder, vec![text.to_owned()]).await?;
            return Ok(of_windows(&vectors));
        }
        let texts = ids
            .chunks(self.window)
            .take(Self::MOST_WINDOWS)
            .map(|window| self.pieces.decode(window))
            .collect::<Result<Vec<_>, _>>()
            .map_err(GatingError::Encoder)?;
        Ok(of_windows(&embed(&self.embedder, texts).await?))
    }
}

async fn embed(embedder: &Arc<dyn SentenceEmbedder>, texts: Vec<String>) -> Result<Vec<Vec<f32>>, GatingError> {
    let expected = texts.len();
    let vectors = embedder.embed(texts).await.map_err(GatingError::Encoder)?;
    if vectors.len() == expected && vectors.windows(2).all(|pair| pair[0].len() == pair[1].len()) {
        Ok(vectors)
    } else {
        Err(no_vector())
    }
}

fn no_vector() -> GatingError {
    GatingError::Encoder("it did not return one vector of one length for each text".into())
}
