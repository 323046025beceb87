//! The decoder: its weights, and how a batch of ragged rows is laid out for a pass.

use candle_core::quantized::QMatMul;
use candle_core::{Device, Result, Tensor};

use super::attention::{Rows, Shape};
use super::cache::SlotCache;
use super::config::{DecoderConfig, Family};
use super::linear::Linear;
use super::rope::Rope;
use super::weights::{Role, Weights, shape_of};

/// Which rows of a segment the caller wants next-token logits for. The output projection is a fifth of a small model's
/// work, so rows nobody looks at are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    None,
    Last,
    /// All rows from this one on, counted within the segment.
    From(usize),
}

impl Wanted {
    /// How many rows of a segment of `count` that is.
    pub(crate) fn rows(self, count: usize) -> usize {
        match self {
            Self::None => 0,
            Self::Last => count.min(1),
            Self::From(row) => count.saturating_sub(row),
        }
    }
}

/// The next tokens of one slot.
#[derive(Debug)]
pub(crate) struct Segment<'a> {
    pub slot: usize,
    pub tokens: &'a [u32],
    pub wanted: Wanted,
}

/// A decoder with its weights.
pub(crate) struct Decoder {
    pub(super) config: DecoderConfig,
    pub(super) device: Device,
    pub(super) embedding: QMatMul,
    pub(super) layers: Vec<Layer>,
    pub(super) final_norm: Norm,
    pub(super) output: Linear,
    pub(super) rope: Rope,
    vocabulary: usize,
    /// Whether a pass runs in tensor operations, with keys and values on the device.
    pub(super) on_device: bool,
}

/// The weights of one layer.
pub(crate) struct Layer {
    pub attention_norm: Norm,
    pub query: Linear,
    pub key: Linear,
    pub value: Linear,
    pub output: Linear,
    pub query_norm: Option<Norm>,
    pub key_norm: Option<Norm>,
    pub feed_forward_norm: Norm,
    pub gate: Linear,
    pub up: Linear,
    pub down: Linear,
}

/// The weights of a norm, where either kind of pass wants them.
pub(crate) struct Norm {
    pub on_device: Tensor,
    pub on_host: Vec<f32>,
}

/// The rows of a pass.
pub(crate) struct Batch {
    /// One per row.
    pub tokens: Vec<u32>,
    pub segments: Vec<Rows>,
    /// Rows whose logits are wanted.
    pub wanted: Vec<u32>,
}

impl Decoder {
    /// Reads all weights. `context` is how many positions a slot will hold.
    pub(crate) fn load(mut weights: Weights, config: DecoderConfig, context: usize) -> Result<Self> {
        let device = weights.device().clone();
        let embedding = weights.matrix(Role::Embedding, None)?;
        let (vocabulary, width) = shape_of(&embedding)?;
        if width != config.hidden {
            candle_core::bail!("embeddings have {width} numbers, expected {}", config.hidden);
        }
        let output = match weights.has_output() {
            true => weights.linear(Role::Output, None, (vocabulary, config.hidden))?,
            false => Linear::new(embedding.clone(), None)?,
        };
        let layers = (0..config.layers)
            .map(|layer| Layer::load(&mut weights, &config, layer))
            .collect::<Result<Vec<_>>>()?;
        let final_norm = Norm::load(&mut weights, Role::FinalNorm, None, config.hidden)?;
        let factors = match weights.optional_tensor(Role::RopeFactors, None)? {
            Some(factors) => Some(factors.to_vec1::<f32>()?),
            None => None,
        };
        let rope = Rope::new(&config, context, factors.as_deref());
        let on_device = !device.is_cpu();
        Ok(Self {
            config,
            device,
            embedding,
            layers,
            final_norm,
            output,
            rope,
            vocabulary,
            on_device,
        })
    }

    /// How many tokens there are.
    pub(crate) fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// How many positions a slot can hold.
    pub(crate) fn context(&self) -> usize {
        self.rope.positions()
    }

    /// An empty memory for one sequence.
    pub(crate) fn new_cache(&self) -> Result<SlotCache> {
        let (layers, shape) = (self.config.layers, self.shape());
        match self.on_device {
            true => SlotCache::on_device(layers, shape, self.context(), &self.device),
            false => Ok(SlotCache::on_host(layers, shape)),
        }
    }

    pub(super) fn shape(&self) -> Shape {
        Shape {
            heads: self.config.heads,
            kv_heads: self.config.kv_heads,
            head_dim: self.config.head_dim,
        }
    }

    /// Continues several sequences at once. At most one segment per slot.
    ///
    /// Returns the logits of the wanted rows, one row after the other in the order of the segments. When it fails the
    /// caches are as they were.
    pub(crate) fn forward(&self, caches: &mut [SlotCache], segments: &[Segment<'_>]) -> Result<Vec<Vec<f32>>> {
        let batch = self.lay_out(caches, segments)?;
        let logits = match self.on_device {
            true => self.pass_on_device(caches, &batch)?,
            false => self.pass_on_host(caches, &batch)?,
        };
        for segment in segments {
            caches[segment.slot].advance(segment.tokens);
        }
        Ok(logits)
    }

    /// One row per token, and which of them are wanted.
    fn lay_out(&self, caches: &[SlotCache], segments: &[Segment<'_>]) -> Result<Batch> {
        let mut batch = Batch {
            tokens: Vec::new(),
            segments: Vec::new(),
            wanted: Vec::new(),
        };
        for segment in segments {
            let (first, count, start) = (batch.tokens.len(), segment.tokens.len(), caches[segment.slot].len());
            if start + count > self.context() {
                candle_core::bail!(
                    "{} positions do not fit into a context of {}",
                    start + count,
                    self.context()
                );
            }
            if let Some(token) = segment.tokens.iter().find(|token| **token as usize >= self.vocabulary) {
                candle_core::bail!("token {token} is outside the vocabulary of {}", self.vocabulary);
            }
            batch.tokens.extend_from_slice(segment.tokens);
            batch.segments.push(Rows {
                slot: segment.slot,
                first,
                count,
                start,
            });
            let from = first + count - segment.wanted.rows(count);
            batch.wanted.extend((from..first + count).map(|row| row as u32));
        }
        if batch.tokens.is_empty() {
            candle_core::bail!("a pass without rows");
        }
        Ok(batch)
    }
}

impl Layer {
    fn load(weights: &mut Weights, config: &DecoderConfig, layer: usize) -> Result<Self> {
        let at = Some(layer);
        let (hidden, head) = (config.hidden, config.head_dim);
        let (wide, narrow) = (config.heads * head, config.kv_heads * head);
        let inner = weights.rows(Role::Gate, at)?;
        // Required where the family has them: a file that lost them would talk nonsense without an error.
        let mut head_norm = |role| match config.family {
            Family::Qwen3 => Norm::load(weights, role, at, head).map(Some),
            Family::Llama | Family::Qwen2 => Ok(None),
        };
        let (query_norm, key_norm) = (head_norm(Role::QueryNorm)?, head_norm(Role::KeyNorm)?);
        Ok(Self {
            attention_norm: Norm::load(weights, Role::AttentionNorm, at, hidden)?,
            query: weights.linear(Role::Query, at, (wide, hidden))?,
            key: weights.linear(Role::Key, at, (narrow, hidden))?,
            value: weights.linear(Role::Value, at, (narrow, hidden))?,
            output: weights.linear(Role::AttentionOutput, at, (hidden, wide))?,
            query_norm,
            key_norm,
            feed_forward_norm: Norm::load(weights, Role::FeedForwardNorm, at, hidden)?,
            gate: weights.linear(Role::Gate, at, (inner, hidden))?,
            up: weights.linear(Role::Up, at, (inner, hidden))?,
            down: weights.linear(Role::Down, at, (hidden, inner))?,
        })
    }
}

impl Norm {
    fn load(weights: &mut Weights, role: Role, layer: Option<usize>, width: usize) -> Result<Self> {
        let on_device = weights.tensor(role, layer)?;
        let on_host = on_device.to_vec1::<f32>()?;
        if on_host.len() != width {
            candle_core::bail!(
                "{role:?} of layer {layer:?} has {} numbers, expected {width}",
                on_host.len()
            );
        }
        Ok(Self { on_device, on_host })
    }
}
