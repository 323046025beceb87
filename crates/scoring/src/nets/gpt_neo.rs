//! GPT-Neo: unscaled attention, global and windowed layers in turn.

use super::{Backbone, Config, Shape};
use crate::ScoringError;
use crate::blocks::{Activation, Embedding, Heads, Linear, Norm, Part, Pass, Reach, State, attention};
use crate::weights::{At, Weights};

struct GptNeo {
    words: Embedding,
    positions: Embedding,
    layers: Vec<Layer>,
    norm: Norm,
    heads: Heads,
    activation: Activation,
}

struct Layer {
    attention_norm: Norm,
    queries_keys_values: Linear,
    attended: Linear,
    inner_norm: Norm,
    up: Linear,
    down: Linear,
    reach: Reach,
}

pub(super) fn load(config: &Config, weights: &Weights) -> Result<(Box<dyn Backbone>, Shape), ScoringError> {
    let (hidden, heads) = config.heads("hidden_size", "num_heads")?;
    let inner = config.maybe_size("intermediate_size")?.unwrap_or(4 * hidden);
    let (vocabulary, table) = (config.size("vocab_size")?, config.size("max_position_embeddings")?);
    let epsilon = config.number("layer_norm_epsilon")?;
    let activation = config.activation("activation_function")?;
    let reaches = reaches(config)?;
    let root = At::root(weights, "transformer", "wte.weight");
    let layer = |(index, reach): (usize, Reach)| {
        let at = root.at(format!("h.{index}"));
        let attention = at.at("attn.attention");
        let parts = [attention.at("q_proj"), attention.at("k_proj"), attention.at("v_proj")];
        Ok(Layer {
            attention_norm: at.at("ln_1").norm(hidden, epsilon)?,
            queries_keys_values: Linear::load(&parts, &[hidden; 3], hidden, false)?,
            attended: attention.at("out_proj").linear(hidden, hidden)?,
            inner_norm: at.at("ln_2").norm(hidden, epsilon)?,
            up: at.at("mlp.c_fc").linear(inner, hidden)?,
            down: at.at("mlp.c_proj").linear(hidden, inner)?,
            reach,
        })
    };
    let net = GptNeo {
        words: Embedding::load(&root.at("wte"), vocabulary, hidden)?,
        positions: Embedding::load(&root.at("wpe"), table, hidden)?,
        layers: reaches
            .into_iter()
            .enumerate()
            .map(layer)
            .collect::<Result<_, ScoringError>>()?,
        norm: root.at("ln_f").norm(hidden, epsilon)?,
        heads: Heads {
            heads,
            kv_heads: heads,
            head_dim: hidden / heads,
        },
        activation,
    };
    let shape = Shape {
        hidden,
        vocabulary,
        positions: Some(table),
    };
    Ok((Box::new(net), shape))
}

/// How far each layer sees.
fn reaches(config: &Config) -> Result<Vec<Reach>, ScoringError> {
    let (count, window) = (config.size("num_layers")?, config.size("window_size")?);
    let wanted = "expected global or local for each layer";
    // Spelled out, or as `[[["global", "local"], 6]]`.
    let mut kinds: Vec<&serde_json::Value> = config.json["attention_layers"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    if kinds.is_empty() {
        for group in config.json["attention_types"].as_array().into_iter().flatten() {
            let times = group[1]
                .as_u64()
                .and_then(|times| usize::try_from(times).ok())
                .unwrap_or(0);
            for _ in 0..times.min(count) {
                kinds.extend(group[0].as_array().into_iter().flatten());
            }
        }
    }
    if kinds.len() != count {
        return Err(config.unsupported("attention_layers", wanted));
    }
    let reach = |kind: &serde_json::Value| match kind.as_str() {
        Some("global") => Ok(Reach::Causal),
        Some("local") => Ok(Reach::CausalWindow(window)),
        _ => Err(config.unsupported("attention_layers", wanted)),
    };
    kinds.into_iter().map(reach).collect()
}

impl Backbone for GptNeo {
    fn forward(&self, pass: &Pass) -> candle_core::Result<State> {
        let width = self.heads.heads * self.heads.head_dim;
        let mut state = self.words.forward(&pass.tokens)?;
        self.positions.add_to(&mut state, &pass.positions(0))?;
        for layer in &self.layers {
            let normed = layer.attention_norm.of(&state)?;
            let all = layer.queries_keys_values.forward(&normed, None, pass.split)?;
            let part = |index: usize| Part {
                state: &all,
                first: index * width,
            };
            let seen = attention(self.heads, 1.0, layer.reach, (part(0), part(1), part(2)), None, pass)?;
            state.add(&layer.attended.forward(&seen, None, pass.split)?)?;
            let normed = layer.inner_norm.of(&state)?;
            let inner = layer.up.forward(&normed, Some(self.activation), pass.split)?;
            state.add(&layer.down.forward(&inner, None, pass.split)?)?;
        }
        self.norm.forward(state)
    }
}
