//! Llama, Mistral, Qwen 2 and 3 as encoders of a text: reward models, sentence encoders.
//!
//! As language models they are run by [`axoneme_llm::Engine`], which reads a shared prompt once.

use super::{Backbone, Config, Shape};
use crate::ScoringError;
use crate::blocks::{Activation, Embedding, Heads, Linear, Norm, Pairing, Part, Pass, Reach, Rotary, State, attention};
use crate::weights::{At, Weights};

struct Llama {
    words: Embedding,
    layers: Vec<Layer>,
    norm: Norm,
    heads: Heads,
    rotary: Rotary,
    reach: Reach,
}

struct Layer {
    attention_norm: Norm,
    queries_keys_values: Linear,
    /// Per head, for queries and for keys (Qwen 3).
    head_norms: Option<(Norm, Norm)>,
    attended: Linear,
    inner_norm: Norm,
    gate_and_up: Linear,
    down: Linear,
}

pub(super) fn load(config: &Config, weights: &Weights) -> Result<(Box<dyn Backbone>, Shape), ScoringError> {
    let kind = config.text("model_type")?;
    let (hidden, heads) = (config.size("hidden_size")?, config.size("num_attention_heads")?);
    let kv_heads = config.maybe_size("num_key_value_heads")?.unwrap_or(heads).max(1);
    let head_dim = config.maybe_size("head_dim")?.unwrap_or(hidden / heads);
    if !heads.is_multiple_of(kv_heads) || head_dim == 0 || !head_dim.is_multiple_of(2) {
        return Err(config.unsupported("num_key_value_heads", "which does not fit the heads"));
    }
    let (inner, vocabulary) = (config.size("intermediate_size")?, config.size("vocab_size")?);
    let epsilon = config.number("rms_norm_eps")?;
    if config.text("hidden_act")? != "silu" {
        return Err(config.unsupported("hidden_act", "expected silu"));
    }
    if config.on("use_sliding_window") {
        return Err(config.unsupported("use_sliding_window", "expected false"));
    }
    let reach = match (kind, config.maybe_size("sliding_window")?) {
        ("mistral", Some(window)) => Reach::CausalWindow(window),
        _ => Reach::Causal,
    };
    let root = At::root(weights, "model", "embed_tokens.weight");
    let (wide, narrow) = (heads * head_dim, kv_heads * head_dim);
    let layer = |index: usize| {
        let at = root.at(format!("layers.{index}"));
        let attention = at.at("self_attn");
        let parts = [attention.at("q_proj"), attention.at("k_proj"), attention.at("v_proj")];
        let biased = kind == "qwen2" || config.on("attention_bias");
        let head_norms = match kind {
            "qwen3" => Some((
                attention.at("q_norm").rms_norm(head_dim, epsilon)?,
                attention.at("k_norm").rms_norm(head_dim, epsilon)?,
            )),
            _ => None,
        };
        let gate_and_up = [at.at("mlp.gate_proj"), at.at("mlp.up_proj")];
        Ok(Layer {
            attention_norm: at.at("input_layernorm").rms_norm(hidden, epsilon)?,
            queries_keys_values: Linear::load(&parts, &[wide, narrow, narrow], hidden, biased)?,
            head_norms,
            attended: attention.at("o_proj").linear_any(hidden, wide)?,
            inner_norm: at.at("post_attention_layernorm").rms_norm(hidden, epsilon)?,
            gate_and_up: Linear::load(&gate_and_up, &[inner; 2], hidden, config.on("mlp_bias"))?,
            down: at.at("mlp.down_proj").linear_any(hidden, inner)?,
        })
    };
    let net = Llama {
        words: Embedding::load(&root.at("embed_tokens"), vocabulary, hidden)?,
        layers: (0..config.size("num_hidden_layers")?)
            .map(layer)
            .collect::<Result<_, ScoringError>>()?,
        norm: root.at("norm").rms_norm(hidden, epsilon)?,
        heads: Heads {
            heads,
            kv_heads,
            head_dim,
        },
        rotary: Rotary::with_speeds(speeds(config, head_dim)?, head_dim, Pairing::Halves),
        reach,
    };
    let shape = Shape {
        hidden,
        vocabulary,
        positions: Some(config.size("max_position_embeddings")?),
    };
    Ok((Box::new(net), shape))
}

/// Speeds of the rotation, stretched as the configuration says.
fn speeds(config: &Config, head_dim: usize) -> Result<Vec<f64>, ScoringError> {
    // Newer versions of the library that saves models write all of it into one field.
    let (field, base) = match &config.json["rope_parameters"] {
        serde_json::Value::Null => ("rope_scaling", &config.json["rope_theta"]),
        parameters => ("rope_parameters", &parameters["rope_theta"]),
    };
    let scaling = &config.json[field];
    let base = base.as_f64().or(config.json["rope_theta"].as_f64()).unwrap_or(10_000.0);
    let plain = (0..head_dim / 2).map(|index| base.powf(-2.0 * index as f64 / head_dim as f64));
    let kind = scaling
        .get("rope_type")
        .or_else(|| scaling.get("type"))
        .and_then(serde_json::Value::as_str);
    let wanted = "and plain, linear and llama3 positions are covered";
    let needed = |name: &str| scaling[name].as_f64().ok_or_else(|| config.unsupported(field, wanted));
    match kind {
        None if !scaling["factor"].is_null() => Err(config.unsupported(field, wanted)),
        None | Some("default") => Ok(plain.collect()),
        Some("linear") => {
            let factor = needed("factor")?;
            Ok(plain.map(|speed| speed / factor).collect())
        }
        Some("llama3") => {
            let (factor, low, high) = (
                needed("factor")?,
                needed("low_freq_factor")?,
                needed("high_freq_factor")?,
            );
            let context = needed("original_max_position_embeddings")?;
            Ok(plain
                .map(|speed| {
                    let turns = context * speed / (2.0 * std::f64::consts::PI);
                    let share = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                    share * speed + (1.0 - share) * speed / factor
                })
                .collect())
        }
        Some(_) => Err(config.unsupported(field, wanted)),
    }
}

impl Backbone for Llama {
    fn forward(&self, pass: &Pass) -> candle_core::Result<State> {
        let Heads {
            heads,
            kv_heads,
            head_dim,
        } = self.heads;
        let (wide, narrow) = (heads * head_dim, kv_heads * head_dim);
        let scale = 1.0 / (head_dim as f32).sqrt();
        let mut state = self.words.forward(&pass.tokens)?;
        for layer in &self.layers {
            let normed = layer.attention_norm.of(&state)?;
            let mut all = layer.queries_keys_values.forward(&normed, None, pass.split)?;
            if let Some((queries, keys)) = &layer.head_norms {
                queries.per_head(&mut all, 0, heads)?;
                keys.per_head(&mut all, wide, kv_heads)?;
            }
            self.rotary.apply(&mut all, 0, heads + kv_heads, pass)?;
            let part = |first: usize| Part { state: &all, first };
            let parts = (part(0), part(wide), part(wide + narrow));
            let seen = attention(self.heads, scale, self.reach, parts, None, pass)?;
            state.add(&layer.attended.forward(&seen, None, pass.split)?)?;
            let normed = layer.inner_norm.of(&state)?;
            let inner = layer
                .gate_and_up
                .forward(&normed, None, pass.split)?
                .gated(Activation::Silu)?;
            state.add(&layer.down.forward(&inner, None, pass.split)?)?;
        }
        self.norm.forward(state)
    }
}
