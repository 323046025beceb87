//! The layer of BERT and its relatives: attention, norm, two matrices, norm.

use super::{Activation, Bias, Heads, Linear, Norm, Part, Pass, Reach, State, attention};
use crate::ScoringError;
use crate::weights::At;

/// What a family calls the parts of a layer.
pub(crate) struct Names {
    pub query: &'static str,
    pub key: &'static str,
    pub value: &'static str,
    pub attended: &'static str,
    pub attention_norm: &'static str,
    pub up: &'static str,
    pub down: &'static str,
    pub output_norm: &'static str,
}

impl Names {
    /// BERT, RoBERTa.
    pub(crate) const BERT: Self = Self {
        query: "attention.self.query",
        key: "attention.self.key",
        value: "attention.self.value",
        attended: "attention.output.dense",
        attention_norm: "attention.output.LayerNorm",
        up: "intermediate.dense",
        down: "output.dense",
        output_norm: "output.LayerNorm",
    };
}

/// One layer.
pub(crate) struct EncoderLayer {
    queries_keys_values: Linear,
    attended: Linear,
    attention_norm: Norm,
    up: Linear,
    down: Linear,
    output_norm: Norm,
    heads: Heads,
    activation: Activation,
}

impl EncoderLayer {
    /// Reads a layer of `hidden` numbers per row and `inner` between the two matrices.
    pub(crate) fn load(
        at: &At<'_>,
        names: &Names,
        (hidden, inner, heads): (usize, usize, usize),
        epsilon: f64,
        activation: Activation,
    ) -> Result<Self, ScoringError> {
        let parts = [at.at(names.query), at.at(names.key), at.at(names.value)];
        Ok(Self {
            queries_keys_values: Linear::load(&parts, &[hidden; 3], hidden, true)?,
            attended: at.at(names.attended).linear(hidden, hidden)?,
            attention_norm: at.at(names.attention_norm).norm(hidden, epsilon)?,
            up: at.at(names.up).linear(inner, hidden)?,
            down: at.at(names.down).linear(hidden, inner)?,
            output_norm: at.at(names.output_norm).norm(hidden, epsilon)?,
            heads: Heads {
                heads,
                kv_heads: heads,
                head_dim: hidden / heads,
            },
            activation,
        })
    }

    /// Queries, keys and values of rows that are not of the text, such as relative positions.
    pub(crate) fn projected(&self, rows: &State) -> candle_core::Result<State> {
        self.queries_keys_values.forward(rows, None, true)
    }

    /// How a row is cut into heads.
    pub(crate) fn heads(&self) -> Heads {
        self.heads
    }

    /// One layer on. Scores are divided by the root of the head size times `parts`.
    pub(crate) fn forward(
        &self,
        state: State,
        parts: usize,
        bias: Option<&dyn Bias>,
        pass: &Pass,
    ) -> candle_core::Result<State> {
        let width = self.heads.heads * self.heads.head_dim;
        let scale = 1.0 / ((self.heads.head_dim * parts) as f32).sqrt();
        let all = self.queries_keys_values.forward(&state, None, pass.split)?;
        let part = |index: usize| Part {
            state: &all,
            first: index * width,
        };
        let seen = attention(self.heads, scale, Reach::All, (part(0), part(1), part(2)), bias, pass)?;
        let mut attended = self.attended.forward(&seen, None, pass.split)?;
        attended.add(&state)?;
        let state = self.attention_norm.forward(attended)?;
        let inner = self.up.forward(&state, Some(self.activation), pass.split)?;
        let mut out = self.down.forward(&inner, None, pass.split)?;
        out.add(&state)?;
        self.output_norm.forward(out)
    }
}
