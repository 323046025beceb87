//! Products against full precision, and against each other.

use candle_core::Tensor;

use super::*;

const FORMATS: [GgmlDType; 5] = [
    GgmlDType::Q4_0,
    GgmlDType::Q4_1,
    GgmlDType::Q5_0,
    GgmlDType::Q5_1,
    GgmlDType::Q8_0,
];

fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from((state >> 16) as u16) / 32768.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn matrix(rows: usize, columns: usize, seed: u32) -> Tensor {
    Tensor::from_vec(numbers(rows * columns, seed), (rows, columns), &Device::Cpu).unwrap()
}

fn close(left: &[f32], right: &[f32], tolerance: f32) {
    assert_eq!(left.len(), right.len());
    for (index, (left, right)) in left.iter().zip(right).enumerate() {
        assert!((left - right).abs() < tolerance, "number {index}: {left} and {right}");
    }
}

#[test]
fn products_agree_with_full_precision_for_every_format() {
    let (rows, columns, count) = (43, 96, 6);
    let input = numbers(count * columns, 2);
    for dtype in FORMATS {
        let quantised = QTensor::quantize(&matrix(rows, columns, 1), dtype).unwrap();
        let exact = quantised.dequantize(&Device::Cpu).unwrap().t().unwrap();
        let expected = Tensor::from_slice(&input, (count, columns), &Device::Cpu)
            .unwrap()
            .matmul(&exact)
            .unwrap();
        let product = Tiles::new(&quantised)
            .unwrap()
            .unwrap()
            .multiply(&Activations::new(&input, columns));
        // Activations have eight bits; ninety-six of them err by a few thousandths each.
        close(
            &product,
            &expected.flatten_all().unwrap().to_vec1::<f32>().unwrap(),
            0.12,
        );
    }
}

#[test]
fn every_set_of_registers_gives_the_same_product() {
    let (rows, columns, count) = (50, 128, 9);
    let input = Activations::new(&numbers(count * columns, 2), columns);
    for dtype in FORMATS {
        let tiles = Tiles::new(&QTensor::quantize(&matrix(rows, columns, 5), dtype).unwrap())
            .unwrap()
            .unwrap();
        let portable = tiles.multiply_with(Portable, &input);
        #[cfg(target_arch = "x86_64")]
        {
            // Only the rounding of the final additions differs: plain Rust does not fuse them.
            if let Some(registers) = pulp::x86::V3::try_new() {
                close(&tiles.multiply_with(registers, &input), &portable, 1e-4);
            }
            if let (Some(wide), Some(narrow)) = (pulp::x86::V4::try_new(), pulp::x86::V3::try_new()) {
                assert_eq!(tiles.multiply_with(wide, &input), tiles.multiply_with(narrow, &input));
            }
        }
        assert_eq!(portable.len(), rows * count);
    }
}

#[test]
fn the_largest_numbers_do_not_overflow() {
    let columns = 64;
    let weights = Tensor::full(1.0f32, (8, columns), &Device::Cpu).unwrap();
    let mut input = vec![1.0f32; columns];
    input.extend(vec![-1.0f32; columns]);
    for dtype in [GgmlDType::Q8_0, GgmlDType::Q4_0] {
        let quantised = QTensor::quantize(&weights, dtype).unwrap();
        let tiles = Tiles::new(&quantised).unwrap().unwrap();
        let input = Activations::new(&input, columns);
        let expected: Vec<f32> = [64.0; 8].into_iter().chain([-64.0; 8]).collect();
        close(&tiles.multiply(&input), &expected, 0.05);
        close(&tiles.multiply_with(Portable, &input), &expected, 0.05);
    }
}

#[test]
fn a_row_comes_out_the_same_whoever_shares_its_batch() {
    let (rows, columns, count) = (24, 64, 7);
    let quantised = QTensor::quantize(&matrix(rows, columns, 3), GgmlDType::Q4_1).unwrap();
    let tiles = Tiles::new(&quantised).unwrap().unwrap();
    let input = numbers(count * columns, 4);
    let together = tiles.multiply(&Activations::new(&input, columns));
    for (row, input) in input.chunks_exact(columns).enumerate() {
        let alone = tiles.multiply(&Activations::new(input, columns));
        assert_eq!(alone, together[row * rows..(row + 1) * rows], "row {row}");
    }
}

#[test]
fn a_width_that_does_not_divide_is_left_to_others() {
    let weights = Tensor::zeros((8, 40), DType::F32, &Device::Cpu).unwrap();
    let plain = QTensor::quantize(&weights, GgmlDType::F16).unwrap();
    assert!(Tiles::new(&plain).unwrap().is_none());
}
