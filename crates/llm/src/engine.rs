//! The engine: one thread owns the model, everybody else talks to it through a bounded door.
//!
//! Each step of that thread is one pass over a ragged batch: the newest token of every answer being written and a chunk
//! of the prompts being read. So four callers share the weights' way through the cache, and a long prompt never stops
//! the answers of others.

mod answer;
mod pace;
mod request;
mod sampling;
mod scoring;
mod worker;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Semaphore, mpsc, oneshot};

pub use request::{Completion, Event, FinishReason, Generation, Message, Request, Usage};
pub use sampling::Sampling;

use crate::score::{self, LogProbs, RepeatPenalty};
use crate::{DeviceChoice, EngineError, ModelError, TextTokenizer};
use answer::Answer;
use scoring::{ScoreJob, Sequence};
use worker::{Job, Worker};

/// How much an engine takes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineConfig {
    /// CPU threads; 0 takes `RAYON_NUM_THREADS`, or else one per core. More threads than free cores only slow each
    /// other down, because the work of a token is cut into pieces that wait for each other: give a busy machine one
    /// less than it has. A model in full precision follows the environment variable alone.
    pub threads: usize,
    /// Answers written at the same time. Each holds up to `context` positions in memory.
    pub max_slots: usize,
    /// Requests that may wait for a slot; more are refused as busy.
    pub queue: usize,
    /// Positions per request, prompt and answer together; the model's own limit applies as well.
    pub context: usize,
    /// Prompt tokens read per step. Larger reads prompts a little faster, smaller keeps the answers of others flowing.
    pub prefill_chunk: usize,
    /// Writes chats in another way than the model's own: a chat template, as models bring one.
    pub chat_template: Option<String>,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            threads: 0,
            max_slots: 4,
            queue: 16,
            context: 2048,
            prefill_chunk: 64,
            chat_template: None,
        }
    }
}

/// A running language model. Clones are handles to the same one; the model goes when the last handle and the last
/// answer are gone.
#[derive(Clone)]
pub struct Engine {
    jobs: mpsc::UnboundedSender<Job>,
    /// One permit per request that runs or waits: this is what bounds the channel.
    permits: Arc<Semaphore>,
    limit: usize,
    tokenizer: Arc<TextTokenizer>,
    context: usize,
    trained_context: usize,
}

impl Engine {
    /// Reads a model and starts its thread. `path` is a GGUF file, a safetensors file with its `config.json` beside
    /// it, or a folder with both. Takes seconds for large models: call it before serving, or on a blocking thread.
    pub fn load(path: &Path, device: DeviceChoice, config: EngineConfig) -> Result<Self, ModelError> {
        let started = Instant::now();
        let device = device.open()?;
        let mut loaded = crate::model::load(path, &device, config.context.max(1))?;
        if let Some(template) = &config.chat_template {
            loaded.tokenizer.write_chats_by(template, path)?;
        }
        let tokenizer = Arc::new(loaded.tokenizer);
        let context = loaded.decoder.context();
        let limit = config.max_slots.max(1) + config.queue;
        let (jobs, receiver) = mpsc::unbounded_channel();
        let worker = Worker::new(loaded.decoder, tokenizer.clone(), receiver, &config)?;
        // The worker runs on a thread of this pool, so what it does in parallel stays within the configured threads.
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(config.threads)
            .thread_name(|number| format!("llm-engine-{number}"))
            .build()
            .map_err(|error| ModelError::Device(format!("cannot start the threads of the model: {error}")))?;
        let pool = Arc::new(pool);
        let kept = pool.clone();
        pool.spawn(move || {
            worker.run();
            drop(kept);
        });
        tracing::info!(
            model = %path.display(),
            device = ?device.location(),
            context,
            seconds = started.elapsed().as_secs_f32(),
            "language model ready"
        );
        Ok(Self {
            jobs,
            permits: Arc::new(Semaphore::new(limit)),
            limit,
            tokenizer,
            context,
            trained_context: loaded.trained_context,
        })
    }

    /// Starts an answer, or refuses at once: when the engine is full, the prompt too long, or a parameter senseless.
    pub fn submit(&self, request: Request) -> Result<Generation, EngineError> {
        request.sampling.check()?;
        let permit = self.permits.clone().try_acquire_owned().map_err(|_| {
            metrics::counter!("llm_requests_total", "outcome" => "busy").increment(1);
            EngineError::Busy { limit: self.limit }
        })?;
        let prompt = self.tokenizer.encode_chat(&request.messages)?;
        if prompt.is_empty() {
            return Err(EngineError::EmptyPrompt);
        }
        if prompt.len() >= self.context {
            return Err(EngineError::PromptTooLong {
                tokens: prompt.len(),
                context: self.context,
            });
        }
        let (answer, events) = Answer::new(request, prompt, self.context, permit);
        self.jobs
            .send(Job::Answer(Box::new(answer)))
            .map_err(|_| EngineError::Stopped)?;
        Ok(Generation { events, ended: false })
    }

    /// The log-probability of every token of each completion, given the prompt.
    ///
    /// Prompt and completion are tokenised as one text and only the *number* of the prompt's own tokens is used to tell
    /// them apart, so a token across the border counts as prompt. Texts longer than the context are cut. The prompt
    /// is read once for all completions, equal completions are scored once. Waits its turn when the engine is full.
    pub async fn score(&self, prompt: String, completions: Vec<String>) -> Result<Vec<LogProbs>, EngineError> {
        let wanted = completions
            .iter()
            .map(|completion| (completion.as_str(), RepeatPenalty::Off));
        self.run_sequences(&prompt, wanted.collect()).await
    }

    /// The reward of the reference model for each completion: the mean log-probability of its tokens, with the floor
    /// of [`crate::DPO_FLOOR`] for completions that are empty, very short, do not fit, or break the arithmetic.
    pub async fn dpo_score(
        &self,
        prompt: String,
        completions: Vec<String>,
        penalty: RepeatPenalty,
    ) -> Result<Vec<f32>, EngineError> {
        let worth_scoring: Vec<&str> = completions
            .iter()
            .map(String::as_str)
            .filter(|completion| !score::dpo_floor_applies(completion))
            .collect();
        let wanted = worth_scoring.iter().map(|completion| (*completion, penalty)).collect();
        let mut scored = self.run_sequences(&prompt, wanted).await?.into_iter();
        let score_of = |completion: &String| match score::dpo_floor_applies(completion) {
            true => score::DPO_FLOOR,
            false => scored.next().map_or(score::DPO_FLOOR, |scored| scored.mean_or_floor()),
        };
        Ok(completions.iter().map(score_of).collect())
    }

    /// Scores each distinct completion once and hands the results out in the order asked for.
    async fn run_sequences(
        &self,
        prompt: &str,
        wanted: Vec<(&str, RepeatPenalty)>,
    ) -> Result<Vec<LogProbs>, EngineError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let prompt_tokens = self.tokenizer.encode(prompt)?.len();
        let mut distinct: Vec<&str> = Vec::new();
        let mut places = Vec::with_capacity(wanted.len());
        let mut sequences = Vec::new();
        for (completion, penalty) in wanted {
            let known = distinct.iter().position(|other| *other == completion);
            places.push(known.unwrap_or(distinct.len()));
            if known.is_none() {
                distinct.push(completion);
                let mut tokens = self.tokenizer.encode(&format!("{prompt}{completion}"))?;
                tokens.truncate(self.context);
                sequences.push(Sequence::new(tokens, prompt_tokens, penalty));
            }
        }
        let permit = self
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| EngineError::Stopped)?;
        let (reply, result) = oneshot::channel();
        let job = ScoreJob::new(sequences, reply, permit);
        self.jobs
            .send(Job::Score(Box::new(job)))
            .map_err(|_| EngineError::Stopped)?;
        let scored = result.await.map_err(|_| EngineError::Stopped)??;
        Ok(places.into_iter().map(|place| scored[place].clone()).collect())
    }

    /// The model's tokenizer.
    pub fn tokenizer(&self) -> &TextTokenizer {
        &self.tokenizer
    }

    /// How many tokens prompt and answer may have together.
    pub fn context(&self) -> usize {
        self.context
    }

    /// How many the model itself was trained for.
    pub fn trained_context(&self) -> usize {
        self.trained_context
    }

    /// How many more requests would be admitted now.
    pub fn free_places(&self) -> usize {
        self.permits.available_permits()
    }
}

#[cfg(test)]
mod tests;
