//! A matrix that rows are multiplied with.

use candle_core::quantized::QMatMul;
use candle_core::{Module, Result, Tensor};

/// A projection of the decoder.
pub(crate) struct Linear {
    weight: QMatMul,
    bias: Option<Tensor>,
}

impl Linear {
    pub(crate) fn new(weight: QMatMul, bias: Option<Tensor>) -> Self {
        Self { weight, bias }
    }

    /// `[rows, in]` to `[rows, out]`.
    pub(crate) fn forward(&self, rows: &Tensor) -> Result<Tensor> {
        let product = self.weight.forward(rows)?;
        match &self.bias {
            Some(bias) => product.broadcast_add(bias),
            None => Ok(product),
        }
    }
}
