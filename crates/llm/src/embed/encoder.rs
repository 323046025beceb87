//! A BERT encoder for one text at a time.
//!
//! Written out here rather than taken from candle's collection of a hundred models, which would add minutes to every
//! build. Without padding there is no mask, and every position counts.

use candle_core::{D, Module, Result, Tensor};
use candle_nn::{Embedding, LayerNorm, Linear, VarBuilder, embedding, layer_norm, linear, ops::softmax_last_dim};
use serde::Deserialize;

/// The part of a `config.json` that shapes the encoder.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct EncoderConfig {
    pub model_type: String,
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub intermediate_size: usize,
    pub hidden_act: String,
    pub max_position_embeddings: usize,
    pub type_vocab_size: usize,
    pub layer_norm_eps: f64,
    #[serde(default)]
    pub position_embedding_type: Option<String>,
}

impl EncoderConfig {
    /// Says what about the model is not covered here.
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        if self.model_type != "bert" {
            return Err(format!(
                "{:?} encoders are not supported, only \"bert\"",
                self.model_type
            ));
        }
        if !matches!(self.hidden_act.as_str(), "gelu" | "gelu_new" | "relu") {
            return Err(format!("activation {:?} is not supported", self.hidden_act));
        }
        if self.position_embedding_type.as_deref().unwrap_or("absolute") != "absolute" {
            return Err("only absolute positions are supported".into());
        }
        if self.num_attention_heads == 0 || !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            return Err("its hidden size does not divide into its heads".into());
        }
        Ok(())
    }
}

pub(crate) struct Encoder {
    words: Embedding,
    /// Position and (always the first) token type, added once at load.
    positions: Tensor,
    norm: LayerNorm,
    layers: Vec<Layer>,
    config: EncoderConfig,
}

struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    attention_output: Linear,
    attention_norm: LayerNorm,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
}

impl Encoder {
    pub(crate) fn load(weights: VarBuilder<'_>, config: EncoderConfig) -> Result<Self> {
        // Files of a bare encoder have no prefix, those with a head on top do.
        let root = match weights.contains_tensor("bert.embeddings.word_embeddings.weight") {
            true => weights.pp("bert"),
            false => weights,
        };
        let (at, size, epsilon) = (root.pp("embeddings"), config.hidden_size, config.layer_norm_eps);
        let types = at.get((config.type_vocab_size, size), "token_type_embeddings.weight")?;
        let positions = at
            .get((config.max_position_embeddings, size), "position_embeddings.weight")?
            .broadcast_add(&types.narrow(0, 0, 1)?)?;
        let layers = (0..config.num_hidden_layers)
            .map(|layer| Layer::load(root.pp(format!("encoder.layer.{layer}")), &config))
            .collect::<Result<_>>()?;
        Ok(Self {
            words: embedding(config.vocab_size, size, at.pp("word_embeddings"))?,
            positions,
            norm: layer_norm(size, epsilon, at.pp("LayerNorm"))?,
            layers,
            config,
        })
    }

    /// The final state of every token.
    pub(crate) fn forward(&self, tokens: &[u32]) -> Result<Vec<Vec<f32>>> {
        let tokens = Tensor::new(tokens, self.positions.device())?;
        let positions = self.positions.narrow(0, 0, tokens.elem_count())?;
        let mut state = self.norm.forward(&(self.words.forward(&tokens)? + positions)?)?;
        for layer in &self.layers {
            state = layer.forward(&state, &self.config)?;
        }
        state.to_vec2::<f32>()
    }
}

impl Layer {
    fn load(at: VarBuilder<'_>, config: &EncoderConfig) -> Result<Self> {
        let (size, inner, epsilon) = (config.hidden_size, config.intermediate_size, config.layer_norm_eps);
        Ok(Self {
            query: linear(size, size, at.pp("attention.self.query"))?,
            key: linear(size, size, at.pp("attention.self.key"))?,
            value: linear(size, size, at.pp("attention.self.value"))?,
            attention_output: linear(size, size, at.pp("attention.output.dense"))?,
            attention_norm: layer_norm(size, epsilon, at.pp("attention.output.LayerNorm"))?,
            intermediate: linear(size, inner, at.pp("intermediate.dense"))?,
            output: linear(inner, size, at.pp("output.dense"))?,
            output_norm: layer_norm(size, epsilon, at.pp("output.LayerNorm"))?,
        })
    }

    fn forward(&self, state: &Tensor, config: &EncoderConfig) -> Result<Tensor> {
        let attended = self
            .attention_output
            .forward(&self.attend(state, config.num_attention_heads)?)?;
        let state = self.attention_norm.forward(&(state + attended)?)?;
        let inner = self.intermediate.forward(&state)?;
        let inner = match config.hidden_act.as_str() {
            "relu" => inner.relu()?,
            "gelu_new" => inner.gelu()?,
            _ => inner.gelu_erf()?,
        };
        self.output_norm.forward(&(self.output.forward(&inner)? + &state)?)
    }

    fn attend(&self, state: &Tensor, heads: usize) -> Result<Tensor> {
        let (count, size) = state.dims2()?;
        let split = |rows: Tensor| {
            rows.reshape((count, heads, size / heads))?
                .transpose(0, 1)?
                .contiguous()
        };
        let query = split(self.query.forward(state)?)?;
        let key = split(self.key.forward(state)?)?;
        let value = split(self.value.forward(state)?)?;
        let scale = 1.0 / ((size / heads) as f64).sqrt();
        let scores = (query.matmul(&key.t()?)? * scale)?;
        let attended = softmax_last_dim(&scores)?.matmul(&value)?;
        attended
            .transpose(0, 1)?
            .contiguous()?
            .reshape((count, attended.dim(0)? * attended.dim(D::Minus1)?))
    }
}
