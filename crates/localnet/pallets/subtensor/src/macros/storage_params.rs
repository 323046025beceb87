//! Hyperparameters of subnets and of the network. Hashers, types and defaults are the main chain's.

use frame_support::pallet_macros::pallet_section;

/// Hyperparameters of subnets and of the network.
#[pallet_section]
mod storage_params {
    /// Whether neurons may register.
    #[pallet::storage]
    pub type NetworkRegistrationAllowed<T> = StorageMap<_, Identity, u16, bool, ValueQuery, ConstBool<true>>;

    /// Whether proof of work registers; it never does here.
    #[pallet::storage]
    pub type NetworkPowRegistrationAllowed<T> = StorageMap<_, Identity, u16, bool, ValueQuery, ConstBool<true>>;

    /// Blocks between two serve calls of a hotkey.
    #[pallet::storage]
    pub type ServingRateLimit<T> = StorageMap<_, Identity, u16, u64, ValueQuery, ConstU64<50>>;

    /// Unused by consensus, shown to clients.
    #[pallet::storage]
    pub type Rho<T> = StorageMap<_, Identity, u16, u16, ValueQuery, ConstU16<10>>;

    /// Steepness of liquid alpha, hundredths.
    #[pallet::storage]
    pub type AlphaSigmoidSteepness<T> = StorageMap<_, Identity, u16, i16, ValueQuery, DefaultAlphaSigmoidSteepness>;

    /// Share of stake that makes consensus, of 65535.
    #[pallet::storage]
    pub type Kappa<T> = StorageMap<_, Identity, u16, u16, ValueQuery, ConstU16<32_767>>;

    /// Fewest uids a subnet may be trimmed to.
    #[pallet::storage]
    pub type MinAllowedUids<T> = StorageMap<_, Identity, u16, u16, ValueQuery, ConstU16<64>>;

    /// Most neurons.
    #[pallet::storage]
    pub type MaxAllowedUids<T> = StorageMap<_, Identity, u16, u16, ValueQuery, ConstU16<256>>;

    /// Blocks during which a new neuron is pruned last.
    #[pallet::storage]
    pub type ImmunityPeriod<T> = StorageMap<_, Identity, u16, u16, ValueQuery, ConstU16<4_096>>;

    /// Neurons that always stay prunable.
    #[pallet::storage]
    pub type MinNonImmuneUids<T> = StorageMap<_, Identity, u16, u16, ValueQuery, ConstU16<10>>;

    /// Owner's neurons that are never pruned.
    #[pallet::storage]
    pub type ImmuneOwnerUidsLimit<T> = StorageMap<_, Identity, u16, u16, ValueQuery, ConstU16<1>>;

    /// Superseded by `ActivityCutoffFactorMilli`; shown to old clients.
    #[pallet::storage]
    pub type ActivityCutoff<T> = StorageMap<_, Identity, u16, u16, ValueQuery, ConstU16<5_000>>;

    /// Thousandths of a tempo after which a silent neuron counts as inactive.
    #[pallet::storage]
    pub type ActivityCutoffFactorMilli<T> = StorageMap<_, Identity, u16, u32, ValueQuery, ConstU32<13_889>>;

    /// Lowest `ActivityCutoff`.
    #[pallet::storage]
    pub type MinActivityCutoff<T> = StorageValue<_, u16, ValueQuery, ConstU16<360>>;

    /// Largest single weight, of 65535.
    #[pallet::storage]
    pub type MaxWeightsLimit<T> = StorageMap<_, Identity, u16, u16, ValueQuery, ConstU16<65_535>>;

    /// Lowest version key accepted with weights.
    #[pallet::storage]
    pub type WeightsVersionKey<T> = StorageMap<_, Identity, u16, u64, ValueQuery>;

    /// Tempos between two changes of the version key.
    #[pallet::storage]
    pub type WeightsVersionKeyRateLimit<T> = StorageValue<_, u64, ValueQuery, ConstU64<5>>;

    /// Fewest weights in a row.
    #[pallet::storage]
    pub type MinAllowedWeights<T> = StorageMap<_, Identity, u16, u16, ValueQuery, ConstU16<1_024>>;

    /// Number of validator permits.
    #[pallet::storage]
    pub type MaxAllowedValidators<T> = StorageMap<_, Identity, u16, u16, ValueQuery, ConstU16<128>>;

    /// Weight of old bonds, parts per million.
    #[pallet::storage]
    pub type BondsMovingAverage<T> = StorageMap<_, Identity, u16, u64, ValueQuery, ConstU64<900_000>>;

    /// Out-of-consensus weight kept out of bonds, of 65535.
    #[pallet::storage]
    pub type BondsPenalty<T> = StorageMap<_, Identity, u16, u16, ValueQuery, ConstU16<65_535>>;

    /// Whether a commitment may reset bonds.
    #[pallet::storage]
    pub type BondsResetOn<T> = StorageMap<_, Identity, u16, bool, ValueQuery>;

    /// Blocks between two changes of a validator's weights.
    #[pallet::storage]
    pub type WeightsSetRateLimit<T> = StorageMap<_, Identity, u16, u64, ValueQuery, ConstU64<100>>;

    /// Unused, shown to clients.
    #[pallet::storage]
    pub type ValidatorPruneLen<T> = StorageMap<_, Identity, u16, u64, ValueQuery, ConstU64<1>>;

    /// Unused, shown to clients.
    #[pallet::storage]
    pub type ScalingLawPower<T> = StorageMap<_, Identity, u16, u16, ValueQuery, ConstU16<50>>;

    /// Whether weights have to be committed first.
    #[pallet::storage]
    pub type CommitRevealWeightsEnabled<T> = StorageMap<_, Identity, u16, bool, ValueQuery, ConstBool<true>>;

    /// Version of timelocked commits.
    #[pallet::storage]
    pub type CommitRevealWeightsVersion<T> = StorageValue<_, u16, ValueQuery, ConstU16<4>>;

    /// Epochs between commit and reveal.
    #[pallet::storage]
    pub type RevealPeriodEpochs<T> = StorageMap<_, Twox64Concat, u16, u64, ValueQuery, ConstU64<1>>;

    /// Whether each bond has its own rate.
    #[pallet::storage]
    pub type LiquidAlphaOn<T> = StorageMap<_, Blake2_128Concat, u16, bool, ValueQuery>;

    /// Whether bonds are absolute.
    #[pallet::storage]
    pub type Yuma3On<T> = StorageMap<_, Blake2_128Concat, u16, bool, ValueQuery>;

    /// Lowest and highest rate of liquid alpha, of 65535.
    #[pallet::storage]
    pub type AlphaValues<T> = StorageMap<_, Identity, u16, (u16, u16), ValueQuery, DefaultAlphaValues>;

    /// Price of a registration, rao.
    #[pallet::storage]
    pub type Burn<T> = StorageMap<_, Identity, u16, u64, ValueQuery, ConstU64<100_000_000>>;

    /// Lowest price of a registration, rao.
    #[pallet::storage]
    pub type MinBurn<T> = StorageMap<_, Identity, u16, u64, ValueQuery, ConstU64<500_000>>;

    /// Highest price of a registration, rao.
    #[pallet::storage]
    pub type MaxBurn<T> = StorageMap<_, Identity, u16, u64, ValueQuery, ConstU64<100_000_000_000>>;

    /// Blocks in which the price of a registration halves.
    #[pallet::storage]
    pub type BurnHalfLife<T> = StorageMap<_, Identity, u16, u16, ValueQuery, ConstU16<360>>;

    /// Factor on the price at each registration.
    #[pallet::storage]
    pub type BurnIncreaseMult<T> = StorageMap<_, Identity, u16, U64F64, ValueQuery, DefaultBurnIncreaseMult>;

    /// Proof of work; shown to clients.
    #[pallet::storage]
    pub type Difficulty<T> = StorageMap<_, Identity, u16, u64, ValueQuery, ConstU64<10_000_000>>;

    /// Proof of work; shown to clients.
    #[pallet::storage]
    pub type MinDifficulty<T> = StorageMap<_, Identity, u16, u64, ValueQuery, ConstU64<10_000_000>>;

    /// Proof of work; shown to clients.
    #[pallet::storage]
    pub type MaxDifficulty<T> = StorageMap<_, Identity, u16, u64, ValueQuery, ConstU64<4_611_686_018_427_387_903>>;

    /// Superseded by the price; shown to clients.
    #[pallet::storage]
    pub type MaxRegistrationsPerBlock<T> = StorageMap<_, Identity, u16, u16, ValueQuery, ConstU16<1>>;

    /// Superseded by the price; shown to clients.
    #[pallet::storage]
    pub type TargetRegistrationsPerInterval<T> = StorageMap<_, Identity, u16, u16, ValueQuery, ConstU16<2>>;

    /// Superseded by the price; shown to clients.
    #[pallet::storage]
    pub type AdjustmentInterval<T> = StorageMap<_, Identity, u16, u16, ValueQuery, ConstU16<100>>;

    /// Superseded by the price; shown to clients.
    #[pallet::storage]
    pub type AdjustmentAlpha<T> = StorageMap<_, Identity, u16, u64, ValueQuery>;

    /// Superseded by the price; shown to clients.
    #[pallet::storage]
    pub type LastAdjustmentBlock<T> = StorageMap<_, Identity, u16, u64, ValueQuery>;

    /// Registrations since the last epoch.
    #[pallet::storage]
    pub type RegistrationsThisInterval<T> = StorageMap<_, Identity, u16, u16, ValueQuery>;

    /// Proof-of-work registrations; always 0.
    #[pallet::storage]
    pub type POWRegistrationsThisInterval<T> = StorageMap<_, Identity, u16, u16, ValueQuery>;

    /// Burned registrations since the last epoch.
    #[pallet::storage]
    pub type BurnRegistrationsThisInterval<T> = StorageMap<_, Identity, u16, u16, ValueQuery>;

    /// Registrations in this block.
    #[pallet::storage]
    pub type RegistrationsThisBlock<T> = StorageMap<_, Identity, u16, u16, ValueQuery>;

    /// TAO spent on registrations, rao.
    #[pallet::storage]
    pub type RAORecycledForRegistration<T> = StorageMap<_, Identity, u16, u64, ValueQuery>;

    /// Least stake weight that may set weights, rao.
    #[pallet::storage]
    pub type StakeThreshold<T> = StorageValue<_, u64, ValueQuery>;

    /// Weight of root stake, of 2^64 - 1.
    #[pallet::storage]
    pub type TaoWeight<T> = StorageValue<_, u64, ValueQuery, ConstU64<971_718_665_099_567_868>>;

    /// Blocks before an epoch in which an owner may change nothing.
    #[pallet::storage]
    pub type AdminFreezeWindow<T> = StorageValue<_, u16, ValueQuery, ConstU16<10>>;

    /// Tempos between two changes of one parameter by an owner.
    #[pallet::storage]
    pub type OwnerHyperparamRateLimit<T> = StorageValue<_, u16, ValueQuery, ConstU16<2>>;

    /// Blocks between some calls of a coldkey; shown to clients.
    #[pallet::storage]
    pub type TxRateLimit<T> = StorageValue<_, u64, ValueQuery, ConstU64<1_000>>;

    /// Blocks between two increases of a take.
    #[pallet::storage]
    pub type TxDelegateTakeRateLimit<T> = StorageValue<_, u64, ValueQuery, ConstU64<216_000>>;

    /// Blocks between two changes of a childkey take.
    #[pallet::storage]
    pub type TxChildkeyTakeRateLimit<T> = StorageValue<_, u64, ValueQuery, ConstU64<216_000>>;

    /// Highest take, of 65535.
    #[pallet::storage]
    pub type MaxDelegateTake<T> = StorageValue<_, u16, ValueQuery, ConstU16<11_796>>;

    /// Lowest take, of 65535.
    #[pallet::storage]
    pub type MinDelegateTake<T> = StorageValue<_, u16, ValueQuery>;

    /// Highest childkey take, of 65535.
    #[pallet::storage]
    pub type MaxChildkeyTake<T> = StorageValue<_, u16, ValueQuery, ConstU16<11_796>>;

    /// Lowest childkey take, of 65535.
    #[pallet::storage]
    pub type MinChildkeyTake<T> = StorageValue<_, u16, ValueQuery>;

    /// Least stake of a nominator; shown to clients.
    #[pallet::storage]
    pub type NominatorMinRequiredStake<T> = StorageValue<_, u64, ValueQuery>;

    /// Rate at which locked stake is freed; shown to clients.
    #[pallet::storage]
    pub type UnlockRate<T> = StorageValue<_, u64, ValueQuery, ConstU64<934_866>>;

    /// Rate at which conviction grows; shown to clients.
    #[pallet::storage]
    pub type MaturityRate<T> = StorageValue<_, u64, ValueQuery, ConstU64<934_866>>;

    /// Share of the price kept as collateral, of 65535; always 0 here.
    #[pallet::storage]
    pub type CollateralLockShare<T> = StorageMap<_, Identity, u16, u16, ValueQuery>;

    /// Speed at which collateral is freed; shown to clients.
    #[pallet::storage]
    pub type CollateralDrainRatio<T> = StorageMap<_, Identity, u16, U64F64, ValueQuery>;
}
