//! MPNet: a BERT without token types whose layers share one table of relative positions.

use axoneme_llm::kernels::Rows;
use candle_core::Tensor;

use super::{Backbone, Config, Shape};
use crate::ScoringError;
use crate::blocks::{Bias, Embedding, EncoderLayer, Names, Norm, Pass, State};
use crate::weights::{At, Weights};

const NAMES: Names = Names {
    query: "attention.attn.q",
    key: "attention.attn.k",
    value: "attention.attn.v",
    attended: "attention.attn.o",
    attention_norm: "attention.LayerNorm",
    up: "intermediate.dense",
    down: "output.dense",
    output_norm: "output.LayerNorm",
};
/// The reference counts with these, whatever the configuration says.
const BUCKETS: usize = 32;
const FARTHEST: f32 = 128.0;

struct MpNet {
    words: Embedding,
    positions: Embedding,
    norm: Norm,
    layers: Vec<EncoderLayer>,
    distances: Distances,
    pad: u32,
}

pub(super) fn load(config: &Config, weights: &Weights) -> Result<(Box<dyn Backbone>, Shape), ScoringError> {
    let (hidden, heads) = config.heads("hidden_size", "num_attention_heads")?;
    let (inner, table) = (
        config.size("intermediate_size")?,
        config.size("max_position_embeddings")?,
    );
    let (vocabulary, epsilon) = (config.size("vocab_size")?, config.number("layer_norm_eps")?);
    let activation = config.activation("hidden_act")?;
    if config.size("relative_attention_num_buckets")? != BUCKETS {
        return Err(config.unsupported("relative_attention_num_buckets", "expected 32"));
    }
    // The reference counts positions from this token, whatever the configuration says.
    let pad = 1;
    let root = At::root(weights, "mpnet", "embeddings.word_embeddings.weight");
    let at = root.at("embeddings");
    let layer = |index: usize| {
        let at = root.at(format!("encoder.layer.{index}"));
        EncoderLayer::load(&at, &NAMES, (hidden, inner, heads), epsilon, activation)
    };
    let net = MpNet {
        words: Embedding::load(&at.at("word_embeddings"), vocabulary, hidden)?,
        positions: Embedding::load(&at.at("position_embeddings"), table, hidden)?,
        norm: at.at("LayerNorm").norm(hidden, epsilon)?,
        layers: (0..config.size("num_hidden_layers")?)
            .map(layer)
            .collect::<Result<_, _>>()?,
        distances: Distances {
            table: root.load("encoder.relative_attention_bias.weight", &[BUCKETS, heads])?,
            heads,
        },
        pad,
    };
    let shape = Shape {
        hidden,
        vocabulary,
        positions: Some(table.saturating_sub(pad as usize + 1)),
    };
    Ok((Box::new(net), shape))
}

impl Backbone for MpNet {
    fn forward(&self, pass: &Pass) -> candle_core::Result<State> {
        let mut state = self.words.forward(&pass.tokens)?;
        self.positions.add_to(&mut state, &pass.positions_after_pad(self.pad))?;
        let mut state = self.norm.forward(state)?;
        for layer in &self.layers {
            state = layer.forward(state, 1, Some(&self.distances), pass)?;
        }
        Ok(state)
    }
}

/// A number for each head and bucket of distances.
struct Distances {
    table: Vec<f32>,
    heads: usize,
}

impl Distances {
    fn of(&self, head: usize, query: usize, key: usize) -> f32 {
        self.table[bucket(query, key) * self.heads + head]
    }
}

/// Near keys have a bucket each, far ones share them on a logarithmic scale; one half of them for each side.
fn bucket(query: usize, key: usize) -> usize {
    let side = if key > query { BUCKETS / 2 } else { 0 };
    let distance = query.abs_diff(key);
    let (half, near) = (BUCKETS / 2, BUCKETS / 4);
    if distance < near {
        return side + distance;
    }
    let far = (distance as f32 / near as f32).ln() / (FARTHEST / near as f32).ln() * (half - near) as f32;
    side + (near + far as usize).min(half - 1)
}

impl Bias for Distances {
    fn on_host<'a>(&'a self, queries: Rows<'a>, _: Rows<'a>) -> crate::blocks::HostBias<'a> {
        let count = queries.count;
        // Only the distance counts: one row of numbers from the farthest before to the farthest after.
        let rows: Vec<Vec<f32>> = (0..self.heads)
            .map(|head| {
                let before = (1..count).rev().map(|distance| self.of(head, distance, 0));
                before
                    .chain((0..count).map(|distance| self.of(head, 0, distance)))
                    .collect()
            })
            .collect();
        Box::new(move |head, first, scores| {
            for (query, scores) in (first..).zip(scores.chunks_exact_mut(count)) {
                let from = count - 1 - query;
                axoneme_llm::kernels::add(scores, &rows[head][from..from + count]);
            }
        })
    }

    fn on_device(&self, queries: &Tensor, _: &Tensor) -> candle_core::Result<Tensor> {
        let count = queries.dim(1)?;
        let mut bias = Vec::with_capacity(self.heads * count * count);
        for head in 0..self.heads {
            for query in 0..count {
                bias.extend((0..count).map(|key| self.of(head, query, key)));
            }
        }
        Tensor::from_vec(bias, (self.heads, count, count), queries.device())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_keys_have_buckets_of_their_own_and_far_ones_share() {
        assert_eq!(
            (0..8).map(|key| bucket(7, key)).collect::<Vec<_>>(),
            [7, 6, 5, 4, 3, 2, 1, 0]
        );
        assert_eq!(bucket(0, 1), 17);
        assert_eq!(bucket(0, 8), 24);
        assert_eq!(bucket(0, 5000), 31);
        assert_eq!(bucket(5000, 0), 15);
        assert_eq!(bucket(11, 0), bucket(9, 0));
    }
}
