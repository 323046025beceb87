//! A pass on the CPU: plain rows of numbers, with matrices and attention as the only parallel parts.

use candle_core::{Device, Result, Tensor};

use super::attention;
use super::cache::SlotCache;
use super::decoder::{Batch, Decoder, Layer, Norm};
use super::elementwise::{add, rms_norm, silu_times};
use super::linear::Input;

impl Decoder {
    pub(super) fn pass_on_host(&self, caches: &mut [SlotCache], batch: &Batch) -> Result<Vec<Vec<f32>>> {
        let tokens = Tensor::new(batch.tokens.as_slice(), &Device::Cpu)?;
        let mut state = self.embedding.embedding(&tokens)?.flatten_all()?.to_vec1::<f32>()?;
        for (index, layer) in self.layers.iter().enumerate() {
            let mut attended = self.attend_on_host(index, layer, &state, batch, caches)?;
            if index + 1 == self.layers.len() {
                // Nothing after the last attention mixes rows, so the others need not go on.
                attended = self.chosen(&attended, batch);
                state = self.chosen(&state, batch);
            }
            if state.is_empty() {
                return Ok(Vec::new());
            }
            let wide = self.config.heads * self.config.head_dim;
            add(&mut state, &layer.output.on_host(&Input::new(&attended, wide))?);
            self.feed_forward(layer, &mut state)?;
        }
        let normed = self.norm(&state, &self.final_norm);
        let logits = self.output.on_host(&Input::new(&normed, self.config.hidden))?;
        Ok(logits.chunks_exact(self.vocabulary()).map(<[f32]>::to_vec).collect())
    }

    fn attend_on_host(
        &self,
        index: usize,
        layer: &Layer,
        state: &[f32],
        batch: &Batch,
        caches: &mut [SlotCache],
    ) -> Result<Vec<f32>> {
        let normed = self.norm(state, &layer.attention_norm);
        let input = Input::new(&normed, self.config.hidden);
        let per_head = |rows: Vec<f32>, norm: &Option<Norm>| match norm {
            Some(norm) => self.norm(&rows, norm),
            None => rows,
        };
        let queries = per_head(layer.query.on_host(&input)?, &layer.query_norm);
        let keys = per_head(layer.key.on_host(&input)?, &layer.key_norm);
        let values = layer.value.on_host(&input)?;
        attention::attend(
            self.shape(),
            &self.rope,
            index,
            &batch.segments,
            caches,
            (queries, keys, &values),
        )
    }

    fn feed_forward(&self, layer: &Layer, state: &mut [f32]) -> Result<()> {
        let normed = self.norm(state, &layer.feed_forward_norm);
        let input = Input::new(&normed, self.config.hidden);
        let mut gate = layer.gate.on_host(&input)?;
        silu_times(&mut gate, &layer.up.on_host(&input)?);
        let width = gate.len() / (state.len() / self.config.hidden);
        add(state, &layer.down.on_host(&Input::new(&gate, width))?);
        Ok(())
    }

    fn norm(&self, rows: &[f32], norm: &Norm) -> Vec<f32> {
        rms_norm(rows, &norm.on_host, self.config.norm_epsilon as f32)
    }

    /// The wanted rows, of whatever width.
    fn chosen(&self, rows: &[f32], batch: &Batch) -> Vec<f32> {
        let width = rows.len() / batch.tokens.len();
        batch
            .wanted
            .iter()
            .flat_map(|row| &rows[*row as usize * width..][..width])
            .copied()
            .collect()
    }
}
