//! The rows that travel through a model.

use std::ops::Range;

use axoneme_llm::kernels::{self, Activation};
use candle_core::{Result, Tensor};

/// Several texts, one after the other, and how they are to be run.
pub(crate) struct Pass {
    /// Tokens of all texts.
    pub tokens: Vec<u32>,
    /// Segment of each token: 1 in the second text of a pair.
    pub types: Vec<u32>,
    /// Where each text lies.
    pub texts: Vec<Range<usize>>,
    /// Whether one step may use all threads; not when whole passes run side by side.
    pub split: bool,
}

impl Pass {
    /// Lays texts out one after the other.
    pub(crate) fn new<'a>(texts: impl IntoIterator<Item = (&'a [u32], &'a [u32])>, split: bool) -> Self {
        let mut pass = Self {
            tokens: Vec::new(),
            types: Vec::new(),
            texts: Vec::new(),
            split,
        };
        for (tokens, types) in texts {
            let start = pass.tokens.len();
            pass.tokens.extend_from_slice(tokens);
            pass.types.extend_from_slice(types);
            pass.types.resize(pass.tokens.len(), 0);
            pass.texts.push(start..pass.tokens.len());
        }
        pass
    }

    /// The position of every token within its text, from `first` on.
    pub(crate) fn positions(&self, first: u32) -> Vec<u32> {
        let of_text = |text: &Range<usize>| (0..text.len()).map(move |index| first.saturating_add(index as u32));
        self.texts.iter().flat_map(of_text).collect()
    }

    /// The same, where a pad token inside a text has position `pad` and does not count (RoBERTa, MPNet).
    pub(crate) fn positions_after_pad(&self, pad: u32) -> Vec<u32> {
        let mut positions = Vec::with_capacity(self.tokens.len());
        for text in &self.texts {
            let mut last = pad;
            for token in &self.tokens[text.clone()] {
                if *token == pad {
                    positions.push(pad);
                } else {
                    last = last.saturating_add(1);
                    positions.push(last);
                }
            }
        }
        positions
    }
}

/// One row of numbers per token.
pub(crate) enum State {
    Host { width: usize, numbers: Vec<f32> },
    Device(Tensor),
}

impl State {
    pub(crate) fn host(width: usize, numbers: Vec<f32>) -> Self {
        Self::Host { width, numbers }
    }

    pub(crate) fn width(&self) -> usize {
        match self {
            Self::Host { width, .. } => *width,
            Self::Device(tensor) => tensor.dims().last().copied().unwrap_or(0),
        }
    }

    /// Adds the rows of another.
    pub(crate) fn add(&mut self, other: &Self) -> Result<()> {
        match (self, other) {
            (Self::Host { numbers, .. }, Self::Host { numbers: other, .. }) => kernels::add(numbers, other),
            (Self::Device(tensor), Self::Device(other)) => *tensor = (&*tensor + other)?,
            _ => candle_core::bail!("rows on two devices"),
        }
        Ok(())
    }

    /// The first half of every row through `activation`, times the second half.
    pub(crate) fn gated(self, activation: Activation) -> Result<Self> {
        let half = self.width() / 2;
        match self {
            Self::Host { numbers, .. } => {
                let mut out = Vec::with_capacity(numbers.len() / 2);
                for row in numbers.chunks_exact((half * 2).max(1)) {
                    let start = out.len();
                    out.extend_from_slice(&row[..half]);
                    let gate = &mut out[start..];
                    activation.apply(gate);
                    gate.iter_mut().zip(&row[half..]).for_each(|(gate, up)| *gate *= up);
                }
                Ok(Self::host(half, out))
            }
            Self::Device(tensor) => {
                let gate = activate(&tensor.narrow(1, 0, half)?.contiguous()?, activation)?;
                Ok(Self::Device((gate * tensor.narrow(1, half, half)?)?))
            }
        }
    }

    /// The numbers, row after row.
    pub(crate) fn into_numbers(self) -> Result<Vec<f32>> {
        match self {
            Self::Host { numbers, .. } => Ok(numbers),
            Self::Device(tensor) => tensor.flatten_all()?.to_vec1(),
        }
    }
}

/// An activation in tensor operations.
pub(super) fn activate(tensor: &Tensor, activation: Activation) -> Result<Tensor> {
    match activation {
        Activation::Gelu => tensor.gelu_erf(),
        Activation::GeluTanh => tensor.gelu(),
        Activation::Relu => tensor.relu(),
        Activation::Silu => tensor.silu(),
        Activation::Tanh => tensor.tanh(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_begin_anew_with_every_text() {
        let pass = Pass::new([(&[5u32, 6, 7][..], &[][..]), (&[8, 1, 9], &[0, 1, 1])], false);
        assert_eq!(pass.texts, [0..3, 3..6]);
        assert_eq!(pass.types, [0, 0, 0, 0, 1, 1]);
        assert_eq!(pass.positions(2), [2, 3, 4, 2, 3, 4]);
        assert_eq!(pass.positions_after_pad(1), [2, 3, 4, 2, 1, 3]);
    }
}
