//! A subnet's market and its neurons' state, as listings show them.

use super::{compact_bytes, compact_column, flags};
use crate::*;
use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

/// A subnet's market.
#[derive(Encode, Decode, TypeInfo, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct DynamicInfo<AccountId: TypeInfo + Encode + Decode> {
    pub netuid: Compact<u16>,
    pub owner_hotkey: AccountId,
    pub owner_coldkey: AccountId,
    pub subnet_name: Vec<Compact<u8>>,
    pub token_symbol: Vec<Compact<u8>>,
    pub tempo: Compact<u16>,
    pub last_step: Compact<u64>,
    pub blocks_since_last_step: Compact<u64>,
    pub emission: Compact<u64>,
    pub alpha_in: Compact<u64>,
    pub alpha_out: Compact<u64>,
    pub tao_in: Compact<u64>,
    pub alpha_out_emission: Compact<u64>,
    pub alpha_in_emission: Compact<u64>,
    pub tao_in_emission: Compact<u64>,
    pub pending_alpha_emission: Compact<u64>,
    pub pending_root_emission: Compact<u64>,
    pub subnet_volume: Compact<u128>,
    pub network_registered_at: Compact<u64>,
    pub subnet_identity: Option<SubnetIdentityV3>,
    pub moving_price: I96F32,
}

/// A subnet's neurons, column by column.
#[derive(Encode, Decode, TypeInfo, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct SubnetState<AccountId: TypeInfo + Encode + Decode> {
    pub netuid: Compact<u16>,
    pub hotkeys: Vec<AccountId>,
    pub coldkeys: Vec<AccountId>,
    pub active: Vec<bool>,
    pub validator_permit: Vec<bool>,
    pub pruning_score: Vec<Compact<u16>>,
    pub last_update: Vec<Compact<u64>>,
    pub emission: Vec<Compact<u64>>,
    pub dividends: Vec<Compact<u16>>,
    pub incentives: Vec<Compact<u16>>,
    pub consensus: Vec<Compact<u16>>,
    pub trust: Vec<Compact<u16>>,
    pub rank: Vec<Compact<u16>>,
    pub block_at_registration: Vec<Compact<u64>>,
    pub alpha_stake: Vec<Compact<u64>>,
    pub tao_stake: Vec<Compact<u64>>,
    pub total_stake: Vec<Compact<u64>>,
    pub emission_history: Vec<Vec<Compact<u64>>>,
}

impl<T: Config> Pallet<T> {
    /// A subnet's market.
    pub fn dynamic_info(netuid: u16) -> Option<DynamicInfo<T::AccountId>> {
        NetworksAdded::<T>::get(netuid).then(|| DynamicInfo {
            netuid: Compact(netuid),
            owner_hotkey: SubnetOwnerHotkey::<T>::get(netuid),
            owner_coldkey: SubnetOwner::<T>::get(netuid),
            subnet_name: compact_bytes(&Self::subnet_name(netuid)),
            token_symbol: compact_bytes(&TokenSymbol::<T>::get(netuid)),
            tempo: Compact(Tempo::<T>::get(netuid)),
            last_step: Compact(LastMechansimStepBlock::<T>::get(netuid)),
            blocks_since_last_step: Compact(BlocksSinceLastStep::<T>::get(netuid)),
            emission: Compact(0),
            alpha_in: Compact(SubnetAlphaIn::<T>::get(netuid)),
            alpha_out: Compact(SubnetAlphaOut::<T>::get(netuid)),
            tao_in: Compact(SubnetTAO::<T>::get(netuid)),
            alpha_out_emission: Compact(SubnetAlphaOutEmission::<T>::get(netuid)),
            alpha_in_emission: Compact(SubnetAlphaInEmission::<T>::get(netuid)),
            tao_in_emission: Compact(SubnetTaoInEmission::<T>::get(netuid)),
            pending_alpha_emission: Compact(Self::pending_alpha(netuid)),
            pending_root_emission: Compact(PendingRootAlphaDivs::<T>::get(netuid)),
            subnet_volume: Compact(SubnetVolume::<T>::get(netuid)),
            network_registered_at: Compact(NetworkRegisteredAt::<T>::get(netuid)),
            subnet_identity: SubnetIdentitiesV3::<T>::get(netuid),
            moving_price: SubnetMovingPrice::<T>::get(netuid),
        })
    }

    /// A subnet's neurons, column by column.
    pub fn subnet_state(netuid: u16) -> Option<SubnetState<T::AccountId>> {
        if !NetworksAdded::<T>::get(netuid) {
            return None;
        }
        let hotkeys = Self::hotkeys(netuid);
        let n = hotkeys.len();
        let stake = Self::stake_columns(&hotkeys, netuid);
        Some(SubnetState {
            netuid: Compact(netuid),
            coldkeys: hotkeys.iter().map(Owner::<T>::get).collect(),
            active: flags(&Active::<T>::get(netuid), n),
            validator_permit: flags(&ValidatorPermit::<T>::get(netuid), n),
            pruning_score: compact_column(&[], n),
            last_update: compact_column(&LastUpdate::<T>::get(netuid), n),
            emission: compact_column(&Emission::<T>::get(netuid), n),
            dividends: compact_column(&Dividends::<T>::get(netuid), n),
            incentives: compact_column(&Incentive::<T>::get(netuid), n),
            consensus: compact_column(&Consensus::<T>::get(netuid), n),
            trust: compact_column(&[], n),
            rank: compact_column(&[], n),
            block_at_registration: (0u16..)
                .take(n)
                .map(|uid| Compact(BlockAtRegistration::<T>::get(netuid, uid)))
                .collect(),
            alpha_stake: compact_column(&stake.alpha, n),
            tao_stake: compact_column(&stake.tao, n),
            total_stake: compact_column(&stake.total, n),
            emission_history: Self::netuids()
                .into_iter()
                .map(|other| {
                    let emission = |hotkey| Compact(LastHotkeyEmissionOnNetuid::<T>::get(hotkey, other));
                    hotkeys.iter().map(emission).collect()
                })
                .collect(),
            hotkeys,
        })
    }
}
