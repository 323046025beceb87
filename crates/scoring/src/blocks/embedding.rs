//! A table with a row per token, position or segment.

use axoneme_llm::kernels;
use candle_core::{Result, Tensor};

use super::State;
use crate::ScoringError;
use crate::weights::At;

/// A table of vectors.
pub(crate) struct Embedding {
    rows: usize,
    width: usize,
    table: Table,
}

enum Table {
    Host(Vec<f32>),
    Device(Tensor),
}

impl Embedding {
    /// `weight` below `at`, `rows` vectors of `width` numbers.
    pub(crate) fn load(at: &At<'_>, rows: usize, width: usize) -> std::result::Result<Self, ScoringError> {
        let numbers = at.load("weight", &[rows, width])?;
        let table = match at.place().tensors {
            false => Table::Host(numbers),
            true => Table::Device(Tensor::from_vec(numbers, (rows, width), &at.place().device)?),
        };
        Ok(Self { rows, width, table })
    }

    /// One row per index. Indices beyond the table are an error.
    pub(crate) fn forward(&self, indices: &[u32]) -> Result<State> {
        if let Some(index) = indices.iter().find(|index| **index as usize >= self.rows) {
            candle_core::bail!("there is no row {index} in a table of {}", self.rows);
        }
        Ok(match &self.table {
            Table::Host(numbers) => {
                let mut out = Vec::with_capacity(indices.len() * self.width);
                for index in indices {
                    out.extend_from_slice(&numbers[*index as usize * self.width..][..self.width]);
                }
                State::host(self.width, out)
            }
            Table::Device(table) => State::Device(table.index_select(&Tensor::new(indices, table.device())?, 0)?),
        })
    }

    /// Adds one row per index to `state`.
    pub(crate) fn add_to(&self, state: &mut State, indices: &[u32]) -> Result<()> {
        match (&self.table, state) {
            (Table::Host(numbers), State::Host { width, numbers: out }) if *width == self.width => {
                for (out, index) in out.chunks_exact_mut(self.width.max(1)).zip(indices) {
                    if *index as usize >= self.rows {
                        candle_core::bail!("there is no row {index} in a table of {}", self.rows);
                    }
                    kernels::add(out, &numbers[*index as usize * self.width..][..self.width]);
                }
                Ok(())
            }
            (_, state) => state.add(&self.forward(indices)?),
        }
    }
}
