//! Causal attention of ragged rows over the caches of their slots.

use candle_core::Result;
use rayon::prelude::*;

use super::cache::{HostMemory, Memory, SlotCache};
use super::rope::Rope;

/// Fewer rows are done sooner than a second thread is awake.
const WORTH_SPLITTING: usize = 8;

/// Shapes shared by all layers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
}

/// Rows of one slot, in the order of their positions.
pub(crate) struct Rows {
    /// Index of the slot's cache.
    pub slot: usize,
    /// Index of the first row in the batch.
    pub first: usize,
    pub count: usize,
    /// Position of the first row.
    pub start: usize,
}

/// Rotates queries and keys, stores keys and values, and attends. Returns one row of all heads per row.
pub(crate) fn attend(
    shape: Shape,
    rope: &Rope,
    layer: usize,
    segments: &[Rows],
    caches: &mut [SlotCache],
    (mut queries, mut keys, values): (Vec<f32>, Vec<f32>, &[f32]),
) -> Result<Vec<f32>> {
    let (query_width, key_width) = (
        shape.heads * shape.head_dim,
        shape.kv_heads * shape.head_dim,
    );
    for segment in segments {
        let memory = on_host(&mut caches[segment.slot])?;
        for offset in 0..segment.count {
            let (row, position) = (segment.first + offset, segment.start + offset);
            for head in
                queries[row * query_width..(row + 1) * query_width].chunks_exact_mut(shape.head_dim)
            {
                rope.apply(head, position);
            }
            let key_row = &mut keys[row * key_width..(row + 1) * key_width];
            let value_row = &values[row * key_width..(row + 1) * key_width];
            let pairs = key_row
                .chunks_exact_mut(shape.head_dim)
                .zip(value_row.chunks_exact(shape.head_dim));
            for (head, (key, value)) in pairs.enumerate() {
                rope.apply(key, position);
                memory.push(layer, head, key, value);
            }
        }
    }
    let mut out = vec![0f32; queries.len()];
    let mut work: Vec<(&HostMemory, usize)> = Vec::with_capacity(queries.len() / query_width);
    for segment in segments {
        let Memory::Host(memory) = &caches[segment.slot].memory else {
            continue;
        };
        work.extend((0..segment.count).map(|offset| (memory, segment.start + offset + 1)));
    }
    let attend_row = |row: usize, out: &mut [f32]| {
        let (memory, seen) = work[row];
        let queries = &queries[row * query_width..(row + 1) * query_width];
        row_attention(shape, memory, layer, seen, queries, out);
    };
    let rows = out.chunks_exact_mut(query_width).enumerate();
    if work.len() < WORTH_SPLITTING {
        rows.for_each(|(row, out)| attend_row(row, out));
    } else {
        out.par_chunks_exact_mut(query_width)
            .enumerate()
            .with_max_len(4)
            .for_each(|(row, out)| attend_row(row, out));
    }
    Ok(out)
}

fn on_host(cache: &mut SlotCache) -> Result<&mut HostMemory> {
    match &mut cache.memory {
        Memory::Host(memory) => Ok(memory),
        Memory::Device(_) => candle_core::bail!("the memory of a slot lies on a device"),
    }
}

/// One position of one sequence: every head over the first `seen` positions.
fn row_attention(
    shape: Shape,
    memory: &HostMemory,
    layer: usize,
    seen: usize,
    queries: &[f32],
    out: &mut [f32],
) {
    let scale = 1.0 / (shape.head_dim as f32).sqrt();
    let group = shape.heads / shape.kv_heads;
    let mut scores = vec![0f32; seen];
    let heads = queries
        .chunks_exact(shape.head_dim)
        .zip(out.chunks_exact_mut(shape.head_dim));
    for (head, (query, out)) in heads.enumerate() {
        let (keys, values) = memory.head(layer, head / group);
        for (score, key) in scores.iter_mut().zip(keys.chunks_exact(shape.head_dim)) {
            *score = dot(query, key) * scale;
        }
        softmax(&mut scores);
        for (weight, value) in scores.iter().zip(values.chunks_exact(shape.head_dim)) {
            for (sum, value) in out.iter_mut().zip(value) {
                *sum = multiply_add(*weight, *value, *sum);
            }
        }
    }
}

/// Sums in eight lanes, so that the compiler can use vector registers without reordering what was written here.
fn dot(left: &[f32], right: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut lanes = [0f32; LANES];
    let (left_chunks, right_chunks) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
    let tail: f32 = left_chunks
        .remainder()
        .iter()
        .zip(right_chunks.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (left, right) in left_chunks.zip(right_chunks) {
        for ((lane, a), b) in lanes.iter_mut().zip(left).zip(right) {
            *lane += a * b;
        }
    }
    lanes.iter().sum::<f32>() + tail
}

/// One instruction where the processor has it; a slow library call would be the alternative elsewhere.
#[inline(always)]
fn multiply_add(a: f32, b: f32, sum: f32) -> f32 {
    if cfg!(target_feature = "fma") {
        a.mul_add(b, sum)
    } else {
        a * b + sum
    }
}

fn softmax(scores: &mut [f32]) {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0f32;
    for score in scores.iter_mut() {
        *score = (*score - highest).exp();
        sum += *score;
    }
    for score in scores.iter_mut() {
        *score /= sum;
    }
}
