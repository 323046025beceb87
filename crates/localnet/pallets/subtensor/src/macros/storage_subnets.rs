//! Which subnets exist, their schedule, ownership and pools. Hashers, types and defaults are the main chain's.

use frame_support::pallet_macros::pallet_section;

/// Which subnets exist, their schedule, ownership and pools.
#[pallet_section]
mod storage_subnets {
    /// Whether a subnet exists.
    #[pallet::storage]
    pub type NetworksAdded<T> = StorageMap<_, Identity, u16, bool, ValueQuery>;

    /// Number of subnets, root included.
    #[pallet::storage]
    pub type TotalNetworks<T> = StorageValue<_, u16, ValueQuery>;

    /// Most subnets there may be.
    #[pallet::storage]
    pub type SubnetLimit<T> = StorageValue<_, u16, ValueQuery, ConstU16<128>>;

    /// Number of neurons.
    #[pallet::storage]
    pub type SubnetworkN<T> = StorageMap<_, Identity, u16, u16, ValueQuery>;

    /// Block of creation.
    #[pallet::storage]
    pub type NetworkRegisteredAt<T> = StorageMap<_, Identity, u16, u64, ValueQuery>;

    /// Blocks during which a new subnet cannot be pruned.
    #[pallet::storage]
    pub type NetworkImmunityPeriod<T> = StorageValue<_, u64, ValueQuery, ConstU64<1_296_000>>;

    /// First block at which subnets may be created.
    #[pallet::storage]
    pub type NetworkRegistrationStartBlock<T> = StorageValue<_, u64, ValueQuery>;

    /// Blocks between creation and the earliest `start_call`.
    #[pallet::storage]
    pub type StartCallDelay<T> = StorageValue<_, u64, ValueQuery>;

    /// Lowest price of a subnet, rao.
    #[pallet::storage]
    pub type NetworkMinLockCost<T> = StorageValue<_, u64, ValueQuery, ConstU64<1_000_000_000_000>>;

    /// What the last subnet cost, rao.
    #[pallet::storage]
    pub type NetworkLastLockCost<T> = StorageValue<_, u64, ValueQuery, ConstU64<1_000_000_000_000>>;

    /// Blocks over which the price of a subnet falls back.
    #[pallet::storage]
    pub type NetworkLockReductionInterval<T> = StorageValue<_, u64, ValueQuery, ConstU64<100_800>>;

    /// Blocks between two creations of a subnet.
    #[pallet::storage]
    pub type NetworkRateLimit<T> = StorageValue<_, u64, ValueQuery, ConstU64<7_200>>;

    /// Coldkey that owns a subnet.
    #[pallet::storage]
    pub type SubnetOwner<T: Config> = StorageMap<_, Identity, u16, T::AccountId, ValueQuery, DefaultAccount<T>>;

    /// Hotkey of the owner; always permitted as validator.
    #[pallet::storage]
    pub type SubnetOwnerHotkey<T: Config> = StorageMap<_, Identity, u16, T::AccountId, ValueQuery, DefaultAccount<T>>;

    /// What the owner paid, rao.
    #[pallet::storage]
    pub type SubnetLocked<T> = StorageMap<_, Identity, u16, u64, ValueQuery>;

    /// Owner's share of emission, of 65535.
    #[pallet::storage]
    pub type SubnetOwnerCut<T> = StorageValue<_, u16, ValueQuery, ConstU16<11_796>>;

    /// 0: price 1 for ever; 1: pool.
    #[pallet::storage]
    pub type SubnetMechanism<T> = StorageMap<_, Identity, u16, u16, ValueQuery>;

    /// Symbol of the subnet's token, UTF-8.
    #[pallet::storage]
    pub type TokenSymbol<T> = StorageMap<_, Identity, u16, Vec<u8>, ValueQuery, DefaultTokenSymbol>;

    /// What the owner says about the subnet.
    #[pallet::storage]
    pub type SubnetIdentitiesV3<T> = StorageMap<_, Blake2_128Concat, u16, SubnetIdentityV3, OptionQuery>;

    /// Blocks per epoch; 0 stops epochs.
    #[pallet::storage]
    pub type Tempo<T> = StorageMap<_, Identity, u16, u16, ValueQuery, ConstU16<360>>;

    /// Block of the last epoch.
    #[pallet::storage]
    pub type LastEpochBlock<T> = StorageMap<_, Identity, u16, u64, ValueQuery>;

    /// Block a deferred or triggered epoch is due at, 0 when none is.
    #[pallet::storage]
    pub type PendingEpochAt<T> = StorageMap<_, Identity, u16, u64, ValueQuery>;

    /// Number of epochs so far.
    #[pallet::storage]
    pub type SubnetEpochIndex<T> = StorageMap<_, Identity, u16, u64, ValueQuery>;

    /// Most epochs run in one block.
    #[pallet::storage]
    pub type MaxEpochsPerBlock<T> = StorageValue<_, u8, ValueQuery, ConstU8<2>>;

    /// How epochs reach scores.
    #[pallet::storage]
    pub type SubnetEpochConsensus<T> = StorageMap<_, Identity, u16, EpochConsensus, ValueQuery>;

    /// Blocks since the last epoch that ran consensus.
    #[pallet::storage]
    pub type BlocksSinceLastStep<T> = StorageMap<_, Identity, u16, u64, ValueQuery>;

    /// Block of the last epoch that ran consensus. The misspelling is the chain's.
    #[pallet::storage]
    pub type LastMechansimStepBlock<T> = StorageMap<_, Identity, u16, u64, ValueQuery>;

    /// Block emission starts at; set by `start_call`.
    #[pallet::storage]
    pub type FirstEmissionBlockNumber<T> = StorageMap<_, Identity, u16, u64, OptionQuery>;

    /// Whether stake may be traded.
    #[pallet::storage]
    pub type SubtokenEnabled<T> = StorageMap<_, Identity, u16, bool, ValueQuery>;

    /// Whether stake may be transferred.
    #[pallet::storage]
    pub type TransferToggle<T> = StorageMap<_, Identity, u16, bool, ValueQuery, ConstBool<true>>;

    /// What becomes of an owner's miner incentive.
    #[pallet::storage]
    pub type RecycleOrBurn<T> = StorageMap<_, Identity, u16, RecycleOrBurnEnum, ValueQuery>;

    /// Number of mechanisms.
    #[pallet::storage]
    pub type MechanismCountCurrent<T> = StorageMap<_, Twox64Concat, u16, u8, ValueQuery, ConstU8<1>>;

    /// Most mechanisms a subnet may have.
    #[pallet::storage]
    pub type MaxMechanismCount<T> = StorageValue<_, u8, ValueQuery, ConstU8<2>>;

    /// Share of each mechanism, of 65535; even when absent.
    #[pallet::storage]
    pub type MechanismEmissionSplit<T> = StorageMap<_, Twox64Concat, u16, Vec<u16>, OptionQuery>;

    /// TAO in the pool, rao.
    #[pallet::storage]
    pub type SubnetTAO<T> = StorageMap<_, Identity, u16, u64, ValueQuery>;

    /// Alpha in the pool, alpha-rao.
    #[pallet::storage]
    pub type SubnetAlphaIn<T> = StorageMap<_, Identity, u16, u64, ValueQuery>;

    /// Alpha outside the pool, alpha-rao.
    #[pallet::storage]
    pub type SubnetAlphaOut<T> = StorageMap<_, Identity, u16, u64, ValueQuery>;

    /// Alpha put into the pool in the last block, alpha-rao.
    #[pallet::storage]
    pub type SubnetAlphaInEmission<T> = StorageMap<_, Identity, u16, u64, ValueQuery>;

    /// Alpha emitted to neurons and owner in the last block, alpha-rao.
    #[pallet::storage]
    pub type SubnetAlphaOutEmission<T> = StorageMap<_, Identity, u16, u64, ValueQuery>;

    /// TAO put into the pool in the last block, rao.
    #[pallet::storage]
    pub type SubnetTaoInEmission<T> = StorageMap<_, Identity, u16, u64, ValueQuery>;

    /// Traded in all, rao.
    #[pallet::storage]
    pub type SubnetVolume<T> = StorageMap<_, Identity, u16, u128, ValueQuery>;

    /// Smoothed price, TAO per alpha.
    #[pallet::storage]
    pub type SubnetMovingPrice<T> = StorageMap<_, Identity, u16, I96F32, ValueQuery>;

    /// Rate at which the smoothed price follows.
    #[pallet::storage]
    pub type SubnetMovingAlpha<T> = StorageValue<_, I96F32, ValueQuery, DefaultMovingAlpha>;

    /// Net TAO into the pool in this block, rao.
    #[pallet::storage]
    pub type SubnetTaoFlow<T> = StorageMap<_, Identity, u16, i64, ValueQuery>;

    /// Smoothed net flow: block and rao.
    #[pallet::storage]
    pub type SubnetEmaTaoFlow<T> = StorageMap<_, Identity, u16, (u64, I64F64), OptionQuery>;

    /// Earned by miners since the last epoch, alpha-rao.
    #[pallet::storage]
    pub type PendingServerEmission<T> = StorageMap<_, Identity, u16, u64, ValueQuery>;

    /// Earned by validators since the last epoch, alpha-rao.
    #[pallet::storage]
    pub type PendingValidatorEmission<T> = StorageMap<_, Identity, u16, u64, ValueQuery>;

    /// Earned by root since the last epoch, alpha-rao; always 0 here.
    #[pallet::storage]
    pub type PendingRootAlphaDivs<T> = StorageMap<_, Identity, u16, u64, ValueQuery>;

    /// Earned by the owner since the last epoch, alpha-rao.
    #[pallet::storage]
    pub type PendingOwnerCut<T> = StorageMap<_, Identity, u16, u64, ValueQuery>;

    /// TAO per block, rao; shown to clients, not minted here.
    #[pallet::storage]
    pub type BlockEmission<T> = StorageValue<_, u64, ValueQuery, ConstU64<1_000_000_000>>;

    /// TAO in existence, rao; shown to clients.
    #[pallet::storage]
    pub type TotalIssuance<T> = StorageValue<_, u64, ValueQuery>;
}
