//! Sentences as vectors.
//!
//! Each text is run through the encoder alone, without padding: its vector is the same bit for bit whoever shares its
//! batch, so that two validators, or one validator on two days, agree. Texts of a batch run side by side on the cores.

mod encoder;

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use candle_core::{DType, Device};
use candle_nn::VarBuilder;
use lru::LruCache;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use tokenizers::{Tokenizer, TruncationParams};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::tokenize::read_json;
use crate::{DeviceChoice, EngineError, ModelError};
use encoder::{Encoder, EncoderConfig};

/// Vectors that are remembered: miners often give the same answer, and relevance and diversity ask for the same texts.
const REMEMBERED: usize = 4096;
/// Batches that may wait; further callers wait before they enter.
const WAITING: usize = 64;

/// A sentence encoder on a thread of its own. Clones are handles to the same one.
#[derive(Clone)]
pub struct Embedder {
    jobs: mpsc::UnboundedSender<Job>,
    permits: Arc<Semaphore>,
    tokenizer: Arc<Tokenizer>,
    dimensions: usize,
}

struct Job {
    texts: Vec<String>,
    reply: oneshot::Sender<Result<Vec<Vec<f32>>, EngineError>>,
    _permit: OwnedSemaphorePermit,
}

type Key = [u8; 32];

struct Worker {
    encoder: Encoder,
    tokenizer: Arc<Tokenizer>,
    remembered: LruCache<Key, Vec<f32>>,
}

impl Embedder {
    /// Reads a BERT-like encoder from a folder with `config.json`, `tokenizer.json` and `model.safetensors`.
    pub fn load(folder: &Path, device: DeviceChoice) -> Result<Self, ModelError> {
        let started = Instant::now();
        let device = device.open()?;
        let weights_path = folder.join("model.safetensors");
        if !weights_path.exists() {
            return Err(ModelError::NotFound { path: weights_path });
        }
        let config_path = folder.join("config.json");
        let json = read_json(&config_path)?;
        let config: EncoderConfig =
            serde_json::from_value(json).map_err(|error| ModelError::corrupt(&config_path, error))?;
        config
            .check()
            .map_err(|reason| ModelError::unsupported(&config_path, reason))?;
        let tokenizer = Arc::new(load_tokenizer(folder, &config)?);
        let dimensions = config.hidden_size;
        let encoder = load_encoder(&weights_path, config, &device)?;
        let (jobs, receiver) = mpsc::unbounded_channel();
        let remembered = LruCache::new(NonZeroUsize::new(REMEMBERED).unwrap_or(NonZeroUsize::MIN));
        let worker = Worker {
            encoder,
            tokenizer: tokenizer.clone(),
            remembered,
        };
        std::thread::Builder::new()
            .name("llm-embedder".into())
            .spawn(move || worker.run(receiver))
            .map_err(|source| ModelError::io(folder, source))?;
        tracing::info!(
            model = %folder.display(),
            dimensions,
            seconds = started.elapsed().as_secs_f32(),
            "sentence encoder ready"
        );
        Ok(Self {
            jobs,
            permits: Arc::new(Semaphore::new(WAITING)),
            tokenizer,
            dimensions,
        })
    }

    /// One vector of length 1 per text, in the order of the texts. Long texts are cut at the model's limit.
    pub async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, EngineError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let permit = self
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| EngineError::Stopped)?;
        let (reply, result) = oneshot::channel();
        let job = Job {
            texts,
            reply,
            _permit: permit,
        };
        self.jobs.send(job).map_err(|_| EngineError::Stopped)?;
        result.await.map_err(|_| EngineError::Stopped)?
    }

    /// Numbers per vector.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// The model's tokenizer, cutting at the model's limit.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }
}

impl Worker {
    fn run(mut self, mut jobs: mpsc::UnboundedReceiver<Job>) {
        while let Some(job) = jobs.blocking_recv() {
            if job.reply.is_closed() {
                continue;
            }
            let result = self.embed(&job.texts);
            let _ = job.reply.send(result);
        }
    }

    fn embed(&mut self, texts: &[String]) -> Result<Vec<Vec<f32>>, EngineError> {
        let keys: Vec<Key> = texts.iter().map(|text| Sha256::digest(text).into()).collect();
        let mut missing: Vec<(Key, &str)> = Vec::new();
        for (key, text) in keys.iter().zip(texts) {
            if !self.remembered.contains(key) && !missing.iter().any(|(other, _)| other == key) {
                missing.push((*key, text));
            }
        }
        metrics::counter!("llm_embeddings_total", "source" => "model").increment(missing.len() as u64);
        metrics::counter!("llm_embeddings_total", "source" => "remembered")
            .increment((texts.len() - missing.len()) as u64);
        let computed: Vec<(Key, Vec<f32>)> = missing
            .par_iter()
            .map(|(key, text)| Ok((*key, self.embed_one(text)?)))
            .collect::<Result<_, EngineError>>()?;
        // Answered from `computed` too: a batch may be larger than what is remembered.
        let fresh: std::collections::HashMap<Key, Vec<f32>> = computed.into_iter().collect();
        let found = |key: &Key| fresh.get(key).or_else(|| self.remembered.peek(key)).cloned();
        let vectors: Option<Vec<Vec<f32>>> = keys.iter().map(found).collect();
        for (key, vector) in fresh {
            self.remembered.put(key, vector);
        }
        vectors.ok_or_else(|| EngineError::Compute("an embedding was lost".into()))
    }

    fn embed_one(&self, text: &str) -> Result<Vec<f32>, EngineError> {
        let encoding = self
            .tokenizer
            .encode_fast(text, true)
            .map_err(|error| EngineError::Tokenize(error.to_string()))?;
        let states = self.encoder.forward(encoding.get_ids())?;
        Ok(pooled(&states))
    }
}

/// The mean of all rows, scaled to length 1.
fn pooled(states: &[Vec<f32>]) -> Vec<f32> {
    let mut mean = vec![0f32; states.first().map_or(0, Vec::len)];
    for row in states {
        for (sum, value) in mean.iter_mut().zip(row) {
            *sum += value;
        }
    }
    for value in &mut mean {
        *value /= states.len() as f32;
    }
    let length = mean
        .iter()
        .map(|value| value * value)
        .sum::<f32>()
        .sqrt()
        .max(f32::MIN_POSITIVE);
    mean.iter_mut().for_each(|value| *value /= length);
    mean
}

fn load_tokenizer(folder: &Path, config: &EncoderConfig) -> Result<Tokenizer, ModelError> {
    let path = folder.join("tokenizer.json");
    let mut tokenizer = Tokenizer::from_file(&path).map_err(|error| ModelError::tokenizer(folder, error))?;
    let sentence = read_json(&folder.join("sentence_bert_config.json"))?;
    let limit = sentence["max_seq_length"]
        .as_u64()
        .and_then(|limit| usize::try_from(limit).ok());
    let max_length = limit.unwrap_or(usize::MAX).min(config.max_position_embeddings);
    // Files carry the padding and the cut of the training run, which would lengthen and shorten our texts.
    tokenizer.with_padding(None);
    tokenizer
        .with_truncation(Some(TruncationParams {
            max_length,
            ..TruncationParams::default()
        }))
        .map_err(|error| ModelError::tokenizer(folder, error))?;
    if tokenizer.get_vocab_size(true) > config.vocab_size {
        return Err(ModelError::tokenizer(folder, "it has more tokens than the model"));
    }
    Ok(tokenizer)
}

fn load_encoder(path: &Path, config: EncoderConfig, device: &Device) -> Result<Encoder, ModelError> {
    let bytes = std::fs::read(path).map_err(|source| ModelError::io(path, source))?;
    let weights = VarBuilder::from_buffered_safetensors(bytes, DType::F32, device)
        .map_err(|error| ModelError::corrupt(path, error))?;
    Encoder::load(weights, config).map_err(|error| ModelError::corrupt(path, error))
}

#[cfg(test)]
mod tests;
