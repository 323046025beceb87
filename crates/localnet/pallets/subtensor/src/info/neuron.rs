//! Neurons one by one.

use super::compact_row;
use crate::*;
use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

/// A neuron with its weights and bonds.
#[derive(Encode, Decode, TypeInfo, Clone, Debug, PartialEq, Eq)]
pub struct NeuronInfo<AccountId: TypeInfo + Encode + Decode> {
    pub hotkey: AccountId,
    pub coldkey: AccountId,
    pub uid: Compact<u16>,
    pub netuid: Compact<u16>,
    pub active: bool,
    pub axon_info: AxonInfo,
    pub prometheus_info: PrometheusInfo,
    pub stake: Vec<(AccountId, Compact<u64>)>,
    pub rank: Compact<u16>,
    pub emission: Compact<u64>,
    pub incentive: Compact<u16>,
    pub consensus: Compact<u16>,
    pub trust: Compact<u16>,
    pub validator_trust: Compact<u16>,
    pub dividends: Compact<u16>,
    pub last_update: Compact<u64>,
    pub validator_permit: bool,
    pub weights: Vec<(Compact<u16>, Compact<u16>)>,
    pub bonds: Vec<(Compact<u16>, Compact<u16>)>,
    pub pruning_score: Compact<u16>,
}

/// A neuron without weights and bonds.
#[derive(Encode, Decode, TypeInfo, Clone, Debug, PartialEq, Eq)]
pub struct NeuronInfoLite<AccountId: TypeInfo + Encode + Decode> {
    pub hotkey: AccountId,
    pub coldkey: AccountId,
    pub uid: Compact<u16>,
    pub netuid: Compact<u16>,
    pub active: bool,
    pub axon_info: AxonInfo,
    pub prometheus_info: PrometheusInfo,
    pub stake: Vec<(AccountId, Compact<u64>)>,
    pub rank: Compact<u16>,
    pub emission: Compact<u64>,
    pub incentive: Compact<u16>,
    pub consensus: Compact<u16>,
    pub trust: Compact<u16>,
    pub validator_trust: Compact<u16>,
    pub dividends: Compact<u16>,
    pub last_update: Compact<u64>,
    pub validator_permit: bool,
    pub pruning_score: Compact<u16>,
}

/// The columns of a subnet that neurons are cut from; read once for all of them.
struct Columns {
    active: Vec<bool>,
    emission: Vec<u64>,
    incentive: Vec<u16>,
    consensus: Vec<u16>,
    validator_trust: Vec<u16>,
    dividends: Vec<u16>,
    last_update: Vec<u64>,
    validator_permit: Vec<bool>,
}

impl Columns {
    fn read<T: Config>(netuid: u16) -> Self {
        Self {
            active: Active::<T>::get(netuid),
            emission: Emission::<T>::get(netuid),
            incentive: Incentive::<T>::get(netuid),
            consensus: Consensus::<T>::get(netuid),
            validator_trust: ValidatorTrust::<T>::get(netuid),
            dividends: Dividends::<T>::get(netuid),
            last_update: LastUpdate::<T>::get(netuid),
            validator_permit: ValidatorPermit::<T>::get(netuid),
        }
    }
}

fn cell<V: Copy + Default>(column: &[V], uid: u16) -> V {
    column.get(usize::from(uid)).copied().unwrap_or_default()
}

impl<T: Config> Pallet<T> {
    /// All neurons of a subnet.
    pub fn neurons(netuid: u16) -> Vec<NeuronInfo<T::AccountId>> {
        let columns = Columns::read::<T>(netuid);
        (0..SubnetworkN::<T>::get(netuid))
            .map(|uid| Self::neuron_of(netuid, uid, &columns))
            .collect()
    }

    /// One neuron.
    pub fn neuron(netuid: u16, uid: u16) -> Option<NeuronInfo<T::AccountId>> {
        (uid < SubnetworkN::<T>::get(netuid)).then(|| Self::neuron_of(netuid, uid, &Columns::read::<T>(netuid)))
    }

    /// All neurons of a subnet, without weights and bonds.
    pub fn neurons_lite(netuid: u16) -> Vec<NeuronInfoLite<T::AccountId>> {
        let columns = Columns::read::<T>(netuid);
        (0..SubnetworkN::<T>::get(netuid))
            .map(|uid| Self::neuron_lite_of(netuid, uid, &columns))
            .collect()
    }

    /// One neuron, without weights and bonds.
    pub fn neuron_lite(netuid: u16, uid: u16) -> Option<NeuronInfoLite<T::AccountId>> {
        (uid < SubnetworkN::<T>::get(netuid)).then(|| Self::neuron_lite_of(netuid, uid, &Columns::read::<T>(netuid)))
    }

    fn neuron_lite_of(netuid: u16, uid: u16, columns: &Columns) -> NeuronInfoLite<T::AccountId> {
        let hotkey = Keys::<T>::get(netuid, uid);
        let coldkey = Owner::<T>::get(&hotkey);
        // The chain gives one sum here, attributed to the owner.
        let stake = Self::stake_weight(&hotkey, netuid);
        NeuronInfoLite {
            uid: Compact(uid),
            netuid: Compact(netuid),
            active: cell(&columns.active, uid),
            axon_info: Axons::<T>::get(netuid, &hotkey).unwrap_or_default(),
            prometheus_info: Prometheus::<T>::get(netuid, &hotkey).unwrap_or_default(),
            stake: vec![(coldkey.clone(), Compact(stake))],
            rank: Compact(0),
            emission: Compact(cell(&columns.emission, uid)),
            incentive: Compact(cell(&columns.incentive, uid)),
            consensus: Compact(cell(&columns.consensus, uid)),
            trust: Compact(0),
            validator_trust: Compact(cell(&columns.validator_trust, uid)),
            dividends: Compact(cell(&columns.dividends, uid)),
            last_update: Compact(cell(&columns.last_update, uid)),
            validator_permit: cell(&columns.validator_permit, uid),
            pruning_score: Compact(0),
            hotkey,
            coldkey,
        }
    }

    fn neuron_of(netuid: u16, uid: u16, columns: &Columns) -> NeuronInfo<T::AccountId> {
        let lite = Self::neuron_lite_of(netuid, uid, columns);
        NeuronInfo {
            hotkey: lite.hotkey,
            coldkey: lite.coldkey,
            uid: lite.uid,
            netuid: lite.netuid,
            active: lite.active,
            axon_info: lite.axon_info,
            prometheus_info: lite.prometheus_info,
            stake: lite.stake,
            rank: lite.rank,
            emission: lite.emission,
            incentive: lite.incentive,
            consensus: lite.consensus,
            trust: lite.trust,
            validator_trust: lite.validator_trust,
            dividends: lite.dividends,
            last_update: lite.last_update,
            validator_permit: lite.validator_permit,
            weights: compact_row(Weights::<T>::get(netuid, uid)),
            bonds: compact_row(Bonds::<T>::get(netuid, uid)),
            pruning_score: lite.pruning_score,
        }
    }
}
