//! The shipped models behind the seams of [`crate::models`].

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axoneme_llm::{
    Embedder, Engine, EngineError, FinishReason, GenerateError, Generation, Generator, Message, OpenAi, Request,
    TextTokenizer,
};
use futures::StreamExt;

use crate::error::ModelFault;
use crate::models::{ConversationForm, LogProbScorer, RepeatPenalty, SentenceEmbedder, TextGenerator, WordPieces};

impl From<RepeatPenalty> for axoneme_llm::RepeatPenalty {
    fn from(repeat: RepeatPenalty) -> Self {
        match repeat {
            RepeatPenalty::Reference => Self::Reference,
            RepeatPenalty::Scaled => Self::Scaled,
            RepeatPenalty::Off => Self::Off,
        }
    }
}

#[async_trait]
impl LogProbScorer for Engine {
    async fn mean_log_prob(
        &self,
        prompt: &str,
        completions: &[String],
        repeat: RepeatPenalty,
    ) -> Result<Vec<Option<f64>>, ModelFault> {
        let scores = self
            .dpo_score(prompt.to_owned(), completions.to_vec(), repeat.into())
            .await?;
        Ok(scores.into_iter().map(|score| Some(f64::from(score))).collect())
    }
}

#[async_trait]
impl SentenceEmbedder for Embedder {
    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, ModelFault> {
        Ok(Embedder::embed(self, texts).await?)
    }
}

/// The embedding model's tokenizer for the n-gram filter, without the model's own limit: the filter has one of its own.
pub fn word_pieces(embedder: &Embedder) -> Result<Arc<dyn WordPieces>, ModelFault> {
    let mut tokenizer = embedder.tokenizer().clone();
    tokenizer.with_truncation(None)?;
    tokenizer.with_padding(None);
    Ok(Arc::new(tokenizer))
}

/// Longest answer that is waited for.
const GENERATION_DEADLINE: Duration = Duration::from_secs(120);

#[async_trait]
impl TextGenerator for Engine {
    /// Each prompt is a message of the user, answered with the likeliest tokens. One that does not fit gets an empty
    /// answer: a miner that writes too much must not cost the others their reward.
    async fn continue_texts(&self, prompts: Vec<String>, max_tokens: usize) -> Result<Vec<String>, ModelFault> {
        let mut running: VecDeque<Option<Generation>> = VecDeque::new();
        let mut texts = Vec::with_capacity(prompts.len());
        for prompt in &prompts {
            loop {
                let request = Request::new(vec![Message::user(prompt)], max_tokens).within(GENERATION_DEADLINE);
                match self.submit(request) {
                    Ok(generation) => {
                        running.push_back(Some(generation));
                        break;
                    }
                    Err(EngineError::PromptTooLong { .. }) => {
                        running.push_back(None);
                        break;
                    }
                    // A full engine makes room as answers end: wait for the first of ours, or for somebody else's.
                    Err(EngineError::Busy { .. }) => match running.pop_front() {
                        Some(first) => texts.push(finished(first).await?),
                        None => tokio::time::sleep(Duration::from_millis(50)).await,
                    },
                    Err(error) => return Err(error.into()),
                }
            }
        }
        for generation in running {
            texts.push(finished(generation).await?);
        }
        Ok(texts)
    }
}

/// Prompts asked of a server at the same time.
const AT_ONCE: usize = 8;

#[async_trait]
impl TextGenerator for OpenAi {
    /// As the model in this process. A prompt that the server refuses by itself, because it is too long for its model, gets
    /// an empty answer; where it refuses all of them, that is an error.
    async fn continue_texts(&self, prompts: Vec<String>, max_tokens: usize) -> Result<Vec<String>, ModelFault> {
        let ask = |prompt: String| async move {
            let request = Request::new(vec![Message::user(prompt)], max_tokens).within(GENERATION_DEADLINE);
            match self.generate(request).await {
                Ok(generation) => finished(Some(generation)).await.map(Ok),
                Err(error @ GenerateError::Refused { status: 400..500, .. }) => Ok(Err(error)),
                Err(error) => Err(ModelFault::from(error)),
            }
        };
        let mut answers = futures::stream::iter(prompts.into_iter().map(ask)).buffered(AT_ONCE);
        let (mut texts, mut refused) = (Vec::new(), None);
        while let Some(answer) = answers.next().await {
            match answer? {
                Ok(text) => texts.push(text),
                Err(error) => {
                    texts.push(String::new());
                    refused = Some(error);
                }
            }
        }
        match refused {
            Some(error) if texts.iter().all(String::is_empty) => Err(error.into()),
            _ => Ok(texts),
        }
    }
}

impl ConversationForm for TextTokenizer {
    /// By the model's own chat template.
    fn ids(&self, prompt: &str, completion: &str) -> Result<Vec<u32>, ModelFault> {
        let turns = [Message::user(prompt), Message::new("assistant", completion)];
        Ok(self.encode_finished_chat(&turns)?)
    }
}

async fn finished(generation: Option<Generation>) -> Result<String, ModelFault> {
    let Some(generation) = generation else {
        return Ok(String::new());
    };
    let answer = generation.completion().await;
    match answer.reason {
        FinishReason::Stop | FinishReason::Length => Ok(answer.text),
        reason => Err(format!("the language model did not finish its mark: {}", reason.as_str()).into()),
    }
}
