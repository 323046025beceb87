//! Who is asked in a run.

use std::collections::BTreeSet;

use axoneme_chain::{Metagraph, RAO_PER_TAO};
use axoneme_wallet::AccountId;
use rand::Rng;
use rand::seq::SliceRandom;

/// Uids that can be asked, ascending: they serve an axon, are not this validator, and are not validators themselves
/// (a permit *and* more stake than the limit; stake at the limit, or much stake without a permit, can be asked).
pub fn available(metagraph: &Metagraph, own: &AccountId, vpermit_tao_limit: u64) -> Vec<u16> {
    let limit = vpermit_tao_limit.saturating_mul(RAO_PER_TAO);
    let can_be_asked = metagraph.neurons.iter().filter(|neuron| {
        neuron.axon.is_some() && neuron.hotkey != *own && !(neuron.validator_permit && neuron.total_stake > limit)
    });
    can_be_asked.map(|neuron| neuron.uid).collect()
}

/// `count` of the available uids, or all if there are fewer, in random order. Those in `exclude` are drawn only when there
/// are not enough others, and then no more of them than needed.
pub fn choose(available: &[u16], exclude: &BTreeSet<u16>, count: usize, rng: &mut impl Rng) -> Vec<u16> {
    let count = count.min(available.len());
    let (mut asked, mut pool): (Vec<u16>, Vec<u16>) = available.iter().partition(|uid| exclude.contains(*uid));
    pool.shuffle(rng);
    asked.shuffle(rng);
    pool.extend(asked);
    pool.truncate(count);
    pool.shuffle(rng);
    pool
}
