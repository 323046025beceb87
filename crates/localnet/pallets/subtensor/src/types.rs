//! Values as they lie in storage, with the main chain's layout.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;

/// Fewest and most blocks that an owner may give an epoch.
pub const OWNER_TEMPOS: core::ops::RangeInclusive<u16> = 360..=50_400;
/// Shortest and longest activity cutoff that an owner may set, thousandths of a tempo.
pub const ACTIVITY_CUTOFF_FACTORS: core::ops::RangeInclusive<u32> = 1_000..=50_000;

/// netuid of the root network.
pub const ROOT: u16 = 0;
/// Multiplier that puts a mechanism into the upper bits of a netuid.
pub const MECHANISM_STRIDE: u16 = 4096;
/// rao in one TAO, and alpha-rao in one alpha.
pub const TAO: u64 = 1_000_000_000;
/// 1.0 as the chain stores fractions in 16 bits.
pub const U16_ONE: u64 = 65_535;
/// Longest timelocked commit, bytes.
pub const MAX_COMMIT_BYTES: u32 = 5_000;

/// The key of weights, bonds, last updates and incentives: netuid and mechanism in one number.
pub const fn netuid_index(netuid: u16, mecid: u8) -> u16 {
    (mecid as u16).saturating_mul(MECHANISM_STRIDE).saturating_add(netuid)
}

macro_rules! fixed_point {
    ($($(#[$doc:meta])* $name:ident($bits:ty);)*) => {$(
        $(#[$doc])*
        #[derive(
            Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, Copy, Debug, Default, PartialEq, Eq,
        )]
        pub struct $name {
            /// Two's complement integer.
            pub bits: $bits,
        }
    )*};
}

fixed_point! {
    /// Signed, 32 fraction bits, 64 bits in all.
    I32F32(i64);
    /// Signed, 32 fraction bits.
    I96F32(i128);
    /// Signed, 64 fraction bits.
    I64F64(i128);
    /// Unsigned, 64 fraction bits.
    U64F64(u128);
}

/// Where a miner serves.
#[derive(Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, Debug, Default, PartialEq, Eq)]
pub struct AxonInfo {
    /// Block of the serve call.
    pub block: u64,
    /// Version of the miner's software, informative.
    pub version: u32,
    /// Address as an integer, the most significant part first.
    pub ip: u128,
    /// TCP port.
    pub port: u16,
    /// 4 or 6.
    pub ip_type: u8,
    /// 4 by convention.
    pub protocol: u8,
    /// Unused.
    pub placeholder1: u8,
    /// Unused.
    pub placeholder2: u8,
}

/// Where a neuron serves metrics.
#[derive(Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, Debug, Default, PartialEq, Eq)]
pub struct PrometheusInfo {
    /// Block of the serve call.
    pub block: u64,
    /// Version of the neuron's software, informative.
    pub version: u32,
    /// Address as an integer.
    pub ip: u128,
    /// TCP port.
    pub port: u16,
    /// 4 or 6.
    pub ip_type: u8,
}

/// TLS key of a miner.
#[derive(Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, Debug, Default, PartialEq, Eq)]
pub struct NeuronCertificate {
    /// Public key, without its algorithm byte.
    pub public_key: BoundedVec<u8, ConstU32<64>>,
    /// Algorithm of the key.
    pub algorithm: u8,
}

/// What an owner says about a subnet; all fields UTF-8.
#[derive(Encode, Decode, DecodeWithMemTracking, TypeInfo, Clone, Debug, Default, PartialEq, Eq)]
pub struct SubnetIdentityV3 {
    /// Name.
    pub subnet_name: Vec<u8>,
    /// Source repository.
    pub github_repo: Vec<u8>,
    /// How to reach the owner.
    pub subnet_contact: Vec<u8>,
    /// Web site.
    pub subnet_url: Vec<u8>,
    /// Chat handle.
    pub discord: Vec<u8>,
    /// What the subnet does.
    pub description: Vec<u8>,
    /// Picture.
    pub logo_url: Vec<u8>,
    /// Anything else.
    pub additional: Vec<u8>,
}

/// What a coldkey says about itself; all fields UTF-8.
#[derive(Encode, Decode, DecodeWithMemTracking, TypeInfo, Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainIdentityV2 {
    /// Name.
    pub name: Vec<u8>,
    /// Web site.
    pub url: Vec<u8>,
    /// Source repository.
    pub github_repo: Vec<u8>,
    /// Picture.
    pub image: Vec<u8>,
    /// Chat handle.
    pub discord: Vec<u8>,
    /// Who it is.
    pub description: Vec<u8>,
    /// Anything else.
    pub additional: Vec<u8>,
}

/// Locked stake. Declared for clients; nothing is ever locked here.
#[derive(Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, Debug, Default, PartialEq, Eq)]
pub struct LockState {
    /// Alpha locked, alpha-rao.
    pub locked_mass: u64,
    /// Conviction earned.
    pub conviction: U64F64,
    /// Block of the last change.
    pub last_update: u64,
}

/// What becomes of an owner's miner incentive.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, Copy, Debug, Default, PartialEq, Eq,
)]
pub enum RecycleOrBurnEnum {
    /// It stays in the books as issued.
    #[default]
    Burn,
    /// It can be emitted again.
    Recycle,
}

/// What becomes of root dividends. Declared for clients; root earns nothing here.
#[derive(Encode, Decode, DecodeWithMemTracking, TypeInfo, Clone, Debug, Default, PartialEq, Eq)]
pub enum RootClaimTypeEnum {
    /// Sold for TAO.
    #[default]
    Swap,
    /// Kept as alpha.
    Keep,
    /// Kept as alpha on some subnets.
    KeepSubnets {
        /// Those subnets.
        subnets: std::collections::BTreeSet<u16>,
    },
}

/// How an epoch reaches scores. Always Yuma here.
#[derive(
    Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, Copy, Debug, Default, PartialEq, Eq,
)]
pub enum EpochConsensus {
    /// Yuma consensus.
    #[default]
    Yuma,
    /// Weights are taken as they are.
    Null,
}

/// What a rate limit counts.
#[derive(Encode, Decode, DecodeWithMemTracking, TypeInfo, Clone, Debug, PartialEq, Eq)]
pub enum RateLimitKey<AccountId> {
    /// Changes of a subnet's owner hotkey.
    SetSNOwnerHotkey(u16),
    /// Changes of one parameter by a subnet's owner.
    OwnerHyperparamUpdate(u16, Hyperparameter),
    /// Creations of subnets.
    NetworkLastRegistered,
    /// Calls of a coldkey.
    LastTxBlock(AccountId),
    /// Changes of a childkey take.
    LastTxBlockChildKeyTake(AccountId),
    /// Changes of a delegate take.
    LastTxBlockDelegateTake(AccountId),
    /// Stake burned.
    AddStakeBurn(u16),
}

/// A parameter that a subnet's owner may change.
#[derive(Encode, Decode, DecodeWithMemTracking, TypeInfo, Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Hyperparameter {
    Unknown,
    ServingRateLimit,
    MaxDifficulty,
    AdjustmentAlpha,
    MaxWeightLimit,
    ImmunityPeriod,
    MinAllowedWeights,
    Kappa,
    Rho,
    ActivityCutoff,
    PowRegistrationAllowed,
    MinBurn,
    MaxBurn,
    BondsMovingAverage,
    BondsPenalty,
    CommitRevealEnabled,
    LiquidAlphaEnabled,
    AlphaValues,
    WeightCommitInterval,
    TransferEnabled,
    AlphaSigmoidSteepness,
    Yuma3Enabled,
    BondsResetEnabled,
    ImmuneNeuronLimit,
    RecycleOrBurn,
    MaxAllowedUids,
}
