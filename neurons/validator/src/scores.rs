//! Moving averages of rewards, keyed by hotkey.

use std::collections::BTreeMap;

use axoneme_wallet::AccountId;

/// What happens to the score of a neuron that was not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unasked {
    /// It stays: the text-prompting validator's rule.
    Keep,
    /// It decays towards zero as if the reward had been 0: the subnet template's rule.
    Decay,
}

/// Rewards and hotkeys of an update differ in number. A defect of the caller; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{rewards} rewards for {hotkeys} hotkeys")]
pub struct LengthMismatch {
    /// How many hotkeys.
    pub hotkeys: usize,
    /// How many rewards.
    pub rewards: usize,
}

/// Moves the scores by one step: `alpha` is the share of the new reward. A reward that is not a number counts as 0. Of a hotkey
/// given twice the last reward counts. An empty step changes nothing.
pub fn update(
    scores: &mut BTreeMap<AccountId, f64>,
    hotkeys: &[AccountId],
    rewards: &[f64],
    alpha: f64,
    unasked: Unasked,
) -> Result<(), LengthMismatch> {
    if hotkeys.len() != rewards.len() {
        return Err(LengthMismatch {
            hotkeys: hotkeys.len(),
            rewards: rewards.len(),
        });
    }
    if hotkeys.is_empty() {
        return Ok(());
    }
    let scattered: BTreeMap<AccountId, f64> = hotkeys
        .iter()
        .zip(rewards)
        .map(|(hotkey, reward)| (*hotkey, if reward.is_finite() { *reward } else { 0.0 }))
        .collect();
    for hotkey in scattered.keys() {
        scores.entry(*hotkey).or_insert(0.0);
    }
    for (hotkey, score) in scores.iter_mut() {
        *score = match (scattered.get(hotkey), unasked) {
            (Some(reward), _) => alpha * reward + (1.0 - alpha) * *score,
            (None, Unasked::Keep) => *score,
            (None, Unasked::Decay) => (1.0 - alpha) * *score,
        };
    }
    Ok(())
}

/// The softmax of the values where `counted`, 0 elsewhere. Values that are not finite count as lowest: they get 0.
pub fn softmax_where(values: &[f64], counted: &[bool]) -> Vec<f64> {
    let usable = |(value, counted): (&f64, &bool)| *counted && value.is_finite();
    let taking_part: Vec<bool> = values.iter().zip(counted).map(usable).collect();
    let highest = values
        .iter()
        .zip(&taking_part)
        .filter(|(_, usable)| **usable)
        .fold(f64::NEG_INFINITY, |highest, (value, _)| highest.max(*value));
    let mut shares = vec![0.0; values.len()];
    let mut sum = 0.0;
    for ((share, value), usable) in shares.iter_mut().zip(values).zip(&taking_part) {
        if *usable {
            *share = (value - highest).exp();
            sum += *share;
        }
    }
    if sum > 0.0 {
        shares.iter_mut().for_each(|share| *share /= sum);
    }
    shares
}
