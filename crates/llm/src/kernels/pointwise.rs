//! What happens to every number or every row on its own.

use crate::model::elementwise::{exp, multiply_add, sum};

/// The function between two matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `x * Φ(x)` with the exact distribution function.
    Gelu,
    /// The same with its approximation by a hyperbolic tangent.
    GeluTanh,
    /// `max(x, 0)`.
    Relu,
    /// `x * sigmoid(x)`.
    Silu,
    /// The hyperbolic tangent.
    Tanh,
}

impl Activation {
    /// By the name a `config.json` uses.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "gelu" => Some(Self::Gelu),
            "gelu_new" | "gelu_fast" | "gelu_pytorch_tanh" => Some(Self::GeluTanh),
            "relu" => Some(Self::Relu),
            "silu" | "swish" => Some(Self::Silu),
            "tanh" => Some(Self::Tanh),
            _ => None,
        }
    }

    /// Applies it to every number.
    pub fn apply(self, numbers: &mut [f32]) {
        // One loop each, so that the compiler can use vectors.
        match self {
            Self::Gelu => numbers.iter_mut().for_each(|number| *number = gelu(*number)),
            Self::GeluTanh => numbers.iter_mut().for_each(|number| *number = gelu_tanh(*number)),
            Self::Relu => numbers.iter_mut().for_each(|number| *number = number.max(0.0)),
            Self::Silu => numbers.iter_mut().for_each(|number| *number /= 1.0 + exp(-*number)),
            Self::Tanh => numbers.iter_mut().for_each(|number| *number = number.tanh()),
        }
    }
}

/// The distribution function through a rational approximation of the error function (Abramowitz and Stegun 7.1.26,
/// error below 1.5e-7), of its small tail rather than of what is left of one, so that no digits cancel below zero.
#[inline(always)]
fn gelu(x: f32) -> f32 {
    let scaled = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / multiply_add(0.327_591_1, scaled, 1.0);
    let mut polynomial = 1.061_405_4;
    for factor in [-1.453_152_1, 1.421_413_8, -0.284_496_72, 0.254_829_6] {
        polynomial = multiply_add(polynomial, t, factor);
    }
    let tail = 0.5 * polynomial * t * exp(-scaled * scaled);
    let below = if x < 0.0 { tail } else { 1.0 - tail };
    x * below
}

#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    // 0.5 * (1 + tanh(u)) is the sigmoid of 2u.
    let u = x * multiply_add(0.044_715 * x, x, 1.0) * 0.797_884_6;
    x / (1.0 + exp(-2.0 * u))
}

/// Adds `bias` to every row.
pub fn add_bias(rows: &mut [f32], bias: &[f32]) {
    for row in rows.chunks_exact_mut(bias.len().max(1)) {
        for (number, bias) in row.iter_mut().zip(bias) {
            *number += bias;
        }
    }
}

/// Each row less its mean, divided by its standard deviation, times the weights, plus the bias if there is one.
pub fn layer_norm(rows: &mut [f32], weights: &[f32], bias: Option<&[f32]>, epsilon: f32) {
    let width = weights.len().max(1);
    for row in rows.chunks_exact_mut(width) {
        let mean = sum(row) / width as f32;
        row.iter_mut().for_each(|number| *number -= mean);
        let variance = crate::model::elementwise::dot(row, row) / width as f32;
        let scale = 1.0 / (variance + epsilon).sqrt();
        match bias {
            Some(bias) => {
                for ((number, weight), bias) in row.iter_mut().zip(weights).zip(bias) {
                    *number = multiply_add(*number * scale, *weight, *bias);
                }
            }
            None => {
                for (number, weight) in row.iter_mut().zip(weights) {
                    *number = *number * scale * weight;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over_the_range(check: impl Fn(f64, f32)) {
        for step in -1200..=1200 {
            let x = f64::from(step) / 100.0;
            check(x, x as f32);
        }
    }

    #[test]
    fn gelu_has_seven_digits_after_the_point() {
        // Values of x Φ(x) from the series of the error function, in f64.
        let erf = |x: f64| {
            let (mut term, mut total) = (x, x);
            for n in 1..200 {
                term *= -x * x / f64::from(n);
                total += term / f64::from(2 * n + 1);
            }
            total * 2.0 / std::f64::consts::PI.sqrt()
        };
        over_the_range(|x, single| {
            if x.abs() < 4.0 {
                let exact = x * 0.5 * (1.0 + erf(x / std::f64::consts::SQRT_2));
                assert!((f64::from(gelu(single)) - exact).abs() < 6e-7, "gelu({x})");
            }
        });
        assert_eq!(gelu(0.0), 0.0);
        assert_eq!(gelu(50.0), 50.0);
        assert!(gelu(-50.0).abs() < 1e-30 && gelu(f32::NAN).is_nan());
    }

    #[test]
    fn the_approximated_gelu_is_the_approximation() {
        over_the_range(|x, single| {
            let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
            let exact = 0.5 * x * (1.0 + u.tanh());
            assert!((f64::from(gelu_tanh(single)) - exact).abs() < 2e-6, "gelu_new({x})");
        });
    }

    #[test]
    fn every_activation_is_its_formula() {
        let mut numbers = [-2.0, 0.0, 0.5];
        Activation::Silu.apply(&mut numbers);
        assert!((numbers[0] + 2.0 / (1.0 + 2f32.exp())).abs() < 1e-6 && numbers[1] == 0.0);
        let mut numbers = [-2.0, 0.0, 0.5];
        Activation::Relu.apply(&mut numbers);
        assert_eq!(numbers, [0.0, 0.0, 0.5]);
        assert_eq!(Activation::named("gelu_new"), Some(Activation::GeluTanh));
        assert_eq!(Activation::named("mish"), None);
    }

    #[test]
    fn a_norm_leaves_mean_zero_and_deviation_one() {
        let mut rows: Vec<f32> = (0..120).map(|index| (index as f32).cos() * 5.0 + 3.0).collect();
        layer_norm(&mut rows, &[1.0; 40], None, 1e-6);
        for row in rows.chunks(40) {
            assert!(row.iter().sum::<f32>().abs() < 1e-4);
            assert!((row.iter().map(|x| x * x).sum::<f32>() / 40.0 - 1.0).abs() < 1e-4);
        }
        let mut rows = rows[..40].to_vec();
        layer_norm(&mut rows, &[2.0; 40], Some(&[7.0; 40]), 1e-6);
        assert!((rows.iter().sum::<f32>() / 40.0 - 7.0).abs() < 1e-4);
    }
}
