//! ModernBERT: rotary positions, norms before each part, gated matrices, every third layer global.

use super::{Backbone, Config, Shape};
use crate::ScoringError;
use crate::blocks::{Activation, Embedding, Heads, Linear, Norm, Pairing, Part, Pass, Reach, Rotary, State, attention};
use crate::weights::{At, Weights};

struct ModernBert {
    words: Embedding,
    norm: Norm,
    layers: Vec<Layer>,
    final_norm: Norm,
    heads: Heads,
    activation: Activation,
    global: Rotary,
    local: Rotary,
}

struct Layer {
    /// The first layer has none: the embeddings are normed already.
    attention_norm: Option<Norm>,
    queries_keys_values: Linear,
    attended: Linear,
    inner_norm: Norm,
    up: Linear,
    down: Linear,
    /// How far a token of this layer sees, if not everywhere.
    window: Option<usize>,
}

pub(super) fn load(config: &Config, weights: &Weights) -> Result<(Box<dyn Backbone>, Shape), ScoringError> {
    let (hidden, heads) = config.heads("hidden_size", "num_attention_heads")?;
    let (inner, vocabulary) = (config.size("intermediate_size")?, config.size("vocab_size")?);
    let epsilon = config.number("norm_eps")?;
    let activation = config.activation("hidden_activation")?;
    let window = config.size("local_attention")? / 2;
    let count = config.size("num_hidden_layers")?;
    let local = local_layers(config, count)?;
    let (global_base, local_base) = bases(config)?;
    let head_dim = hidden / heads;
    let root = At::root(weights, "model", "embeddings.tok_embeddings.weight");
    let layer = |index: usize| {
        let at = root.at(format!("layers.{index}"));
        Ok(Layer {
            attention_norm: match index {
                0 => None,
                _ => Some(at.at("attn_norm").norm_any(hidden, epsilon)?),
            },
            queries_keys_values: at.at("attn.Wqkv").linear_any(3 * hidden, hidden)?,
            attended: at.at("attn.Wo").linear_any(hidden, hidden)?,
            inner_norm: at.at("mlp_norm").norm_any(hidden, epsilon)?,
            up: at.at("mlp.Wi").linear_any(2 * inner, hidden)?,
            down: at.at("mlp.Wo").linear_any(hidden, inner)?,
            window: local[index].then_some(window),
        })
    };
    let net = ModernBert {
        words: Embedding::load(&root.at("embeddings.tok_embeddings"), vocabulary, hidden)?,
        norm: root.at("embeddings.norm").norm_any(hidden, epsilon)?,
        layers: (0..count).map(layer).collect::<Result<_, ScoringError>>()?,
        final_norm: root.at("final_norm").norm_any(hidden, epsilon)?,
        heads: Heads {
            heads,
            kv_heads: heads,
            head_dim,
        },
        activation,
        global: Rotary::new(global_base, head_dim, head_dim, Pairing::Halves),
        local: Rotary::new(local_base, head_dim, head_dim, Pairing::Halves),
    };
    let shape = Shape {
        hidden,
        vocabulary,
        positions: Some(config.size("max_position_embeddings")?),
    };
    Ok((Box::new(net), shape))
}

/// Which layers see a window only: spelled out by newer versions of the library that saves models.
fn local_layers(config: &Config, count: usize) -> Result<Vec<bool>, ScoringError> {
    let Some(kinds) = config.json["layer_types"].as_array() else {
        let every = config.size("global_attn_every_n_layers")?;
        return Ok((0..count).map(|index| !index.is_multiple_of(every)).collect());
    };
    let wanted = "expected full_attention or sliding_attention for each layer";
    if kinds.len() != count {
        return Err(config.unsupported("layer_types", wanted));
    }
    let local = |kind: &serde_json::Value| match kind.as_str() {
        Some("full_attention") => Ok(false),
        Some("sliding_attention") => Ok(true),
        _ => Err(config.unsupported("layer_types", wanted)),
    };
    kinds.iter().map(local).collect()
}

/// What the rotations of global and of local layers are made from.
fn bases(config: &Config) -> Result<(f64, f64), ScoringError> {
    let parameters = &config.json["rope_parameters"];
    if parameters.is_null() {
        let global = config.number("global_rope_theta")?;
        return Ok((global, config.json["local_rope_theta"].as_f64().unwrap_or(global)));
    }
    let base = |kind: &str| {
        let plain = parameters[kind]["rope_type"]
            .as_str()
            .is_none_or(|kind| kind == "default");
        let base = parameters[kind]["rope_theta"].as_f64().filter(|_| plain);
        base.ok_or_else(|| config.unsupported("rope_parameters", "and plain positions with a rope_theta are covered"))
    };
    Ok((base("full_attention")?, base("sliding_attention")?))
}

impl Backbone for ModernBert {
    fn forward(&self, pass: &Pass) -> candle_core::Result<State> {
        let mut state = self.norm.forward(self.words.forward(&pass.tokens)?)?;
        for layer in &self.layers {
            let attended = self.attend(layer, &state, pass)?;
            state.add(&attended)?;
            let normed = layer.inner_norm.of(&state)?;
            let inner = layer.up.forward(&normed, None, pass.split)?.gated(self.activation)?;
            state.add(&layer.down.forward(&inner, None, pass.split)?)?;
        }
        self.final_norm.forward(state)
    }
}

impl ModernBert {
    fn attend(&self, layer: &Layer, state: &State, pass: &Pass) -> candle_core::Result<State> {
        let normed = layer.attention_norm.as_ref().map(|norm| norm.of(state)).transpose()?;
        let mut all = layer
            .queries_keys_values
            .forward(normed.as_ref().unwrap_or(state), None, pass.split)?;
        let (rotary, reach) = match layer.window {
            Some(window) => (&self.local, Reach::Around(window)),
            None => (&self.global, Reach::All),
        };
        // Queries and keys lie side by side.
        rotary.apply(&mut all, 0, 2 * self.heads.heads, pass)?;
        let width = self.heads.heads * self.heads.head_dim;
        let part = |index: usize| Part {
            state: &all,
            first: index * width,
        };
        let scale = 1.0 / (self.heads.head_dim as f32).sqrt();
        let seen = attention(self.heads, scale, reach, (part(0), part(1), part(2)), None, pass)?;
        layer.attended.forward(&seen, None, pass.split)
    }
}
