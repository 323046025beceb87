//! A pass in tensor operations, for models on a GPU: rows, keys and values never leave it.

use candle_core::{D, Device, Result, Tensor};
use candle_nn::ops::{rms_norm, silu, softmax_last_dim};
use candle_nn::rotary_emb::{rope, rope_i};

use super::attention::{Rows, Shape};
use super::cache::{DeviceMemory, Memory, SlotCache};
use super::config::Pairing;
use super::decoder::{Batch, Decoder, Layer, Norm};
use super::rope::Rope;

impl Decoder {
    pub(super) fn pass_on_device(&self, caches: &[SlotCache], batch: &Batch) -> Result<Vec<Vec<f32>>> {
        let pass = Pass::new(&self.rope, &batch.segments, &self.device)?;
        let mut state = self
            .embedding
            .embedding(&Tensor::new(batch.tokens.as_slice(), &self.device)?)?;
        for (index, layer) in self.layers.iter().enumerate() {
            let mut attended = self.attend_on_device(index, layer, &state, &pass, batch, caches)?;
            if index + 1 == self.layers.len() {
                // Nothing after the last attention mixes rows, so the others need not go on.
                if batch.wanted.is_empty() {
                    return Ok(Vec::new());
                }
                let chosen = Tensor::new(batch.wanted.as_slice(), &self.device)?;
                attended = attended.index_select(&chosen, 0)?;
                state = state.index_select(&chosen, 0)?;
            }
            state = (state + layer.output.forward(&attended)?)?;
            let normed = self.norm_on_device(&state, &layer.feed_forward_norm)?;
            let gated = (silu(&layer.gate.forward(&normed)?)? * layer.up.forward(&normed)?)?;
            state = (state + layer.down.forward(&gated)?)?;
        }
        self.output
            .forward(&self.norm_on_device(&state, &self.final_norm)?)?
            .to_vec2::<f32>()
    }

    fn attend_on_device(
        &self,
        index: usize,
        layer: &Layer,
        state: &Tensor,
        pass: &Pass,
        batch: &Batch,
        caches: &[SlotCache],
    ) -> Result<Tensor> {
        let normed = self.norm_on_device(state, &layer.attention_norm)?;
        let per_head = |rows: Tensor, norm: &Option<Norm>| {
            let Some(norm) = norm else { return Ok(rows) };
            let (count, width) = rows.dims2()?;
            let heads = rows.reshape((count * width / self.config.head_dim, self.config.head_dim))?;
            self.norm_on_device(&heads, norm)?.reshape((count, width))
        };
        let queries = per_head(layer.query.forward(&normed)?, &layer.query_norm)?;
        let keys = per_head(layer.key.forward(&normed)?, &layer.key_norm)?;
        let values = layer.value.forward(&normed)?;
        pass.attend(self.shape(), index, &batch.segments, caches, (&queries, &keys, &values))
    }

    fn norm_on_device(&self, rows: &Tensor, norm: &Norm) -> Result<Tensor> {
        rms_norm(rows, &norm.on_device, self.config.norm_epsilon as f32)
    }
}

/// What all layers of one pass have in common: the rotations of its rows and who may look at whom.
struct Pass {
    cos: Tensor,
    sin: Tensor,
    pairing: Pairing,
    /// Per segment; none for a single row, which may look at everything.
    masks: Vec<Option<Tensor>>,
}

impl Pass {
    fn new(rope: &Rope, segments: &[Rows], device: &Device) -> Result<Self> {
        let positions = segments
            .iter()
            .flat_map(|segment| segment.start..segment.start + segment.count);
        let (cos, sin): (Vec<&[f32]>, Vec<&[f32]>) = positions.map(|position| rope.at(position)).unzip();
        let table = |rows: Vec<&[f32]>| {
            let width = rows.first().map_or(0, |row| row.len());
            Tensor::from_vec(rows.concat(), (rows.len(), width), device)
        };
        let masks = segments
            .iter()
            .map(|segment| causal_mask(segment, device))
            .collect::<Result<_>>()?;
        Ok(Self {
            cos: table(cos)?,
            sin: table(sin)?,
            pairing: rope.pairing(),
            masks,
        })
    }

    /// Rotates queries and keys, stores keys and values, and attends. Rows in, rows out.
    fn attend(
        &self,
        shape: Shape,
        layer: usize,
        segments: &[Rows],
        caches: &[SlotCache],
        (queries, keys, values): (&Tensor, &Tensor, &Tensor),
    ) -> Result<Tensor> {
        let queries = self.rotate(&by_head(queries, shape.heads)?)?;
        let keys = self.rotate(&by_head(keys, shape.kv_heads)?)?;
        let values = by_head(values, shape.kv_heads)?;
        let mut attended = Vec::with_capacity(segments.len());
        for (segment, mask) in segments.iter().zip(&self.masks) {
            let Memory::Device(memory) = &caches[segment.slot].memory else {
                candle_core::bail!("the memory of a slot does not lie on the device");
            };
            let part = |heads: &Tensor| heads.narrow(1, segment.first, segment.count)?.contiguous();
            memory.keys[layer].slice_set(&part(&keys)?, 1, segment.start)?;
            memory.values[layer].slice_set(&part(&values)?, 1, segment.start)?;
            attended.push(attend_segment(
                shape,
                layer,
                segment,
                memory,
                &part(&queries)?,
                mask.as_ref(),
            )?);
        }
        Tensor::cat(&attended, 0)
    }

    fn rotate(&self, heads: &Tensor) -> Result<Tensor> {
        let heads = heads.unsqueeze(0)?;
        let rotated = match self.pairing {
            Pairing::Neighbours => rope_i(&heads, &self.cos, &self.sin)?,
            Pairing::Halves => rope(&heads, &self.cos, &self.sin)?,
        };
        rotated.squeeze(0)
    }
}

/// The queries of one segment, `[heads, rows, head size]`, over everything its slot has seen.
fn attend_segment(
    shape: Shape,
    layer: usize,
    segment: &Rows,
    memory: &DeviceMemory,
    queries: &Tensor,
    mask: Option<&Tensor>,
) -> Result<Tensor> {
    let (seen, group) = (segment.start + segment.count, shape.heads / shape.kv_heads);
    let keys = memory.keys[layer].narrow(1, 0, seen)?.contiguous()?;
    let values = memory.values[layer].narrow(1, 0, seen)?.contiguous()?;
    // Queries that share a key head stand below each other, so each head is one product.
    let queries = queries.reshape((shape.kv_heads, group * segment.count, shape.head_dim))?;
    let scale = 1.0 / (shape.head_dim as f64).sqrt();
    let mut scores = (queries.matmul(&keys.transpose(1, 2)?.contiguous()?)? * scale)?;
    if let Some(mask) = mask {
        let apart = scores.reshape((shape.heads, segment.count, seen))?;
        scores = apart
            .broadcast_add(mask)?
            .reshape((shape.kv_heads, group * segment.count, seen))?;
    }
    let attended = softmax_last_dim(&scores)?.matmul(&values)?;
    attended
        .reshape((shape.heads, segment.count, shape.head_dim))?
        .transpose(0, 1)?
        .contiguous()?
        .reshape((segment.count, shape.heads * shape.head_dim))
}

/// `[rows, heads * size]` to `[heads, rows, size]`.
fn by_head(rows: &Tensor, heads: usize) -> Result<Tensor> {
    let (count, width) = (rows.dim(0)?, rows.dim(D::Minus1)?);
    rows.reshape((count, heads, width / heads))?
        .transpose(0, 1)?
        .contiguous()
}

/// Zero where a row may look, minus infinity after its own position.
fn causal_mask(segment: &Rows, device: &Device) -> Result<Option<Tensor>> {
    if segment.count == 1 {
        return Ok(None);
    }
    let seen = segment.start + segment.count;
    let allowed = |row: usize, position: usize| position <= segment.start + row;
    let mask: Vec<f32> = (0..segment.count)
        .flat_map(|row| {
            (0..seen).map(
                move |position| {
                    if allowed(row, position) { 0.0 } else { f32::NEG_INFINITY }
                },
            )
        })
        .collect();
    Tensor::from_vec(mask, (segment.count, seen), device).map(Some)
}
