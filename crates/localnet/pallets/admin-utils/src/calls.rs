//! The calls, with the main chain's indices. All need root; those marked "or the owner" also take the subnet's owner.

use frame_support::pallet_macros::pallet_section;

/// Hyperparameters.
#[pallet_section]
mod calls {
    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Sets blocks between some calls of a coldkey.
        #[pallet::call_index(2)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_tx_rate_limit(origin: OriginFor<T>, tx_rate_limit: u64) -> DispatchResult {
            ensure_root(origin)?;
            pallet_subtensor::TxRateLimit::<T>::put(tx_rate_limit);
            Self::tell(Told::TxRateLimitSet(tx_rate_limit));
            Ok(())
        }

        /// Sets blocks between two serve calls of a hotkey; or the owner.
        #[pallet::call_index(3)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_serving_rate_limit(
            origin: OriginFor<T>,
            netuid: u16,
            serving_rate_limit: u64,
        ) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::ServingRateLimit)?;
            pallet_subtensor::ServingRateLimit::<T>::insert(netuid, serving_rate_limit);
            Self::tell(Told::ServingRateLimitSet(netuid, serving_rate_limit));
            Ok(())
        }

        /// Sets the lowest version key accepted with weights; or the owner.
        #[pallet::call_index(6)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_weights_version_key(
            origin: OriginFor<T>,
            netuid: u16,
            weights_version_key: u64,
        ) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::Unknown)?;
            pallet_subtensor::WeightsVersionKey::<T>::insert(netuid, weights_version_key);
            Self::tell(Told::WeightsVersionKeySet(netuid, weights_version_key));
            Ok(())
        }

        /// Sets blocks between two changes of weights.
        #[pallet::call_index(7)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_weights_set_rate_limit(
            origin: OriginFor<T>,
            netuid: u16,
            weights_set_rate_limit: u64,
        ) -> DispatchResult {
            Self::allow_root(origin, netuid)?;
            pallet_subtensor::WeightsSetRateLimit::<T>::insert(netuid, weights_set_rate_limit);
            Self::tell(Told::WeightsSetRateLimitSet(netuid, weights_set_rate_limit));
            Ok(())
        }

        /// Sets blocks during which a new neuron is pruned last; or the owner.
        #[pallet::call_index(13)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_immunity_period(origin: OriginFor<T>, netuid: u16, immunity_period: u16) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::ImmunityPeriod)?;
            pallet_subtensor::ImmunityPeriod::<T>::insert(netuid, immunity_period);
            Self::tell(Told::ImmunityPeriodSet(netuid, immunity_period));
            Ok(())
        }

        /// Sets the fewest weights in a row; or the owner.
        #[pallet::call_index(14)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_min_allowed_weights(
            origin: OriginFor<T>,
            netuid: u16,
            min_allowed_weights: u16,
        ) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::MinAllowedWeights)?;
            pallet_subtensor::MinAllowedWeights::<T>::insert(netuid, min_allowed_weights);
            Self::tell(Told::MinAllowedWeightSet(netuid, min_allowed_weights));
            Ok(())
        }

        /// Sets the most neurons; or the owner.
        #[pallet::call_index(15)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_max_allowed_uids(origin: OriginFor<T>, netuid: u16, max_allowed_uids: u16) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::MaxAllowedUids)?;
            ensure!(
                max_allowed_uids >= pallet_subtensor::SubnetworkN::<T>::get(netuid),
                Error::<T>::MaxAllowedUIdsLessThanCurrentUIds
            );
            ensure!(
                max_allowed_uids >= pallet_subtensor::MinAllowedUids::<T>::get(netuid),
                Error::<T>::MaxAllowedUidsLessThanMinAllowedUids
            );
            ensure!(
                max_allowed_uids <= MOST_UIDS,
                Error::<T>::MaxAllowedUidsGreaterThanDefaultMaxAllowedUids
            );
            pallet_subtensor::MaxAllowedUids::<T>::insert(netuid, max_allowed_uids);
            Self::tell(Told::MaxAllowedUidsSet(netuid, max_allowed_uids));
            Ok(())
        }

        /// Sets the share of stake that makes consensus, of 65535.
        #[pallet::call_index(16)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_kappa(origin: OriginFor<T>, netuid: u16, kappa: u16) -> DispatchResult {
            Self::allow_root(origin, netuid)?;
            pallet_subtensor::Kappa::<T>::insert(netuid, kappa);
            Self::tell(Told::KappaSet(netuid, kappa));
            Ok(())
        }

        /// Sets rho; or the owner.
        #[pallet::call_index(17)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_rho(origin: OriginFor<T>, netuid: u16, rho: u16) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::Rho)?;
            pallet_subtensor::Rho::<T>::insert(netuid, rho);
            Self::tell(Told::RhoSet(netuid, rho));
            Ok(())
        }

        /// Sets the superseded activity cutoff, blocks; or the owner.
        #[pallet::call_index(18)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_activity_cutoff(origin: OriginFor<T>, netuid: u16, activity_cutoff: u16) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::ActivityCutoff)?;
            let lowest = pallet_subtensor::MinActivityCutoff::<T>::get();
            ensure!(
                activity_cutoff >= lowest,
                pallet_subtensor::Error::<T>::ActivityCutoffTooLow
            );
            pallet_subtensor::ActivityCutoff::<T>::insert(netuid, activity_cutoff);
            Self::tell(Told::ActivityCutoffSet(netuid, activity_cutoff));
            Ok(())
        }

        /// Opens or closes registration.
        #[pallet::call_index(19)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_network_registration_allowed(
            origin: OriginFor<T>,
            netuid: u16,
            registration_allowed: bool,
        ) -> DispatchResult {
            Self::allow_root(origin, netuid)?;
            pallet_subtensor::NetworkRegistrationAllowed::<T>::insert(netuid, registration_allowed);
            Self::tell(Told::RegistrationAllowed(netuid, registration_allowed));
            Ok(())
        }

        /// Sets the superseded target of registrations.
        #[pallet::call_index(21)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_target_registrations_per_interval(
            origin: OriginFor<T>,
            netuid: u16,
            target_registrations_per_interval: u16,
        ) -> DispatchResult {
            Self::allow_root(origin, netuid)?;
            pallet_subtensor::TargetRegistrationsPerInterval::<T>::insert(netuid, target_registrations_per_interval);
            Self::tell(Told::RegistrationPerIntervalSet(
                netuid,
                target_registrations_per_interval,
            ));
            Ok(())
        }

        /// Sets the lowest price of a registration, rao; or the owner.
        #[pallet::call_index(22)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_min_burn(origin: OriginFor<T>, netuid: u16, min_burn: u64) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::MinBurn)?;
            ensure!(min_burn <= MIN_BURN_UPPER_BOUND, Error::<T>::ValueNotInBounds);
            ensure!(
                min_burn < pallet_subtensor::MaxBurn::<T>::get(netuid),
                Error::<T>::ValueNotInBounds
            );
            pallet_subtensor::MinBurn::<T>::insert(netuid, min_burn);
            Self::tell(Told::MinBurnSet(netuid, min_burn));
            Ok(())
        }

        /// Sets the highest price of a registration, rao; or the owner.
        #[pallet::call_index(23)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_max_burn(origin: OriginFor<T>, netuid: u16, max_burn: u64) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::MaxBurn)?;
            ensure!(max_burn >= MAX_BURN_LOWER_BOUND, Error::<T>::ValueNotInBounds);
            ensure!(
                max_burn > pallet_subtensor::MinBurn::<T>::get(netuid),
                Error::<T>::ValueNotInBounds
            );
            pallet_subtensor::MaxBurn::<T>::insert(netuid, max_burn);
            Self::tell(Told::MaxBurnSet(netuid, max_burn));
            Ok(())
        }

        /// Sets the number of validator permits.
        #[pallet::call_index(25)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_max_allowed_validators(
            origin: OriginFor<T>,
            netuid: u16,
            max_allowed_validators: u16,
        ) -> DispatchResult {
            Self::allow_root(origin, netuid)?;
            ensure!(
                max_allowed_validators <= pallet_subtensor::MaxAllowedUids::<T>::get(netuid),
                Error::<T>::MaxValidatorsLargerThanMaxUIds
            );
            pallet_subtensor::MaxAllowedValidators::<T>::insert(netuid, max_allowed_validators);
            Self::tell(Told::MaxAllowedValidatorsSet(netuid, max_allowed_validators));
            Ok(())
        }

        /// Sets the weight of old bonds, parts per million; or the owner.
        #[pallet::call_index(26)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_bonds_moving_average(
            origin: OriginFor<T>,
            netuid: u16,
            bonds_moving_average: u64,
        ) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::BondsMovingAverage)?;
            ensure!(
                bonds_moving_average <= BONDS_MOVING_AVERAGE_LIMIT,
                Error::<T>::BondsMovingAverageMaxReached
            );
            pallet_subtensor::BondsMovingAverage::<T>::insert(netuid, bonds_moving_average);
            Self::tell(Told::BondsMovingAverageSet(netuid, bonds_moving_average));
            Ok(())
        }

        /// Sets the superseded limit of registrations.
        #[pallet::call_index(27)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_max_registrations_per_block(
            origin: OriginFor<T>,
            netuid: u16,
            max_registrations_per_block: u16,
        ) -> DispatchResult {
            Self::allow_root(origin, netuid)?;
            pallet_subtensor::MaxRegistrationsPerBlock::<T>::insert(netuid, max_registrations_per_block);
            Self::tell(Told::MaxRegistrationsPerBlockSet(netuid, max_registrations_per_block));
            Ok(())
        }

        /// Sets blocks between two creations of a subnet.
        #[pallet::call_index(29)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_network_rate_limit(origin: OriginFor<T>, rate_limit: u64) -> DispatchResult {
            ensure_root(origin)?;
            pallet_subtensor::NetworkRateLimit::<T>::put(rate_limit);
            Self::tell(Told::NetworkRateLimitSet(rate_limit));
            Ok(())
        }

        /// Sets blocks per epoch; 0 stops epochs.
        #[pallet::call_index(30)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_tempo(origin: OriginFor<T>, netuid: u16, tempo: u16) -> DispatchResult {
            Self::allow_root(origin, netuid)?;
            pallet_subtensor::Pallet::<T>::start_cycle(netuid, tempo);
            Ok(())
        }

        /// Sets the lowest price of a subnet, rao.
        #[pallet::call_index(36)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_network_min_lock_cost(origin: OriginFor<T>, lock_cost: u64) -> DispatchResult {
            ensure_root(origin)?;
            pallet_subtensor::NetworkMinLockCost::<T>::put(lock_cost);
            Self::tell(Told::NetworkMinLockCostSet(lock_cost));
            Ok(())
        }

        /// Sets the most subnets there may be.
        #[pallet::call_index(37)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_subnet_limit(origin: OriginFor<T>, max_subnets: u16) -> DispatchResult {
            ensure_root(origin)?;
            pallet_subtensor::SubnetLimit::<T>::put(max_subnets);
            Self::tell(Told::SubnetLimitSet(max_subnets));
            Ok(())
        }

        /// Sets the least stake weight that may set weights, rao.
        #[pallet::call_index(42)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_stake_threshold(origin: OriginFor<T>, min_stake: u64) -> DispatchResult {
            ensure_root(origin)?;
            pallet_subtensor::StakeThreshold::<T>::put(min_stake);
            Self::tell(Told::StakeThresholdSet(min_stake));
            Ok(())
        }

        /// Says whether weights have to be committed first; or the owner.
        #[pallet::call_index(49)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_commit_reveal_weights_enabled(
            origin: OriginFor<T>,
            netuid: u16,
            enabled: bool,
        ) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::CommitRevealEnabled)?;
            pallet_subtensor::CommitRevealWeightsEnabled::<T>::insert(netuid, enabled);
            Self::tell(Told::CommitRevealEnabled(netuid, enabled));
            Ok(())
        }

        /// Says whether each bond has its own rate; or the owner.
        #[pallet::call_index(50)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_liquid_alpha_enabled(origin: OriginFor<T>, netuid: u16, enabled: bool) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::LiquidAlphaEnabled)?;
            pallet_subtensor::LiquidAlphaOn::<T>::insert(netuid, enabled);
            Ok(())
        }

        /// Sets the lowest and highest rate of liquid alpha, of 65535; or the owner.
        #[pallet::call_index(51)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_alpha_values(
            origin: OriginFor<T>,
            netuid: u16,
            alpha_low: u16,
            alpha_high: u16,
        ) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::AlphaValues)?;
            ensure!(
                pallet_subtensor::LiquidAlphaOn::<T>::get(netuid),
                pallet_subtensor::Error::<T>::LiquidAlphaDisabled
            );
            ensure!(
                alpha_high >= LOWEST_ALPHA,
                pallet_subtensor::Error::<T>::AlphaHighTooLow
            );
            let in_range = (LOWEST_ALPHA..=alpha_high).contains(&alpha_low);
            ensure!(in_range, pallet_subtensor::Error::<T>::AlphaLowOutOfRange);
            pallet_subtensor::AlphaValues::<T>::insert(netuid, (alpha_low, alpha_high));
            Ok(())
        }

        /// Sets the epochs between commit and reveal; or the owner.
        #[pallet::call_index(57)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_commit_reveal_weights_interval(
            origin: OriginFor<T>,
            netuid: u16,
            interval: u64,
        ) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::WeightCommitInterval)?;
            ensure!(interval >= 1, pallet_subtensor::Error::<T>::RevealPeriodTooSmall);
            ensure!(
                interval <= MOST_REVEAL_EPOCHS,
                pallet_subtensor::Error::<T>::RevealPeriodTooLarge
            );
            pallet_subtensor::RevealPeriodEpochs::<T>::insert(netuid, interval);
            Self::tell(Told::CommitRevealPeriodsSet(netuid, interval));
            Ok(())
        }

        /// Sets how much out-of-consensus weight is kept out of bonds, of 65535; or the owner.
        #[pallet::call_index(60)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_bonds_penalty(origin: OriginFor<T>, netuid: u16, bonds_penalty: u16) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::BondsPenalty)?;
            pallet_subtensor::BondsPenalty::<T>::insert(netuid, bonds_penalty);
            Self::tell(Told::BondsPenaltySet(netuid, bonds_penalty));
            Ok(())
        }

        /// Says whether stake may be traded.
        #[pallet::call_index(66)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_subtoken_enabled(origin: OriginFor<T>, netuid: u16, subtoken_enabled: bool) -> DispatchResult {
            Self::allow_root(origin, netuid)?;
            pallet_subtensor::SubtokenEnabled::<T>::insert(netuid, subtoken_enabled);
            Ok(())
        }

        /// Sets the steepness of liquid alpha, hundredths; or the owner.
        #[pallet::call_index(68)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_alpha_sigmoid_steepness(origin: OriginFor<T>, netuid: u16, steepness: i16) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::AlphaSigmoidSteepness)?;
            ensure!(steepness >= 0, Error::<T>::NegativeSigmoidSteepness);
            pallet_subtensor::AlphaSigmoidSteepness::<T>::insert(netuid, steepness);
            Self::tell(Told::AlphaSigmoidSteepnessSet(netuid, steepness));
            Ok(())
        }

        /// Says whether bonds are absolute; or the owner.
        #[pallet::call_index(69)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_yuma3_enabled(origin: OriginFor<T>, netuid: u16, enabled: bool) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::Yuma3Enabled)?;
            pallet_subtensor::Yuma3On::<T>::insert(netuid, enabled);
            Self::deposit_event(Event::Yuma3EnableToggled { netuid, enabled });
            Ok(())
        }

        /// Says whether a commitment may reset bonds; or the owner.
        #[pallet::call_index(70)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_bonds_reset_enabled(origin: OriginFor<T>, netuid: u16, enabled: bool) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::BondsResetEnabled)?;
            pallet_subtensor::BondsResetOn::<T>::insert(netuid, enabled);
            Self::deposit_event(Event::BondsResetToggled { netuid, enabled });
            Ok(())
        }

        /// Sets the version of timelocked commits.
        #[pallet::call_index(71)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_commit_reveal_version(origin: OriginFor<T>, version: u16) -> DispatchResult {
            ensure_root(origin)?;
            pallet_subtensor::CommitRevealWeightsVersion::<T>::put(version);
            Self::tell(Told::CommitRevealVersionSet(version));
            Ok(())
        }

        /// Sets how many of the owner's neurons are never pruned; or the owner.
        #[pallet::call_index(72)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_owner_immune_neuron_limit(
            origin: OriginFor<T>,
            netuid: u16,
            immune_neurons: u16,
        ) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::ImmuneNeuronLimit)?;
            ensure!((1..=10).contains(&immune_neurons), Error::<T>::InvalidValue);
            pallet_subtensor::ImmuneOwnerUidsLimit::<T>::insert(netuid, immune_neurons);
            Ok(())
        }

        /// Sets blocks before an epoch in which an owner may change nothing.
        #[pallet::call_index(74)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_admin_freeze_window(origin: OriginFor<T>, window: u16) -> DispatchResult {
            ensure_root(origin)?;
            pallet_subtensor::AdminFreezeWindow::<T>::put(window);
            Self::tell(Told::AdminFreezeWindowSet(window));
            Ok(())
        }

        /// Sets tempos between two changes of one parameter by an owner.
        #[pallet::call_index(75)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_owner_hparam_rate_limit(origin: OriginFor<T>, epochs: u16) -> DispatchResult {
            ensure_root(origin)?;
            pallet_subtensor::OwnerHyperparamRateLimit::<T>::put(epochs);
            Self::tell(Told::OwnerHyperparamRateLimitSet(epochs));
            Ok(())
        }

        /// Sets the number of mechanisms; or the owner.
        #[pallet::call_index(76)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_mechanism_count(origin: OriginFor<T>, netuid: u16, mechanism_count: u8) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::Unknown)?;
            pallet_subtensor::Pallet::<T>::set_mechanism_count(netuid, mechanism_count)?;
            Ok(())
        }

        /// Sets the share of each mechanism, of 65535; even when absent; or the owner.
        #[pallet::call_index(77)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_mechanism_emission_split(
            origin: OriginFor<T>,
            netuid: u16,
            maybe_split: Option<Vec<u16>>,
        ) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::Unknown)?;
            pallet_subtensor::Pallet::<T>::set_mechanism_split(netuid, maybe_split)?;
            Ok(())
        }

        /// Sets the fewest uids a subnet may be trimmed to.
        #[pallet::call_index(79)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_min_allowed_uids(origin: OriginFor<T>, netuid: u16, min_allowed_uids: u16) -> DispatchResult {
            Self::allow_root(origin, netuid)?;
            ensure!(
                min_allowed_uids < pallet_subtensor::MaxAllowedUids::<T>::get(netuid),
                Error::<T>::MinAllowedUidsGreaterThanMaxAllowedUids
            );
            pallet_subtensor::MinAllowedUids::<T>::insert(netuid, min_allowed_uids);
            Ok(())
        }

        /// Sets how many neurons always stay prunable.
        #[pallet::call_index(84)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_min_non_immune_uids(origin: OriginFor<T>, netuid: u16, min: u16) -> DispatchResult {
            Self::allow_root(origin, netuid)?;
            pallet_subtensor::MinNonImmuneUids::<T>::insert(netuid, min);
            Self::tell(Told::MinNonImmuneUidsSet(netuid, min));
            Ok(())
        }

        /// Sets blocks between a subnet's creation and the earliest `start_call`.
        #[pallet::call_index(85)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_start_call_delay(origin: OriginFor<T>, delay: u64) -> DispatchResult {
            ensure_root(origin)?;
            pallet_subtensor::StartCallDelay::<T>::put(delay);
            Self::tell(Told::StartCallDelaySet(delay));
            Ok(())
        }

        /// Sets blocks in which the price of a registration halves; or the owner.
        #[pallet::call_index(89)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_burn_half_life(origin: OriginFor<T>, netuid: u16, burn_half_life: u16) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::Unknown)?;
            ensure!(burn_half_life > 0, Error::<T>::InvalidValue);
            pallet_subtensor::BurnHalfLife::<T>::insert(netuid, burn_half_life);
            Ok(())
        }

        /// Sets the factor on the price at each registration; or the owner.
        #[pallet::call_index(90)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_burn_increase_mult(
            origin: OriginFor<T>,
            netuid: u16,
            burn_increase_mult: U64F64,
        ) -> DispatchResult {
            Self::allow_owner(origin, netuid, Hyperparameter::Unknown)?;
            ensure!(burn_increase_mult.bits >= 1 << 64, Error::<T>::InvalidValue);
            pallet_subtensor::BurnIncreaseMult::<T>::insert(netuid, burn_increase_mult);
            Ok(())
        }

        /// Sets the most epochs run in one block.
        #[pallet::call_index(96)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_max_epochs_per_block(origin: OriginFor<T>, max_epochs_per_block: u8) -> DispatchResult {
            ensure_root(origin)?;
            ensure!(max_epochs_per_block > 0, Error::<T>::InvalidValue);
            pallet_subtensor::MaxEpochsPerBlock::<T>::put(max_epochs_per_block);
            Ok(())
        }
    }
}
