//! One device, one queue, one thread that runs the models.

mod batch;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use axoneme_llm::{DeviceChoice, Engine, EngineConfig};
use candle_core::Device;
use tokio::sync::{Semaphore, mpsc};

use crate::blocks::Place;
use crate::memory::Memory;
use crate::model::{Kind, Loaded};
use crate::nets::{self, Net};
use crate::tokenise::{Tokens, limit_of};
use crate::weights::Weights;
use crate::{Head, ScoringError, ScoringModel};
use worker::Worker;
pub(crate) use worker::{Completions, Sequences, Work};

/// How a scoring service works.
#[derive(Debug, Clone)]
pub struct ScoringConfig {
    /// Where models run.
    pub device: DeviceChoice,
    /// CPU threads for models; 0 takes `RAYON_NUM_THREADS`, or else one per core.
    pub threads: usize,
    /// Threads that turn texts into tokens; 0 takes one for every two cores.
    pub tokenisers: usize,
    /// Tokens that go through a model at once. More use a device better and hold up other requests longer.
    pub batch_tokens: usize,
    /// Inputs that may wait; requests beyond are refused as busy.
    pub queue: usize,
    /// Tokens of an input for models that have no limit of their own (DeBERTa without absolute positions).
    pub longest_input: usize,
    /// Bytes all models together may take, in f32; without, only what the machine has counts.
    pub memory_budget: Option<u64>,
}

impl Default for ScoringConfig {
    fn default() -> Self {
        Self {
            device: DeviceChoice::Auto,
            threads: 0,
            tokenisers: 0,
            batch_tokens: 4096,
            queue: 8192,
            longest_input: 4096,
            memory_budget: None,
        }
    }
}

/// What a service has done since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScoringStats {
    /// Inputs that wait or are being scored.
    pub waiting: u64,
    /// Sequences that went through a model.
    pub scored: u64,
    /// Sequences that got the result of an equal one.
    pub deduplicated: u64,
    /// Sequences dropped because nobody waits for them any more.
    pub dropped: u64,
    /// Passes through models.
    pub passes: u64,
    /// Bytes that loaded models take.
    pub model_bytes: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub scored: AtomicU64,
    pub deduplicated: AtomicU64,
    pub dropped: AtomicU64,
    pub passes: AtomicU64,
}

/// A running service. Clones are handles to the same one; its thread ends with the last handle and the last model.
#[derive(Clone)]
pub struct Scoring {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    config: ScoringConfig,
    device: Device,
    pub(crate) work: mpsc::UnboundedSender<Work>,
    /// One permit per input that waits: this is what bounds the channel.
    pub(crate) places: Arc<Semaphore>,
    pub(crate) tokenisers: rayon::ThreadPool,
    memory: Arc<Memory>,
    counters: Arc<Counters>,
    /// Held while a model is loaded, so that two callers never load the same one twice.
    loaded: tokio::sync::Mutex<HashMap<(PathBuf, Head), Weak<Loaded>>>,
}

impl Scoring {
    /// Opens the device and starts the thread.
    pub fn start(config: ScoringConfig) -> Result<Self, ScoringError> {
        let device = config.device.open()?;
        let threads =
            |error: rayon::ThreadPoolBuildError| ScoringError::Device(format!("cannot start threads: {error}"));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let tokenisers = match config.tokenisers {
            0 => cores.div_ceil(2),
            count => count,
        };
        let tokenisers = rayon::ThreadPoolBuilder::new()
            .num_threads(tokenisers)
            .thread_name(|number| format!("tokenise-{number}"))
            .build()
            .map_err(threads)?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(config.threads)
            .thread_name(|number| format!("scoring-{number}"))
            .build()
            .map_err(threads)?;
        let counters = Arc::new(Counters::default());
        let (work, receiver) = mpsc::unbounded_channel();
        let worker = Worker::new(receiver, pool, config.batch_tokens.max(1), counters.clone());
        std::thread::Builder::new()
            .name("scoring".into())
            .spawn(move || worker.run())
            .map_err(|error| ScoringError::Device(format!("cannot start the scoring thread: {error}")))?;
        let shared = Shared {
            places: Arc::new(Semaphore::new(config.queue.clamp(1, Semaphore::MAX_PERMITS))),
            memory: Memory::new(config.memory_budget),
            loaded: tokio::sync::Mutex::new(HashMap::new()),
            config,
            device,
            work,
            tokenisers,
            counters,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Loads the model of a folder for what `head` asks, or finds it loaded.
    ///
    /// The folder has `config.json`, `tokenizer.json` and `model.safetensors` (or its parts with their index) in f32,
    /// f16 or bf16. For [`Head::LogProb`] it may also be a GGUF file. A model goes when its last handle goes.
    pub async fn load(&self, folder: &Path, head: Head) -> Result<ScoringModel, ScoringError> {
        let path = folder
            .canonicalize()
            .map_err(|error| ScoringError::damaged(folder, error))?;
        let mut loaded = self.shared.loaded.lock().await;
        loaded.retain(|_, model| model.strong_count() > 0);
        if let Some(model) = loaded.get(&(path.clone(), head)).and_then(Weak::upgrade) {
            return Ok(ScoringModel::new(self.clone(), model));
        }
        let (scoring, folder) = (self.clone(), path.clone());
        let model = tokio::task::spawn_blocking(move || scoring.read(&folder, head))
            .await
            .map_err(|error| ScoringError::Compute(error.to_string()))??;
        let model = Arc::new(model);
        loaded.insert((path, head), Arc::downgrade(&model));
        Ok(ScoringModel::new(self.clone(), model))
    }

    fn read(&self, folder: &Path, head: Head) -> Result<Loaded, ScoringError> {
        let started = std::time::Instant::now();
        let (device, memory) = (&self.shared.device, &self.shared.memory);
        let place = Place::on(device);
        let model = if head == Head::LogProb {
            let bytes = match folder.is_file() {
                true => std::fs::metadata(folder)
                    .map_err(|error| ScoringError::damaged(folder, error))?
                    .len(),
                // Read as a whole before it is laid out.
                false => Weights::open(folder, &place)?.numbers().saturating_mul(4),
            };
            let reserved = memory.reserve(bytes, folder, device)?;
            let engine = EngineConfig {
                chat_template: None,
                threads: self.shared.config.threads,
                max_slots: 1,
                queue: 1,
                context: self.shared.config.longest_input,
                prefill_chunk: 256,
            };
            let engine = Engine::load(folder, self.shared.config.device, engine).map_err(|error| match error {
                axoneme_llm::ModelError::Unsupported { reason, .. } => ScoringError::wrong_head(folder, head, reason),
                error => ScoringError::damaged(folder, error),
            })?;
            Loaded {
                folder: folder.to_owned(),
                head,
                labels: Vec::new(),
                limit: engine.context(),
                width: 0,
                kind: Kind::Language(engine),
                reserved,
            }
        } else {
            let config = nets::open_config(folder)?;
            let weights = Weights::open(folder, &place)?;
            let reserved = memory.reserve(weights.numbers().saturating_mul(4), folder, device)?;
            let net = Net::load(&config, &weights, head)?;
            let tokens = Tokens::load(folder, net.vocabulary)?;
            let own = net.positions.unwrap_or(self.shared.config.longest_input);
            Loaded {
                folder: folder.to_owned(),
                head,
                labels: match head {
                    Head::Classify => nets::labels(&config, net.width),
                    _ => Vec::new(),
                },
                limit: limit_of(folder)?
                    .filter(|_| net.positions.is_some())
                    .map_or(own, |limit| limit.min(own)),
                width: net.width,
                kind: Kind::Net {
                    net: Box::new(net),
                    tokens: Arc::new(tokens),
                },
                reserved,
            }
        };
        tracing::info!(
            model = %folder.display(),
            %head,
            device = ?device.location(),
            seconds = started.elapsed().as_secs_f32(),
            "scoring model ready"
        );
        Ok(model)
    }

    /// What has been done so far.
    pub fn stats(&self) -> ScoringStats {
        let counters = &self.shared.counters;
        let limit = self.shared.config.queue.clamp(1, Semaphore::MAX_PERMITS);
        ScoringStats {
            waiting: limit.saturating_sub(self.shared.places.available_permits()) as u64,
            scored: counters.scored.load(Ordering::Relaxed),
            deduplicated: counters.deduplicated.load(Ordering::Relaxed),
            dropped: counters.dropped.load(Ordering::Relaxed),
            passes: counters.passes.load(Ordering::Relaxed),
            model_bytes: self.shared.memory.used(),
        }
    }

    /// Inputs that may wait.
    pub(crate) fn queue_limit(&self) -> usize {
        self.shared.config.queue.clamp(1, Semaphore::MAX_PERMITS)
    }
}
