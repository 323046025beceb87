//! Subnets at a glance, in two generations of layouts.

use crate::*;
use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

/// First generation.
#[derive(Encode, Decode, TypeInfo, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct SubnetInfo<AccountId: TypeInfo + Encode + Decode> {
    pub netuid: Compact<u16>,
    pub rho: Compact<u16>,
    pub kappa: Compact<u16>,
    pub difficulty: Compact<u64>,
    pub immunity_period: Compact<u16>,
    pub max_allowed_validators: Compact<u16>,
    pub min_allowed_weights: Compact<u16>,
    pub max_weights_limit: Compact<u16>,
    pub scaling_law_power: Compact<u16>,
    pub subnetwork_n: Compact<u16>,
    pub max_allowed_uids: Compact<u16>,
    pub blocks_since_last_step: Compact<u64>,
    pub tempo: Compact<u16>,
    pub network_modality: Compact<u16>,
    pub network_connect: Vec<[u16; 2]>,
    pub emission_values: Compact<u64>,
    pub burn: Compact<u64>,
    pub owner: AccountId,
}

/// Second generation: the first and the owner's description.
#[derive(Encode, Decode, TypeInfo, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct SubnetInfov2<AccountId: TypeInfo + Encode + Decode> {
    pub netuid: Compact<u16>,
    pub rho: Compact<u16>,
    pub kappa: Compact<u16>,
    pub difficulty: Compact<u64>,
    pub immunity_period: Compact<u16>,
    pub max_allowed_validators: Compact<u16>,
    pub min_allowed_weights: Compact<u16>,
    pub max_weights_limit: Compact<u16>,
    pub scaling_law_power: Compact<u16>,
    pub subnetwork_n: Compact<u16>,
    pub max_allowed_uids: Compact<u16>,
    pub blocks_since_last_step: Compact<u64>,
    pub tempo: Compact<u16>,
    pub network_modality: Compact<u16>,
    pub network_connect: Vec<[u16; 2]>,
    pub emission_value: Compact<u64>,
    pub burn: Compact<u64>,
    pub owner: AccountId,
    pub identity: Option<SubnetIdentityV3>,
}

impl<T: Config> Pallet<T> {
    /// A subnet, first generation.
    pub fn subnet_info(netuid: u16) -> Option<SubnetInfo<T::AccountId>> {
        NetworksAdded::<T>::get(netuid).then(|| SubnetInfo {
            netuid: Compact(netuid),
            rho: Compact(Rho::<T>::get(netuid)),
            kappa: Compact(Kappa::<T>::get(netuid)),
            difficulty: Compact(Difficulty::<T>::get(netuid)),
            immunity_period: Compact(ImmunityPeriod::<T>::get(netuid)),
            max_allowed_validators: Compact(MaxAllowedValidators::<T>::get(netuid)),
            min_allowed_weights: Compact(MinAllowedWeights::<T>::get(netuid)),
            max_weights_limit: Compact(MaxWeightsLimit::<T>::get(netuid)),
            scaling_law_power: Compact(ScalingLawPower::<T>::get(netuid)),
            subnetwork_n: Compact(SubnetworkN::<T>::get(netuid)),
            max_allowed_uids: Compact(MaxAllowedUids::<T>::get(netuid)),
            blocks_since_last_step: Compact(BlocksSinceLastStep::<T>::get(netuid)),
            tempo: Compact(Tempo::<T>::get(netuid)),
            network_modality: Compact(0),
            network_connect: vec![],
            emission_values: Compact(0),
            burn: Compact(Burn::<T>::get(netuid)),
            owner: SubnetOwner::<T>::get(netuid),
        })
    }

    /// A subnet, second generation.
    pub fn subnet_info_v2(netuid: u16) -> Option<SubnetInfov2<T::AccountId>> {
        let first = Self::subnet_info(netuid)?;
        Some(SubnetInfov2 {
            netuid: first.netuid,
            rho: first.rho,
            kappa: first.kappa,
            difficulty: first.difficulty,
            immunity_period: first.immunity_period,
            max_allowed_validators: first.max_allowed_validators,
            min_allowed_weights: first.min_allowed_weights,
            max_weights_limit: first.max_weights_limit,
            scaling_law_power: first.scaling_law_power,
            subnetwork_n: first.subnetwork_n,
            max_allowed_uids: first.max_allowed_uids,
            blocks_since_last_step: first.blocks_since_last_step,
            tempo: first.tempo,
            network_modality: first.network_modality,
            network_connect: first.network_connect,
            emission_value: first.emission_values,
            burn: first.burn,
            owner: first.owner,
            identity: SubnetIdentitiesV3::<T>::get(netuid),
        })
    }
}
