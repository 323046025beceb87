//! Norms over rows or over the heads of rows.

use axoneme_llm::kernels;
use candle_core::{D, Result, Tensor};

use super::{Place, State};
use crate::ScoringError;

/// A norm with its weights.
pub(crate) struct Norm {
    weights: Vec<f32>,
    bias: Option<Vec<f32>>,
    epsilon: f32,
    /// Whether the mean is taken out first.
    centred: bool,
    on_device: Option<(Tensor, Option<Tensor>)>,
}

impl Norm {
    /// Mean zero and deviation one.
    pub(crate) fn layer(
        weights: Vec<f32>,
        bias: Option<Vec<f32>>,
        epsilon: f64,
        place: &Place,
    ) -> std::result::Result<Self, ScoringError> {
        let device = &place.device;
        let on_device = match place.tensors {
            false => None,
            true => Some((
                Tensor::new(weights.as_slice(), device)?,
                bias.as_deref().map(|bias| Tensor::new(bias, device)).transpose()?,
            )),
        };
        Ok(Self {
            weights,
            bias,
            epsilon: epsilon as f32,
            centred: true,
            on_device,
        })
    }

    /// Mean square one.
    pub(crate) fn root_mean_square(
        weights: Vec<f32>,
        epsilon: f64,
        place: &Place,
    ) -> std::result::Result<Self, ScoringError> {
        let norm = Self::layer(weights, None, epsilon, place)?;
        Ok(Self { centred: false, ..norm })
    }

    /// Norms every row.
    pub(crate) fn forward(&self, rows: State) -> Result<State> {
        match rows {
            State::Host { width, mut numbers } => {
                if !self.centred {
                    numbers = kernels::rms_norm(&numbers, &self.weights, self.epsilon);
                } else {
                    kernels::layer_norm(&mut numbers, &self.weights, self.bias.as_deref(), self.epsilon);
                }
                Ok(State::host(width, numbers))
            }
            State::Device(tensor) => Ok(State::Device(self.on_tensor(&tensor)?)),
        }
    }

    /// Norms rows that are still wanted as they are.
    pub(crate) fn of(&self, rows: &State) -> Result<State> {
        match rows {
            State::Host { width, numbers } if self.centred => self.forward(State::host(*width, numbers.clone())),
            State::Host { width, numbers } => {
                let normed = kernels::rms_norm(numbers, &self.weights, self.epsilon);
                Ok(State::host(*width, normed))
            }
            State::Device(tensor) => Ok(State::Device(self.on_tensor(tensor)?)),
        }
    }

    /// Norms each of the heads that lie in these columns.
    pub(crate) fn per_head(&self, rows: &mut State, first: usize, heads: usize) -> Result<()> {
        let size = self.weights.len();
        match rows {
            State::Host { width, numbers } => {
                for row in numbers.chunks_exact_mut((*width).max(1)) {
                    let part = &mut row[first..first + heads * size];
                    part.copy_from_slice(&kernels::rms_norm(part, &self.weights, self.epsilon));
                }
            }
            State::Device(tensor) => {
                let (count, width) = tensor.dims2()?;
                let part = tensor.narrow(1, first, heads * size)?.reshape((count * heads, size))?;
                let part = self.on_tensor(&part)?.reshape((count, heads * size))?;
                let end = first + heads * size;
                let mut parts = Vec::new();
                if first > 0 {
                    parts.push(tensor.narrow(1, 0, first)?);
                }
                parts.push(part);
                if end < width {
                    parts.push(tensor.narrow(1, end, width - end)?);
                }
                *tensor = Tensor::cat(&parts, 1)?;
            }
        }
        Ok(())
    }

    fn on_tensor(&self, rows: &Tensor) -> Result<Tensor> {
        let Some((weights, bias)) = &self.on_device else {
            candle_core::bail!("rows and norm on two devices");
        };
        let rows = match self.centred {
            true => rows.broadcast_sub(&rows.mean_keepdim(D::Minus1)?)?,
            false => rows.clone(),
        };
        let square = rows.sqr()?.mean_keepdim(D::Minus1)?;
        let scaled = rows
            .broadcast_div(&(square + f64::from(self.epsilon))?.sqrt()?)?
            .broadcast_mul(weights)?;
        match bias {
            Some(bias) => scaled.broadcast_add(bias),
            None => Ok(scaled),
        }
    }
}
