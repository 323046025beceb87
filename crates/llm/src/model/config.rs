//! The shape of a decoder, read from a GGUF header or a `config.json`.

use candle_core::quantized::gguf_file::{Content, Value as GgufValue};
use serde_json::Value;

use crate::tokenize::integer;

/// Which of the supported families a model belongs to. They share one decoder and differ in details of attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Llama, SmolLM2, Mistral.
    Llama,
    /// Qwen 2 and 2.5: biases on the query, key and value projections.
    Qwen2,
    /// Qwen 3: queries and keys are normalised per head.
    Qwen3,
}

/// How the two halves of a rotation are paired in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pairing {
    /// Neighbouring numbers.
    Neighbours,
    /// A number of the first half and its counterpart in the second.
    Halves,
}

/// The numbers that shape a decoder; checked, so that nothing below needs to look at them again.
#[derive(Debug, Clone)]
pub(crate) struct DecoderConfig {
    pub family: Family,
    pub layers: usize,
    pub hidden: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    /// How many positions the model was trained for.
    pub context: usize,
    pub norm_epsilon: f64,
    pub rope_base: f64,
    pub rope_scaling: RopeScaling,
    pub pairing: Pairing,
}

/// How rotation frequencies are stretched for long contexts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RopeScaling {
    None,
    /// All divided by one factor.
    Linear(f64),
    /// Low frequencies divided, high ones kept, a slope in between.
    Llama3 {
        factor: f64,
        low: f64,
        high: f64,
        original_context: f64,
    },
}

impl DecoderConfig {
    /// From the header of a GGUF file.
    pub(crate) fn from_gguf(content: &Content) -> Result<Self, String> {
        let architecture = match content.metadata.get("general.architecture") {
            Some(GgufValue::String(name)) => name.as_str(),
            _ => return Err("the file does not say its architecture".into()),
        };
        let family = family(architecture)?;
        let value = |name: &str| content.metadata.get(&format!("{architecture}.{name}"));
        let number = |name: &str| {
            value(name)
                .and_then(integer)
                .and_then(|number| usize::try_from(number).ok())
        };
        let needed = |name: &str| number(name).ok_or_else(|| format!("the file has no {architecture}.{name}"));
        let float = |name: &str| match value(name) {
            Some(GgufValue::F32(number)) => Some(f64::from(*number)),
            Some(GgufValue::F64(number)) => Some(*number),
            _ => None,
        };
        if number("expert_count").is_some_and(|experts| experts > 0) {
            return Err("it is a mixture of experts, which is not supported".into());
        }
        let rope_scaling = match value("rope.scaling.type") {
            None => RopeScaling::None,
            Some(GgufValue::String(kind)) if kind == "none" => RopeScaling::None,
            Some(GgufValue::String(kind)) if kind == "linear" => {
                RopeScaling::Linear(float("rope.scaling.factor").unwrap_or(1.0))
            }
            Some(other) => return Err(format!("its position scaling {other:?} is not supported")),
        };
        let (hidden, heads) = (needed("embedding_length")?, needed("attention.head_count")?);
        let head_dim = number("attention.key_length").unwrap_or_else(|| hidden.checked_div(heads).unwrap_or(0));
        if number("rope.dimension_count").is_some_and(|rotated| rotated != head_dim) {
            return Err("it rotates only a part of each head, which is not supported".into());
        }
        Self {
            family,
            layers: needed("block_count")?,
            hidden,
            heads,
            kv_heads: number("attention.head_count_kv").unwrap_or(heads),
            head_dim,
            context: needed("context_length")?,
            norm_epsilon: float("attention.layer_norm_rms_epsilon").ok_or("the file has no norm epsilon")?,
            rope_base: float("rope.freq_base").unwrap_or(10_000.0),
            rope_scaling,
            // The converter to GGUF reorders the heads of this family and of no other.
            pairing: if family == Family::Llama {
                Pairing::Neighbours
            } else {
                Pairing::Halves
            },
        }
        .checked()
    }

    /// From the `config.json` of a model in safetensors files.
    pub(crate) fn from_json(config: &Value) -> Result<Self, String> {
        let family = family(config["model_type"].as_str().unwrap_or("none"))?;
        let number = |name: &str| config[name].as_u64().and_then(|number| usize::try_from(number).ok());
        let needed = |name: &str| number(name).ok_or_else(|| format!("config.json has no {name}"));
        if config["use_sliding_window"] == Value::Bool(true) {
            return Err("it uses a sliding attention window, which is not supported".into());
        }
        if config["hidden_act"]
            .as_str()
            .is_some_and(|activation| activation != "silu")
        {
            return Err(format!("its activation {} is not supported", config["hidden_act"]));
        }
        let (hidden, heads) = (needed("hidden_size")?, needed("num_attention_heads")?);
        // Newer versions of the library that saves models write all of it into one field.
        let rope = match &config["rope_parameters"] {
            Value::Null => &config["rope_scaling"],
            parameters => parameters,
        };
        let rope_base = config["rope_theta"].as_f64().or(rope["rope_theta"].as_f64());
        Self {
            family,
            layers: needed("num_hidden_layers")?,
            hidden,
            heads,
            kv_heads: number("num_key_value_heads").unwrap_or(heads),
            head_dim: number("head_dim").unwrap_or_else(|| hidden.checked_div(heads).unwrap_or(0)),
            context: needed("max_position_embeddings")?,
            norm_epsilon: config["rms_norm_eps"]
                .as_f64()
                .ok_or("config.json has no rms_norm_eps")?,
            rope_base: rope_base.unwrap_or(10_000.0),
            rope_scaling: json_scaling(rope)?,
            pairing: Pairing::Halves,
        }
        .checked()
    }

    /// Refuses shapes that would end in a division by zero or an absurd allocation later.
    fn checked(self) -> Result<Self, String> {
        let sizes = [
            ("layers", self.layers, 1_000),
            ("hidden size", self.hidden, 1 << 17),
            ("heads", self.heads, 1 << 12),
            ("key heads", self.kv_heads, 1 << 12),
            ("head size", self.head_dim, 1 << 12),
            ("context", self.context, 1 << 24),
        ];
        for (name, value, most) in sizes {
            if value == 0 || value > most {
                return Err(format!("its {name} of {value} makes no sense"));
            }
        }
        if !self.head_dim.is_multiple_of(2) || !self.heads.is_multiple_of(self.kv_heads) {
            return Err(format!(
                "{} heads of size {} over {} key heads make no sense",
                self.heads, self.head_dim, self.kv_heads
            ));
        }
        Ok(self)
    }
}

fn family(name: &str) -> Result<Family, String> {
    match name {
        "llama" | "mistral" => Ok(Family::Llama),
        "qwen2" => Ok(Family::Qwen2),
        "qwen3" => Ok(Family::Qwen3),
        _ => Err(format!(
            "architecture {name:?} is not supported; llama, mistral, qwen2 and qwen3 are"
        )),
    }
}

fn json_scaling(scaling: &Value) -> Result<RopeScaling, String> {
    if scaling.is_null() {
        return Ok(RopeScaling::None);
    }
    let kind = scaling
        .get("rope_type")
        .or_else(|| scaling.get("type"))
        .and_then(Value::as_str)
        .unwrap_or("none");
    let needed = |name: &str| {
        scaling[name]
            .as_f64()
            .ok_or_else(|| format!("rope_scaling has no {name}"))
    };
    match kind {
        "default" => Ok(RopeScaling::None),
        "linear" => Ok(RopeScaling::Linear(needed("factor")?)),
        "llama3" => Ok(RopeScaling::Llama3 {
            factor: needed("factor")?,
            low: needed("low_freq_factor")?,
            high: needed("high_freq_factor")?,
            original_context: needed("original_max_position_embeddings")?,
        }),
        _ => Err(format!("its position scaling {kind:?} is not supported")),
    }
}
