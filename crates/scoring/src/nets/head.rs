//! From the states of tokens to what is asked: which tokens, then a few small matrices.

use axoneme_llm::kernels::{self};
use candle_core::Result;

use super::{Config, Shape};
use crate::blocks::{Activation, Linear, Norm, Pass, Place, State};
use crate::weights::{At, Weights};
use crate::{Head, Pooling, ScoringError};

/// Which states go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pick {
    First,
    Last,
    Mean,
    All,
    /// The last one whose token is not this, or the first of all if there is none.
    LastNot(u32),
}

enum Step {
    Matrix(Linear, Option<Activation>),
    Norm(Norm),
    /// To length 1.
    Normalise,
}

/// A head: it runs on the CPU, since a row per text is nothing to a device.
pub(super) struct HeadNet {
    pick: Pick,
    steps: Vec<Step>,
    hidden: usize,
}

impl HeadNet {
    /// The head, and how many numbers it gives per text or per token.
    pub(super) fn load(
        kind: &str,
        config: &Config,
        weights: &Weights,
        head: Head,
        shape: &Shape,
    ) -> std::result::Result<(Self, usize), ScoringError> {
        let hidden = shape.hidden;
        let (pick, steps, width) = match head {
            Head::Embed {
                pooling,
                normalise,
                windows,
            } => {
                let pick = match pooling {
                    Pooling::Mean => Pick::Mean,
                    Pooling::Cls => Pick::First,
                    Pooling::Last => Pick::Last,
                };
                let steps = if normalise || windows {
                    vec![Step::Normalise]
                } else {
                    Vec::new()
                };
                (pick, steps, hidden)
            }
            Head::Classify => classifier(kind, config, weights, hidden)?,
            Head::Values => {
                let linear = value_head(config, weights, hidden)?;
                (Pick::All, vec![Step::Matrix(linear, None)], 1)
            }
            Head::LogProb => {
                let reason = format!("{kind} is not run as a language model here");
                return Err(ScoringError::wrong_head(&config.folder, head, reason));
            }
        };
        Ok((Self { pick, steps, hidden }, width))
    }

    pub(super) fn forward(&self, state: State, pass: &Pass) -> Result<Vec<Vec<f32>>> {
        let numbers = state.into_numbers()?;
        let mut rows = Vec::new();
        for text in &pass.texts {
            let states = &numbers[text.start * self.hidden..text.end * self.hidden];
            let row = |index: usize| &states[index * self.hidden..][..self.hidden];
            match self.pick {
                _ if text.is_empty() => candle_core::bail!("an input without tokens"),
                Pick::All => rows.extend_from_slice(states),
                Pick::First => rows.extend_from_slice(row(0)),
                Pick::Last => rows.extend_from_slice(row(text.len() - 1)),
                Pick::Mean => rows.extend(mean(states, self.hidden)),
                Pick::LastNot(pad) => {
                    let tokens = &pass.tokens[text.clone()];
                    rows.extend_from_slice(row(tokens.iter().rposition(|token| *token != pad).unwrap_or(0)));
                }
            }
        }
        let mut state = State::host(self.hidden, rows);
        for step in &self.steps {
            state = match step {
                Step::Matrix(linear, activation) => linear.forward(&state, *activation, pass.split)?,
                Step::Norm(norm) => norm.forward(state)?,
                Step::Normalise => {
                    let width = state.width();
                    let mut numbers = state.into_numbers()?;
                    numbers.chunks_exact_mut(width.max(1)).for_each(to_length_one);
                    State::host(width, numbers)
                }
            };
        }
        let width = state.width();
        let numbers = state.into_numbers()?;
        let mut rows = numbers.chunks_exact(width.max(1));
        let of_text = |count: usize| rows.by_ref().take(count).flatten().copied().collect();
        let counts = pass
            .texts
            .iter()
            .map(|text| if self.pick == Pick::All { text.len() } else { 1 });
        Ok(counts.map(of_text).collect())
    }
}

fn mean(states: &[f32], width: usize) -> Vec<f32> {
    let mut mean = vec![0f32; width];
    let count = states.len() / width.max(1);
    for row in states.chunks_exact(width.max(1)) {
        kernels::add(&mut mean, row);
    }
    mean.iter_mut().for_each(|number| *number /= count as f32);
    mean
}

/// Scales to length 1; a vector of zeros stays one.
pub(crate) fn to_length_one(vector: &mut [f32]) {
    let length = kernels::dot(vector, vector).sqrt().max(1e-12);
    vector.iter_mut().for_each(|number| *number /= length);
}

type Classifier = (Pick, Vec<Step>, usize);

fn classifier(
    kind: &str,
    config: &Config,
    weights: &Weights,
    hidden: usize,
) -> std::result::Result<Classifier, ScoringError> {
    let top = HostWeights::new(weights);
    // The last matrix gives the logits.
    let last = match kind {
        "roberta" | "xlm-roberta" | "mpnet" => "classifier.out_proj",
        "bert" | "distilbert" | "deberta-v2" | "modernbert" => "classifier",
        _ => "score",
    };
    let tensor = format!("{last}.weight");
    if !top.has(&tensor) {
        let reason = format!("it was saved without a classifier (there is no tensor {tensor})");
        return Err(ScoringError::wrong_head(&config.folder, Head::Classify, reason));
    }
    let labels = top.rows(&tensor)?;
    let named = |field: &str| match config.json[field].is_null() {
        true => Ok(Activation::Gelu),
        false => config.activation(field),
    };
    let dense = |name: &str, activation: Activation| {
        let linear = top.linear(name, hidden, hidden)?;
        Ok::<_, ScoringError>(Step::Matrix(linear, Some(activation)))
    };
    let (pick, mut steps, inner) = match kind {
        "bert" => (Pick::First, vec![dense("bert.pooler.dense", Activation::Tanh)?], hidden),
        "roberta" | "xlm-roberta" | "mpnet" => {
            (Pick::First, vec![dense("classifier.dense", Activation::Tanh)?], hidden)
        }
        "distilbert" => (Pick::First, vec![dense("pre_classifier", Activation::Relu)?], hidden),
        "deberta-v2" => {
            let inner = config.maybe_size("pooler_hidden_size")?.unwrap_or(hidden);
            let pooler = top.linear("pooler.dense", inner, hidden)?;
            let step = Step::Matrix(pooler, Some(named("pooler_hidden_act")?));
            (Pick::First, vec![step], inner)
        }
        "modernbert" => {
            let pick = match config.json["classifier_pooling"].as_str() {
                Some("mean") => Pick::Mean,
                Some("cls") | None => Pick::First,
                Some(_) => return Err(config.unsupported("classifier_pooling", "expected mean or cls")),
            };
            let norm = top.norm("head.norm", hidden, config.number("norm_eps")?)?;
            let steps = vec![dense("head.dense", named("classifier_activation")?)?, Step::Norm(norm)];
            (pick, steps, hidden)
        }
        _ => {
            let pick = config.token("pad_token_id").map_or(Pick::Last, Pick::LastNot);
            (pick, Vec::new(), hidden)
        }
    };
    steps.push(Step::Matrix(top.linear(last, labels, inner)?, None));
    Ok((pick, steps, labels))
}

fn value_head(config: &Config, weights: &Weights, hidden: usize) -> std::result::Result<Linear, ScoringError> {
    let top = HostWeights::new(weights);
    let name = ["v_head", "v_head.summary", "value_head", "score"]
        .into_iter()
        .find(|name| top.has(&format!("{name}.weight")));
    let Some(name) = name else {
        let reason = "it was saved without a value head (there is no tensor v_head.weight)";
        return Err(ScoringError::wrong_head(&config.folder, Head::Values, reason));
    };
    if top.rows(&format!("{name}.weight"))? != 1 {
        let reason = format!("{name}.weight has more than one row; a value head gives one number per token");
        return Err(ScoringError::wrong_head(&config.folder, Head::Values, reason));
    }
    top.linear(name, 1, hidden)
}

/// Weights that are wanted on the CPU, wherever the backbone is.
struct HostWeights<'a>(At<'a>);

impl<'a> HostWeights<'a> {
    fn new(weights: &'a Weights) -> Self {
        Self(At::top(weights))
    }

    fn has(&self, name: &str) -> bool {
        self.0.has(name)
    }

    fn rows(&self, name: &str) -> std::result::Result<usize, ScoringError> {
        self.0.rows(name)
    }

    fn linear(&self, name: &str, outputs: usize, inputs: usize) -> std::result::Result<Linear, ScoringError> {
        let at = self.0.at(name);
        let bias = at.has("bias").then(|| at.load("bias", &[outputs])).transpose()?;
        Linear::new(
            at.load("weight", &[outputs, inputs])?,
            outputs,
            inputs,
            bias,
            &Place::HOST,
        )
    }

    fn norm(&self, name: &str, width: usize, epsilon: f64) -> std::result::Result<Norm, ScoringError> {
        let at = self.0.at(name);
        let bias = at.has("bias").then(|| at.load("bias", &[width])).transpose()?;
        Norm::layer(at.load("weight", &[width])?, bias, epsilon, &Place::HOST)
    }
}
