//! GPT-J: attention and matrices side by side on one norm, rotary positions on a part of each head.

use super::{Backbone, Config, Shape};
use crate::ScoringError;
use crate::blocks::{Activation, Embedding, Heads, Linear, Norm, Pairing, Part, Pass, Reach, Rotary, State, attention};
use crate::weights::{At, Weights};

struct GptJ {
    words: Embedding,
    layers: Vec<Layer>,
    norm: Norm,
    heads: Heads,
    rotary: Rotary,
    activation: Activation,
}

struct Layer {
    norm: Norm,
    queries_keys_values: Linear,
    attended: Linear,
    up: Linear,
    down: Linear,
}

pub(super) fn load(config: &Config, weights: &Weights) -> Result<(Box<dyn Backbone>, Shape), ScoringError> {
    let (hidden, heads) = config.heads("n_embd", "n_head")?;
    let inner = config.maybe_size("n_inner")?.unwrap_or(4 * hidden);
    let (vocabulary, epsilon) = (config.size("vocab_size")?, config.number("layer_norm_epsilon")?);
    let activation = config.activation("activation_function")?;
    let head_dim = hidden / heads;
    let rotated = config.maybe_size("rotary_dim")?.unwrap_or(head_dim);
    if rotated > head_dim || !rotated.is_multiple_of(2) {
        return Err(config.unsupported("rotary_dim", &format!("expected an even number up to {head_dim}")));
    }
    let root = At::root(weights, "transformer", "wte.weight");
    let layer = |index: usize| {
        let at = root.at(format!("h.{index}"));
        let attention = at.at("attn");
        let parts = [attention.at("q_proj"), attention.at("k_proj"), attention.at("v_proj")];
        Ok(Layer {
            norm: at.at("ln_1").norm(hidden, epsilon)?,
            queries_keys_values: Linear::load(&parts, &[hidden; 3], hidden, false)?,
            attended: attention.at("out_proj").linear_plain(hidden, hidden)?,
            up: at.at("mlp.fc_in").linear(inner, hidden)?,
            down: at.at("mlp.fc_out").linear(hidden, inner)?,
        })
    };
    let net = GptJ {
        words: Embedding::load(&root.at("wte"), vocabulary, hidden)?,
        layers: (0..config.size("n_layer")?)
            .map(layer)
            .collect::<Result<_, ScoringError>>()?,
        norm: root.at("ln_f").norm(hidden, epsilon)?,
        heads: Heads {
            heads,
            kv_heads: heads,
            head_dim,
        },
        rotary: Rotary::new(10_000.0, rotated, head_dim, Pairing::Neighbours),
        activation,
    };
    let shape = Shape {
        hidden,
        vocabulary,
        positions: Some(config.size("n_positions")?),
    };
    Ok((Box::new(net), shape))
}

impl Backbone for GptJ {
    fn forward(&self, pass: &Pass) -> candle_core::Result<State> {
        let width = self.heads.heads * self.heads.head_dim;
        let scale = 1.0 / (self.heads.head_dim as f32).sqrt();
        let mut state = self.words.forward(&pass.tokens)?;
        for layer in &self.layers {
            let normed = layer.norm.of(&state)?;
            let mut all = layer.queries_keys_values.forward(&normed, None, pass.split)?;
            // Queries and keys lie side by side.
            self.rotary.apply(&mut all, 0, 2 * self.heads.heads, pass)?;
            let part = |index: usize| Part {
                state: &all,
                first: index * width,
            };
            let seen = attention(
                self.heads,
                scale,
                Reach::Causal,
                (part(0), part(1), part(2)),
                None,
                pass,
            )?;
            let inner = layer.up.forward(&normed, Some(self.activation), pass.split)?;
            state.add(&layer.attended.forward(&seen, None, pass.split)?)?;
            state.add(&layer.down.forward(&inner, None, pass.split)?)?;
        }
        self.norm.forward(state)
    }
}
