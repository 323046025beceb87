//! Attention within each text of a pass.

use axoneme_llm::kernels::{self, Heads, Reach, Rows};
use candle_core::{Result, Tensor};
use candle_nn::ops::softmax_last_dim;

use super::{Pass, State};

/// Columns of rows: queries, keys or values inside a wider row.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    pub state: &'a State,
    pub first: usize,
}

/// Changes the scaled scores of a head: one row of `count` scores per query, from the given query on.
pub(crate) type HostBias<'a> = Box<dyn Fn(usize, usize, &mut [f32]) + Sync + 'a>;

/// Something added to the scores before they become weights.
pub(crate) trait Bias: Sync {
    /// For a text with these queries and keys, on the CPU.
    fn on_host<'a>(&'a self, queries: Rows<'a>, keys: Rows<'a>) -> HostBias<'a>;
    /// The same as a tensor of heads, queries and keys. Queries and keys come as heads, positions, numbers.
    fn on_device(&self, queries: &Tensor, keys: &Tensor) -> Result<Tensor>;
}

/// What every token sees of its text.
pub(crate) fn attention(
    shape: Heads,
    scale: f32,
    reach: Reach,
    (queries, keys, values): (Part<'_>, Part<'_>, Part<'_>),
    bias: Option<&dyn Bias>,
    pass: &Pass,
) -> Result<State> {
    if let (State::Host { .. }, State::Host { .. }, State::Host { .. }) = (queries.state, keys.state, values.state) {
        let width = shape.heads * shape.head_dim;
        let mut out = Vec::with_capacity(pass.tokens.len() * width);
        for text in &pass.texts {
            let (queries, keys) = (rows_of(queries, text.clone())?, rows_of(keys, text.clone())?);
            let bias = bias.map(|bias| bias.on_host(queries, keys));
            out.extend(kernels::attend(
                shape,
                scale,
                reach,
                queries,
                keys,
                rows_of(values, text.clone())?,
                bias.as_deref(),
                pass.split,
            ));
        }
        return Ok(State::host(width, out));
    }
    let mut out = Vec::with_capacity(pass.texts.len());
    for text in &pass.texts {
        let heads_of = |part: Part<'_>, heads: usize| {
            let State::Device(tensor) = part.state else {
                candle_core::bail!("rows on two devices");
            };
            tensor
                .narrow(0, text.start, text.len())?
                .narrow(1, part.first, heads * shape.head_dim)?
                .reshape((text.len(), heads, shape.head_dim))?
                .transpose(0, 1)?
                .contiguous()
        };
        let queries = heads_of(queries, shape.heads)?;
        let shared = |tensor: Tensor| -> Result<Tensor> {
            let group = shape.heads / shape.kv_heads;
            if group == 1 {
                return Ok(tensor);
            }
            let copies = vec![tensor.unsqueeze(1)?; group];
            Tensor::cat(&copies, 1)?.reshape((shape.heads, text.len(), shape.head_dim))
        };
        let (keys, values) = (
            shared(heads_of(keys, shape.kv_heads)?)?,
            shared(heads_of(values, shape.kv_heads)?)?,
        );
        let mut scores = (queries.matmul(&keys.t()?.contiguous()?)? * f64::from(scale))?;
        if let Some(bias) = bias {
            scores = (scores + bias.on_device(&queries, &keys)?)?;
        }
        if reach != Reach::All {
            scores = scores.broadcast_add(&mask(reach, text.len(), scores.device())?)?;
        }
        let seen = softmax_last_dim(&scores)?.matmul(&values)?;
        out.push(
            seen.transpose(0, 1)?
                .reshape((text.len(), shape.heads * shape.head_dim))?,
        );
    }
    Ok(State::Device(Tensor::cat(&out, 0)?))
}

fn rows_of(part: Part<'_>, text: std::ops::Range<usize>) -> Result<Rows<'_>> {
    match part.state {
        State::Host { width, numbers } => Ok(Rows {
            data: numbers,
            first: text.start * width + part.first,
            stride: *width,
            count: text.len(),
        }),
        State::Device(_) => candle_core::bail!("rows on two devices"),
    }
}

/// Zero where a position looks, minus infinity elsewhere.
fn mask(reach: Reach, count: usize, device: &candle_core::Device) -> Result<Tensor> {
    let mut mask = vec![f32::NEG_INFINITY; count * count];
    for (position, row) in mask.chunks_exact_mut(count).enumerate() {
        row[reach.of(position, count)].fill(0.0);
    }
    Tensor::from_vec(mask, (1, count, count), device)
}
