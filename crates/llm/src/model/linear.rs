//! A matrix that rows are multiplied with.

use std::cell::OnceCell;

use candle_core::quantized::{GgmlDType, QMatMul};
use candle_core::{Module, Result, Tensor};

use super::tiles::{Activations, Tiles};

/// A projection of the decoder.
pub(crate) struct Linear {
    matrix: Matrix,
    bias: Option<Tensor>,
}

enum Matrix {
    Tiles(Tiles),
    Candle(QMatMul),
}

/// Rows on their way into one or more projections, quantised at most once.
pub(crate) struct Input {
    rows: Tensor,
    quantised: OnceCell<Activations>,
}

impl Input {
    pub(crate) fn new(rows: Tensor) -> Self {
        Self {
            rows,
            quantised: OnceCell::new(),
        }
    }

    fn quantised(&self, width: usize) -> Result<&Activations> {
        if let Some(quantised) = self.quantised.get() {
            return Ok(quantised);
        }
        let rows = self.rows.flatten_all()?.to_vec1::<f32>()?;
        Ok(self
            .quantised
            .get_or_init(|| Activations::new(&rows, width)))
    }
}

impl Linear {
    /// From a weight as the file has it; laid out anew where that makes it faster.
    pub(crate) fn new(weight: QMatMul, bias: Option<Tensor>) -> Result<Self> {
        let tiles = match &weight {
            QMatMul::QTensor(tensor)
                if tensor.device().is_cpu() && is_quantised(tensor.dtype()) =>
            {
                Tiles::new(tensor)?
            }
            _ => None,
        };
        let matrix = tiles.map_or(Matrix::Candle(weight), Matrix::Tiles);
        Ok(Self { matrix, bias })
    }

    /// `[rows, in]` to `[rows, out]`.
    pub(crate) fn forward(&self, input: &Input) -> Result<Tensor> {
        let product = match &self.matrix {
            Matrix::Candle(weight) => weight.forward(&input.rows)?,
            Matrix::Tiles(tiles) => {
                let (count, width) = input.rows.dims2()?;
                if width != tiles.columns() {
                    candle_core::bail!("rows of {width} numbers, expected {}", tiles.columns());
                }
                let product = tiles.multiply(input.quantised(width)?);
                Tensor::from_vec(product, (count, tiles.rows()), input.rows.device())?
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
