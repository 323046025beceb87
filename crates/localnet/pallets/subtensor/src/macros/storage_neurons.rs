//! Neurons: who they are, where they serve, what they weigh and score. Hashers, types and defaults are the main chain's.

use frame_support::pallet_macros::pallet_section;

/// Neurons: who they are, where they serve, what they weigh and score.
#[pallet_section]
mod storage_neurons {
    /// uid of a hotkey.
    #[pallet::storage]
    pub type Uids<T: Config> = StorageDoubleMap<_, Identity, u16, Blake2_128Concat, T::AccountId, u16, OptionQuery>;

    /// Hotkey of a uid.
    #[pallet::storage]
    pub type Keys<T: Config> =
        StorageDoubleMap<_, Identity, u16, Identity, u16, T::AccountId, ValueQuery, DefaultAccount<T>>;

    /// Whether a hotkey is registered.
    #[pallet::storage]
    pub type IsNetworkMember<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, u16, bool, ValueQuery>;

    /// Block of a neuron's registration.
    #[pallet::storage]
    pub type BlockAtRegistration<T> = StorageDoubleMap<_, Identity, u16, Identity, u16, u64, ValueQuery>;

    /// Where a miner serves.
    #[pallet::storage]
    pub type Axons<T: Config> =
        StorageDoubleMap<_, Identity, u16, Blake2_128Concat, T::AccountId, AxonInfo, OptionQuery>;

    /// TLS key of a miner.
    #[pallet::storage]
    pub type NeuronCertificates<T: Config> =
        StorageDoubleMap<_, Identity, u16, Blake2_128Concat, T::AccountId, NeuronCertificate, OptionQuery>;

    /// Where a neuron serves metrics.
    #[pallet::storage]
    pub type Prometheus<T: Config> =
        StorageDoubleMap<_, Identity, u16, Blake2_128Concat, T::AccountId, PrometheusInfo, OptionQuery>;

    /// Set weights recently enough, as of the last epoch.
    #[pallet::storage]
    pub type Active<T> = StorageMap<_, Identity, u16, Vec<bool>, ValueQuery>;

    /// May set weights.
    #[pallet::storage]
    pub type ValidatorPermit<T> = StorageMap<_, Identity, u16, Vec<bool>, ValueQuery>;

    /// Block of the last change of weights, per mechanism.
    #[pallet::storage]
    pub type LastUpdate<T> = StorageMap<_, Identity, u16, Vec<u64>, ValueQuery>;

    /// Miner score, of 65535, per mechanism.
    #[pallet::storage]
    pub type Incentive<T> = StorageMap<_, Identity, u16, Vec<u16>, ValueQuery>;

    /// Stake-weighted median of weights received, of 65535.
    #[pallet::storage]
    pub type Consensus<T> = StorageMap<_, Identity, u16, Vec<u16>, ValueQuery>;

    /// Validator score, of 65535.
    #[pallet::storage]
    pub type Dividends<T> = StorageMap<_, Identity, u16, Vec<u16>, ValueQuery>;

    /// Share of weights inside consensus, of 65535.
    #[pallet::storage]
    pub type ValidatorTrust<T> = StorageMap<_, Identity, u16, Vec<u16>, ValueQuery>;

    /// Share of stake, of 65535.
    #[pallet::storage]
    pub type StakeWeight<T> = StorageMap<_, Identity, u16, Vec<u16>, ValueQuery>;

    /// Earned at the last epoch, alpha-rao.
    #[pallet::storage]
    pub type Emission<T> = StorageMap<_, Identity, u16, Vec<u64>, ValueQuery>;

    /// Weights a neuron has set, per mechanism.
    #[pallet::storage]
    pub type Weights<T> = StorageDoubleMap<_, Identity, u16, Identity, u16, Vec<(u16, u16)>, ValueQuery>;

    /// Bonds of a validator, per mechanism.
    #[pallet::storage]
    pub type Bonds<T> = StorageDoubleMap<_, Identity, u16, Identity, u16, Vec<(u16, u16)>, ValueQuery>;

    /// Hashes committed and not revealed: hash, epoch, block, unused.
    #[pallet::storage]
    pub type WeightCommits<T: Config> =
        StorageDoubleMap<_, Twox64Concat, u16, Twox64Concat, T::AccountId, Vec<(H256, u64, u64, u64)>, OptionQuery>;

    /// Timelocked weights not revealed, by epoch of the commit.
    #[pallet::storage]
    pub type TimelockedWeightCommits<T: Config> = StorageDoubleMap<
        _,
        Twox64Concat,
        u16,
        Twox64Concat,
        u64,
        Vec<(T::AccountId, u64, BoundedVec<u8, ConstU32<MAX_COMMIT_BYTES>>, u64)>,
        ValueQuery,
    >;

    /// Block of the last use of something rate-limited.
    #[pallet::storage]
    pub type LastRateLimitedBlock<T: Config> = StorageMap<_, Identity, RateLimitKey<T::AccountId>, u64, ValueQuery>;

    /// Block of a hotkey's last call of a kind.
    #[pallet::storage]
    pub type TransactionKeyLastBlock<T: Config> = StorageNMap<
        _,
        (
            NMapKey<Blake2_128Concat, T::AccountId>,
            NMapKey<Identity, u16>,
            NMapKey<Identity, u16>,
        ),
        u64,
        ValueQuery,
    >;

    /// Block of a coldkey's last limited call; shown to clients.
    #[pallet::storage]
    pub type LastTxBlock<T: Config> = StorageMap<_, Identity, T::AccountId, u64, ValueQuery>;

    /// What a coldkey says about itself.
    #[pallet::storage]
    pub type IdentitiesV2<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, ChainIdentityV2, OptionQuery>;
}
