//! DistilBERT.

use super::{Backbone, Config, Shape};
use crate::ScoringError;
use crate::blocks::{Embedding, EncoderLayer, Names, Norm, Pass, State};
use crate::weights::{At, Weights};

const NAMES: Names = Names {
    query: "attention.q_lin",
    key: "attention.k_lin",
    value: "attention.v_lin",
    attended: "attention.out_lin",
    attention_norm: "sa_layer_norm",
    up: "ffn.lin1",
    down: "ffn.lin2",
    output_norm: "output_layer_norm",
};
/// The configuration has no field for it.
const EPSILON: f64 = 1e-12;

struct DistilBert {
    words: Embedding,
    positions: Embedding,
    norm: Norm,
    layers: Vec<EncoderLayer>,
}

pub(super) fn load(config: &Config, weights: &Weights) -> Result<(Box<dyn Backbone>, Shape), ScoringError> {
    let (hidden, heads) = config.heads("dim", "n_heads")?;
    let (inner, table, vocabulary) = (
        config.size("hidden_dim")?,
        config.size("max_position_embeddings")?,
        config.size("vocab_size")?,
    );
    let activation = config.activation("activation")?;
    let root = At::root(weights, "distilbert", "embeddings.word_embeddings.weight");
    let at = root.at("embeddings");
    let layer = |index: usize| {
        let at = root.at(format!("transformer.layer.{index}"));
        EncoderLayer::load(&at, &NAMES, (hidden, inner, heads), EPSILON, activation)
    };
    let net = DistilBert {
        words: Embedding::load(&at.at("word_embeddings"), vocabulary, hidden)?,
        positions: Embedding::load(&at.at("position_embeddings"), table, hidden)?,
        norm: at.at("LayerNorm").norm(hidden, EPSILON)?,
        layers: (0..config.size("n_layers")?).map(layer).collect::<Result<_, _>>()?,
    };
    let shape = Shape {
        hidden,
        vocabulary,
        positions: Some(table),
    };
    Ok((Box::new(net), shape))
}

impl Backbone for DistilBert {
    fn forward(&self, pass: &Pass) -> candle_core::Result<State> {
        let mut state = self.words.forward(&pass.tokens)?;
        self.positions.add_to(&mut state, &pass.positions(0))?;
        let mut state = self.norm.forward(state)?;
        for layer in &self.layers {
            state = layer.forward(state, 1, None, pass)?;
        }
        Ok(state)
    }
}
