//! Who owns which hotkey and how much alpha stands behind it. Hashers, types and defaults are the main chain's.

use frame_support::pallet_macros::pallet_section;

/// Who owns which hotkey and how much alpha stands behind it.
#[pallet_section]
mod storage_stake {
    /// Coldkey of a hotkey.
    #[pallet::storage]
    pub type Owner<T: Config> =
        StorageMap<_, Blake2_128Concat, T::AccountId, T::AccountId, ValueQuery, DefaultAccount<T>>;

    /// Hotkeys of a coldkey.
    #[pallet::storage]
    pub type OwnedHotkeys<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Vec<T::AccountId>, ValueQuery>;

    /// Hotkeys a coldkey has staked to.
    #[pallet::storage]
    pub type StakingHotkeys<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Vec<T::AccountId>, ValueQuery>;

    /// Take of a hotkey, of 65535.
    #[pallet::storage]
    pub type Delegates<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, u16, ValueQuery, ConstU16<11_796>>;

    /// Take of a child hotkey, of 65535.
    #[pallet::storage]
    pub type ChildkeyTake<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, u16, u16, ValueQuery>;

    /// Hotkeys that validate with a part of a hotkey's stake: share, of 2^64 - 1, and hotkey.
    #[pallet::storage]
    pub type ChildKeys<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, u16, Vec<(u64, T::AccountId)>, ValueQuery>;

    /// Hotkeys whose stake a hotkey validates with: share, of 2^64 - 1, and hotkey.
    #[pallet::storage]
    pub type ParentKeys<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, u16, Vec<(u64, T::AccountId)>, ValueQuery>;

    /// Children that have not taken over yet, and the block in which they do.
    #[pallet::storage]
    pub type PendingChildKeys<T: Config> =
        StorageDoubleMap<_, Identity, u16, Blake2_128Concat, T::AccountId, (Vec<(u64, T::AccountId)>, u64), ValueQuery>;

    /// Blocks until new children take over.
    #[pallet::storage]
    pub type PendingChildKeyCooldown<T> = StorageValue<_, u64, ValueQuery, ConstU64<7_200>>;

    /// Block of a coldkey's last swap of a hotkey on a subnet.
    #[pallet::storage]
    pub type LastHotkeySwapOnNetuid<T: Config> =
        StorageDoubleMap<_, Identity, u16, Blake2_128Concat, T::AccountId, u64, ValueQuery>;

    /// TAO in all pools, rao.
    #[pallet::storage]
    pub type TotalStake<T> = StorageValue<_, u64, ValueQuery>;

    /// Alpha staked to a hotkey, alpha-rao.
    #[pallet::storage]
    pub type TotalHotkeyAlpha<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, u16, u64, ValueQuery>;

    /// Shares in a hotkey's alpha.
    #[pallet::storage]
    pub type TotalHotkeyShares<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, u16, U64F64, ValueQuery>;

    /// A coldkey's shares in a hotkey's alpha.
    #[pallet::storage]
    pub type Alpha<T: Config> = StorageNMap<
        _,
        (
            NMapKey<Blake2_128Concat, T::AccountId>,
            NMapKey<Blake2_128Concat, T::AccountId>,
            NMapKey<Identity, u16>,
        ),
        U64F64,
        ValueQuery,
    >;

    /// Alpha of a hotkey before its last dividends, alpha-rao.
    #[pallet::storage]
    pub type TotalHotkeyAlphaLastEpoch<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, u16, u64, ValueQuery>;

    /// Dividends of a hotkey at the last epoch, alpha-rao.
    #[pallet::storage]
    pub type AlphaDividendsPerSubnet<T: Config> =
        StorageDoubleMap<_, Identity, u16, Blake2_128Concat, T::AccountId, u64, ValueQuery>;

    /// Root dividends of a hotkey; always 0 here.
    #[pallet::storage]
    pub type RootAlphaDividendsPerSubnet<T: Config> =
        StorageDoubleMap<_, Identity, u16, Blake2_128Concat, T::AccountId, u64, ValueQuery>;

    /// Emission of a hotkey at the last epoch, alpha-rao.
    #[pallet::storage]
    pub type LastHotkeyEmissionOnNetuid<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, u16, u64, ValueQuery>;

    /// Block of a coldkey's last stake to a hotkey.
    #[pallet::storage]
    pub type LastColdkeyHotkeyStakeBlock<T: Config> =
        StorageDoubleMap<_, Twox64Concat, T::AccountId, Twox64Concat, T::AccountId, u64, OptionQuery>;

    /// Hotkey that a coldkey's incentive is staked to.
    #[pallet::storage]
    pub type AutoStakeDestination<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, u16, T::AccountId, OptionQuery>;

    /// Coldkeys that stake their incentive to a hotkey.
    #[pallet::storage]
    pub type AutoStakeDestinationColdkeys<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, u16, Vec<T::AccountId>, ValueQuery>;

    /// What becomes of root dividends; shown to clients.
    #[pallet::storage]
    pub type RootClaimType<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, RootClaimTypeEnum, ValueQuery>;

    /// Locked stake; none exists here.
    #[pallet::storage]
    pub type HotkeyLock<T: Config> =
        StorageDoubleMap<_, Identity, u16, Blake2_128Concat, T::AccountId, LockState, OptionQuery>;

    /// Locked stake; none exists here.
    #[pallet::storage]
    pub type DecayingHotkeyLock<T: Config> =
        StorageDoubleMap<_, Identity, u16, Blake2_128Concat, T::AccountId, LockState, OptionQuery>;

    /// Locked stake; none exists here.
    #[pallet::storage]
    pub type OwnerLock<T> = StorageMap<_, Identity, u16, LockState, OptionQuery>;

    /// Locked stake; none exists here.
    #[pallet::storage]
    pub type DecayingOwnerLock<T> = StorageMap<_, Identity, u16, LockState, OptionQuery>;

    /// Locked stake; none exists here.
    #[pallet::storage]
    pub type Lock<T: Config> = StorageNMap<
        _,
        (
            NMapKey<Blake2_128Concat, T::AccountId>,
            NMapKey<Identity, u16>,
            NMapKey<Blake2_128Concat, T::AccountId>,
        ),
        LockState,
        OptionQuery,
    >;

    /// Whether a lock decays; none exists here.
    #[pallet::storage]
    pub type DecayingLock<T: Config> =
        StorageDoubleMap<_, Blake2_128Concat, T::AccountId, Identity, u16, bool, ValueQuery>;
}
