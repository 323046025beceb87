//! Quantised matrices laid out for vector registers.
//!
//! candle's own products of quantised matrices run at a fifth of what the processor can do where the width is no
//! multiple of 256, which holds for every small model. Here sixteen rows of a matrix stand side by side: a register
//! holds four neighbouring weights of each of them, so that one instruction multiplies these with four activations and
//! no sum ever has to be taken across a register.
//!
//! Weights are four-bit numbers. Eight-bit ones are kept as two such layers, because products of eight-bit numbers would
//! overflow the sixteen bits that they are summed in. Each row and block of 32 has a scale and an offset, so that
//! `weight = scale * number + offset`. Every output is summed in the same order however many rows are in the batch: the
//! result of a row does not depend on its neighbours, bit for bit.

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Result};
use half::f16;
use pulp::NullaryFnOnce;
use rayon::prelude::*;

use super::simd::{Lane, PerRow, Portable, ROWS, Registers};

/// Weights that share a scale.
const BLOCK: usize = 32;
/// Lanes per block and layer of four bits.
const LANES: usize = 4;
/// Activations that go with one block, four to a word.
const WORDS: usize = BLOCK / 4;
/// Products below this many multiplications are done before a second thread is awake.
const WORTH_SPLITTING: usize = 4_000_000;
/// Tiles a thread takes at once.
const TILES_PER_TASK: usize = 4;

/// A quantised matrix.
pub(crate) struct Tiles {
    rows: usize,
    columns: usize,
    /// 1 for four-bit weights, 2 for eight-bit ones: low halves, then high halves.
    layers: usize,
    /// Tile after tile, block after block, layer after layer.
    weights: Vec<Lane>,
    /// Scales and offsets; tile after tile, block after block.
    scales: Vec<(PerRow, PerRow)>,
}

/// Activations, quantised to eight bits per block.
pub(crate) struct Activations {
    count: usize,
    /// Row after row, block after block.
    words: Vec<[i32; WORDS]>,
    /// Scale of the block, and scaled sum of its numbers.
    scales: Vec<(f32, f32)>,
}

/// One row's share of a block of the file, before it is laid out.
#[derive(Clone, Copy)]
struct RowBlock {
    scale: f32,
    offset: f32,
    /// Two layers; in each, byte `i` holds weight `i` below and weight `i + 16` above.
    layers: [[u8; BLOCK / 2]; 2],
}

impl Tiles {
    /// Lays out a matrix, or `None` if its shape does not fit.
    pub(crate) fn new(matrix: &QTensor) -> Result<Option<Self>> {
        let (rows, columns) = matrix.shape().dims2()?;
        if rows == 0 || columns == 0 || columns % BLOCK != 0 {
            return Ok(None);
        }
        let kept = matches!(matrix.dtype(), GgmlDType::Q4_0 | GgmlDType::Q4_1 | GgmlDType::Q8_0);
        let converted;
        let matrix = if kept {
            matrix
        } else {
            // Formats with other block shapes; eight bits per 32 weights are finer than any of them.
            converted = QTensor::quantize(&matrix.dequantize(&Device::Cpu)?.to_dtype(DType::F32)?, GgmlDType::Q8_0)?;
            &converted
        };
        let (parse, layers): (fn(&[u8]) -> RowBlock, _) = match matrix.dtype() {
            GgmlDType::Q4_0 => (parse_q4_0, 1),
            GgmlDType::Q4_1 => (parse_q4_1, 1),
            _ => (parse_q8_0, 2),
        };
        let data = matrix.data()?;
        let (blocks, size) = (columns / BLOCK, matrix.dtype().type_size());
        let tiles = rows.div_ceil(ROWS);
        let mut laid_out = Self {
            rows,
            columns,
            layers,
            weights: Vec::with_capacity(tiles * blocks * layers * LANES),
            scales: Vec::with_capacity(tiles * blocks),
        };
        for tile in 0..tiles {
            for block in 0..blocks {
                // The last tile is filled up with rows of zeros.
                let of_row = |row: usize| {
                    let start = ((tile * ROWS + row) * blocks + block) * size;
                    data.get(start..start + size).map_or(RowBlock::ZERO, parse)
                };
                laid_out.push(&std::array::from_fn(of_row));
            }
        }
        Ok(Some(laid_out))
    }

    fn push(&mut self, rows: &[RowBlock; ROWS]) {
        for layer in 0..self.layers {
            for lane in 0..LANES {
                self.weights.push(Lane(std::array::from_fn(|byte| {
                    rows[byte / 4].layers[layer][lane * 4 + byte % 4]
                })));
            }
        }
        self.scales
            .push((PerRow(rows.map(|row| row.scale)), PerRow(rows.map(|row| row.offset))));
    }

    /// Columns of the matrix, which is the width of its input.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Rows of the matrix, which is the width of its output.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The product with every row of `input`, one after the other.
    pub(crate) fn multiply(&self, input: &Activations) -> Vec<f32> {
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(registers) = pulp::x86::V4::try_new() {
                return self.multiply_with(registers, input);
            }
            if let Some(registers) = pulp::x86::V3::try_new() {
                return self.multiply_with(registers, input);
            }
        }
        self.multiply_with(Portable, input)
    }

    fn multiply_with<R: Registers>(&self, registers: R, input: &Activations) -> Vec<f32> {
        let tiles = self.rows.div_ceil(ROWS);
        let count = input.count;
        // Tile by tile, and within a tile row by row of the input; put in order afterwards.
        let mut by_tile = vec![0f32; tiles * count * ROWS];
        let work = |(task, out): (usize, &mut [f32])| {
            registers.run(Task {
                registers,
                tiles: self,
                first: task * TILES_PER_TASK,
                input,
                out,
            });
        };
        let task = TILES_PER_TASK * count * ROWS;
        if self.rows * self.columns * count >= WORTH_SPLITTING && rayon::current_num_threads() > 1 {
            // Small pieces, so that a thread that another process pushed aside holds up little.
            by_tile.par_chunks_mut(task).enumerate().with_max_len(1).for_each(work);
        } else {
            by_tile.chunks_mut(task).enumerate().for_each(work);
        }
        if count == 1 {
            by_tile.truncate(self.rows);
            return by_tile;
        }
        let mut out = vec![0f32; count * self.rows];
        for (row, out) in out.chunks_exact_mut(self.rows).enumerate() {
            for (tile, out) in out.chunks_mut(ROWS).enumerate() {
                let from = (tile * count + row) * ROWS;
                out.copy_from_slice(&by_tile[from..from + out.len()]);
            }
        }
        out
    }
}

/// Some tiles with all rows of the input.
struct Task<'a, R> {
    registers: R,
    tiles: &'a Tiles,
    first: usize,
    input: &'a Activations,
    out: &'a mut [f32],
}

impl<R: Registers> NullaryFnOnce for Task<'_, R> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        match self.tiles.layers {
            1 => self.multiply::<1>(),
            _ => self.multiply::<2>(),
        }
    }
}

impl<R: Registers> Task<'_, R> {
    /// Four rows of the input at a time, so that weights are unpacked once for the four.
    #[inline(always)]
    fn multiply<const LAYERS: usize>(self) {
        let Self {
            registers,
            tiles,
            first,
            input,
            out,
        } = self;
        let blocks = tiles.columns / BLOCK;
        for (offset, out) in out.chunks_exact_mut(input.count * ROWS).enumerate() {
            let tile = first + offset;
            let weights = &tiles.weights[tile * blocks * LAYERS * LANES..][..blocks * LAYERS * LANES];
            let scales = &tiles.scales[tile * blocks..][..blocks];
            let fours = input.count / 4;
            let (whole, rest) = out.split_at_mut(fours * 4 * ROWS);
            for (four, out) in whole.chunks_exact_mut(4 * ROWS).enumerate() {
                dot::<R, LAYERS, 4>(registers, weights, scales, input.rows(four * 4, blocks), out);
            }
            for (offset, out) in rest.chunks_exact_mut(ROWS).enumerate() {
                dot::<R, LAYERS, 1>(registers, weights, scales, input.rows(fours * 4 + offset, blocks), out);
            }
        }
    }
}

type Row<'a> = (&'a [[i32; WORDS]], &'a [(f32, f32)]);

/// Sixteen rows of weights times `COUNT` rows of activations.
///
/// Eight products of two pairs fit into the sixteen bits of a sum: 8 * 2 * 15 * 127 = 30480.
#[inline(always)]
fn dot<R: Registers, const LAYERS: usize, const COUNT: usize>(
    registers: R,
    weights: &[Lane],
    scales: &[(PerRow, PerRow)],
    rows: [Row<'_>; COUNT],
    out: &mut [f32],
) {
    let mut sums = [registers.no_floats(); COUNT];
    for (block, (lanes, (scale, offset))) in weights.chunks_exact(LAYERS * LANES).zip(scales).enumerate() {
        let mut numbers = [registers.no_numbers(); COUNT];
        // The upper layer first, because it counts sixteenfold.
        for layer in (0..LAYERS).rev() {
            let mut pairs = [registers.no_pairs(); COUNT];
            for lane in 0..LANES {
                let lane_bytes = &lanes[layer * LANES + lane];
                let (low, high) = (registers.low(lane_bytes), registers.high(lane_bytes));
                for (pairs, (words, _)) in pairs.iter_mut().zip(&rows) {
                    *pairs = registers.add_products(*pairs, low, words[block][lane]);
                    *pairs = registers.add_products(*pairs, high, words[block][lane + LANES]);
                }
            }
            for (numbers, pairs) in numbers.iter_mut().zip(pairs) {
                *numbers = registers.widen(*numbers, pairs);
            }
        }
        for ((sum, numbers), (_, input)) in sums.iter_mut().zip(numbers).zip(&rows) {
            *sum = registers.scale(*sum, numbers, (scale, offset), input[block]);
        }
    }
    for (sum, out) in sums.into_iter().zip(out.chunks_exact_mut(ROWS)) {
        out.copy_from_slice(&registers.store(sum));
    }
}

impl Activations {
    /// Quantises rows of `width` numbers.
    pub(crate) fn new(rows: &[f32], width: usize) -> Self {
        let count = rows.len() / width.max(1);
        let (words, scales) = rows.chunks_exact(BLOCK).map(quantise).unzip();
        Self { count, words, scales }
    }

    /// `COUNT` rows from this one on, of `blocks` blocks each.
    #[inline(always)]
    fn rows<const COUNT: usize>(&self, first: usize, blocks: usize) -> [Row<'_>; COUNT] {
        let mut rows: [Row<'_>; COUNT] = [(&[], &[]); COUNT];
        for (offset, row) in rows.iter_mut().enumerate() {
            let start = (first + offset) * blocks;
            *row = (&self.words[start..start + blocks], &self.scales[start..start + blocks]);
        }
        rows
    }
}

fn quantise(block: &[f32]) -> ([i32; WORDS], (f32, f32)) {
    let highest = block.iter().fold(0f32, |highest, number| highest.max(number.abs()));
    let scale = highest / 127.0;
    let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
    // Adding this number leaves the nearest whole one in the lowest bits, for a whole vector at once.
    const ROUND: f32 = 12_582_912.0;
    let mut numbers = [0u8; BLOCK];
    for (number, value) in numbers.iter_mut().zip(block) {
        *number = (value * inverse + ROUND).to_bits() as u8;
    }
    let mut sum = 0i32;
    for number in numbers {
        sum = sum.wrapping_add(i32::from(number as i8));
    }
    let word = |index: usize| {
        i32::from_le_bytes([
            numbers[index * 4],
            numbers[index * 4 + 1],
            numbers[index * 4 + 2],
            numbers[index * 4 + 3],
        ])
    };
    (std::array::from_fn(word), (scale, scale * sum as f32))
}

impl RowBlock {
    const ZERO: Self = Self {
        scale: 0.0,
        offset: 0.0,
        layers: [[0; BLOCK / 2]; 2],
    };
}

fn half_at(bytes: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32()
}

fn parse_q4_0(bytes: &[u8]) -> RowBlock {
    let scale = half_at(bytes, 0);
    let mut block = RowBlock {
        scale,
        offset: scale * -8.0,
        ..RowBlock::ZERO
    };
    block.layers[0].copy_from_slice(&bytes[2..18]);
    block
}

fn parse_q4_1(bytes: &[u8]) -> RowBlock {
    let mut block = RowBlock {
        scale: half_at(bytes, 0),
        offset: half_at(bytes, 2),
        ..RowBlock::ZERO
    };
    block.layers[0].copy_from_slice(&bytes[4..20]);
    block
}

fn parse_q8_0(bytes: &[u8]) -> RowBlock {
    let scale = half_at(bytes, 0);
    let mut block = RowBlock {
        scale,
        offset: scale * -128.0,
        ..RowBlock::ZERO
    };
    // From -128..=127 to 0..=255, which the offset takes back.
    let number = |index: usize| bytes[2 + index] ^ 0x80;
    for index in 0..BLOCK / 2 {
        let (near, far) = (number(index), number(index + BLOCK / 2));
        block.layers[0][index] = (near & 0x0F) | (far << 4);
        block.layers[1][index] = (near >> 4) | (far & 0xF0);
    }
    block
}

#[cfg(test)]
mod tests;
