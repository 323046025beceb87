//! Choosing whom to ask, from what a metagraph knows.

use std::time::Duration;

use axoneme_wallet::AccountId;

use crate::dendrite::Dendrite;
use crate::target::AxonTarget;

/// One neuron with an axon, as far as choosing needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Its number in the subnet.
    pub uid: u16,
    /// Its axon.
    pub target: AxonTarget,
    /// Its stake, in rao.
    pub stake: u64,
    /// Whether it may validate.
    pub validator_permit: bool,
}

/// Whom to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Least stake, in rao.
    pub min_stake: u64,
    /// Most stake, in rao.
    pub max_stake: u64,
    /// With the permit to validate, without, or either.
    pub permit: Option<bool>,
    /// Hotkeys to leave out, such as one's own.
    pub exclude: Vec<AccountId>,
    /// How many at most.
    pub at_most: usize,
}

impl Default for Selection {
    /// Everybody.
    fn default() -> Self {
        Self {
            min_stake: 0,
            max_stake: u64::MAX,
            permit: None,
            exclude: Vec::new(),
            at_most: usize::MAX,
        }
    }
}

impl Selection {
    fn takes(&self, candidate: &Candidate) -> bool {
        (self.min_stake..=self.max_stake).contains(&candidate.stake)
            && self.permit.is_none_or(|permit| permit == candidate.validator_permit)
            && !self.exclude.contains(&candidate.target.hotkey)
    }
}

/// The axons of a subnet at one moment.
#[derive(Debug, Clone, Default)]
pub struct AxonPool {
    /// Most stake first, then by uid.
    candidates: Vec<Candidate>,
}

impl AxonPool {
    /// A pool of these neurons, in any order.
    pub fn new(candidates: impl IntoIterator<Item = Candidate>) -> Self {
        let mut candidates: Vec<Candidate> = candidates.into_iter().collect();
        candidates.sort_by_key(|candidate| (std::cmp::Reverse(candidate.stake), candidate.uid));
        Self { candidates }
    }

    /// All in the pool, most stake first.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The first that `selection` takes, most stake first.
    pub fn choose(&self, selection: &Selection) -> Vec<Candidate> {
        self.matching(selection).take(selection.at_most).collect()
    }

    /// Like [`choose`](Self::choose), but only those who answer a ping within `timeout`. All that match are asked at
    /// once, so that one that hangs costs its place and no more than `timeout`.
    pub async fn available(&self, dendrite: &Dendrite, selection: &Selection, timeout: Duration) -> Vec<Candidate> {
        let matching: Vec<Candidate> = self.matching(selection).collect();
        let targets: Vec<AxonTarget> = matching.iter().map(|candidate| candidate.target).collect();
        let pongs = dendrite.ping(&targets, timeout).await;
        let available = matching.into_iter().zip(pongs).filter(|(_, pong)| pong.is_available());
        available
            .map(|(candidate, _)| candidate)
            .take(selection.at_most)
            .collect()
    }

    fn matching(&self, selection: &Selection) -> impl Iterator<Item = Candidate> {
        self.candidates
            .iter()
            .copied()
            .filter(|candidate| selection.takes(candidate))
    }
}

#[cfg(test)]
mod tests {
    use axoneme_wallet::Keypair;

    use super::*;

    fn candidate(uid: u16, stake: u64, validator_permit: bool) -> Candidate {
        let hotkey = Keypair::from_uri(&format!("//Miner{uid}")).expect("uri").account_id();
        Candidate {
            uid,
            target: AxonTarget::new(hotkey, "127.0.0.1".parse().expect("ip"), 8000 + uid),
            stake,
            validator_permit,
        }
    }

    #[test]
    fn the_highest_stake_comes_first_and_every_rule_counts() {
        let pool = AxonPool::new([
            candidate(0, 5, true),
            candidate(1, 50, false),
            candidate(2, 50, true),
            candidate(3, 500, true),
        ]);
        let uids = |selection: Selection| -> Vec<u16> {
            let chosen = pool.choose(&selection);
            chosen.iter().map(|candidate| candidate.uid).collect()
        };
        assert_eq!(uids(Selection::default()), [3, 1, 2, 0]);
        let selection = Selection {
            min_stake: 50,
            max_stake: 499,
            ..Selection::default()
        };
        assert_eq!(uids(selection), [1, 2]);
        let selection = Selection {
            permit: Some(true),
            exclude: vec![pool.candidates()[0].target.hotkey],
            at_most: 1,
            ..Selection::default()
        };
        assert_eq!(uids(selection), [2]);
    }
}
