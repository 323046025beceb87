//! Attention within one text, without padding.

use rayon::prelude::*;

use super::matrix::{Matrix, Rows};
use crate::model::elementwise::softmax;

/// Queries that are looked at together: bounds the memory for scores.
const BLOCK: usize = 96;
/// Texts below this many pairs of positions are done before a second thread is awake.
const WORTH_SPLITTING: usize = 10_000;

/// How a row is cut into heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heads {
    /// Heads of a row of queries.
    pub heads: usize,
    /// Heads of a row of keys or values; divides `heads`.
    pub kv_heads: usize,
    /// Numbers per head.
    pub head_dim: usize,
}

/// Which positions a position looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// All of its text.
    All,
    /// Itself and those before it.
    Causal,
    /// Itself and those before it, this many in all.
    CausalWindow(usize),
    /// Those at most so far away, on both sides.
    Around(usize),
}

impl Reach {
    /// The positions of `0..count` that `position` looks at.
    pub fn of(self, position: usize, count: usize) -> std::ops::Range<usize> {
        match self {
            Self::All => 0..count,
            Self::Causal => 0..position + 1,
            Self::CausalWindow(window) => (position + 1).saturating_sub(window.max(1))..position + 1,
            Self::Around(distance) => {
                position.saturating_sub(distance)..count.min(position.saturating_add(distance).saturating_add(1))
            }
        }
    }
}

/// Changes the scaled scores of a head before they become weights. It is given the head, the first query, and one row of
/// as many scores as there are positions per query.
pub type ScoreBias<'a> = dyn Fn(usize, usize, &mut [f32]) + Sync + 'a;

/// What every position of one text sees of the others: one row of all heads per position.
///
/// `split` shares the heads among the threads of the current rayon pool; the result is the same.
#[allow(clippy::too_many_arguments)]
pub fn attend(
    shape: Heads,
    scale: f32,
    reach: Reach,
    queries: Rows<'_>,
    keys: Rows<'_>,
    values: Rows<'_>,
    bias: Option<&ScoreBias<'_>>,
    split: bool,
) -> Vec<f32> {
    let Heads {
        heads,
        kv_heads,
        head_dim,
    } = shape;
    let count = queries.count;
    let group = (heads / kv_heads.max(1)).max(1);
    // One group of heads shares its keys and values.
    let attend_group = |kv_head: usize| {
        let (mut turned_keys, mut laid_values) = (Matrix::default(), Matrix::default());
        turned_keys.take_rows(keys.from_column(kv_head * head_dim), head_dim);
        laid_values.take_columns(values.from_column(kv_head * head_dim), head_dim);
        let mut scores = vec![0f32; BLOCK.min(count) * count];
        let mut out = vec![0f32; group * count * head_dim];
        for (offset, out) in out.chunks_exact_mut((count * head_dim).max(1)).enumerate() {
            let head = kv_head * group + offset;
            for (block, out) in out.chunks_mut((BLOCK * head_dim).max(1)).enumerate() {
                let first = block * BLOCK;
                let rows = out.len() / head_dim;
                let block_queries = Rows {
                    data: queries.data,
                    first: queries.first + head * head_dim + first * queries.stride,
                    stride: queries.stride,
                    count: rows,
                };
                let scores = &mut scores[..rows * count];
                turned_keys.multiply_into(block_queries, scores, false);
                scores.iter_mut().for_each(|score| *score *= scale);
                if let Some(bias) = bias {
                    bias(head, first, scores);
                }
                for (row, scores) in scores.chunks_exact_mut(count).enumerate() {
                    let seen = reach.of(first + row, count);
                    scores[..seen.start].fill(0.0);
                    scores[seen.end..].fill(0.0);
                    softmax(&mut scores[seen]);
                }
                laid_values.multiply_into(Rows::dense(scores, count), out, false);
            }
        }
        out
    };
    let groups: Vec<Vec<f32>> = if split && count * count * heads >= WORTH_SPLITTING {
        (0..kv_heads)
            .into_par_iter()
            .with_max_len(1)
            .map(attend_group)
            .collect()
    } else {
        (0..kv_heads).map(attend_group).collect()
    };
    let mut out = vec![0f32; count * heads * head_dim];
    let numbers = groups
        .iter()
        .flat_map(|group| group.chunks_exact((count * head_dim).max(1)));
    for (head, numbers) in numbers.enumerate() {
        let rows = out
            .chunks_exact_mut(heads * head_dim)
            .zip(numbers.chunks_exact(head_dim));
        rows.for_each(|(out, numbers)| out[head * head_dim..][..head_dim].copy_from_slice(numbers));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: f32) -> Vec<f32> {
        (0..count).map(|index| (index as f32 * 0.917 + seed).sin()).collect()
    }

    /// The definition, in f64.
    fn slowly(shape: Heads, reach: Reach, queries: &[f32], keys: &[f32], values: &[f32], lift: f64) -> Vec<f64> {
        let (wide, narrow) = (shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim);
        let count = queries.len() / wide;
        let mut out = vec![0f64; queries.len()];
        for head in 0..shape.heads {
            let kv = head / (shape.heads / shape.kv_heads);
            for position in 0..count {
                let weights: Vec<(usize, f64)> = reach
                    .of(position, count)
                    .map(|other| {
                        let products = (0..shape.head_dim).map(|index| {
                            f64::from(queries[position * wide + head * shape.head_dim + index])
                                * f64::from(keys[other * narrow + kv * shape.head_dim + index])
                        });
                        (
                            other,
                            (products.sum::<f64>() * 0.5 + lift * (other as f64) * (head as f64)).exp(),
                        )
                    })
                    .collect();
                let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
                for index in 0..shape.head_dim {
                    out[position * wide + head * shape.head_dim + index] = weights
                        .iter()
                        .map(|(other, weight)| {
                            weight / total * f64::from(values[other * narrow + kv * shape.head_dim + index])
                        })
                        .sum();
                }
            }
        }
        out
    }

    #[test]
    fn attention_is_its_definition() {
        let shape = Heads {
            heads: 4,
            kv_heads: 2,
            head_dim: 6,
        };
        for count in [1, 5, 40, 130] {
            let (queries, keys, values) = (
                numbers(count * 24, 0.1),
                numbers(count * 12, 1.3),
                numbers(count * 12, 2.9),
            );
            for reach in [Reach::All, Reach::Causal, Reach::CausalWindow(3), Reach::Around(2)] {
                for lift in [0.0, 0.01] {
                    let bias = |head: usize, _: usize, scores: &mut [f32]| {
                        for row in scores.chunks_exact_mut(count) {
                            for (other, score) in row.iter_mut().enumerate() {
                                *score += lift as f32 * other as f32 * head as f32;
                            }
                        }
                    };
                    let found = attend(
                        shape,
                        0.5,
                        reach,
                        Rows::dense(&queries, 24),
                        Rows::dense(&keys, 12),
                        Rows::dense(&values, 12),
                        Some(&bias),
                        count > 50,
                    );
                    let expected = slowly(shape, reach, &queries, &keys, &values, lift);
                    for (left, right) in found.iter().zip(&expected) {
                        assert!((f64::from(*left) - right).abs() < 2e-6, "{reach:?}, {count} positions");
                    }
                }
            }
        }
    }

    #[test]
    fn a_window_reaches_as_far_as_it_says() {
        assert_eq!(Reach::CausalWindow(2).of(5, 9), 4..6);
        assert_eq!(Reach::CausalWindow(2).of(0, 9), 0..1);
        assert_eq!(Reach::Around(2).of(1, 9), 0..4);
        assert_eq!(Reach::Around(2).of(8, 9), 6..9);
        assert_eq!(Reach::Around(usize::MAX).of(8, 9), 0..9);
    }
}
