//! Rotary positions.

use super::config::{DecoderConfig, Pairing, RopeScaling};

/// Sines and cosines for every position a slot can hold.
pub(crate) struct Rope {
    /// Per position, `head_dim / 2` cosines.
    cos: Vec<f32>,
    sin: Vec<f32>,
    half: usize,
    pairing: Pairing,
}

impl Rope {
    /// The table for positions below `context`. `factors`, if a file has them, divide the frequencies one by one.
    pub(crate) fn new(config: &DecoderConfig, context: usize, factors: Option<&[f32]>) -> Self {
        let half = config.head_dim / 2;
        let frequencies: Vec<f64> = (0..half)
            .map(|index| {
                let plain = config.rope_base.powf(-2.0 * index as f64 / config.head_dim as f64);
                let factor = factors
                    .and_then(|factors| factors.get(index))
                    .map_or(1.0, |factor| f64::from(*factor));
                scale(plain, &config.rope_scaling) / factor
            })
            .collect();
        let angles = (0..context).flat_map(|position| frequencies.iter().map(move |speed| position as f64 * speed));
        let (cos, sin) = angles.map(|angle| (angle.cos() as f32, angle.sin() as f32)).unzip();
        Self {
            cos,
            sin,
            half,
            pairing: config.pairing,
        }
    }

    /// How many positions the table covers.
    pub(crate) fn positions(&self) -> usize {
        self.cos.len() / self.half
    }

    /// Cosines and sines of one position.
    pub(crate) fn at(&self, position: usize) -> (&[f32], &[f32]) {
        let range = position * self.half..(position + 1) * self.half;
        (&self.cos[range.clone()], &self.sin[range])
    }

    /// How the halves of a rotation are paired.
    pub(crate) fn pairing(&self) -> Pairing {
        self.pairing
    }

    /// Rotates one head in place.
    pub(crate) fn apply(&self, head: &mut [f32], position: usize) {
        let (cos, sin) = self.at(position);
        match self.pairing {
            Pairing::Neighbours => {
                for ((pair, cos), sin) in head.chunks_exact_mut(2).zip(cos).zip(sin) {
                    let (x, y) = (pair[0], pair[1]);
                    pair[0] = x * cos - y * sin;
                    pair[1] = x * sin + y * cos;
                }
            }
            Pairing::Halves => {
                let (first, second) = head.split_at_mut(self.half);
                for (((x, y), cos), sin) in first.iter_mut().zip(second).zip(cos).zip(sin) {
                    (*x, *y) = (*x * cos - *y * sin, *x * sin + *y * cos);
                }
            }
        }
    }
}

fn scale(frequency: f64, scaling: &RopeScaling) -> f64 {
    match *scaling {
        RopeScaling::None => frequency,
        RopeScaling::Linear(factor) => frequency / factor,
        RopeScaling::Llama3 {
            factor,
            low,
            high,
            original_context,
        } => {
            let wavelength = 2.0 * std::f64::consts::PI / frequency;
            if wavelength < original_context / high {
                frequency
            } else if wavelength > original_context / low {
                frequency / factor
            } else {
                let smooth = (original_context / wavelength - low) / (high - low);
                (1.0 - smooth) * frequency / factor + smooth * frequency
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::Family;

    fn config(pairing: Pairing) -> DecoderConfig {
        DecoderConfig {
            family: Family::Llama,
            layers: 1,
            hidden: 8,
            heads: 1,
            kv_heads: 1,
            head_dim: 8,
            context: 16,
            norm_epsilon: 1e-5,
            rope_base: 10_000.0,
            rope_scaling: RopeScaling::None,
            pairing,
        }
    }

    #[test]
    fn position_zero_changes_nothing_and_lengths_are_kept() {
        for pairing in [Pairing::Neighbours, Pairing::Halves] {
            let rope = Rope::new(&config(pairing), 16, None);
            let original: Vec<f32> = (1..=8).map(|x| x as f32).collect();
            let mut head = original.clone();
            rope.apply(&mut head, 0);
            assert_eq!(head, original);
            rope.apply(&mut head, 7);
            let norm = |values: &[f32]| values.iter().map(|x| x * x).sum::<f32>();
            assert!((norm(&head) - norm(&original)).abs() < 1e-3);
            assert_ne!(head, original);
        }
    }

    #[test]
    fn only_the_distance_of_two_positions_matters() {
        let rope = Rope::new(&config(Pairing::Halves), 16, None);
        let product = |a: usize, b: usize| {
            let mut query = [0.3, -1.0, 0.7, 2.0, 0.1, 0.2, -0.4, 1.1];
            let mut key = [1.0, 0.5, -0.2, 0.4, 0.9, -1.3, 0.6, 0.8];
            rope.apply(&mut query, a);
            rope.apply(&mut key, b);
            query.iter().zip(key).map(|(q, k)| q * k).sum::<f32>()
        };
        assert!((product(3, 1) - product(12, 10)).abs() < 1e-4);
    }
}
