//! The architectures. Which one a folder holds is said by `model_type` in its `config.json`.

mod bert;
mod config;
mod deberta;
mod distilbert;
mod gpt_neo;
mod gptj;
mod head;
mod llama;
mod modernbert;
mod mpnet;
#[cfg(test)]
mod tests;

use std::path::Path;

use rayon::prelude::*;

pub(crate) use config::Config;

use crate::blocks::{Pass, State};
use crate::weights::Weights;
use crate::{Head, ScoringError};
use head::HeadNet;
pub(crate) use head::to_length_one;

/// Tokens that go through the model together on one thread: their rows stay in its cache.
const GROUP: usize = 192;

/// A model without its head: the state of every token after the last layer.
pub(crate) trait Backbone: Send + Sync {
    /// Runs all texts of a pass.
    fn forward(&self, pass: &Pass) -> candle_core::Result<State>;
}

/// What the configuration says about a backbone.
pub(crate) struct Shape {
    /// Numbers per state.
    pub hidden: usize,
    /// Tokens there are.
    pub vocabulary: usize,
    /// Tokens of a text at most, if there is a limit.
    pub positions: Option<usize>,
}

/// A model with its head.
pub(crate) struct Net {
    backbone: Box<dyn Backbone>,
    head: HeadNet,
    on_device: bool,
    pub vocabulary: usize,
    pub positions: Option<usize>,
    /// Numbers per result, or per token of it.
    pub width: usize,
}

/// Tokens of one input and the segment of each.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Encoded {
    pub tokens: Vec<u32>,
    pub types: Vec<u32>,
}

impl Net {
    /// Reads a model whose configuration and weights are open.
    pub(crate) fn load(config: &Config, weights: &Weights, head: Head) -> Result<Self, ScoringError> {
        let kind = config.text("model_type")?;
        let (backbone, shape): (Box<dyn Backbone>, Shape) = match kind {
            "bert" | "roberta" | "xlm-roberta" => bert::load(config, weights)?,
            "mpnet" => mpnet::load(config, weights)?,
            "distilbert" => distilbert::load(config, weights)?,
            "deberta-v2" => deberta::load(config, weights)?,
            "modernbert" => modernbert::load(config, weights)?,
            "gptj" => gptj::load(config, weights)?,
            "gpt_neo" => gpt_neo::load(config, weights)?,
            "llama" | "mistral" | "qwen2" | "qwen3" => llama::load(config, weights)?,
            _ => {
                let wanted = "and bert, roberta, xlm-roberta, mpnet, distilbert, deberta-v2, modernbert, gptj, gpt_neo, \
                              llama, mistral, qwen2 and qwen3 are what is written here";
                return Err(config.unsupported("model_type", wanted));
            }
        };
        let (head, width) = HeadNet::load(kind, config, weights, head, &shape)?;
        Ok(Self {
            backbone,
            head,
            on_device: weights.place().tensors,
            vocabulary: shape.vocabulary,
            positions: shape.positions,
            width,
        })
    }

    /// The results of some inputs, in their order. On a CPU each is the same bit for bit whatever the others are.
    pub(crate) fn run(&self, inputs: &[&Encoded]) -> candle_core::Result<Vec<Vec<f32>>> {
        let pass_of = |inputs: &[&Encoded], split: bool| -> candle_core::Result<Vec<Vec<f32>>> {
            let texts = inputs
                .iter()
                .map(|input| (input.tokens.as_slice(), input.types.as_slice()));
            let pass = Pass::new(texts, split);
            let state = self.backbone.forward(&pass)?;
            self.head.forward(state, &pass)
        };
        if self.on_device {
            return pass_of(inputs, true);
        }
        let groups = groups(inputs);
        // Threads work on groups of their own, without waiting for each other at every step, if there are enough.
        if groups.len() >= 2 * rayon::current_num_threads() {
            let parts: Vec<_> = groups
                .par_iter()
                .with_max_len(1)
                .map(|group| pass_of(group, false))
                .collect::<Result<_, _>>()?;
            Ok(parts.into_iter().flatten().collect())
        } else {
            pass_of(inputs, true)
        }
    }
}

fn groups<'a, 'b>(inputs: &'a [&'b Encoded]) -> Vec<&'a [&'b Encoded]> {
    let (mut groups, mut start, mut tokens) = (Vec::new(), 0, 0);
    for (index, input) in inputs.iter().enumerate() {
        if index > start && tokens + input.tokens.len() > GROUP {
            groups.push(&inputs[start..index]);
            (start, tokens) = (index, 0);
        }
        tokens += input.tokens.len();
    }
    groups.push(&inputs[start..]);
    groups
}

/// Labels in the order of the logits.
pub(crate) fn labels(config: &Config, count: usize) -> Vec<String> {
    let label = |index: usize| {
        let named = config.json["id2label"][index.to_string()].as_str();
        named.map_or_else(|| format!("LABEL_{index}"), str::to_owned)
    };
    (0..count).map(label).collect()
}

/// Reads the configuration of a folder.
pub(crate) fn open_config(folder: &Path) -> Result<Config, ScoringError> {
    Config::read(folder)
}
