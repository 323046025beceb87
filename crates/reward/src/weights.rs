//! The check that the weights of the reward functions make a weighted mean.

/// How far from one the sum may be. Decimal fractions such as 0.9 + 0.02 + 0.03 + 0.04 + 0.01 do not sum to exactly one
/// in binary, and an operator who typed them is right.
pub const TOLERANCE: f64 = 1e-6;

/// Why a set of reward weights is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WeightError {
    /// The weights do not sum to one.
    #[error("the reward weights sum to {sum}, not to 1; change {flags}")]
    Sum {
        /// What they sum to.
        sum: f64,
        /// Every flag with its value.
        flags: String,
    },
    /// A weight is negative or not a number.
    #[error("--{flag} {weight} is not a weight; give a number from 0 to 1")]
    NotAWeight {
        /// The flag without its dashes.
        flag: String,
        /// Its value.
        weight: f64,
    },
}

/// Checks that no weight is negative and that together they sum to one (within [`TOLERANCE`]).
///
/// `weights` pairs each flag (without dashes) with its value; the error shows all of them.
pub fn check_weights(weights: &[(&str, f64)]) -> Result<(), WeightError> {
    if let Some((flag, weight)) = weights.iter().find(|(_, weight)| !weight.is_finite() || *weight < 0.0) {
        return Err(WeightError::NotAWeight {
            flag: (*flag).to_owned(),
            weight: *weight,
        });
    }
    let sum: f64 = weights.iter().map(|(_, weight)| weight).sum();
    if (sum - 1.0).abs() <= TOLERANCE {
        return Ok(());
    }
    let flags = weights
        .iter()
        .map(|(flag, weight)| format!("--{flag} {weight}"))
        .collect::<Vec<_>>()
        .join(", ");
    // Rounded for the reader: 0.8999999999999999 says no more than 0.9.
    Err(WeightError::Sum {
        sum: (sum * 1e6).round() / 1e6,
        flags,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_shows_the_sum_and_the_flags() {
        let error = check_weights(&[("reward.dpo_weight", 0.6), ("reward.rlhf_weight", 0.3)]).unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("0.9") && text.contains("--reward.dpo_weight 0.6"),
            "{text}"
        );
        assert!(text.contains("--reward.rlhf_weight 0.3"), "{text}");
    }

    #[test]
    fn a_negative_or_undefined_weight_is_refused_even_when_the_sum_is_one() {
        assert!(matches!(
            check_weights(&[("a", 1.5), ("b", -0.5)]),
            Err(WeightError::NotAWeight { .. })
        ));
        assert!(matches!(
            check_weights(&[("a", f64::NAN)]),
            Err(WeightError::NotAWeight { .. })
        ));
    }
}
