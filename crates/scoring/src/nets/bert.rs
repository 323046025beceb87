//! BERT (MiniLM), RoBERTa, XLM-RoBERTa.

use super::{Backbone, Config, Shape};
use crate::ScoringError;
use crate::blocks::{Embedding, EncoderLayer, Names, Norm, Pass, State};
use crate::weights::{At, Weights};

struct Bert {
    words: Embedding,
    positions: Embedding,
    types: Embedding,
    norm: Norm,
    layers: Vec<EncoderLayer>,
    /// Positions count from this token on, which is also the pad token (RoBERTa), or from zero.
    pad: Option<u32>,
}

pub(super) fn load(config: &Config, weights: &Weights) -> Result<(Box<dyn Backbone>, Shape), ScoringError> {
    let roberta = config.text("model_type")? != "bert";
    let prefix = if roberta { "roberta" } else { "bert" };
    let (hidden, heads) = config.heads("hidden_size", "num_attention_heads")?;
    let (inner, table) = (
        config.size("intermediate_size")?,
        config.size("max_position_embeddings")?,
    );
    let (vocabulary, epsilon) = (config.size("vocab_size")?, config.number("layer_norm_eps")?);
    if config.json["position_embedding_type"].as_str().unwrap_or("absolute") != "absolute" {
        return Err(config.unsupported("position_embedding_type", "expected absolute"));
    }
    if config.on("is_decoder") {
        return Err(config.unsupported("is_decoder", "expected an encoder"));
    }
    let pad = if roberta {
        Some(
            config
                .token("pad_token_id")
                .ok_or_else(|| config.unsupported("pad_token_id", "expected a token"))?,
        )
    } else {
        None
    };
    let activation = config.activation("hidden_act")?;
    let root = At::root(weights, prefix, "embeddings.word_embeddings.weight");
    let at = root.at("embeddings");
    let layer = |index: usize| {
        let at = root.at(format!("encoder.layer.{index}"));
        EncoderLayer::load(&at, &Names::BERT, (hidden, inner, heads), epsilon, activation)
    };
    let net = Bert {
        words: Embedding::load(&at.at("word_embeddings"), vocabulary, hidden)?,
        positions: Embedding::load(&at.at("position_embeddings"), table, hidden)?,
        types: Embedding::load(&at.at("token_type_embeddings"), config.size("type_vocab_size")?, hidden)?,
        norm: at.at("LayerNorm").norm(hidden, epsilon)?,
        layers: (0..config.size("num_hidden_layers")?)
            .map(layer)
            .collect::<Result<_, _>>()?,
        pad,
    };
    let shape = Shape {
        hidden,
        vocabulary,
        positions: Some(table.saturating_sub(pad.map_or(0, |pad| pad as usize + 1))),
    };
    Ok((Box::new(net), shape))
}

impl Backbone for Bert {
    fn forward(&self, pass: &Pass) -> candle_core::Result<State> {
        let mut state = self.words.forward(&pass.tokens)?;
        let positions = match self.pad {
            Some(pad) => pass.positions_after_pad(pad),
            None => pass.positions(0),
        };
        self.types.add_to(&mut state, &pass.types)?;
        self.positions.add_to(&mut state, &positions)?;
        let mut state = self.norm.forward(state)?;
        for layer in &self.layers {
            state = layer.forward(state, 1, None, pass)?;
        }
        Ok(state)
    }
}
