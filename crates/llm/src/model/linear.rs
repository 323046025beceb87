//! A matrix that rows are multiplied with.

use std::cell::OnceCell;

use candle_core::quantized::{GgmlDType, QMatMul};
use candle_core::{DType, Module, Result, Tensor};

use super::elementwise;
use super::tiles::{Activations, Tiles};
use crate::kernels;

/// A projection of the decoder.
pub(crate) struct Linear {
    matrix: Matrix,
    bias: Option<Tensor>,
    bias_on_host: Option<Vec<f32>>,
}

enum Matrix {
    /// Quantised, on the CPU.
    Tiles(Tiles),
    /// In full precision, on the CPU.
    Packed(kernels::Matrix),
    /// On a device.
    Candle(QMatMul),
}

/// Rows on the CPU, on their way into one or more projections; quantised at most once.
pub(crate) struct Input<'a> {
    rows: &'a [f32],
    width: usize,
    quantised: OnceCell<Activations>,
}

impl<'a> Input<'a> {
    pub(crate) fn new(rows: &'a [f32], width: usize) -> Self {
        Self {
            rows,
            width,
            quantised: OnceCell::new(),
        }
    }
}

impl Linear {
    /// From a weight as the file has it; laid out anew where that makes it faster.
    pub(crate) fn new(weight: QMatMul, bias: Option<Tensor>) -> Result<Self> {
        let laid_out = match &weight {
            QMatMul::QTensor(tensor) if tensor.device().is_cpu() && is_quantised(tensor.dtype()) => {
                Tiles::new(tensor)?.map(Matrix::Tiles)
            }
            QMatMul::Tensor(tensor) if tensor.device().is_cpu() && tensor.dtype() == DType::F32 => {
                let (outputs, inputs) = tensor.dims2()?;
                let weights = tensor.flatten_all()?.to_vec1::<f32>()?;
                Some(Matrix::Packed(kernels::Matrix::new(&weights, outputs, inputs)))
            }
            _ => None,
        };
        let matrix = laid_out.unwrap_or(Matrix::Candle(weight));
        let bias_on_host = bias.as_ref().map(Tensor::to_vec1).transpose()?;
        Ok(Self {
            matrix,
            bias,
            bias_on_host,
        })
    }

    /// Rows of the input's width to rows of the output's, on the CPU.
    pub(crate) fn on_host(&self, input: &Input<'_>) -> Result<Vec<f32>> {
        let mut product = match &self.matrix {
            Matrix::Tiles(tiles) if tiles.columns() == input.width => tiles.multiply(
                input
                    .quantised
                    .get_or_init(|| Activations::new(input.rows, input.width)),
            ),
            Matrix::Tiles(tiles) => {
                candle_core::bail!("rows of {} numbers, expected {}", input.width, tiles.columns())
            }
            Matrix::Packed(matrix) if matrix.inputs() == input.width => {
                matrix.multiply(kernels::Rows::dense(input.rows, input.width), true)
            }
            Matrix::Packed(matrix) => {
                candle_core::bail!("rows of {} numbers, expected {}", input.width, matrix.inputs())
            }
            Matrix::Candle(weight) => {
                let shape = (input.rows.len() / input.width.max(1), input.width);
                weight
                    .forward(&Tensor::from_slice(input.rows, shape, &candle_core::Device::Cpu)?)?
                    .flatten_all()?
                    .to_vec1()?
            }
        };
        if let Some(bias) = &self.bias_on_host {
            product
                .chunks_exact_mut(bias.len())
                .for_each(|row| elementwise::add(row, bias));
        }
        Ok(product)
    }

    /// `[rows, in]` to `[rows, out]`, wherever the rows are.
    pub(crate) fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        let product = match &self.matrix {
            Matrix::Candle(weight) => weight.forward(rows)?,
            Matrix::Tiles(tiles) => {
                let (count, width) = rows.dims2()?;
                let product = tiles.multiply(&Activations::new(&rows.flatten_all()?.to_vec1::<f32>()?, width));
                Tensor::from_vec(product, (count, tiles.rows()), rows.device())?
            }
            Matrix::Packed(matrix) => {
                let (count, width) = rows.dims2()?;
                let numbers = rows.flatten_all()?.to_vec1::<f32>()?;
                let product = matrix.multiply(kernels::Rows::dense(&numbers, width), true);
                Tensor::from_vec(product, (count, matrix.outputs()), rows.device())?
            }
        };
        match &self.bias {
            Some(bias) => product.broadcast_add(bias),
            None => Ok(product),
        }
    }
}

fn is_quantised(dtype: GgmlDType) -> bool {
    !matches!(dtype, GgmlDType::F32 | GgmlDType::F16 | GgmlDType::BF16)
}
