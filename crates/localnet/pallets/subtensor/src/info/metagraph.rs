//! The metagraph: everything about a subnet and its neurons in one answer, whole or by selected fields.

use super::{compact_bytes, compact_column, flags, Commitments as _};
use crate::*;
use codec::{Compact, Decode, Encode};
use scale_info::TypeInfo;

/// Position of the list of validators among the selectable fields.
const VALIDATORS: u16 = 72;
/// Position of the list of commitments.
const COMMITMENTS: u16 = 73;

/// Declares the metagraph and its selective form together, so that a field's position is written once.
macro_rules! metagraph {
    ($($index:literal $field:ident: $type:ty,)*) => {
        /// Everything about a subnet and its neurons; columns have one entry per uid.
        #[derive(Encode, Decode, TypeInfo, Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub struct Metagraph<AccountId: TypeInfo + Encode + Decode> {
            pub netuid: Compact<u16>,
            $(pub $field: $type,)*
        }

        /// The metagraph's fields that were asked for.
        #[derive(Encode, Decode, TypeInfo, Clone, Debug, PartialEq, Eq)]
        pub struct SelectiveMetagraph<AccountId: TypeInfo + Encode + Decode> {
            pub netuid: Compact<u16>,
            $(pub $field: Option<$type>,)*
            pub validators: Option<Vec<Compact<u16>>>,
            pub commitments: Option<Vec<(AccountId, Vec<Compact<u8>>)>>,
        }

        impl<AccountId: TypeInfo + Encode + Decode> Metagraph<AccountId> {
            /// Keeps the fields at the given positions.
            fn select(self, wanted: &[u16]) -> SelectiveMetagraph<AccountId> {
                let validators = wanted.contains(&VALIDATORS).then(|| self.validator_uids());
                SelectiveMetagraph {
                    netuid: self.netuid,
                    $($field: wanted.contains(&$index).then_some(self.$field),)*
                    validators,
                    // Filled in where it can be read.
                    commitments: None,
                }
            }
        }
    };
}

metagraph! {
    1 name: Vec<Compact<u8>>,
    2 symbol: Vec<Compact<u8>>,
    3 identity: Option<SubnetIdentityV3>,
    4 network_registered_at: Compact<u64>,
    5 owner_hotkey: AccountId,
    6 owner_coldkey: AccountId,
    7 block: Compact<u64>,
    8 tempo: Compact<u16>,
    9 last_step: Compact<u64>,
    10 blocks_since_last_step: Compact<u64>,
    11 subnet_emission: Compact<u64>,
    12 alpha_in: Compact<u64>,
    13 alpha_out: Compact<u64>,
    14 tao_in: Compact<u64>,
    15 alpha_out_emission: Compact<u64>,
    16 alpha_in_emission: Compact<u64>,
    17 tao_in_emission: Compact<u64>,
    18 pending_alpha_emission: Compact<u64>,
    19 pending_root_emission: Compact<u64>,
    20 subnet_volume: Compact<u128>,
    21 moving_price: I96F32,
    22 rho: Compact<u16>,
    23 kappa: Compact<u16>,
    24 min_allowed_weights: Compact<u16>,
    25 max_weights_limit: Compact<u16>,
    26 weights_version: Compact<u64>,
    27 weights_rate_limit: Compact<u64>,
    28 activity_cutoff: Compact<u64>,
    29 max_validators: Compact<u16>,
    30 num_uids: Compact<u16>,
    31 max_uids: Compact<u16>,
    32 burn: Compact<u64>,
    33 difficulty: Compact<u64>,
    34 registration_allowed: bool,
    35 pow_registration_allowed: bool,
    36 immunity_period: Compact<u16>,
    37 min_difficulty: Compact<u64>,
    38 max_difficulty: Compact<u64>,
    39 min_burn: Compact<u64>,
    40 max_burn: Compact<u64>,
    41 adjustment_alpha: Compact<u64>,
    42 adjustment_interval: Compact<u16>,
    43 target_regs_per_interval: Compact<u16>,
    44 max_regs_per_block: Compact<u16>,
    45 serving_rate_limit: Compact<u64>,
    46 commit_reveal_weights_enabled: bool,
    47 commit_reveal_period: Compact<u64>,
    48 liquid_alpha_enabled: bool,
    49 alpha_high: Compact<u16>,
    50 alpha_low: Compact<u16>,
    51 bonds_moving_avg: Compact<u64>,
    52 hotkeys: Vec<AccountId>,
    53 coldkeys: Vec<AccountId>,
    54 identities: Vec<Option<ChainIdentityV2>>,
    55 axons: Vec<AxonInfo>,
    56 active: Vec<bool>,
    57 validator_permit: Vec<bool>,
    58 pruning_score: Vec<Compact<u16>>,
    59 last_update: Vec<Compact<u64>>,
    60 emission: Vec<Compact<u64>>,
    61 dividends: Vec<Compact<u16>>,
    62 incentives: Vec<Compact<u16>>,
    63 consensus: Vec<Compact<u16>>,
    64 trust: Vec<Compact<u16>>,
    65 rank: Vec<Compact<u16>>,
    66 block_at_registration: Vec<Compact<u64>>,
    67 alpha_stake: Vec<Compact<u64>>,
    68 tao_stake: Vec<Compact<u64>>,
    69 total_stake: Vec<Compact<u64>>,
    70 tao_dividends_per_hotkey: Vec<(AccountId, Compact<u64>)>,
    71 alpha_dividends_per_hotkey: Vec<(AccountId, Compact<u64>)>,
}

impl<AccountId: TypeInfo + Encode + Decode> Metagraph<AccountId> {
    fn validator_uids(&self) -> Vec<Compact<u16>> {
        (0u16..)
            .zip(&self.validator_permit)
            .filter(|(_, permit)| **permit)
            .map(|(uid, _)| Compact(uid))
            .collect()
    }
}

impl<T: Config> Pallet<T> {
    /// The metagraph of a mechanism; `None` when the subnet or the mechanism does not exist.
    pub fn metagraph(netuid: u16, mecid: u8) -> Option<Metagraph<T::AccountId>> {
        if !NetworksAdded::<T>::get(netuid) || mecid >= MechanismCountCurrent::<T>::get(netuid).max(1) {
            return None;
        }
        let index = netuid_index(netuid, mecid);
        let block = Self::current_block();
        let hotkeys = Self::hotkeys(netuid);
        let n = hotkeys.len();
        let coldkeys: Vec<T::AccountId> = hotkeys.iter().map(Owner::<T>::get).collect();
        let stake = Self::stake_columns(&hotkeys, netuid);
        let registered: Vec<u64> = (0u16..)
            .take(n)
            .map(|uid| BlockAtRegistration::<T>::get(netuid, uid))
            .collect();
        let identity = SubnetIdentitiesV3::<T>::get(netuid);
        let (alpha_low, alpha_high) = AlphaValues::<T>::get(netuid);
        let dividends_of = |hotkey: &T::AccountId| Compact(AlphaDividendsPerSubnet::<T>::get(netuid, hotkey));
        Some(Metagraph {
            netuid: Compact(netuid),
            name: compact_bytes(&Self::subnet_name(netuid)),
            symbol: compact_bytes(&TokenSymbol::<T>::get(netuid)),
            identity,
            network_registered_at: Compact(NetworkRegisteredAt::<T>::get(netuid)),
            owner_hotkey: SubnetOwnerHotkey::<T>::get(netuid),
            owner_coldkey: SubnetOwner::<T>::get(netuid),
            block: Compact(block),
            tempo: Compact(Tempo::<T>::get(netuid)),
            last_step: Compact(LastMechansimStepBlock::<T>::get(netuid)),
            blocks_since_last_step: Compact(BlocksSinceLastStep::<T>::get(netuid)),
            subnet_emission: Compact(0),
            alpha_in: Compact(SubnetAlphaIn::<T>::get(netuid)),
            alpha_out: Compact(SubnetAlphaOut::<T>::get(netuid)),
            tao_in: Compact(SubnetTAO::<T>::get(netuid)),
            alpha_out_emission: Compact(SubnetAlphaOutEmission::<T>::get(netuid)),
            alpha_in_emission: Compact(SubnetAlphaInEmission::<T>::get(netuid)),
            tao_in_emission: Compact(SubnetTaoInEmission::<T>::get(netuid)),
            pending_alpha_emission: Compact(Self::pending_alpha(netuid)),
            pending_root_emission: Compact(PendingRootAlphaDivs::<T>::get(netuid)),
            subnet_volume: Compact(SubnetVolume::<T>::get(netuid)),
            moving_price: SubnetMovingPrice::<T>::get(netuid),
            rho: Compact(Rho::<T>::get(netuid)),
            kappa: Compact(Kappa::<T>::get(netuid)),
            min_allowed_weights: Compact(MinAllowedWeights::<T>::get(netuid)),
            max_weights_limit: Compact(MaxWeightsLimit::<T>::get(netuid)),
            weights_version: Compact(WeightsVersionKey::<T>::get(netuid)),
            weights_rate_limit: Compact(WeightsSetRateLimit::<T>::get(netuid)),
            activity_cutoff: Compact(Self::activity_cutoff(netuid)),
            max_validators: Compact(MaxAllowedValidators::<T>::get(netuid)),
            num_uids: Compact(SubnetworkN::<T>::get(netuid)),
            max_uids: Compact(MaxAllowedUids::<T>::get(netuid)),
            burn: Compact(Burn::<T>::get(netuid)),
            difficulty: Compact(Difficulty::<T>::get(netuid)),
            registration_allowed: NetworkRegistrationAllowed::<T>::get(netuid),
            pow_registration_allowed: NetworkPowRegistrationAllowed::<T>::get(netuid),
            immunity_period: Compact(ImmunityPeriod::<T>::get(netuid)),
            min_difficulty: Compact(MinDifficulty::<T>::get(netuid)),
            max_difficulty: Compact(MaxDifficulty::<T>::get(netuid)),
            min_burn: Compact(MinBurn::<T>::get(netuid)),
            max_burn: Compact(MaxBurn::<T>::get(netuid)),
            adjustment_alpha: Compact(AdjustmentAlpha::<T>::get(netuid)),
            adjustment_interval: Compact(AdjustmentInterval::<T>::get(netuid)),
            target_regs_per_interval: Compact(TargetRegistrationsPerInterval::<T>::get(netuid)),
            max_regs_per_block: Compact(MaxRegistrationsPerBlock::<T>::get(netuid)),
            serving_rate_limit: Compact(ServingRateLimit::<T>::get(netuid)),
            commit_reveal_weights_enabled: CommitRevealWeightsEnabled::<T>::get(netuid),
            commit_reveal_period: Compact(RevealPeriodEpochs::<T>::get(netuid)),
            liquid_alpha_enabled: LiquidAlphaOn::<T>::get(netuid),
            alpha_high: Compact(alpha_high),
            alpha_low: Compact(alpha_low),
            bonds_moving_avg: Compact(BondsMovingAverage::<T>::get(netuid)),
            identities: coldkeys.iter().map(IdentitiesV2::<T>::get).collect(),
            axons: hotkeys
                .iter()
                .map(|hotkey| Axons::<T>::get(netuid, hotkey).unwrap_or_default())
                .collect(),
            active: flags(&Active::<T>::get(netuid), n),
            validator_permit: flags(&ValidatorPermit::<T>::get(netuid), n),
            pruning_score: compact_column(&[], n),
            last_update: compact_column(&LastUpdate::<T>::get(index), n),
            emission: compact_column(&Emission::<T>::get(netuid), n),
            dividends: compact_column(&Dividends::<T>::get(netuid), n),
            incentives: compact_column(&Incentive::<T>::get(index), n),
            consensus: compact_column(&Consensus::<T>::get(netuid), n),
            trust: compact_column(&[], n),
            rank: compact_column(&[], n),
            block_at_registration: compact_column(&registered, n),
            alpha_stake: compact_column(&stake.alpha, n),
            tao_stake: compact_column(&stake.tao, n),
            total_stake: compact_column(&stake.total, n),
            tao_dividends_per_hotkey: hotkeys.iter().map(|hotkey| (hotkey.clone(), Compact(0))).collect(),
            alpha_dividends_per_hotkey: hotkeys
                .iter()
                .map(|hotkey| (hotkey.clone(), dividends_of(hotkey)))
                .collect(),
            hotkeys,
            coldkeys,
        })
    }

    /// The fields of the metagraph at the given positions.
    pub fn selective_metagraph(netuid: u16, mecid: u8, wanted: &[u16]) -> Option<SelectiveMetagraph<T::AccountId>> {
        let mut selected = Self::metagraph(netuid, mecid)?.select(wanted);
        if wanted.contains(&COMMITMENTS) {
            let encoded = T::Commitments::commitments(netuid).into_iter();
            let compact = encoded.map(|(hotkey, bytes)| (hotkey, compact_bytes(&bytes)));
            selected.commitments = Some(compact.collect());
        }
        Some(selected)
    }

    /// All metagraphs by netuid, with gaps.
    pub fn all_metagraphs() -> Vec<Option<Metagraph<T::AccountId>>> {
        Self::netuid_range().map(|netuid| Self::metagraph(netuid, 0)).collect()
    }

    /// Every number up to the highest netuid: lists of subnets have an entry for each.
    pub fn netuid_range() -> std::ops::Range<u16> {
        0..Self::netuids().last().map_or(0, |last| last.saturating_add(1))
    }

    /// What the subnet calls itself, UTF-8.
    pub fn subnet_name(netuid: u16) -> Vec<u8> {
        let identity = SubnetIdentitiesV3::<T>::get(netuid).map(|identity| identity.subnet_name);
        let own = identity.filter(|name| !name.is_empty());
        own.unwrap_or_else(|| {
            if netuid == ROOT {
                b"root".to_vec()
            } else {
                b"unknown".to_vec()
            }
        })
    }

    /// Earned and not paid yet, alpha-rao.
    pub fn pending_alpha(netuid: u16) -> u64 {
        PendingServerEmission::<T>::get(netuid).saturating_add(PendingValidatorEmission::<T>::get(netuid))
    }
}
