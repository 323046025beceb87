//! A matrix laid out for vector registers, and its product with rows.
//!
//! Thirty-two columns of the result are summed side by side, for up to twelve rows at a time, so that a register of
//! weights is loaded once for twelve rows. Every number of the result is one chain of fused multiply-adds in the order
//! of the input, however many rows there are: a row's result does not depend on its neighbours, bit for bit.

use std::ops::Range;

use pulp::NullaryFnOnce;
use rayon::prelude::*;

use super::vector::{Lane, Portable, Vector, WIDTH};

/// Registers of sixteen floats that stand side by side.
const LANES: usize = 2;
/// Columns of the result that are summed side by side.
const PANEL: usize = WIDTH * LANES;
/// Products below this many multiplications are done before a second thread is awake.
const WORTH_SPLITTING: usize = 1_000_000;
/// With fewer rows than this, threads share the columns rather than the rows.
const FEW_ROWS: usize = 48;
/// Rows a thread takes at once.
const ROWS_PER_TASK: usize = 48;

/// Rows of numbers inside a slice: row `i` is `data[first + i * stride..][..width]`.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    /// Where the rows lie.
    pub data: &'a [f32],
    /// Where the first begins.
    pub first: usize,
    /// From the start of one row to that of the next.
    pub stride: usize,
    /// How many there are.
    pub count: usize,
}

impl<'a> Rows<'a> {
    /// Rows of `width` numbers, one after the other.
    pub fn dense(data: &'a [f32], width: usize) -> Self {
        Self {
            data,
            first: 0,
            stride: width,
            count: data.len().checked_div(width).unwrap_or(0),
        }
    }

    /// The numbers of row `index`.
    #[inline(always)]
    pub fn row(&self, index: usize, width: usize) -> &'a [f32] {
        &self.data[self.first + index * self.stride..][..width]
    }

    /// The same rows from `column` on.
    #[must_use]
    pub fn from_column(self, column: usize) -> Self {
        Self {
            first: self.first + column,
            ..self
        }
    }

    fn part(&self, range: Range<usize>) -> Self {
        Self {
            first: self.first + range.start * self.stride,
            count: range.len(),
            ..*self
        }
    }
}

/// A matrix that rows are multiplied with.
#[derive(Debug, Clone, Default)]
pub struct Matrix {
    outputs: usize,
    inputs: usize,
    /// Panel after panel of 32 outputs; in each, input after input.
    lanes: Vec<Lane>,
}

impl Matrix {
    /// From `outputs` rows of `inputs` weights, as checkpoints have them.
    ///
    /// # Panics
    ///
    /// When the number of weights is not the product of the two.
    pub fn new(weights: &[f32], outputs: usize, inputs: usize) -> Self {
        assert_eq!(
            Some(weights.len()),
            outputs.checked_mul(inputs),
            "a matrix of another size"
        );
        let mut matrix = Self::default();
        let rows = Rows {
            data: weights,
            first: 0,
            stride: inputs,
            count: outputs,
        };
        matrix.take_rows(rows, inputs);
        matrix
    }

    /// Lays out anew: `weights` has a row of `inputs` numbers for each output. Keeps the memory it has.
    pub fn take_rows(&mut self, weights: Rows<'_>, inputs: usize) {
        self.resize(weights.count, inputs);
        for (panel, lanes) in self.lanes.chunks_exact_mut((inputs * LANES).max(1)).enumerate() {
            for column in 0..PANEL.min(weights.count - panel * PANEL) {
                let row = weights.row(panel * PANEL + column, inputs);
                let (lane, place) = (column / WIDTH, column % WIDTH);
                for (lanes, number) in lanes.as_chunks_mut::<LANES>().0.iter_mut().zip(row) {
                    lanes[lane].0[place] = *number;
                }
            }
        }
    }

    /// Lays out anew: `weights` has a row of `outputs` numbers for each input. Keeps the memory it has.
    pub fn take_columns(&mut self, weights: Rows<'_>, outputs: usize) {
        self.resize(outputs, weights.count);
        for (panel, lanes) in self.lanes.chunks_exact_mut((weights.count * LANES).max(1)).enumerate() {
            let first = panel * PANEL;
            for (input, lanes) in lanes.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
                let row = &weights.row(input, outputs)[first..outputs.min(first + PANEL)];
                for (lane, numbers) in lanes.iter_mut().zip(row.chunks(WIDTH)) {
                    lane.0[..numbers.len()].copy_from_slice(numbers);
                }
            }
        }
    }

    fn resize(&mut self, outputs: usize, inputs: usize) {
        (self.outputs, self.inputs) = (outputs, inputs);
        self.lanes.clear();
        // Columns that fill up the last panel are zeros.
        self.lanes.resize(outputs.div_ceil(PANEL) * inputs * LANES, Lane::ZERO);
    }

    /// Numbers per row of the result.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Numbers per row of the input.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.lanes.len() * size_of::<Lane>()
    }

    /// The product with every row, one after the other. `split` shares the work among the threads of the current rayon
    /// pool where that is worth it; the result is the same.
    pub fn multiply(&self, rows: Rows<'_>, split: bool) -> Vec<f32> {
        let mut out = vec![0f32; rows.count * self.outputs];
        self.multiply_into(rows, &mut out, split);
        out
    }

    /// [`Matrix::multiply`] into memory that is there already: `rows.count * outputs` numbers.
    pub fn multiply_into(&self, rows: Rows<'_>, out: &mut [f32], split: bool) {
        if self.outputs == 0 || rows.count == 0 {
            return;
        }
        if self.inputs == 0 {
            out.fill(0.0);
            return;
        }
        let panels = self.outputs.div_ceil(PANEL);
        let work = self.outputs.saturating_mul(self.inputs).saturating_mul(rows.count);
        let threads = if split && work >= WORTH_SPLITTING {
            rayon::current_num_threads()
        } else {
            1
        };
        if threads == 1 {
            self.dispatch(0..panels, rows, out);
        } else if rows.count >= FEW_ROWS.max(threads * 2) {
            let share = ROWS_PER_TASK.min(rows.count.div_ceil(threads));
            let pieces = out.par_chunks_mut(share * self.outputs).enumerate().with_max_len(1);
            pieces.for_each(|(piece, out)| {
                let first = piece * share;
                self.dispatch(0..panels, rows.part(first..rows.count.min(first + share)), out);
            });
        } else {
            self.share_columns(panels, threads, rows, out);
        }
    }

    /// Each thread computes some columns of all rows; they are put in order afterwards.
    fn share_columns(&self, panels: usize, threads: usize, rows: Rows<'_>, out: &mut [f32]) {
        let share = panels.div_ceil(threads * 4).max(1);
        let width = |piece: usize| (self.outputs - piece * share * PANEL).min(share * PANEL);
        let pieces: Vec<Vec<f32>> = (0..panels.div_ceil(share))
            .into_par_iter()
            .with_max_len(1)
            .map(|piece| {
                let mut out = vec![0f32; rows.count * width(piece)];
                self.dispatch(piece * share..panels.min((piece + 1) * share), rows, &mut out);
                out
            })
            .collect();
        for (piece, columns) in pieces.iter().enumerate() {
            let width = width(piece);
            for (out, columns) in out.chunks_exact_mut(self.outputs).zip(columns.chunks_exact(width)) {
                out[piece * share * PANEL..][..width].copy_from_slice(columns);
            }
        }
    }

    fn dispatch(&self, panels: Range<usize>, rows: Rows<'_>, out: &mut [f32]) {
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(vector) = pulp::x86::V4::try_new() {
                return self.run_with(vector, panels, rows, out);
            }
            if let Some(vector) = pulp::x86::V3::try_new() {
                return self.run_with(vector, panels, rows, out);
            }
        }
        self.run_with(Portable, panels, rows, out);
    }

    fn run_with<V: Vector>(&self, vector: V, panels: Range<usize>, rows: Rows<'_>, out: &mut [f32]) {
        vector.run(Task {
            vector,
            matrix: self,
            panels,
            rows,
            out,
        });
    }
}

/// Some panels with some rows.
struct Task<'a, V> {
    vector: V,
    matrix: &'a Matrix,
    panels: Range<usize>,
    rows: Rows<'a>,
    out: &'a mut [f32],
}

impl<V: Vector> NullaryFnOnce for Task<'_, V> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (inputs, outputs) = (self.matrix.inputs, self.matrix.outputs);
        let stride = self.panels.end.saturating_mul(PANEL).min(outputs) - self.panels.start * PANEL;
        let first = self.panels.start;
        for panel in self.panels {
            let weights = &self.matrix.lanes[panel * inputs * LANES..][..inputs * LANES];
            let (weights, _) = weights.as_chunks::<LANES>();
            let place = Place {
                column: (panel - first) * PANEL,
                width: PANEL.min(outputs - panel * PANEL),
                stride,
            };
            let mut row = 0;
            while row < self.rows.count {
                let left = self.rows.count - row;
                let (vector, rows, out) = (self.vector, self.rows, &mut *self.out);
                row += if V::WIDE {
                    match left {
                        1 => strip::<V, 1, 2>(vector, rows, row, weights, 0, place, out),
                        2 => strip::<V, 2, 2>(vector, rows, row, weights, 0, place, out),
                        3 => strip::<V, 3, 2>(vector, rows, row, weights, 0, place, out),
                        4 | 5 => strip::<V, 4, 2>(vector, rows, row, weights, 0, place, out),
                        6 | 7 => strip::<V, 6, 2>(vector, rows, row, weights, 0, place, out),
                        8..12 => strip::<V, 8, 2>(vector, rows, row, weights, 0, place, out),
                        _ => strip::<V, 12, 2>(vector, rows, row, weights, 0, place, out),
                    }
                } else {
                    match left {
                        1 => {
                            strip::<V, 1, 1>(vector, rows, row, weights, 0, place, out);
                            strip::<V, 1, 1>(vector, rows, row, weights, 1, place, out)
                        }
                        2..6 => {
                            strip::<V, 2, 1>(vector, rows, row, weights, 0, place, out);
                            strip::<V, 2, 1>(vector, rows, row, weights, 1, place, out)
                        }
                        _ => {
                            strip::<V, 6, 1>(vector, rows, row, weights, 0, place, out);
                            strip::<V, 6, 1>(vector, rows, row, weights, 1, place, out)
                        }
                    }
                };
            }
        }
    }
}

/// Where a panel goes in the rows of the result.
#[derive(Clone, Copy)]
struct Place {
    column: usize,
    width: usize,
    stride: usize,
}

/// `COUNT` rows from `row` on with `SIDE` registers of the panel from `lane` on. Returns `COUNT`.
#[inline(always)]
fn strip<V: Vector, const COUNT: usize, const SIDE: usize>(
    vector: V,
    rows: Rows<'_>,
    row: usize,
    weights: &[[Lane; LANES]],
    lane: usize,
    place: Place,
    out: &mut [f32],
) -> usize {
    let inputs = weights.len();
    let mut inputs_of: [&[f32]; COUNT] = [&[]; COUNT];
    for (offset, slice) in inputs_of.iter_mut().enumerate() {
        *slice = rows.row(row + offset, inputs);
    }
    let mut sums = [[vector.zero(); SIDE]; COUNT];
    for (input, lanes) in weights.iter().enumerate() {
        let mut loaded = [vector.zero(); SIDE];
        for (side, loaded) in loaded.iter_mut().enumerate() {
            *loaded = vector.load(&lanes[lane + side]);
        }
        for (sums, numbers) in sums.iter_mut().zip(&inputs_of) {
            let number = vector.splat(numbers[input]);
            for (sum, weights) in sums.iter_mut().zip(loaded) {
                *sum = vector.multiply_add(number, weights, *sum);
            }
        }
    }
    for (offset, sums) in sums.into_iter().enumerate() {
        let out = &mut out[(row + offset) * place.stride + place.column..][..place.width];
        for (side, sum) in sums.into_iter().enumerate() {
            let from = (lane + side) * WIDTH;
            if from < out.len() {
                let out = &mut out[from..];
                let width = out.len().min(WIDTH);
                out[..width].copy_from_slice(&vector.store(sum)[..width]);
            }
        }
    }
    COUNT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: f32) -> Vec<f32> {
        (0..count).map(|index| (index as f32 * 0.731 + seed).sin()).collect()
    }

    fn bits(numbers: &[f32]) -> Vec<u32> {
        numbers.iter().map(|number| number.to_bits()).collect()
    }

    #[test]
    fn products_are_those_of_the_definition() {
        for (outputs, inputs, count) in [(1, 1, 1), (33, 7, 13), (70, 64, 29), (32, 100, 6), (5, 3, 50)] {
            let (weights, rows) = (numbers(outputs * inputs, 0.3), numbers(count * inputs, 1.7));
            let product = Matrix::new(&weights, outputs, inputs).multiply(Rows::dense(&rows, inputs), false);
            for row in 0..count {
                for output in 0..outputs {
                    let expected: f64 = (0..inputs)
                        .map(|input| {
                            f64::from(rows[row * inputs + input]) * f64::from(weights[output * inputs + input])
                        })
                        .sum();
                    let found = f64::from(product[row * outputs + output]);
                    assert!(
                        (found - expected).abs() < 3e-5,
                        "{outputs}x{inputs}, row {row}: {found}, {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_row_does_not_depend_on_its_neighbours_or_on_threads() {
        let (outputs, inputs) = (300, 130);
        let matrix = Matrix::new(&numbers(outputs * inputs, 0.1), outputs, inputs);
        let rows = numbers(97 * inputs, 2.0);
        let together = matrix.multiply(Rows::dense(&rows, inputs), false);
        assert_eq!(
            bits(&together),
            bits(&matrix.multiply(Rows::dense(&rows, inputs), true))
        );
        for count in 1..=30 {
            let part = matrix.multiply(Rows::dense(&rows[..count * inputs], inputs), true);
            assert_eq!(bits(&part), bits(&together[..count * outputs]));
        }
    }

    #[test]
    fn every_set_of_registers_gives_the_same_bits() {
        let (outputs, inputs) = (90, 61);
        let matrix = Matrix::new(&numbers(outputs * inputs, 0.1), outputs, inputs);
        let rows = numbers(23 * inputs, 2.0);
        let run = |vector: &dyn Fn(&mut [f32])| {
            let mut out = vec![0f32; 23 * outputs];
            vector(&mut out);
            bits(&out)
        };
        let view = Rows::dense(&rows, inputs);
        let plain = run(&|out| matrix.run_with(Portable, 0..3, view, out));
        assert_eq!(plain, run(&|out| matrix.dispatch(0..3, view, out)));
        #[cfg(target_arch = "x86_64")]
        if let Some(vector) = pulp::x86::V3::try_new() {
            assert_eq!(plain, run(&|out| matrix.run_with(vector, 0..3, view, out)));
        }
    }

    #[test]
    fn rows_and_columns_lay_out_the_same_matrix() {
        let (outputs, inputs) = (45, 19);
        let weights = numbers(outputs * inputs, 0.9);
        let turned: Vec<f32> = (0..inputs * outputs)
            .map(|index| weights[index % outputs * inputs + index / outputs])
            .collect();
        let mut from_columns = Matrix::default();
        from_columns.take_columns(Rows::dense(&turned, outputs), outputs);
        let rows = numbers(4 * inputs, 0.0);
        assert_eq!(
            Matrix::new(&weights, outputs, inputs).multiply(Rows::dense(&rows, inputs), false),
            from_columns.multiply(Rows::dense(&rows, inputs), false)
        );
    }

    #[test]
    fn nothing_times_something_is_nothing() {
        assert!(
            Matrix::new(&[], 0, 4)
                .multiply(Rows::dense(&[1.0; 8], 4), true)
                .is_empty()
        );
        assert_eq!(
            Matrix::new(&[], 3, 0).multiply(
                Rows {
                    data: &[],
                    first: 0,
                    stride: 0,
                    count: 2
                },
                true
            ),
            [0.0; 6]
        );
    }
}
