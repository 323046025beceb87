//! The forward pass.

use candle_core::quantized::QMatMul;
use candle_core::{Device, Result, Tensor};
use candle_nn::ops::{rms_norm, silu};

use super::attention::{self, Rows, Shape};
use super::cache::SlotCache;
use super::config::{DecoderConfig, Family};
use super::device_attention::Pass;
use super::linear::{Input, Linear};
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
    config: DecoderConfig,
    device: Device,
    embedding: QMatMul,
    layers: Vec<Layer>,
    final_norm: Tensor,
    output: Linear,
    rope: Rope,
    vocabulary: usize,
    /// Whether attention runs in tensor operations, with keys and values on the device.
    pub(super) on_device: bool,
}

struct Layer {
    attention_norm: Tensor,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    query_norm: Option<Tensor>,
    key_norm: Option<Tensor>,
    feed_forward_norm: Tensor,
    gate: Linear,
    up: Linear,
    down: Linear,
}

impl Decoder {
    /// Reads all weights. `context` is how many positions a slot will hold.
    pub(crate) fn load(
        mut weights: Weights,
        config: DecoderConfig,
        context: usize,
    ) -> Result<Self> {
        let device = weights.device().clone();
        let embedding = weights.matrix(Role::Embedding, None)?;
        let (vocabulary, width) = shape_of(&embedding)?;
        if width != config.hidden {
            candle_core::bail!(
                "embeddings have {width} numbers, expected {}",
                config.hidden
            );
        }
        let output = match weights.has_output() {
            true => weights.linear(Role::Output, None, (vocabulary, config.hidden))?,
            false => Linear::new(embedding.clone(), None)?,
        };
        let layers = (0..config.layers)
            .map(|layer| Layer::load(&mut weights, &config, layer))
            .collect::<Result<Vec<_>>>()?;
        let final_norm = weights.tensor(Role::FinalNorm, None)?;
        let factors = match weights.optional_tensor(Role::RopeFactors, None)? {
            Some(factors) => Some(factors.to_vec1::<f32>()?),
            None => None,
        };
        let rope = Rope::new(&config, context, factors.as_deref());
        Ok(Self {
            on_device: !device.is_cpu(),
            config,
            device,
            embedding,
            layers,
            final_norm,
            output,
            rope,
            vocabulary,
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

    fn shape(&self) -> Shape {
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
    pub(crate) fn forward(
        &self,
        caches: &mut [SlotCache],
        segments: &[Segment<'_>],
    ) -> Result<Vec<Vec<f32>>> {
        let result = self.try_forward(caches, segments);
        for segment in segments {
            let cache = &mut caches[segment.slot];
            match result {
                Ok(_) => cache.advance(segment.tokens),
                Err(_) => cache.drop_unfinished(),
            }
        }
        result
    }

    fn try_forward(
        &self,
        caches: &mut [SlotCache],
        segments: &[Segment<'_>],
    ) -> Result<Vec<Vec<f32>>> {
        let (tokens, rows, wanted) = self.lay_out(caches, segments)?;
        let epsilon = self.config.norm_epsilon as f32;
        let pass = match self.on_device {
            true => Some(Pass::new(&self.rope, &rows, &self.device)?),
            false => None,
        };
        let mut state = self
            .embedding
            .embedding(&Tensor::new(tokens, &self.device)?)?;
        for (index, layer) in self.layers.iter().enumerate() {
            let normed = rms_norm(&state, &layer.attention_norm, epsilon)?;
            let mut attended = self.attend(
                index,
                layer,
                &Input::new(normed),
                &rows,
                pass.as_ref(),
                caches,
            )?;
            if index + 1 == self.layers.len() {
                // Nothing after the last attention mixes rows, so the others need not go on.
                if wanted.is_empty() {
                    return Ok(Vec::new());
                }
                let chosen = Tensor::new(wanted.as_slice(), &self.device)?;
                attended = attended.index_select(&chosen, 0)?;
                state = state.index_select(&chosen, 0)?;
            }
            state = (state + layer.output.forward(&Input::new(attended))?)?;
            let normed = Input::new(rms_norm(&state, &layer.feed_forward_norm, epsilon)?);
            let gated = (silu(&layer.gate.forward(&normed)?)? * layer.up.forward(&normed)?)?;
            state = (state + layer.down.forward(&Input::new(gated))?)?;
        }
        let logits =
            self.output
                .forward(&Input::new(rms_norm(&state, &self.final_norm, epsilon)?))?;
        logits.to_vec2::<f32>()
    }

    /// One row per token, and which of them are wanted.
    fn lay_out(
        &self,
        caches: &[SlotCache],
        segments: &[Segment<'_>],
    ) -> Result<(Vec<u32>, Vec<Rows>, Vec<u32>)> {
        let (mut tokens, mut rows, mut wanted) = (Vec::new(), Vec::new(), Vec::new());
        for segment in segments {
            let (first, count, start) = (
                tokens.len(),
                segment.tokens.len(),
                caches[segment.slot].len(),
            );
            if start + count > self.context() {
                candle_core::bail!(
                    "{} positions do not fit into a context of {}",
                    start + count,
                    self.context()
                );
            }
            if let Some(token) = segment
                .tokens
                .iter()
                .find(|token| **token as usize >= self.vocabulary)
            {
                candle_core::bail!(
                    "token {token} is outside the vocabulary of {}",
                    self.vocabulary
                );
            }
            tokens.extend_from_slice(segment.tokens);
            rows.push(Rows {
                slot: segment.slot,
                first,
                count,
                start,
            });
            let from = first + count - segment.wanted.rows(count);
            wanted.extend((from..first + count).map(|row| row as u32));
        }
        if tokens.is_empty() {
            candle_core::bail!("a pass without rows");
        }
        Ok((tokens, rows, wanted))
    }

    fn attend(
        &self,
        index: usize,
        layer: &Layer,
        normed: &Input,
        rows: &[Rows],
        pass: Option<&Pass>,
        caches: &mut [SlotCache],
    ) -> Result<Tensor> {
        let shape = self.shape();
        let queries =
            self.per_head_norm(layer.query.forward(normed)?, layer.query_norm.as_ref())?;
        let keys = self.per_head_norm(layer.key.forward(normed)?, layer.key_norm.as_ref())?;
        let values = layer.value.forward(normed)?;
        if let Some(pass) = pass {
            return pass.attend(shape, index, rows, caches, (&queries, &keys, &values));
        }
        let count = values.dim(0)?;
        let flat = |tensor: Tensor| tensor.flatten_all()?.to_vec1::<f32>();
        let out = attention::attend(
            shape,
            &self.rope,
            index,
            rows,
            caches,
            (flat(queries)?, flat(keys)?, &flat(values)?),
        )?;
        Tensor::from_vec(out, (count, shape.heads * shape.head_dim), &self.device)
    }

    fn per_head_norm(&self, rows: Tensor, weight: Option<&Tensor>) -> Result<Tensor> {
        let Some(weight) = weight else {
            return Ok(rows);
        };
        let (count, width) = rows.dims2()?;
        let heads = rows.reshape((count * width / self.config.head_dim, self.config.head_dim))?;
        rms_norm(&heads, weight, self.config.norm_epsilon as f32)?.reshape((count, width))
    }
}

impl Layer {
    fn load(weights: &mut Weights, config: &DecoderConfig, layer: usize) -> Result<Self> {
        let at = Some(layer);
        let (hidden, wide, narrow) = (
            config.hidden,
            config.heads * config.head_dim,
            config.kv_heads * config.head_dim,
        );
        let inner = weights.rows(Role::Gate, at)?;
        // Required where the family has them: a file that lost them would talk nonsense without an error.
        let mut head_norm = |role| match config.family {
            Family::Qwen3 => weights.tensor(role, at).map(Some),
            Family::Llama | Family::Qwen2 => Ok(None),
        };
        let (query_norm, key_norm) = (head_norm(Role::QueryNorm)?, head_norm(Role::KeyNorm)?);
        Ok(Self {
            attention_norm: weights.tensor(Role::AttentionNorm, at)?,
            query: weights.linear(Role::Query, at, (wide, hidden))?,
            key: weights.linear(Role::Key, at, (narrow, hidden))?,
            value: weights.linear(Role::Value, at, (narrow, hidden))?,
            output: weights.linear(Role::AttentionOutput, at, (hidden, wide))?,
            query_norm,
            key_norm,
            feed_forward_norm: weights.tensor(Role::FeedForwardNorm, at)?,
            gate: weights.linear(Role::Gate, at, (inner, hidden))?,
            up: weights.linear(Role::Up, at, (inner, hidden))?,
            down: weights.linear(Role::Down, at, (hidden, inner))?,
        })
    }
}
