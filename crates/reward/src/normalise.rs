//! Running normalisation: raw rewards of any scale become numbers from 0 to 1 by their place in what was seen so far.

use serde::{Deserialize, Serialize};

/// The number of values after which old ones start to fade: a batch of `n` then has weight `n / (3000 + n)`.
pub const COUNT_LIMIT: f64 = 3000.0;

/// Running mean and variance of one reward function. Saved with the validator's state, so that a restart does
/// not judge the next miners by a scale of its own.
///
/// Two repairs against the network's first validators: a batch of one value has variance 0 (theirs became undefined
/// for good), and values that are not finite are left out of the statistics and normalise to 0 (theirs silenced
/// the function for good).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct RunningNorm {
    /// Values that count, at most [`COUNT_LIMIT`].
    pub count: f64,
    /// Their mean.
    pub mean: f64,
    /// Their variance.
    pub var: f64,
}

impl RunningNorm {
    /// Takes a batch in and returns each value's place: Φ of its distance from the mean in standard deviations. The
    /// statistics already include the batch itself.
    pub fn normalise(&mut self, batch: &[f64]) -> Vec<f64> {
        self.take_in(batch);
        batch
            .iter()
            .map(|value| if value.is_finite() { self.place(*value) } else { 0.0 })
            .collect()
    }

    /// Whether the three numbers can be worked with; a hand-edited state file may hold anything.
    pub fn is_sound(&self) -> bool {
        [self.count, self.mean, self.var].iter().all(|value| value.is_finite()) && self.count >= 0.0 && self.var >= 0.0
    }

    fn place(&self, value: f64) -> f64 {
        let distance = value - self.mean;
        phi(if self.var > 0.0 {
            distance / self.var.sqrt()
        } else {
            distance
        })
    }

    fn take_in(&mut self, batch: &[f64]) {
        let values: Vec<f64> = batch.iter().copied().filter(|value| value.is_finite()).collect();
        if values.is_empty() {
            return;
        }
        let n = values.len() as f64;
        let batch_mean = values.iter().sum::<f64>() / n;
        let batch_var = if values.len() == 1 {
            0.0
        } else {
            values.iter().map(|value| (value - batch_mean).powi(2)).sum::<f64>() / (n - 1.0)
        };
        let share_new = n / (self.count + n);
        let share_old = self.count / (self.count + n);
        let shift = batch_mean - self.mean;
        self.mean = share_new * batch_mean + share_old * self.mean;
        self.var = share_new * batch_var + share_old * self.var + share_new * share_old * shift * shift;
        self.count = COUNT_LIMIT.min(self.count + n);
    }
}

/// The standard normal distribution function.
pub fn phi(x: f64) -> f64 {
    0.5 * (1.0 + libm::erf(x / std::f64::consts::SQRT_2))
}
