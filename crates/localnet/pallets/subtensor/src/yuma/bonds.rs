//! Bonds: how far a validator stands behind each miner, as a moving average, and the dividends that follow.

use super::{
    fixed::I32F32,
    matrix::{self, Matrix, Row},
    EpochInput, StoredRow, U16_ONE,
};

/// Beyond this the sigmoid is flat to within a unit in the last place.
const EXP_LIMIT: i64 = 20;

/// What bonds depend on.
pub(super) struct Inputs<'a> {
    pub(super) epoch: &'a EpochInput,
    /// Old bonds, raw stored values.
    pub(super) old: Matrix,
    pub(super) weights: &'a Matrix,
    pub(super) active_stake: &'a [I32F32],
    pub(super) consensus: &'a [I32F32],
    pub(super) incentive: &'a [I32F32],
}

/// New bonds and normalised dividends.
pub(super) struct Outcome {
    pub(super) stored: Vec<StoredRow>,
    pub(super) dividends: Vec<I32F32>,
}

/// Updates bonds by the subnet's version of Yuma.
pub(super) fn update(inputs: Inputs<'_>) -> Outcome {
    if inputs.epoch.yuma3 {
        absolute(inputs)
    } else {
        relative(inputs)
    }
}

/// Yuma2: bonds are shares of a column, earned with stake.
fn relative(inputs: Inputs<'_>) -> Outcome {
    let n = inputs.active_stake.len();
    let mut old = inputs.old;
    matrix::normalise_columns(&mut old, n);
    let mut gained = matrix::scale_rows(inputs.weights, inputs.active_stake);
    matrix::normalise_columns(&mut gained, n);
    let mut bonds = moving_average(&gained, &old, n, inputs.epoch);
    matrix::normalise_columns(&mut bonds, n);

    let mut dividends = matrix::weighted_row_sums(&bonds, inputs.incentive);
    matrix::normalise(&mut dividends);
    matrix::upscale_columns(&mut bonds, n);
    Outcome {
        stored: to_stored(&bonds),
        dividends,
    }
}

/// Yuma3: bonds are absolute and follow weights alone; stake enters with the dividends.
fn absolute(inputs: Inputs<'_>) -> Outcome {
    let n = inputs.active_stake.len();
    let mut old = inputs.old;
    old.iter_mut()
        .flatten()
        .for_each(|(_, x)| *x = *x / I32F32::from_int(U16_ONE));

    let any_consensus = inputs.consensus.iter().any(|c| *c != I32F32::ZERO);
    let bonds = if inputs.epoch.liquid_alpha && any_consensus {
        liquid_moving_average(inputs.weights, &old, inputs.consensus, inputs.epoch)
    } else {
        moving_average(inputs.weights, &old, n, inputs.epoch)
    };

    let mut shares = bonds.clone();
    matrix::normalise_columns(&mut shares, n);
    let held = matrix::weighted_row_sums(&shares, inputs.incentive);
    let mut dividends: Vec<I32F32> = held
        .iter()
        .zip(inputs.active_stake)
        .map(|(held, stake)| *held * *stake)
        .collect();
    matrix::normalise(&mut dividends);
    Outcome {
        stored: to_stored(&bonds),
        dividends,
    }
}

/// One rate for all pairs.
fn moving_average(new: &Matrix, old: &Matrix, n: usize, epoch: &EpochInput) -> Matrix {
    let parts_per_million = i64::try_from(epoch.bonds_moving_average).unwrap_or(i64::MAX);
    let rate = I32F32::ONE - I32F32::ratio(parts_per_million, 1_000_000);
    let keep = I32F32::ONE - rate;
    matrix::combine(new, old, n, |new, old| rate * new + keep * old)
}

/// A rate per pair: fast where weight is moving away from consensus, slow elsewhere. A bond without a new entry is lost.
fn liquid_moving_average(new: &Matrix, old: &Matrix, consensus: &[I32F32], epoch: &EpochInput) -> Matrix {
    let low = I32F32::ratio(i64::from(epoch.alpha_values.0), U16_ONE);
    let high = I32F32::ratio(i64::from(epoch.alpha_values.1), U16_ONE);
    let steepness = I32F32::ratio(i64::from(epoch.alpha_sigmoid_steepness), 100);
    let averaged = |(new, old): (&Row, &Row)| {
        let old = matrix::dense(old, consensus.len());
        let average = |(j, weight): &(usize, I32F32)| {
            let bond = old[*j];
            let distance = if *weight >= bond {
                *weight - consensus[*j]
            } else {
                bond - *weight
            };
            let distance = distance.clamp(I32F32::ZERO, I32F32::ONE);
            let rate = (low + sigmoid(distance, steepness) * (high - low)).clamp(low, high.max(low));
            (*j, (rate * *weight + (I32F32::ONE - rate) * bond).min(I32F32::ONE))
        };
        new.iter().map(average).filter(|(_, x)| *x > I32F32::ZERO).collect()
    };
    new.iter().zip(old).map(averaged).collect()
}

/// `1 / (1 + exp(-steepness * (distance - 0.5)))`.
fn sigmoid(distance: I32F32, steepness: I32F32) -> I32F32 {
    let exponent = I32F32::ZERO - steepness * (distance - I32F32::ratio(1, 2));
    let limit = I32F32::from_int(EXP_LIMIT);
    I32F32::ONE / (I32F32::ONE + exponent.clamp(I32F32::ZERO - limit, limit).exp())
}

fn to_stored(bonds: &Matrix) -> Vec<StoredRow> {
    // Columns are uids and uids have 16 bits.
    let store = |(j, x): &(usize, I32F32)| Some((u16::try_from(*j).ok()?, x.to_u16_fraction()));
    bonds.iter().map(|row| row.iter().filter_map(store).collect()).collect()
}
