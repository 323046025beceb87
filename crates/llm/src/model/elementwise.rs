//! What happens to rows between the matrices, on the CPU.
//!
//! Written out here because candle's versions wake a pool of spinning threads for every small sum, which costs more than
//! the sum and stops the machine where another process needs a core.

/// Each row divided by its root mean square, times the weights.
pub fn rms_norm(rows: &[f32], weights: &[f32], epsilon: f32) -> Vec<f32> {
    let mut out = Vec::with_capacity(rows.len());
    for row in rows.chunks_exact(weights.len()) {
        let scale = 1.0 / (dot(row, row) / row.len() as f32 + epsilon).sqrt();
        out.extend(row.iter().zip(weights).map(|(value, weight)| value * scale * weight));
    }
    out
}

/// Adds `other` to `rows`.
pub fn add(rows: &mut [f32], other: &[f32]) {
    for (value, other) in rows.iter_mut().zip(other) {
        *value += other;
    }
}

/// The gated activation: `gate * sigmoid(gate) * up`, left in `gate`.
pub fn silu_times(gate: &mut [f32], up: &[f32]) {
    for (gate, up) in gate.iter_mut().zip(up) {
        *gate = *gate / (1.0 + exp(-*gate)) * up;
    }
}

/// Turns scores into weights that sum to one.
pub fn softmax(scores: &mut [f32]) {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for score in scores.iter_mut() {
        *score = exp(*score - highest);
    }
    let scale = 1.0 / sum(scores);
    for score in scores.iter_mut() {
        *score *= scale;
    }
}

/// Lanes that are summed apart, so that the compiler can use vector registers without changing what is written here.
const LANES: usize = 32;

/// The sum, of lanes first.
pub(crate) fn sum(values: &[f32]) -> f32 {
    let mut lanes = [0f32; LANES];
    let chunks = values.chunks_exact(LANES);
    let tail: f32 = chunks.remainder().iter().sum();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    lanes.iter().sum::<f32>() + tail
}

/// The sum of the products of two rows.
pub fn dot(left: &[f32], right: &[f32]) -> f32 {
    let mut lanes = [0f32; LANES];
    let (left, right) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
    let tail: f32 = left.remainder().iter().zip(right.remainder()).map(|(a, b)| a * b).sum();
    for (left, right) in left.zip(right) {
        for ((lane, a), b) in lanes.iter_mut().zip(left).zip(right) {
            *lane = multiply_add(*a, *b, *lane);
        }
    }
    lanes.iter().sum::<f32>() + tail
}

/// One instruction where the build's baseline has it; elsewhere it would be a slow library call.
#[inline(always)]
pub(crate) fn multiply_add(a: f32, b: f32, sum: f32) -> f32 {
    if cfg!(target_feature = "fma") {
        a.mul_add(b, sum)
    } else {
        a * b + sum
    }
}

/// The exponential function to seven digits, in operations that work on whole vectors.
#[inline(always)]
pub(crate) fn exp(value: f32) -> f32 {
    // Beyond these the result is zero or infinite for our purposes, and the exponent below stays in its bits.
    let value = value.clamp(-87.0, 88.0);
    // Adding and taking away this number rounds to a whole one.
    const ROUND: f32 = 12_582_912.0;
    let power = multiply_add(value, std::f32::consts::LOG2_E, ROUND) - ROUND;
    // ln 2 in two parts, so that the difference keeps its digits.
    let rest = multiply_add(power, -0.693_145_75, value);
    let rest = multiply_add(power, -1.428_606_8e-6, rest);
    let mut sum = 1.0 / 720.0;
    for factor in [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = multiply_add(sum, rest, factor);
    }
    // Wrapping, because a check for overflow would keep the compiler from using vectors; it cannot occur after `clamp`.
    sum * f32::from_bits((power as i32).wrapping_add(127).cast_unsigned() << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_function_has_seven_digits() {
        for step in -8600..8700 {
            let value = step as f32 / 100.0;
            let exact = f64::from(value).exp();
            let error = (f64::from(exp(value)) - exact).abs() / exact;
            assert!(error < 4e-7, "exp({value}) is off by {error}");
        }
        assert!(exp(-1000.0) < 1e-37 && exp(f32::NEG_INFINITY) < 1e-37);
        assert!(exp(1000.0) > 1e38);
    }

    #[test]
    fn softmax_sums_to_one_and_keeps_the_order() {
        let mut scores: Vec<f32> = (0..77).map(|index| (index as f32 * 0.37).sin() * 9.0).collect();
        let before = scores.clone();
        softmax(&mut scores);
        assert!((scores.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        for (left, right) in before.windows(2).zip(scores.windows(2)) {
            assert_eq!(left[0] < left[1], right[0] < right[1]);
        }
        let mut single = [f32::MIN];
        softmax(&mut single);
        assert_eq!(single, [1.0]);
    }

    #[test]
    fn a_norm_makes_rows_of_mean_square_one() {
        let rows: Vec<f32> = (0..80).map(|index| (index as f32).cos() * 5.0).collect();
        let normed = rms_norm(&rows, &[1.0; 40], 1e-6);
        for row in normed.chunks(40) {
            assert!((dot(row, row) / 40.0 - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn a_gate_far_below_zero_closes() {
        let mut gate = [-1000.0, 0.0, 1.0, 1000.0];
        silu_times(&mut gate, &[2.0; 4]);
        let sigmoid = 1.0 / (1.0 + (-1f32).exp());
        for (value, expected) in gate.iter().zip([0.0, 0.0, 2.0 * sigmoid, 2000.0]) {
            assert!((value - expected).abs() < 1e-3, "{gate:?}");
        }
    }
}
