//! From scores to the integers the chain stores.
//!
//! The steps are those of the reference implementation, so that two validators with the same scores send the
//! same weights whichever software they run: [`normalise`] the scores, [`process_weights`] for the limits of
//! the subnet, [`to_u16`] for the wire. [`from_scores`] does all three. Everything here is a pure function.

use std::collections::BTreeSet;

/// Guards the divisions of the clipping step; the reference uses the same number, and results depend on it.
const EPSILON: f64 = 1e-7;
/// What every neuron gets when fewer neurons than the subnet's minimum have a weight of their own.
const FLOOR: f64 = 1e-5;
/// The largest value of the chain's fixed-point fractions.
const FULL: f64 = 65535.0;

/// Why a list of weights cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The two lists have to describe the same neurons.
    #[error("{uids} uids but {weights} weights; give one weight for each uid")]
    LengthMismatch {
        /// Number of uids given.
        uids: usize,
        /// Number of weights given.
        weights: usize,
    },
    /// There are weights for neurons that do not exist.
    #[error("{given} weights for a subnet of {neurons} neurons; refresh the metagraph and rebuild them")]
    TooMany {
        /// Number of weights given.
        given: usize,
        /// Number of neurons in the subnet.
        neurons: usize,
    },
    /// Negative, infinite or not a number.
    #[error("weight of uid {uid} is {value}; weights have to be finite and not negative")]
    NotAWeight {
        /// Whose weight it is.
        uid: u16,
        /// The offending value.
        value: f64,
    },
    /// The same uid twice.
    #[error("uid {uid} is listed twice; the chain refuses duplicates")]
    Duplicate {
        /// The repeated uid.
        uid: u16,
    },
    /// Nothing above zero.
    #[error("all weights are zero, so there is nothing to set")]
    AllZero,
    /// Fewer weights than the subnet demands.
    #[error("the subnet demands at least {required} weights and only {given} are above zero; score more neurons")]
    TooFew {
        /// `min_allowed_weights` of the subnet.
        required: u16,
        /// How many are above zero.
        given: usize,
    },
}

/// The hyperparameters that bound a list of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeightLimits {
    /// Fewest entries the chain accepts (`min_allowed_weights`).
    pub min_allowed: u16,
    /// Largest share of one neuron as a fraction of 65535 (`max_weights_limit`); 65535 means no limit.
    pub max_weight: u16,
    /// Share of the lowest weights to leave out, as a fraction of 65535; 0 keeps all.
    pub exclude_quantile: u16,
}

impl Default for WeightLimits {
    fn default() -> Self {
        WeightLimits {
            min_allowed: 1,
            max_weight: u16::MAX,
            exclude_quantile: 0,
        }
    }
}

/// Weights that satisfy the limits of the subnet; they sum to one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Processed {
    /// The neurons that get a weight.
    pub uids: Vec<u16>,
    /// Their shares, in the same order.
    pub values: Vec<f64>,
}

/// Divides by the sum of the magnitudes. A score that is not a number counts as zero, and all zeros stay zeros.
pub fn normalise(scores: &[f32]) -> Vec<f32> {
    let clean: Vec<f32> = scores.iter().map(|s| if s.is_finite() { *s } else { 0.0 }).collect();
    let norm: f64 = clean.iter().map(|s| f64::from(s.abs())).sum();
    // A divisor of at least a tiny number keeps all-zero scores at zero.
    let divisor = if norm > 0.0 { norm.max(1e-12) } else { 1.0 };
    clean.iter().map(|s| (f64::from(*s) / divisor) as f32).collect()
}

/// Fits weights into the limits of a subnet of `neurons` neurons.
///
/// Only positive weights count. With none, or in a network smaller than the minimum, everybody gets the same.
/// With fewer than the minimum, everybody gets a floor on top of which the given weights come. Otherwise the
/// lowest quantile is left out and the rest is clipped to the largest allowed share.
///
/// # Errors
/// When the lists differ in length, or there are more weights than neurons where they are placed by position.
pub fn process_weights(
    uids: &[u16],
    weights: &[f32],
    neurons: u16,
    limits: WeightLimits,
) -> Result<Processed, WeightsError> {
    let limit = f64::from(limits.max_weight) / FULL;
    fit(uids, weights, neurons, limits, limit)
}

/// [`process_weights`] with the largest share as it is rather than in steps of 1/65535.
fn fit(
    uids: &[u16],
    weights: &[f32],
    neurons: u16,
    limits: WeightLimits,
    limit: f64,
) -> Result<Processed, WeightsError> {
    if uids.len() != weights.len() {
        return Err(WeightsError::LengthMismatch {
            uids: uids.len(),
            weights: weights.len(),
        });
    }
    let minimum = usize::from(limits.min_allowed);
    let positive: Vec<(usize, f64)> = weights
        .iter()
        .enumerate()
        .filter(|(_, w)| **w > 0.0)
        .map(|(i, w)| (i, f64::from(*w)))
        .collect();

    if positive.is_empty() || neurons < limits.min_allowed {
        let share = 1.0 / f64::from(neurons.max(1));
        return Ok(everybody(vec![share; usize::from(neurons)]));
    }
    if positive.len() < minimum {
        let mut values = vec![FLOOR; usize::from(neurons)];
        for (position, weight) in &positive {
            let Some(value) = values.get_mut(*position) else {
                return Err(WeightsError::TooMany {
                    given: weights.len(),
                    neurons: usize::from(neurons),
                });
            };
            *value += weight;
        }
        return Ok(everybody(clip_to_max(&values, limit)));
    }

    let kept = drop_lowest(&positive, minimum, f64::from(limits.exclude_quantile) / FULL);
    let values: Vec<f64> = kept.iter().map(|(_, w)| *w).collect();
    Ok(Processed {
        uids: kept.iter().map(|(i, _)| uids[*i]).collect(),
        values: clip_to_max(&values, limit),
    })
}

fn everybody(values: Vec<f64>) -> Processed {
    let count = u16::try_from(values.len()).unwrap_or(u16::MAX);
    Processed {
        uids: (0..count).collect(),
        values,
    }
}

/// Leaves out what lies below the quantile, but never so many that fewer than `minimum` remain.
fn drop_lowest(weights: &[(usize, f64)], minimum: usize, quantile: f64) -> Vec<(usize, f64)> {
    let spare = weights.len().saturating_sub(minimum) as f64 / weights.len() as f64;
    let threshold = quantile_of(weights.iter().map(|(_, w)| *w).collect(), quantile.min(spare));
    weights.iter().copied().filter(|(_, w)| *w >= threshold).collect()
}

/// Quantile with linear interpolation between neighbours.
fn quantile_of(mut values: Vec<f64>, quantile: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let position = quantile.clamp(0.0, 1.0) * (values.len() - 1) as f64;
    let (low, high) = (values[position.floor() as usize], values[position.ceil() as usize]);
    low + (high - low) * position.fract()
}

/// Makes the values sum to one with none above `limit`, where that is possible at all.
///
/// All zeros, or a limit that even equal shares would break, give equal shares.
pub fn clip_to_max(values: &[f64], limit: f64) -> Vec<f64> {
    let count = values.len();
    let total: f64 = values.iter().sum();
    if count == 0 {
        return Vec::new();
    }
    if total == 0.0 || count as f64 * limit <= 1.0 {
        return vec![1.0 / count as f64; count];
    }
    let mut shares: Vec<f64> = values.iter().map(|v| v / total).collect();
    shares.sort_by(f64::total_cmp);
    if shares[count - 1] <= limit {
        return values.iter().map(|v| v / total).collect();
    }

    let mut running = 0.0;
    let cumulative: Vec<f64> = shares
        .iter()
        .map(|share| {
            running += share;
            running
        })
        .collect();
    let below = (0..count)
        .filter(|i| {
            let above = (count - i - 1) as f64 * shares[*i];
            shares[*i] / (above + cumulative[*i] + EPSILON) < limit
        })
        .count();
    // With no entry below the limit the reference reads the element before the first, which is the last.
    let mass = if below == 0 {
        cumulative[count - 1]
    } else {
        cumulative[below - 1]
    };
    let cutoff = (limit * mass - EPSILON) / (1.0 - limit * (count - below) as f64) * total;
    let clipped: Vec<f64> = values.iter().map(|v| v.min(cutoff)).collect();
    let sum: f64 = clipped.iter().sum();
    clipped.iter().map(|v| v / sum).collect()
}

/// Scales so that the largest weight is 65535, rounds half to even and leaves out what rounds to zero.
///
/// All zeros give an empty list: there is nothing to send then.
///
/// # Errors
/// When the lists differ in length or a weight is negative or not finite.
pub fn to_u16(uids: &[u16], weights: &[f64]) -> Result<Vec<(u16, u16)>, WeightsError> {
    if uids.len() != weights.len() {
        return Err(WeightsError::LengthMismatch {
            uids: uids.len(),
            weights: weights.len(),
        });
    }
    for (uid, value) in uids.iter().zip(weights) {
        if !value.is_finite() || *value < 0.0 {
            return Err(WeightsError::NotAWeight {
                uid: *uid,
                value: *value,
            });
        }
    }
    let largest = weights.iter().copied().fold(0.0, f64::max);
    if largest == 0.0 {
        return Ok(Vec::new());
    }
    let scaled = uids.iter().zip(weights).map(|(uid, weight)| {
        // `as` saturates, and the quotient is at most one.
        (*uid, (weight / largest * FULL).round_ties_even() as u16)
    });
    Ok(scaled.filter(|(_, value)| *value > 0).collect())
}

/// The whole way: one score for each uid in, what `set_weights` takes out.
///
/// # Errors
/// When there are more scores than neurons.
pub fn from_scores(scores: &[f32], limits: WeightLimits) -> Result<Vec<(u16, u16)>, WeightsError> {
    let neurons = u16::try_from(scores.len()).map_err(|_| WeightsError::TooMany {
        given: scores.len(),
        neurons: usize::from(u16::MAX),
    })?;
    let uids: Vec<u16> = (0..neurons).collect();
    let processed = process_weights(&uids, &normalise(scores), neurons, limits)?;
    to_u16(&processed.uids, &processed.values)
}

/// The strict rule of the newer SDK: nothing is padded, what does not fit the limits is an error.
///
/// `own_uid` is the sender's; a list with only its own uid is exempt from both limits.
///
/// # Errors
/// For duplicates, weights that are negative or not finite, all zeros, or fewer entries than the minimum.
pub fn conform(
    uids: &[u16],
    weights: &[f64],
    own_uid: Option<u16>,
    limits: WeightLimits,
) -> Result<Vec<(u16, u16)>, WeightsError> {
    if uids.len() != weights.len() {
        return Err(WeightsError::LengthMismatch {
            uids: uids.len(),
            weights: weights.len(),
        });
    }
    let mut seen = BTreeSet::new();
    for (uid, value) in uids.iter().zip(weights) {
        if !value.is_finite() || *value < 0.0 {
            return Err(WeightsError::NotAWeight {
                uid: *uid,
                value: *value,
            });
        }
        if !seen.insert(*uid) {
            return Err(WeightsError::Duplicate { uid: *uid });
        }
    }
    if weights.iter().all(|w| *w == 0.0) {
        return Err(WeightsError::AllZero);
    }
    let lone_self = uids.len() == 1 && own_uid == uids.first().copied();
    let clipped = if limits.max_weight < u16::MAX && !lone_self {
        clip_to_max(weights, f64::from(limits.max_weight) / FULL)
    } else {
        weights.to_vec()
    };
    let emitted = to_u16(uids, &clipped)?;
    if emitted.len() < usize::from(limits.min_allowed) && !lone_self {
        return Err(WeightsError::TooFew {
            required: limits.min_allowed,
            given: emitted.len(),
        });
    }
    Ok(emitted)
}

/// A stored row of weights as shares of one, by uid; all zeros when the row is empty.
pub fn row_to_shares(neurons: u16, row: &[(u16, u16)]) -> Vec<f64> {
    let mut shares = vec![0.0; usize::from(neurons)];
    let total: f64 = row.iter().map(|(_, value)| f64::from(*value)).sum();
    if total == 0.0 {
        return shares;
    }
    for (uid, value) in row {
        if let Some(share) = shares.get_mut(usize::from(*uid)) {
            *share = f64::from(*value) / total;
        }
    }
    shares
}

/// Splits 65535 in the given proportion; the rounding difference goes to the largest part.
///
/// Used for the emission split between the mechanisms of a subnet, which has to sum to exactly 65535.
pub fn split_to_u16(parts: &[f64]) -> Vec<u16> {
    let total: f64 = parts.iter().sum();
    if parts.is_empty() || !total.is_finite() || total <= 0.0 {
        return vec![0; parts.len()];
    }
    let mut rounded: Vec<i64> = parts
        .iter()
        .map(|part| (part / total * FULL).round_ties_even() as i64)
        .collect();
    let missing = FULL as i64 - rounded.iter().sum::<i64>();
    let largest = (0..rounded.len()).rev().max_by_key(|i| rounded[*i]).unwrap_or(0);
    rounded[largest] += missing;
    rounded
        .into_iter()
        .map(|value| value.clamp(0, FULL as i64) as u16)
        .collect()
}

/// A fraction of 65535 as a number from 0 to 1.
pub fn fraction(value: u16) -> f64 {
    f64::from(value) / FULL
}

#[cfg(test)]
#[path = "weights_tests.rs"]
mod tests;
