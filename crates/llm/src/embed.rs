//! Sentences as vectors.
//!
//! Texts are run through the encoder without padding and every sum is taken in a fixed order: on a CPU a text's vector is
//! the same bit for bit whoever shares its batch, so that two validators, or one validator on two days, agree.

mod encoder;
mod host;

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
use host::HostEncoder;

/// Vectors that are remembered: miners often give the same answer, and relevance and diversity ask for the same texts.
const REMEMBERED: usize = 4096;
/// Batches that may wait; further callers wait before they enter.
const WAITING: usize = 64;
/// Tokens that go through the encoder together on one thread: their rows stay in its cache.
const GROUP: usize = 192;

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

/// The encoder in the form its device wants.
enum Net {
    Host(HostEncoder),
    Device(Encoder),
}

struct Worker {
    encoder: Net,
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
        let vectors = self.vectors(&missing)?;
        let computed = missing.iter().map(|(key, _)| *key).zip(vectors);
        // Answered from `computed` too: a batch may be larger than what is remembered.
        let fresh: std::collections::HashMap<Key, Vec<f32>> = computed.collect();
        let found = |key: &Key| fresh.get(key).or_else(|| self.remembered.peek(key)).cloned();
        let vectors: Option<Vec<Vec<f32>>> = keys.iter().map(found).collect();
        for (key, vector) in fresh {
            self.remembered.put(key, vector);
        }
        vectors.ok_or_else(|| EngineError::Compute("an embedding was lost".into()))
    }

    /// The vectors of some texts, in their order.
    fn vectors(&self, texts: &[(Key, &str)]) -> Result<Vec<Vec<f32>>, EngineError> {
        let tokenise = |(_, text): &(Key, &str)| {
            let encoding = self.tokenizer.encode_fast(*text, true);
            let encoding = encoding.map_err(|error| EngineError::Tokenize(error.to_string()))?;
            Ok(encoding.get_ids().to_vec())
        };
        let tokens: Vec<Vec<u32>> = texts.par_iter().map(tokenise).collect::<Result<_, EngineError>>()?;
        let mut order: Vec<usize> = (0..tokens.len()).collect();
        order.sort_by_key(|index| tokens[*index].len());
        let ordered: Vec<&[u32]> = order.iter().map(|index| tokens[*index].as_slice()).collect();
        let groups = groups(&ordered);
        // Threads work on groups of their own, without waiting for each other at every step, if there are enough.
        let computed: Vec<Vec<Vec<f32>>> = if groups.len() >= rayon::current_num_threads() {
            let run = |group: &&[&[u32]]| self.encoder.vectors(group, false);
            groups.par_iter().with_max_len(1).map(run).collect::<Result<_, _>>()?
        } else {
            vec![self.encoder.vectors(&ordered, true)?]
        };
        let mut vectors = vec![Vec::new(); texts.len()];
        for (index, vector) in order.into_iter().zip(computed.into_iter().flatten()) {
            vectors[index] = vector;
        }
        Ok(vectors)
    }
}

impl Net {
    fn vectors(&self, texts: &[&[u32]], split: bool) -> candle_core::Result<Vec<Vec<f32>>> {
        match self {
            Self::Device(encoder) => texts.iter().map(|text| Ok(pooled(&encoder.forward(text)?))).collect(),
            Self::Host(encoder) => {
                let states = encoder.forward(texts, split)?;
                let width = states.len() / texts.iter().map(|text| text.len()).sum::<usize>().max(1);
                let mut rows = states.chunks_exact(width.max(1));
                let of_text = |text: &&[u32]| {
                    let states: Vec<&[f32]> = rows.by_ref().take(text.len()).collect();
                    pooled(&states)
                };
                Ok(texts.iter().map(of_text).collect())
            }
        }
    }
}

/// Neighbours with so many tokens together that their rows stay in a core's cache.
fn groups<'a, 'b>(texts: &'a [&'b [u32]]) -> Vec<&'a [&'b [u32]]> {
    let (mut groups, mut start, mut tokens) = (Vec::new(), 0, 0);
    for (index, text) in texts.iter().enumerate() {
        if index > start && tokens + text.len() > GROUP {
            groups.push(&texts[start..index]);
            (start, tokens) = (index, 0);
        }
        tokens += text.len();
    }
    if start < texts.len() {
        groups.push(&texts[start..]);
    }
    groups
}

/// The mean of all rows, scaled to length 1.
fn pooled<R: AsRef<[f32]>>(states: &[R]) -> Vec<f32> {
    let mut mean = vec![0f32; states.first().map_or(0, |row| row.as_ref().len())];
    for row in states {
        crate::kernels::add(&mut mean, row.as_ref());
    }
    for value in &mut mean {
        *value /= states.len() as f32;
    }
    let length = crate::kernels::dot(&mean, &mean).sqrt().max(f32::MIN_POSITIVE);
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

fn load_encoder(path: &Path, config: EncoderConfig, device: &Device) -> Result<Net, ModelError> {
    let bytes = std::fs::read(path).map_err(|source| ModelError::io(path, source))?;
    let weights = VarBuilder::from_buffered_safetensors(bytes, DType::F32, device)
        .map_err(|error| ModelError::corrupt(path, error))?;
    let net = match device {
        Device::Cpu => HostEncoder::load(&weights, &config).map(Net::Host),
        _ => Encoder::load(weights, config).map(Net::Device),
    };
    net.map_err(|error| ModelError::corrupt(path, error))
}

#[cfg(test)]
mod tests;
