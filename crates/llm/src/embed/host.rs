//! The encoder on the CPU: plain rows of numbers through [`crate::kernels`].
//!
//! Texts that go together are laid out one after the other without padding. Their rows share the matrices' way through
//! the cache, and attention stays within each text, so a text's vector does not depend on the others, bit for bit.

use std::ops::Range;

use candle_core::{Device, Result};
use candle_nn::VarBuilder;

use super::encoder::EncoderConfig;
use crate::kernels::{Activation, Heads, Matrix, Reach, Rows, add, add_bias, attend, layer_norm};

/// A BERT encoder for the CPU.
pub(super) struct HostEncoder {
    words: Vec<f32>,
    /// Position and (always the first) token type, added once at load.
    positions: Vec<f32>,
    norm: Norm,
    layers: Vec<Layer>,
    heads: Heads,
    width: usize,
    activation: Activation,
}

struct Layer {
    queries_keys_values: Linear,
    attended: Linear,
    attention_norm: Norm,
    up: Linear,
    down: Linear,
    output_norm: Norm,
}

struct Linear {
    matrix: Matrix,
    bias: Vec<f32>,
}

struct Norm {
    weights: Vec<f32>,
    bias: Vec<f32>,
    epsilon: f32,
}

impl HostEncoder {
    pub(super) fn load(weights: &VarBuilder<'_>, config: &EncoderConfig) -> Result<Self> {
        // Files of a bare encoder have no prefix, those with a head on top do.
        let root = match weights.contains_tensor("bert.embeddings.word_embeddings.weight") {
            true => weights.pp("bert"),
            false => weights.clone(),
        };
        let (at, width) = (root.pp("embeddings"), config.hidden_size);
        let types = numbers(&at, (config.type_vocab_size, width), "token_type_embeddings.weight")?;
        let mut positions = numbers(
            &at,
            (config.max_position_embeddings, width),
            "position_embeddings.weight",
        )?;
        add_bias(&mut positions, &types[..width]);
        let layers = (0..config.num_hidden_layers)
            .map(|layer| Layer::load(&root.pp(format!("encoder.layer.{layer}")), config))
            .collect::<Result<_>>()?;
        Ok(Self {
            words: numbers(&at, (config.vocab_size, width), "word_embeddings.weight")?,
            positions,
            norm: Norm::load(&at.pp("LayerNorm"), config)?,
            layers,
            heads: Heads {
                heads: config.num_attention_heads,
                kv_heads: config.num_attention_heads,
                head_dim: width / config.num_attention_heads,
            },
            width,
            activation: match config.hidden_act.as_str() {
                "relu" => Activation::Relu,
                "gelu_new" => Activation::GeluTanh,
                _ => Activation::Gelu,
            },
        })
    }

    /// The final states of all tokens of these texts, one row after the other. `split` lets one step use all threads.
    pub(super) fn forward(&self, texts: &[&[u32]], split: bool) -> Result<Vec<f32>> {
        let (mut state, mut ranges) = (Vec::new(), Vec::new());
        for text in texts {
            let first = state.len() / self.width;
            for (token, position) in text.iter().zip(self.positions.chunks_exact(self.width)) {
                let start = *token as usize * self.width;
                let Some(word) = self.words.get(start..start + self.width) else {
                    candle_core::bail!("there is no token {token}");
                };
                state.extend(word.iter().zip(position).map(|(word, position)| word + position));
            }
            ranges.push(first..state.len() / self.width);
        }
        self.norm.apply(&mut state);
        for layer in &self.layers {
            state = self.layer(layer, state, &ranges, split);
        }
        Ok(state)
    }

    fn layer(&self, layer: &Layer, mut state: Vec<f32>, texts: &[Range<usize>], split: bool) -> Vec<f32> {
        let width = self.width;
        let all = layer.queries_keys_values.apply(&state, None, split);
        let scale = 1.0 / (self.heads.head_dim as f32).sqrt();
        let mut seen = Vec::with_capacity(state.len());
        for text in texts {
            let part = |index: usize| Rows {
                data: &all,
                first: text.start * 3 * width + index * width,
                stride: 3 * width,
                count: text.len(),
            };
            let (queries, keys, values) = (part(0), part(1), part(2));
            seen.extend(attend(
                self.heads,
                scale,
                Reach::All,
                queries,
                keys,
                values,
                None,
                split,
            ));
        }
        add(&mut state, &layer.attended.apply(&seen, None, split));
        layer.attention_norm.apply(&mut state);
        let inner = layer.up.apply(&state, Some(self.activation), split);
        add(&mut state, &layer.down.apply(&inner, None, split));
        layer.output_norm.apply(&mut state);
        state
    }
}

impl Layer {
    fn load(at: &VarBuilder<'_>, config: &EncoderConfig) -> Result<Self> {
        let (width, inner) = (config.hidden_size, config.intermediate_size);
        let own = at.pp("attention.self");
        let (queries, keys, values) = (own.pp("query"), own.pp("key"), own.pp("value"));
        Ok(Self {
            queries_keys_values: Linear::load(&[queries, keys, values], width, width)?,
            attended: Linear::load(&[at.pp("attention.output.dense")], width, width)?,
            attention_norm: Norm::load(&at.pp("attention.output.LayerNorm"), config)?,
            up: Linear::load(&[at.pp("intermediate.dense")], inner, width)?,
            down: Linear::load(&[at.pp("output.dense")], width, inner)?,
            output_norm: Norm::load(&at.pp("output.LayerNorm"), config)?,
        })
    }
}

impl Linear {
    /// Matrices of one input, one above the other.
    fn load(parts: &[VarBuilder<'_>], outputs: usize, inputs: usize) -> Result<Self> {
        let (mut weights, mut bias) = (Vec::new(), Vec::new());
        for part in parts {
            weights.extend(numbers(part, (outputs, inputs), "weight")?);
            bias.extend(numbers(part, outputs, "bias")?);
        }
        let matrix = Matrix::new(&weights, outputs * parts.len(), inputs);
        Ok(Self { matrix, bias })
    }

    fn apply(&self, rows: &[f32], activation: Option<Activation>, split: bool) -> Vec<f32> {
        let rows = Rows::dense(rows, self.matrix.inputs());
        let mut out = self.matrix.multiply(rows, split);
        add_bias(&mut out, &self.bias);
        if let Some(activation) = activation {
            activation.apply(&mut out);
        }
        out
    }
}

impl Norm {
    fn load(at: &VarBuilder<'_>, config: &EncoderConfig) -> Result<Self> {
        Ok(Self {
            weights: numbers(at, config.hidden_size, "weight")?,
            bias: numbers(at, config.hidden_size, "bias")?,
            epsilon: config.layer_norm_eps as f32,
        })
    }

    fn apply(&self, rows: &mut [f32]) {
        layer_norm(rows, &self.weights, Some(&self.bias), self.epsilon);
    }
}

fn numbers(at: &VarBuilder<'_>, shape: impl Into<candle_core::Shape>, name: &str) -> Result<Vec<f32>> {
    debug_assert!(matches!(at.device(), Device::Cpu));
    at.get(shape, name)?.flatten_all()?.to_vec1()
}
