//! Causal attention of ragged rows over the memories of their slots, on the CPU.

use candle_core::Result;
use rayon::prelude::*;

use super::cache::{BLOCK, HostMemory, Memory, SlotCache};
use super::elementwise::{multiply_add, softmax};
use super::rope::Rope;

/// Fewer rows are done sooner than a second thread is awake.
const WORTH_SPLITTING: usize = 8;
/// Numbers of a value that are summed at once, held in registers meanwhile.
const LANES: usize = 32;

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
    let Shape {
        heads,
        kv_heads,
        head_dim,
    } = shape;
    let (query_width, key_width) = (heads * head_dim, kv_heads * head_dim);
    for segment in segments {
        let Memory::Host(memory) = &mut caches[segment.slot].memory else {
            candle_core::bail!("the memory of a slot lies on a device");
        };
        for (row, position) in (segment.first..segment.first + segment.count).zip(segment.start..) {
            let query_row = &mut queries[row * query_width..(row + 1) * query_width];
            query_row
                .chunks_exact_mut(head_dim)
                .for_each(|query| rope.apply(query, position));
            let key_row = keys[row * key_width..(row + 1) * key_width].chunks_exact_mut(head_dim);
            let value_row = values[row * key_width..(row + 1) * key_width].chunks_exact(head_dim);
            for (head, (key, value)) in key_row.zip(value_row).enumerate() {
                rope.apply(key, position);
                memory.store(layer, head, position, key, value);
            }
        }
    }
    let mut work: Vec<(&HostMemory, usize)> = Vec::with_capacity(queries.len() / query_width);
    for segment in segments {
        let Memory::Host(memory) = &caches[segment.slot].memory else {
            continue;
        };
        work.extend((0..segment.count).map(|offset| (memory, segment.start + offset + 1)));
    }
    let mut out = vec![0f32; queries.len()];
    let attend_row = |row: usize, out: &mut [f32]| {
        let (memory, seen) = work[row];
        let queries = &queries[row * query_width..(row + 1) * query_width];
        row_attention(shape, memory, layer, seen, queries, out);
    };
    if work.len() < WORTH_SPLITTING {
        out.chunks_exact_mut(query_width)
            .enumerate()
            .for_each(|(row, out)| attend_row(row, out));
    } else {
        let rows = out.par_chunks_exact_mut(query_width).enumerate();
        rows.with_max_len(4).for_each(|(row, out)| attend_row(row, out));
    }
    Ok(out)
}

/// One position of one sequence: every head over the first `seen` positions.
fn row_attention(shape: Shape, memory: &HostMemory, layer: usize, seen: usize, queries: &[f32], out: &mut [f32]) {
    let scale = 1.0 / (shape.head_dim as f32).sqrt();
    let group = shape.heads / shape.kv_heads;
    let mut scores = vec![0f32; seen.next_multiple_of(BLOCK)];
    let heads = queries
        .chunks_exact(shape.head_dim)
        .zip(out.chunks_exact_mut(shape.head_dim));
    for (head, (query, out)) in heads.enumerate() {
        let (keys, values) = memory.head(layer, head / group);
        let blocks = keys.chunks_exact(BLOCK * shape.head_dim);
        for (scores, keys) in scores.chunks_exact_mut(BLOCK).zip(blocks) {
            scores.copy_from_slice(&block_scores(query, keys, scale));
        }
        let weights = &mut scores[..seen];
        softmax(weights);
        weigh(weights, values, shape.head_dim, out);
    }
}

/// Scores of sixteen positions. Four sums side by side, so that none has to wait for the one before it.
fn block_scores(query: &[f32], keys: &[f32], scale: f32) -> [f32; BLOCK] {
    let (columns, _) = keys.as_chunks::<BLOCK>();
    let (numbers, rest) = query.as_chunks::<4>();
    let (fours, tail) = columns.split_at(numbers.len() * 4);
    let (mut a, mut b, mut c, mut d) = ([0f32; BLOCK], [0f32; BLOCK], [0f32; BLOCK], [0f32; BLOCK]);
    for (numbers, columns) in numbers.iter().zip(fours.as_chunks::<4>().0) {
        accumulate(&mut a, numbers[0], &columns[0]);
        accumulate(&mut b, numbers[1], &columns[1]);
        accumulate(&mut c, numbers[2], &columns[2]);
        accumulate(&mut d, numbers[3], &columns[3]);
    }
    for (number, column) in rest.iter().zip(tail) {
        accumulate(&mut a, *number, column);
    }
    std::array::from_fn(|lane| ((a[lane] + b[lane]) + (c[lane] + d[lane])) * scale)
}

#[inline(always)]
fn accumulate<const WIDTH: usize>(sums: &mut [f32; WIDTH], factor: f32, numbers: &[f32; WIDTH]) {
    for (sum, number) in sums.iter_mut().zip(numbers) {
        *sum = multiply_add(factor, *number, *sum);
    }
}

/// The sum of values, each times its weight.
fn weigh(weights: &[f32], values: &[f32], head_dim: usize, out: &mut [f32]) {
    for (chunk, out) in out.chunks_mut(LANES).enumerate() {
        let start = chunk * LANES;
        if let Ok(out) = <&mut [f32; LANES]>::try_from(&mut *out) {
            let mut sums = [0f32; LANES];
            for (weight, value) in weights.iter().zip(values.chunks_exact(head_dim)) {
                for (sum, number) in sums.iter_mut().zip(&value[start..start + LANES]) {
                    *sum = multiply_add(*weight, *number, *sum);
                }
            }
            *out = sums;
        } else {
            for (weight, value) in weights.iter().zip(values.chunks_exact(head_dim)) {
                for (sum, number) in out.iter_mut().zip(&value[start..]) {
                    *sum = multiply_add(*weight, *number, *sum);
                }
            }
        }
    }
}
