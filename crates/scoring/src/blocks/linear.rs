//! A matrix that rows are multiplied with.

use axoneme_llm::kernels::{self, Activation, Matrix, Rows};
use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::Place;
use super::state::{State, activate};
use crate::ScoringError;
use crate::weights::At;

/// Rows whose bias and activation a thread does at once.
const ROWS_PER_TASK: usize = 32;

/// A matrix with a bias and what follows it.
pub(crate) struct Linear {
    outputs: usize,
    form: Form,
}

enum Form {
    Host { matrix: Matrix, bias: Option<Vec<f32>> },
    Device { turned: Tensor, bias: Option<Tensor> },
}

impl Linear {
    /// Several matrices of a file, one above the other, read with one product.
    pub(crate) fn load(
        parts: &[At<'_>],
        outputs: &[usize],
        inputs: usize,
        biased: bool,
    ) -> std::result::Result<Self, ScoringError> {
        let (mut weights, mut bias) = (Vec::new(), Vec::new());
        for (part, outputs) in parts.iter().zip(outputs) {
            let numbers = part.load("weight", &[*outputs, inputs])?;
            match weights.is_empty() {
                true => weights = numbers,
                false => weights.extend_from_slice(&numbers),
            }
            if biased {
                bias.extend(part.load("bias", &[*outputs])?);
            }
        }
        let place = parts.first().map_or(&Place::HOST, |part| part.place());
        Self::new(weights, outputs.iter().sum(), inputs, biased.then_some(bias), place)
    }

    /// From rows of `inputs` weights, one for each output.
    pub(crate) fn new(
        weights: Vec<f32>,
        outputs: usize,
        inputs: usize,
        bias: Option<Vec<f32>>,
        place: &Place,
    ) -> std::result::Result<Self, ScoringError> {
        let device = &place.device;
        let form = match place.tensors {
            false => Form::Host {
                matrix: Matrix::new(&weights, outputs, inputs),
                bias,
            },
            true => Form::Device {
                turned: Tensor::from_vec(weights, (outputs, inputs), device)?
                    .t()?
                    .contiguous()?,
                bias: bias.map(|bias| Tensor::new(bias, device)).transpose()?,
            },
        };
        Ok(Self { outputs, form })
    }

    /// The product with every row, plus the bias, through the activation.
    pub(crate) fn forward(&self, rows: &State, activation: Option<Activation>, split: bool) -> Result<State> {
        match (&self.form, rows) {
            (Form::Host { matrix, bias }, State::Host { width, numbers }) => {
                if *width != matrix.inputs() {
                    candle_core::bail!("rows of {width} numbers, expected {}", matrix.inputs());
                }
                let mut out = matrix.multiply(Rows::dense(numbers, *width), split);
                let finish = |rows: &mut [f32]| {
                    if let Some(bias) = bias {
                        kernels::add_bias(rows, bias);
                    }
                    if let Some(activation) = activation {
                        activation.apply(rows);
                    }
                };
                let piece = (self.outputs * ROWS_PER_TASK).max(1);
                match split && out.len() > piece {
                    true => out.par_chunks_mut(piece).for_each(finish),
                    false => out.chunks_mut(piece).for_each(finish),
                }
                Ok(State::host(self.outputs, out))
            }
            (Form::Device { turned, bias }, State::Device(rows)) => {
                let mut out = rows.matmul(turned)?;
                if let Some(bias) = bias {
                    out = out.broadcast_add(bias)?;
                }
                match activation {
                    Some(activation) => Ok(State::Device(activate(&out, activation)?)),
                    None => Ok(State::Device(out)),
                }
            }
            _ => candle_core::bail!("rows and matrix on two devices"),
        }
    }
}
