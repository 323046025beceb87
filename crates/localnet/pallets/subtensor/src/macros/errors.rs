//! Errors, with the main chain's names and order, so that indices agree. Most belong to calls that do not exist here.

use frame_support::pallet_macros::pallet_section;

/// Why a call failed.
#[pallet_section]
mod errors {
    #[pallet::error]
    pub enum Error<T> {
        RootNetworkDoesNotExist,
        /// The address is neither version 4 nor 6.
        InvalidIpType,
        /// Nobody else could reach this address.
        InvalidIpAddress,
        /// Port 0 cannot be reached.
        InvalidPort,
        /// The hotkey has no uid on this subnet.
        HotKeyNotRegisteredInSubNet,
        /// The hotkey has never been registered anywhere.
        HotKeyAccountNotExists,
        /// The hotkey has to register before it serves.
        HotKeyNotRegisteredInNetwork,
        /// The hotkey belongs to another coldkey.
        NonAssociatedColdKey,
        NotEnoughStake,
        /// The coldkey has less stake than it asks for.
        NotEnoughStakeToWithdraw,
        /// The stake is below the threshold for weights.
        NotEnoughStakeToSetWeights,
        /// The stake is below the threshold.
        NotEnoughStakeToSetChildkeys,
        /// The coldkey cannot pay.
        NotEnoughBalanceToStake,
        /// The balance could not be withdrawn.
        BalanceWithdrawalError,
        ZeroBalanceAfterWithdrawn,
        /// The stake is not among the highest; permits are given out at epochs.
        NeuronNoValidatorPermit,
        /// uids and weights differ in number.
        WeightVecNotEqualSize,
        /// A uid appears twice.
        DuplicateUids,
        /// A uid does not exist.
        UidVecContainInvalidOne,
        /// Fewer weights than the subnet asks for.
        WeightVecLengthIsLow,
        TooManyRegistrationsThisBlock,
        /// Nothing to do: the hotkey has a uid.
        HotKeyAlreadyRegisteredInSubNet,
        /// The hotkeys are the same.
        NewHotKeyIsSameWithOld,
        NewHotKeyNotCleanForRootSwap,
        InvalidWorkBlock,
        InvalidDifficulty,
        InvalidSeal,
        /// A weight is above the limit.
        MaxWeightExceeded,
        HotKeyAlreadyDelegate,
        /// Weights were set less than `WeightsSetRateLimit` blocks ago.
        SettingWeightsTooFast,
        /// The subnet asks for newer validator software.
        IncorrectWeightVersionKey,
        /// Served less than `ServingRateLimit` blocks ago.
        ServingRateLimitExceeded,
        /// More weights than neurons.
        UidsLengthExceedUidsInSubNet,
        /// A subnet was created less than `NetworkRateLimit` blocks ago.
        NetworkTxRateLimitExceeded,
        /// The take was raised too recently.
        DelegateTxRateLimitExceeded,
        HotKeySetTxRateLimitExceeded,
        StakingRateLimitExceeded,
        /// The owner has closed registration.
        SubNetRegistrationDisabled,
        TooManyRegistrationsThisInterval,
        TransactorAccountShouldBeHotKey,
        FaucetDisabled,
        /// Only the owner may do this.
        NotSubnetOwner,
        /// Neurons join root by `root_register`.
        RegistrationNotPermittedOnRootSubnet,
        /// Root is full of higher stakes.
        StakeTooLowForRoot,
        AllNetworksInImmunity,
        /// The coldkey cannot pay for the swap.
        NotEnoughBalanceToPaySwapHotKey,
        NotRootSubnet,
        /// Root has no weights.
        CanNotSetRootNetworkWeights,
        /// The subnet is full and nobody may be pruned.
        NoNeuronIdAvailable,
        /// The take is below what is allowed.
        DelegateTakeTooLow,
        /// The take is above what is allowed.
        DelegateTakeTooHigh,
        /// Nothing is committed that could be revealed.
        NoWeightsCommitFound,
        /// These are not the weights, salt and version key that were committed.
        InvalidRevealCommitHashNotMatch,
        /// Weights have to be committed first on this subnet.
        CommitRevealEnabled,
        /// Weights are set directly on this subnet.
        CommitRevealDisabled,
        LiquidAlphaDisabled,
        /// The higher rate of liquid alpha is too low.
        AlphaHighTooLow,
        /// The lower rate of liquid alpha is out of range.
        AlphaLowOutOfRange,
        ColdKeyAlreadyAssociated,
        NotEnoughBalanceToPaySwapColdKey,
        /// A hotkey cannot be its own child.
        InvalidChild,
        /// A child appears twice.
        DuplicateChild,
        /// The shares of the children pass the whole.
        ProportionOverflow,
        /// At most five children.
        TooManyChildren,
        /// The owner changed this parameter too recently.
        TxRateLimitExceeded,
        ColdkeySwapAnnouncementNotFound,
        ColdkeySwapTooEarly,
        ColdkeySwapReannouncedTooEarly,
        AnnouncedColdkeyHashDoesNotMatch,
        ColdkeySwapAlreadyDisputed,
        NewColdKeyIsHotkey,
        /// The take is out of bounds.
        InvalidChildkeyTake,
        /// The take was changed too recently.
        TxChildkeyTakeRateLimitExceeded,
        /// A field of the identity is too long.
        InvalidIdentity,
        /// The subnet has fewer mechanisms.
        MechanismDoesNotExist,
        StakeUnavailable,
        /// There is no such subnet.
        SubnetNotExists,
        /// Ten commits wait to be revealed.
        TooManyUnrevealedCommits,
        /// The epoch in which the weights could be revealed is over.
        ExpiredWeightCommit,
        /// The epoch in which the weights can be revealed has not come.
        RevealTooEarly,
        /// The lists differ in length.
        InputLengthsUnequal,
        /// Weights were set or committed less than `WeightsSetRateLimit` blocks ago.
        CommittingWeightsTooFast,
        /// The amount is below the minimum.
        AmountTooLow,
        /// The pool is too small for this amount.
        InsufficientLiquidity,
        /// The price would pass the limit.
        SlippageTooHigh,
        /// The subnet does not allow transfers of stake.
        TransferDisallowed,
        /// The activity cutoff is below the minimum.
        ActivityCutoffTooLow,
        /// The call does nothing on this chain.
        CallDisabled,
        /// The subnet has been started.
        FirstEmissionBlockNumberAlreadySet,
        /// The subnet is too young to be started.
        NeedWaitingMoreBlocksToStarCall,
        /// There is less alpha than that.
        NotEnoughAlphaOutToRecycle,
        /// Root has no alpha.
        CannotBurnOrRecycleOnRootSubnet,
        UnableToRecoverPublicKey,
        InvalidRecoveredPublicKey,
        /// The subnet has not been started.
        SubtokenDisabled,
        /// The coldkey swapped a hotkey on this subnet too recently.
        HotKeySwapOnSubnetIntervalNotPassed,
        KeepStakeBlockedByCollateral,
        /// The stake is there already.
        SameNetuid,
        InsufficientTaoBalance,
        InvalidLeaseBeneficiary,
        LeaseCannotEndInThePast,
        LeaseNetuidNotFound,
        LeaseDoesNotExist,
        LeaseHasNoEndBlock,
        LeaseHasNotEnded,
        /// A number is too large.
        Overflow,
        /// The hotkey belongs to somebody else.
        BeneficiaryDoesNotOwnHotkey,
        ExpectedBeneficiaryOrigin,
        /// Too close to the next epoch.
        AdminActionProhibitedDuringWeightsWindow,
        /// The symbol is not in the list.
        SymbolDoesNotExist,
        /// Another subnet has the symbol.
        SymbolAlreadyInUse,
        /// The commit was made by other software than the chain asks for.
        IncorrectCommitRevealVersion,
        /// The round of the reveal has passed.
        InvalidRevealRound,
        /// More than 100 epochs.
        RevealPeriodTooLarge,
        /// Less than one epoch.
        RevealPeriodTooSmall,
        /// The value is out of range.
        InvalidValue,
        /// There are as many subnets as there may be.
        SubnetLimitReached,
        /// The coldkey cannot pay for a subnet.
        CannotAffordLockCost,
        EvmKeyAssociateRateLimitExceeded,
        EvmKeyAssociationLimitExceeded,
        /// The incentive is staked there already.
        SameAutoStakeHotkeyAlreadySet,
        UidMapCouldNotBeCleared,
        TrimmingWouldExceedMaxImmunePercentage,
        /// A child has no children, and a parent no parents.
        ChildParentInconsistency,
        InvalidRootClaimThreshold,
        /// Uids times mechanisms would pass 256.
        TooManyUIDsPerMechanism,
        VotingPowerTrackingNotEnabled,
        InvalidVotingPowerEmaAlpha,
        Deprecated,
        SubnetBuybackRateLimitExceeded,
        NetworkDissolveAlreadyQueued,
        AddStakeBurnRateLimitExceeded,
        ColdkeySwapAnnounced,
        ColdkeySwapDisputed,
        ColdkeySwapClearTooEarly,
        DisabledTemporarily,
        /// The price is above the caller's limit.
        RegistrationPriceLimitExceeded,
        LockHotkeyMismatch,
        InsufficientStakeForLock,
        NoExistingLock,
        ActiveLockExists,
        CannotUseSystemAccount,
        UnlockAmountTooHigh,
        WaitingForDissolvedSubnetCleanup,
        /// A tempo has 360 to 50400 blocks.
        TempoOutOfBounds,
        /// A cutoff has 1000 to 50000 thousandths of a tempo.
        ActivityCutoffFactorMilliOutOfBounds,
        /// An epoch is planned already.
        EpochTriggerAlreadyPending,
        /// The next epoch comes as soon by itself.
        AutoEpochAlreadyImminent,
        /// Not while weights have to be committed.
        DynamicTempoBlockedByCommitReveal,
        AccountRejectsLockedAlpha,
        LockIdOverFlow,
        StartCallNotReady,
        InsufficientAlphaBalance,
        ColdkeyCollateralIncomplete,
        ColdkeyCollateralPositionsFull,
        BasketHasNoWeights,
        RootStakeLocked,
        BetaBasketSeedInProgress,
        RootWeightSettingDisabled,
        RootClaimTooHeavy,
        RootWeightCapExceeded,
        BasketDepositPending,
        InvalidBatchLength,
        TooManyStakingHotkeys,
        ColdkeySwapTooHeavy,
        BasketConcentrationCapExceeded,
        BasketTradingDisabled,
        BasketTradingFrozen,
        BasketTurnoverBudgetExceeded,
        BasketSameSubnet,
        BasketLiquidityCapExceeded,
        BasketMinOutNotMet,
        BasketSwapBatchEmpty,
        CommitPayloadTooLarge,
        CommitQueueFull,
    }
}
