//! One epoch of a subnet: gathers what Yuma consensus needs, runs it for each mechanism, stores what it decides.

use crate::{
    yuma::{EpochInput, EpochOutput},
    *,
};

impl<T: Config> Pallet<T> {
    /// Runs consensus and pays out what has been earned since the last epoch.
    pub(crate) fn run_epoch(netuid: u16, block: u64) {
        if !Self::is_consistent(netuid) {
            Self::deposit_event(Event::EpochSkipped(netuid));
            return;
        }
        BlocksSinceLastStep::<T>::insert(netuid, 0);
        let earned = Self::take_pending(netuid);
        let total = earned.neurons();
        let shares = Self::mechanism_shares(netuid, total);
        let outputs: Vec<(u64, EpochOutput)> = shares
            .into_iter()
            .zip(0u8..)
            .map(|(share, mecid)| (share, yuma::run_epoch(&Self::epoch_input(netuid, mecid, share, block))))
            .collect();
        let result = combine(&outputs);
        Self::store_epoch(netuid, &outputs, &result);
        Self::pay_out(netuid, earned, &result);
        LastMechansimStepBlock::<T>::insert(netuid, block);
    }

    /// Blocks without new weights after which a neuron counts as inactive.
    pub fn activity_cutoff(netuid: u16) -> u64 {
        let thousandths = u64::from(ActivityCutoffFactorMilli::<T>::get(netuid));
        (thousandths.saturating_mul(u64::from(Tempo::<T>::get(netuid))) / 1_000).max(1)
    }

    /// Hotkeys by uid.
    pub fn hotkeys(netuid: u16) -> Vec<T::AccountId> {
        (0..SubnetworkN::<T>::get(netuid))
            .map(|uid| Keys::<T>::get(netuid, uid))
            .collect()
    }

    /// Stored vectors have to agree in length, and every uid has to have its own hotkey.
    fn is_consistent(netuid: u16) -> bool {
        let n = SubnetworkN::<T>::get(netuid);
        let every_hotkey_knows_its_uid =
            (0..n).all(|uid| Uids::<T>::get(netuid, Keys::<T>::get(netuid, uid)) == Some(uid));
        let lengths_agree =
            Self::mechanism_indices(netuid).all(|index| LastUpdate::<T>::get(index).len() == usize::from(n));
        every_hotkey_knows_its_uid && lengths_agree
    }

    /// Emission of each mechanism, alpha-rao; the first one gets what rounding leaves.
    fn mechanism_shares(netuid: u16, total: u64) -> Vec<u64> {
        let count = usize::from(MechanismCountCurrent::<T>::get(netuid).max(1));
        let split = MechanismEmissionSplit::<T>::get(netuid).filter(|split| split.len() == count);
        let mut shares: Vec<u64> = match split {
            Some(split) => split
                .iter()
                .map(|part| pool::muldiv(total, u64::from(*part), U16_ONE))
                .collect(),
            None => vec![total / count as u64; count],
        };
        let given: u64 = shares.iter().fold(0, |sum, share| sum.saturating_add(*share));
        if let Some(first) = shares.first_mut() {
            *first = first.saturating_add(total.saturating_sub(given));
        }
        shares
    }

    fn epoch_input(netuid: u16, mecid: u8, emission: u64, block: u64) -> EpochInput {
        let index = netuid_index(netuid, mecid);
        let hotkeys = Self::hotkeys(netuid);
        let uids = 0..SubnetworkN::<T>::get(netuid);
        let pending_commit = if CommitRevealWeightsEnabled::<T>::get(netuid) {
            Self::oldest_commits(index)
        } else {
            vec![]
        };
        EpochInput {
            stake: hotkeys
                .iter()
                .map(|hotkey| Self::stake_weight(hotkey, netuid))
                .collect(),
            stake_threshold: StakeThreshold::<T>::get(),
            permits: ValidatorPermit::<T>::get(netuid),
            last_update: LastUpdate::<T>::get(index),
            registered_at: uids
                .clone()
                .map(|uid| BlockAtRegistration::<T>::get(netuid, uid))
                .collect(),
            pending_commit,
            weights: uids.clone().map(|uid| Weights::<T>::get(index, uid)).collect(),
            bonds: uids.map(|uid| Bonds::<T>::get(index, uid)).collect(),
            owner_uid: SubnetOwnerHotkey::<T>::try_get(netuid)
                .ok()
                .and_then(|owner| Self::uid_of(netuid, &owner)),
            block,
            last_step: LastMechansimStepBlock::<T>::get(netuid),
            tempo: Tempo::<T>::get(netuid),
            activity_cutoff: Self::activity_cutoff(netuid),
            max_validators: MaxAllowedValidators::<T>::get(netuid),
            kappa: Kappa::<T>::get(netuid),
            bonds_penalty: BondsPenalty::<T>::get(netuid),
            bonds_moving_average: BondsMovingAverage::<T>::get(netuid),
            yuma3: Yuma3On::<T>::get(netuid),
            liquid_alpha: LiquidAlphaOn::<T>::get(netuid),
            alpha_values: AlphaValues::<T>::get(netuid),
            alpha_sigmoid_steepness: AlphaSigmoidSteepness::<T>::get(netuid),
            emission,
        }
    }

    /// Block of each neuron's oldest commit of either kind that can still be revealed.
    fn oldest_commits(index: u16) -> Vec<Option<u64>> {
        let netuid = index % MECHANISM_STRIDE;
        let mut oldest = vec![None; usize::from(SubnetworkN::<T>::get(netuid))];
        let mut note = |hotkey: &T::AccountId, epoch: u64, block: u64| {
            let uid = Self::uid_of(netuid, hotkey).map(usize::from);
            let Some(slot) = uid.and_then(|uid| oldest.get_mut(uid)) else {
                return;
            };
            if !Self::is_expired(netuid, epoch) {
                *slot = Some(slot.map_or(block, |other: u64| other.min(block)));
            }
        };
        for (hotkey, commits) in WeightCommits::<T>::iter_prefix(index) {
            commits
                .iter()
                .for_each(|(_, epoch, block, _)| note(&hotkey, *epoch, *block));
        }
        for (epoch, commits) in TimelockedWeightCommits::<T>::iter_prefix(index) {
            commits
                .iter()
                .for_each(|(hotkey, block, _, _)| note(hotkey, epoch, *block));
        }
        oldest
    }

    fn store_epoch(netuid: u16, outputs: &[(u64, EpochOutput)], result: &EpochOutput) {
        Active::<T>::insert(netuid, &result.active);
        Emission::<T>::insert(netuid, &result.combined_emission);
        Consensus::<T>::insert(netuid, &result.consensus);
        Dividends::<T>::insert(netuid, &result.dividends);
        ValidatorTrust::<T>::insert(netuid, &result.validator_trust);
        ValidatorPermit::<T>::insert(netuid, &result.permits);
        StakeWeight::<T>::insert(netuid, &result.stake_weight);
        for ((_, output), mecid) in outputs.iter().zip(0u8..) {
            let index = netuid_index(netuid, mecid);
            Incentive::<T>::insert(index, &output.incentive);
            for (uid, row) in (0u16..).zip(&output.bonds) {
                if row.is_empty() {
                    Bonds::<T>::remove(index, uid);
                } else {
                    Bonds::<T>::insert(index, uid, row);
                }
            }
        }
    }
}

/// One result for the subnet: emission adds up, scores are weighted by it, permits and activity are joined.
fn combine(outputs: &[(u64, EpochOutput)]) -> EpochOutput {
    let [(_, first), rest @ ..] = outputs else {
        return EpochOutput::default();
    };
    if rest.is_empty() {
        return first.clone();
    }
    let n = first.active.len();
    let total: u128 = outputs.iter().map(|(share, _)| u128::from(*share)).sum();
    let weighted = |scores: fn(&EpochOutput) -> &Vec<u16>| -> Vec<u16> {
        let score = |uid: usize| {
            // Without emission all mechanisms count alike.
            let parts = outputs.iter().map(|(share, output)| {
                let weight = if total == 0 { 1 } else { u128::from(*share) };
                (weight * u128::from(scores(output)[uid]), weight)
            });
            let (sum, weights) = parts.fold((0, 0), |(sum, weights), (part, weight)| (sum + part, weights + weight));
            (sum / weights) as u16 // a mean of 16-bit numbers
        };
        (0..n).map(score).collect()
    };
    let added = |amounts: fn(&EpochOutput) -> &Vec<u64>| -> Vec<u64> {
        (0..n)
            .map(|uid| {
                outputs
                    .iter()
                    .fold(0u64, |sum, (_, output)| sum.saturating_add(amounts(output)[uid]))
            })
            .collect()
    };
    let any = |flags: fn(&EpochOutput) -> &Vec<bool>| -> Vec<bool> {
        (0..n)
            .map(|uid| outputs.iter().any(|(_, output)| flags(output)[uid]))
            .collect()
    };
    EpochOutput {
        active: any(|output| &output.active),
        stake_weight: weighted(|output| &output.stake_weight),
        permits: any(|output| &output.permits),
        consensus: weighted(|output| &output.consensus),
        incentive: weighted(|output| &output.incentive),
        dividends: weighted(|output| &output.dividends),
        validator_trust: weighted(|output| &output.validator_trust),
        bonds: vec![],
        server_emission: added(|output| &output.server_emission),
        validator_emission: added(|output| &output.validator_emission),
        combined_emission: added(|output| &output.combined_emission),
    }
}
