//! Yuma consensus: one epoch of one mechanism, as a pure function from stake, weights and bonds to scores and emission.
//!
//! The numbers are I32F32 with truncating multiplication and saturating everything, because the main chain's are:
//! a validator that predicts its dividends on a dev chain has to get the same ones later. Matrices are sparse rows.

mod bonds;
pub mod fixed;
mod matrix;
mod median;

use fixed::I32F32;
use matrix::{Column, Matrix};

/// 1.0 as the chain stores fractions in 16 bits.
const U16_ONE: i64 = 65_535;

/// A stored row of weights or bonds: (uid, fraction of 65535).
pub type StoredRow = Vec<(u16, u16)>;

/// Everything one epoch of one mechanism depends on. All vectors have one entry per uid.
#[derive(Clone, Debug, Default)]
pub struct EpochInput {
    /// Stake weight: alpha plus weighted TAO, rao.
    pub stake: Vec<u64>,
    /// Least stake weight that counts, rao.
    pub stake_threshold: u64,
    /// Who was allowed to set weights during the epoch that ends.
    pub permits: Vec<bool>,
    /// Block of each neuron's last change of weights.
    pub last_update: Vec<u64>,
    /// Block of each neuron's registration.
    pub registered_at: Vec<u64>,
    /// Block of each validator's oldest commit that is not revealed yet, while commit-reveal is on.
    pub pending_commit: Vec<Option<u64>>,
    /// Weights as stored.
    pub weights: Vec<StoredRow>,
    /// Bonds as stored.
    pub bonds: Vec<StoredRow>,
    /// uid of the subnet owner's hotkey.
    pub owner_uid: Option<u16>,
    /// Current block.
    pub block: u64,
    /// Block of the previous epoch, 0 when there was none.
    pub last_step: u64,
    /// Blocks per epoch.
    pub tempo: u16,
    /// Blocks without new weights after which a neuron counts as inactive.
    pub activity_cutoff: u64,
    /// Number of permits given out.
    pub max_validators: u16,
    /// Share of stake that forms consensus, of 65535.
    pub kappa: u16,
    /// How much out-of-consensus weight is kept out of bonds, of 65535.
    pub bonds_penalty: u16,
    /// Weight of old bonds, parts per million.
    pub bonds_moving_average: u64,
    /// Absolute bonds (Yuma3) instead of column-relative ones (Yuma2).
    pub yuma3: bool,
    /// Rate of bonds per pair instead of one for all; Yuma3 only.
    pub liquid_alpha: bool,
    /// Lowest and highest rate of bonds under liquid alpha, of 65535.
    pub alpha_values: (u16, u16),
    /// Steepness of liquid alpha's sigmoid, hundredths.
    pub alpha_sigmoid_steepness: i16,
    /// Emission to share out, alpha-rao.
    pub emission: u64,
}

/// What an epoch decides. All vectors have one entry per uid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EpochOutput {
    /// Set weights recently enough.
    pub active: Vec<bool>,
    /// Share of stake, of 65535.
    pub stake_weight: Vec<u16>,
    /// May set weights during the epoch that begins.
    pub permits: Vec<bool>,
    /// Stake-weighted median of the weights received, of 65535.
    pub consensus: Vec<u16>,
    /// Miner score, of 65535.
    pub incentive: Vec<u16>,
    /// Validator score, of 65535.
    pub dividends: Vec<u16>,
    /// Share of a validator's weights inside consensus, of 65535.
    pub validator_trust: Vec<u16>,
    /// New bonds as stored.
    pub bonds: Vec<StoredRow>,
    /// Emission earned as miner, alpha-rao.
    pub server_emission: Vec<u64>,
    /// Emission earned as validator, alpha-rao.
    pub validator_emission: Vec<u64>,
    /// Emission earned in all, alpha-rao.
    pub combined_emission: Vec<u64>,
}

/// Runs one epoch. Rows and vectors shorter than `stake` are taken as padded with nothing.
pub fn run_epoch(input: &EpochInput) -> EpochOutput {
    let n = input.stake.len();
    let active = active_neurons(input);
    let stake = matrix::normalise_integers(&filtered_stake(input));
    let old_permits = with_owner(&input.permits, input.owner_uid, n);
    let permits = with_owner(
        &top_by_stake(&stake, usize::from(input.max_validators)),
        input.owner_uid,
        n,
    );

    let mut active_stake: Column = (0..n)
        .map(|uid| {
            if active[uid] && old_permits[uid] {
                stake[uid]
            } else {
                I32F32::ZERO
            }
        })
        .collect();
    matrix::normalise(&mut active_stake);

    let weights = permitted_weights(input, &old_permits);
    let kappa = I32F32::ratio(i64::from(input.kappa), U16_ONE);
    let consensus = median::weighted_median_by_column(&active_stake, &weights, n, kappa);
    let clipped = matrix::clip_columns(&weights, &consensus);
    let validator_trust = matrix::row_sums(&clipped);

    let mut incentive = matrix::weighted_column_sums(&clipped, &active_stake, n);
    matrix::normalise(&mut incentive);

    let penalty = I32F32::ratio(i64::from(input.bonds_penalty), U16_ONE);
    let bond_weights = matrix::interpolate(&weights, &clipped, n, penalty);
    let outcome = bonds::update(bonds::Inputs {
        epoch: input,
        old: unmasked_bonds(input, n),
        weights: &bond_weights,
        active_stake: &active_stake,
        consensus: &consensus,
        incentive: &incentive,
    });

    let emission = split_emission(input.emission, &incentive, &outcome.dividends, &active_stake, &stake);
    let bonds = outcome
        .stored
        .into_iter()
        .zip(&permits)
        .map(|(row, permit)| if *permit { row } else { vec![] });
    EpochOutput {
        active,
        stake_weight: to_u16(&stake),
        bonds: bonds.collect(),
        permits,
        consensus: to_u16(&consensus),
        incentive: to_u16(&incentive),
        dividends: to_u16(&outcome.dividends),
        validator_trust: to_u16(&validator_trust),
        server_emission: emission.server,
        validator_emission: emission.validator,
        combined_emission: emission.combined,
    }
}

fn active_neurons(input: &EpochInput) -> Vec<bool> {
    (0..input.stake.len())
        .map(|uid| at(&input.last_update, uid).saturating_add(input.activity_cutoff) >= input.block)
        .collect()
}

/// Stake with the validators below the threshold left out; the owner is exempt.
fn filtered_stake(input: &EpochInput) -> Vec<u64> {
    let owner = input.owner_uid.map(usize::from);
    let counts = |(uid, stake): (usize, &u64)| {
        if *stake >= input.stake_threshold || Some(uid) == owner {
            *stake
        } else {
            0
        }
    };
    input.stake.iter().enumerate().map(counts).collect()
}

fn with_owner(permits: &[bool], owner: Option<u16>, n: usize) -> Vec<bool> {
    let owner = owner.map(usize::from);
    (0..n).map(|uid| at(permits, uid) || Some(uid) == owner).collect()
}

/// The `k` neurons with most stake; among equals the later uid wins, nobody without stake is chosen.
fn top_by_stake(stake: &[I32F32], k: usize) -> Vec<bool> {
    let mut order: Vec<usize> = (0..stake.len()).collect();
    order.sort_by_key(|uid| stake[*uid]);
    let mut chosen = vec![false; stake.len()];
    for uid in order.into_iter().skip(stake.len().saturating_sub(k)) {
        chosen[uid] = stake[uid] > I32F32::ZERO;
    }
    chosen
}

/// Weights that count: from permitted validators, to others (the owner may weigh itself), to neurons
/// that were registered before the weights were set or committed. Each row sums to one.
fn permitted_weights(input: &EpochInput, permits: &[bool]) -> Matrix {
    let n = input.stake.len();
    let owner = input.owner_uid.map(usize::from);
    let mut weights: Matrix = (0..n)
        .map(|i| {
            let Some(row) = input.weights.get(i).filter(|_| permits[i]) else {
                return vec![];
            };
            let last_update = at(&input.last_update, i);
            let commit = input.pending_commit.get(i).copied().flatten();
            let counts = |j: usize| {
                let registered_at = at(&input.registered_at, j);
                j < n
                    && (i != j || Some(i) == owner)
                    && last_update > registered_at
                    && commit.is_none_or(|block| block >= registered_at)
            };
            row.iter()
                .map(|(j, value)| (usize::from(*j), I32F32::from_int(i64::from(*value))))
                .filter(|(j, _)| counts(*j))
                .collect()
        })
        .collect();
    matrix::normalise_rows(&mut weights);
    weights
}

/// Old bonds without those towards a neuron that has taken its uid since the last epoch.
fn unmasked_bonds(input: &EpochInput, n: usize) -> Matrix {
    let last = match input.last_step {
        0 => input.block.saturating_sub(u64::from(input.tempo)),
        step => step.saturating_add(1),
    };
    let survives = |j: usize| j < n && last > at(&input.registered_at, j);
    let row = |i: usize| {
        let stored = input.bonds.get(i).map(Vec::as_slice).unwrap_or_default();
        stored
            .iter()
            .map(|(j, value)| (usize::from(*j), I32F32::from_int(i64::from(*value))))
            .filter(|(j, _)| survives(*j))
            .collect()
    };
    (0..n).map(row).collect()
}

struct Emission {
    server: Vec<u64>,
    validator: Vec<u64>,
    combined: Vec<u64>,
}

/// Shares emission by incentive and dividends; when nobody scored, by (active) stake.
fn split_emission(
    total: u64,
    incentive: &[I32F32],
    dividends: &[I32F32],
    active_stake: &[I32F32],
    stake: &[I32F32],
) -> Emission {
    let sum = matrix::sum(incentive) + matrix::sum(dividends);
    let amount = |share: I32F32| share.portion_of(total);
    if sum > I32F32::ZERO {
        return Emission {
            server: incentive.iter().map(|x| amount(*x / sum)).collect(),
            validator: dividends.iter().map(|x| amount(*x / sum)).collect(),
            combined: incentive
                .iter()
                .zip(dividends)
                .map(|(x, y)| amount((*x + *y) / sum))
                .collect(),
        };
    }
    let nobody_active = active_stake.iter().all(|x| *x == I32F32::ZERO);
    let shares = if nobody_active { stake } else { active_stake };
    let by_stake: Vec<u64> = shares.iter().map(|x| amount(*x)).collect();
    Emission {
        server: vec![0; stake.len()],
        validator: by_stake.clone(),
        combined: by_stake,
    }
}

fn to_u16(values: &[I32F32]) -> Vec<u16> {
    values.iter().map(|x| x.to_u16_fraction()).collect()
}

/// Entry of a vector that may be shorter than the subnet.
fn at<T: Copy + Default>(values: &[T], uid: usize) -> T {
    values.get(uid).copied().unwrap_or_default()
}
