//! Events, with the main chain's names, fields and indices.

use frame_support::pallet_macros::pallet_section;

/// What happened.
#[pallet_section]
mod events {
    #[pallet::event]
    #[pallet::generate_deposit(pub fn deposit_event)]
    pub enum Event<T: Config> {
        /// A subnet was created: netuid, mechanism of its price.
        #[codec(index = 0)]
        NetworkAdded(u16, u16),
        /// A subnet was dissolved: netuid.
        #[codec(index = 1)]
        NetworkRemoved(u16),
        /// coldkey, hotkey, TAO spent (rao), alpha received, netuid, fee (rao).
        #[codec(index = 2)]
        StakeAdded(T::AccountId, T::AccountId, u64, u64, u16, u64),
        /// coldkey, hotkey, TAO received (rao), alpha sold, netuid, fee (alpha-rao).
        #[codec(index = 3)]
        StakeRemoved(T::AccountId, T::AccountId, u64, u64, u16, u64),
        /// coldkey, old hotkey, old netuid, new hotkey, new netuid, worth (rao).
        #[codec(index = 4)]
        StakeMoved(T::AccountId, T::AccountId, u16, T::AccountId, u16, u64),
        /// mechanism-qualified netuid, uid.
        #[codec(index = 5)]
        WeightsSet(u16, u16),
        /// netuid, uid, hotkey.
        #[codec(index = 6)]
        NeuronRegistered(u16, u16, T::AccountId),
        /// netuid where there is one, new value.
        #[codec(index = 9)]
        MaxAllowedUidsSet(u16, u16),
        /// netuid where there is one, new value.
        #[codec(index = 13)]
        RegistrationPerIntervalSet(u16, u16),
        /// netuid where there is one, new value.
        #[codec(index = 14)]
        MaxRegistrationsPerBlockSet(u16, u16),
        /// netuid where there is one, new value.
        #[codec(index = 15)]
        ActivityCutoffSet(u16, u16),
        /// netuid where there is one, new value.
        #[codec(index = 16)]
        RhoSet(u16, u16),
        /// netuid where there is one, new value.
        #[codec(index = 17)]
        AlphaSigmoidSteepnessSet(u16, i16),
        /// netuid where there is one, new value.
        #[codec(index = 18)]
        KappaSet(u16, u16),
        /// netuid where there is one, new value.
        #[codec(index = 19)]
        MinAllowedWeightSet(u16, u16),
        /// netuid where there is one, new value.
        #[codec(index = 22)]
        WeightsSetRateLimitSet(u16, u64),
        /// netuid where there is one, new value.
        #[codec(index = 23)]
        ImmunityPeriodSet(u16, u16),
        /// netuid where there is one, new value.
        #[codec(index = 24)]
        BondsMovingAverageSet(u16, u64),
        /// netuid where there is one, new value.
        #[codec(index = 25)]
        BondsPenaltySet(u16, u16),
        /// netuid where there is one, new value.
        #[codec(index = 27)]
        MaxAllowedValidatorsSet(u16, u16),
        /// netuid, hotkey.
        #[codec(index = 28)]
        AxonServed(u16, T::AccountId),
        /// netuid, hotkey.
        #[codec(index = 29)]
        PrometheusServed(u16, T::AccountId),
        /// netuid where there is one, new value.
        #[codec(index = 32)]
        WeightsVersionKeySet(u16, u64),
        /// netuid where there is one, new value.
        #[codec(index = 35)]
        ServingRateLimitSet(u16, u64),
        /// netuid where there is one, new value.
        #[codec(index = 37)]
        MaxBurnSet(u16, u64),
        /// netuid where there is one, new value.
        #[codec(index = 38)]
        MinBurnSet(u16, u64),
        /// netuid where there is one, new value.
        #[codec(index = 39)]
        TxRateLimitSet(u64),
        /// netuid where there is one, new value.
        #[codec(index = 42)]
        AdminFreezeWindowSet(u16),
        /// netuid where there is one, new value.
        #[codec(index = 43)]
        OwnerHyperparamRateLimitSet(u16),
        /// hotkey, take of 65535.
        #[codec(index = 46)]
        ChildKeyTakeSet(T::AccountId, u16),
        /// netuid where there is one, new value.
        #[codec(index = 48)]
        RegistrationAllowed(u16, bool),
        /// netuid where there is one, new value.
        #[codec(index = 50)]
        TempoSet(u16, u16),
        /// netuid where there is one, new value.
        #[codec(index = 52)]
        StakeThresholdSet(u64),
        /// netuid where there is one, new value.
        #[codec(index = 56)]
        NetworkRateLimitSet(u64),
        /// netuid where there is one, new value.
        #[codec(index = 58)]
        StartCallDelaySet(u64),
        /// netuid where there is one, new value.
        #[codec(index = 59)]
        NetworkMinLockCostSet(u64),
        /// netuid where there is one, new value.
        #[codec(index = 60)]
        SubnetLimitSet(u16),
        /// coldkey, hotkey, take of 65535.
        #[codec(index = 62)]
        TakeDecreased(T::AccountId, T::AccountId, u16),
        /// coldkey, hotkey, take of 65535.
        #[codec(index = 63)]
        TakeIncreased(T::AccountId, T::AccountId, u16),
        /// A hotkey was replaced everywhere.
        #[codec(index = 64)]
        HotkeySwapped {
            coldkey: T::AccountId,
            old_hotkey: T::AccountId,
            new_hotkey: T::AccountId,
        },
        /// Children were planned: parent, netuid, block they take over in, children.
        #[codec(index = 73)]
        SetChildrenScheduled(T::AccountId, u16, u64, Vec<(u64, T::AccountId)>),
        /// Children have taken over: parent, netuid, children.
        #[codec(index = 74)]
        SetChildren(T::AccountId, u16, Vec<(u64, T::AccountId)>),
        /// A coldkey said who it is.
        #[codec(index = 75)]
        ChainIdentitySet(T::AccountId),
        /// netuid.
        #[codec(index = 76)]
        SubnetIdentitySet(u16),
        /// Weights were committed by hash: hotkey, mechanism-qualified netuid, hash.
        #[codec(index = 83)]
        WeightsCommitted(T::AccountId, u16, H256),
        /// Weights committed by hash were revealed: hotkey, mechanism-qualified netuid, hash.
        #[codec(index = 84)]
        WeightsRevealed(T::AccountId, u16, H256),
        /// Several rows were revealed: hotkey, netuid, hashes.
        #[codec(index = 85)]
        WeightsBatchRevealed(T::AccountId, u16, Vec<H256>),
        /// Everything in a batch succeeded: netuids, hotkey.
        #[codec(index = 86)]
        BatchWeightsCompleted(Vec<codec::Compact<u16>>, T::AccountId),
        /// A batch is through, but some of it failed.
        #[codec(index = 87)]
        BatchCompletedWithErrors(),
        /// Part of a batch failed: why.
        #[codec(index = 88)]
        BatchWeightItemFailed(DispatchError),
        /// old coldkey, new coldkey, hotkey, old netuid, new netuid, worth (rao).
        #[codec(index = 89)]
        StakeTransferred(T::AccountId, T::AccountId, T::AccountId, u16, u16, u64),
        /// coldkey, hotkey, old netuid, new netuid, worth (rao).
        #[codec(index = 90)]
        StakeSwapped(T::AccountId, T::AccountId, u16, u16, u64),
        /// A subnet was started: netuid, first block of emission.
        #[codec(index = 93)]
        FirstEmissionBlockNumberSet(u16, u64),
        /// coldkey, hotkey, alpha, netuid.
        #[codec(index = 94)]
        AlphaRecycled(T::AccountId, T::AccountId, u64, u16),
        /// coldkey, hotkey, alpha, netuid.
        #[codec(index = 95)]
        AlphaBurned(T::AccountId, T::AccountId, u64, u16),
        /// netuid where there is one, new value.
        #[codec(index = 98)]
        CommitRevealPeriodsSet(u16, u64),
        /// netuid where there is one, new value.
        #[codec(index = 99)]
        CommitRevealEnabled(u16, bool),
        /// A hotkey was replaced on a subnet.
        #[codec(index = 100)]
        HotkeySwappedOnSubnet {
            coldkey: T::AccountId,
            old_hotkey: T::AccountId,
            new_hotkey: T::AccountId,
            netuid: u16,
        },
        /// A subnet's token has another symbol, UTF-8.
        #[codec(index = 103)]
        SymbolUpdated { netuid: u16, symbol: Vec<u8> },
        /// netuid where there is one, new value.
        #[codec(index = 104)]
        CommitRevealVersionSet(u16),
        /// Weights were committed under a timelock: hotkey, mechanism-qualified netuid, hash of the ciphertext, round.
        #[codec(index = 105)]
        TimelockedWeightsCommitted(T::AccountId, u16, H256, u64),
        /// Weights committed under a timelock were opened: mechanism-qualified netuid, hotkey.
        #[codec(index = 106)]
        TimelockedWeightsRevealed(u16, T::AccountId),
        /// A miner's incentive was staked to another hotkey.
        #[codec(index = 107)]
        AutoStakeAdded {
            netuid: u16,
            destination: T::AccountId,
            hotkey: T::AccountId,
            owner: T::AccountId,
            incentive: u64,
        },
        /// A coldkey's incentive will be staked to a hotkey.
        #[codec(index = 110)]
        AutoStakeDestinationSet {
            coldkey: T::AccountId,
            netuid: u16,
            hotkey: T::AccountId,
        },
        /// netuid where there is one, new value.
        #[codec(index = 111)]
        MinNonImmuneUidsSet(u16, u16),
        /// An epoch was put off to the next block: netuid, block it is now due at.
        #[codec(index = 200)]
        EpochDeferred(u16, u64),
        /// Stored vectors of a subnet disagree in length; its epoch did not run: netuid.
        #[codec(index = 201)]
        EpochSkipped(u16),
        /// An epoch will run soon: netuid, block it is due at.
        #[codec(index = 202)]
        EpochTriggered(u16, u64),
        /// netuid, new value.
        #[codec(index = 203)]
        ActivityCutoffFactorMilliSet(u16, u32),
    }
}
