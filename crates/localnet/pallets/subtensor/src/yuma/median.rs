//! The stake-weighted median: the highest weight that at least a share kappa of active stake gives or exceeds.

use super::{
    fixed::I32F32,
    matrix::{self, Matrix},
};

/// One median per column over the validators with active stake; an absent weight counts as zero.
pub(super) fn weighted_median_by_column(
    active_stake: &[I32F32],
    weights: &Matrix,
    n: usize,
    kappa: I32F32,
) -> Vec<I32F32> {
    let voters: Vec<usize> = (0..n).filter(|uid| active_stake[*uid] > I32F32::ZERO).collect();
    let mut stake: Vec<I32F32> = voters.iter().map(|uid| active_stake[*uid]).collect();
    matrix::normalise(&mut stake);
    let total = matrix::sum(&stake);

    let mut columns = vec![vec![I32F32::ZERO; voters.len()]; n];
    for (voter, uid) in voters.iter().enumerate() {
        for (j, weight) in &weights[*uid] {
            columns[*j][voter] = *weight;
        }
    }
    columns
        .iter()
        .map(|scores| weighted_median(scores, &stake, total, total - kappa))
        .collect()
}

/// Quickselect by stake. `minority` is the stake that may stay below the result.
fn weighted_median(scores: &[I32F32], stake: &[I32F32], total: I32F32, minority: I32F32) -> I32F32 {
    let mut candidates: Vec<usize> = (0..scores.len()).collect();
    // Stake strictly below and up to the end of the candidates.
    let (mut low, mut high) = (I32F32::ZERO, total);
    loop {
        let Some(middle) = candidates.get(candidates.len() / 2) else {
            return I32F32::ZERO;
        };
        let pivot = scores[*middle];
        if candidates.len() == 1 {
            return pivot;
        }
        let part = |keep: fn(&I32F32, &I32F32) -> bool| -> (Vec<usize>, I32F32) {
            let part: Vec<usize> = candidates
                .iter()
                .copied()
                .filter(|c| keep(&scores[*c], &pivot))
                .collect();
            let held = part.iter().fold(I32F32::ZERO, |sum, c| sum + stake[*c]);
            (part, held)
        };
        let (lower, lower_stake) = part(I32F32::lt);
        let (upper, upper_stake) = part(I32F32::gt);
        if minority < low + lower_stake && !lower.is_empty() {
            high = low + lower_stake;
            candidates = lower;
        } else if high - upper_stake <= minority && !upper.is_empty() {
            low = high - upper_stake;
            candidates = upper;
        } else {
            return pivot;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(values: &[i64]) -> Vec<I32F32> {
        values.iter().map(|x| I32F32::ratio(*x, 100)).collect()
    }

    #[test]
    fn the_median_follows_stake_not_heads() {
        let stake = numbers(&[60, 20, 20]);
        let half = I32F32::ratio(1, 2);
        let total = matrix::sum(&stake);
        assert_eq!(
            weighted_median(&numbers(&[10, 90, 90]), &stake, total, total - half),
            numbers(&[10])[0]
        );
        assert_eq!(
            weighted_median(&numbers(&[90, 10, 10]), &stake, total, total - half),
            numbers(&[90])[0]
        );
    }

    #[test]
    fn nobody_voting_gives_zero() {
        assert_eq!(weighted_median(&[], &[], I32F32::ZERO, I32F32::ZERO), I32F32::ZERO);
    }
}
