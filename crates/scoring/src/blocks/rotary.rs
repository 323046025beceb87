//! Rotary positions.

use candle_core::{Result, Tensor};

use super::{Pass, State};

/// How the halves of a rotation are paired in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pairing {
    /// Neighbouring numbers.
    Neighbours,
    /// A number of the first half and its counterpart in the second.
    Halves,
}

/// Rotates the first numbers of each head by an angle that grows with the position.
pub(crate) struct Rotary {
    /// Angle per position.
    speeds: Vec<f64>,
    head_dim: usize,
    pairing: Pairing,
}

impl Rotary {
    /// Speeds of the usual geometric series over `rotated` numbers of each head.
    pub(crate) fn new(base: f64, rotated: usize, head_dim: usize, pairing: Pairing) -> Self {
        let speed = |index: usize| base.powf(-2.0 * index as f64 / rotated as f64);
        Self::with_speeds((0..rotated / 2).map(speed).collect(), head_dim, pairing)
    }

    /// Given speeds, one per pair.
    pub(crate) fn with_speeds(speeds: Vec<f64>, head_dim: usize, pairing: Pairing) -> Self {
        Self {
            speeds,
            head_dim,
            pairing,
        }
    }

    /// The numbers of a head that make pair `index`.
    fn pair(&self, index: usize) -> (usize, usize) {
        match self.pairing {
            Pairing::Neighbours => (2 * index, 2 * index + 1),
            Pairing::Halves => (index, index + self.speeds.len()),
        }
    }

    /// Cosines and sines for positions below `count`.
    fn table(&self, count: usize) -> Vec<(f32, f32)> {
        let angles = (0..count).flat_map(|position| self.speeds.iter().map(move |speed| position as f64 * speed));
        angles.map(|angle| (angle.cos() as f32, angle.sin() as f32)).collect()
    }

    /// Rotates the `heads` heads that begin at column `first`.
    pub(crate) fn apply(&self, rows: &mut State, first: usize, heads: usize, pass: &Pass) -> Result<()> {
        let longest = pass.texts.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
        let table = self.table(longest);
        let pairs = self.speeds.len();
        match rows {
            State::Host { width, numbers } => {
                for text in &pass.texts {
                    let rows = numbers[text.start * *width..text.end * *width].chunks_exact_mut(*width);
                    for (row, turns) in rows.zip(table.chunks_exact(pairs.max(1))) {
                        let heads = row[first..first + heads * self.head_dim].chunks_exact_mut(self.head_dim);
                        for head in heads {
                            for (index, (cos, sin)) in turns.iter().enumerate() {
                                let (left, right) = self.pair(index);
                                let (x, y) = (head[left], head[right]);
                                head[left] = x * cos - y * sin;
                                head[right] = x * sin + y * cos;
                            }
                        }
                    }
                }
                Ok(())
            }
            State::Device(tensor) => {
                *tensor = self.on_device(tensor, first, heads, pass, &table)?;
                Ok(())
            }
        }
    }

    /// The same as one gather of columns and two products: `row * cos + row[partner] * sin`.
    fn on_device(
        &self,
        rows: &Tensor,
        first: usize,
        heads: usize,
        pass: &Pass,
        table: &[(f32, f32)],
    ) -> Result<Tensor> {
        let (count, width) = rows.dims2()?;
        let mut partner: Vec<u32> = (0..width as u32).collect();
        let mut place: Vec<Option<(usize, f32)>> = vec![None; width];
        for head in 0..heads {
            let start = first + head * self.head_dim;
            for index in 0..self.speeds.len() {
                let (left, right) = self.pair(index);
                (partner[start + left], partner[start + right]) = ((start + right) as u32, (start + left) as u32);
                (place[start + left], place[start + right]) = (Some((index, -1.0)), Some((index, 1.0)));
            }
        }
        let (mut cosines, mut sines) = (Vec::with_capacity(count * width), Vec::with_capacity(count * width));
        for position in pass.texts.iter().flat_map(|text| 0..text.len()) {
            for place in &place {
                let (cos, sin) = place.map_or((1.0, 0.0), |(index, sign)| {
                    let (cos, sin) = table[position * self.speeds.len() + index];
                    (cos, sin * sign)
                });
                cosines.push(cos);
                sines.push(sin);
            }
        }
        let cosines = Tensor::from_vec(cosines, (count, width), rows.device())?;
        let sines = Tensor::from_vec(sines, (count, width), rows.device())?;
        let partners = rows
            .contiguous()?
            .index_select(&Tensor::new(partner, rows.device())?, 1)?;
        (rows * cosines)? + (partners * sines)?
    }
}
