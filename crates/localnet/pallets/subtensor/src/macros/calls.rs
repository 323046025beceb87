//! The calls, with the main chain's indices. Each is one line into the module that does the work.

use frame_support::pallet_macros::pallet_section;

/// What accounts can ask for.
#[pallet_section]
mod calls {
    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Sets the weights of a validator's hotkey. Free.
        #[pallet::call_index(0)]
        #[pallet::weight((Weight::from_parts(15_000_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn set_weights(
            origin: OriginFor<T>,
            netuid: u16,
            dests: Vec<u16>,
            weights: Vec<u16>,
            version_key: u64,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::do_set_weights(&hotkey, netuid, 0, dests, weights, version_key)
        }

        /// Stakes TAO to a hotkey; it is swapped for the subnet's alpha.
        #[pallet::call_index(2)]
        #[pallet::weight(Weight::from_parts(300_000_000, 0))]
        pub fn add_stake(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: u16,
            amount_staked: u64,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_add_stake(&coldkey, &hotkey, netuid, amount_staked, None)
        }

        /// Takes alpha off a hotkey; it is swapped for TAO.
        #[pallet::call_index(3)]
        #[pallet::weight(Weight::from_parts(300_000_000, 0))]
        pub fn remove_stake(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: u16,
            amount_unstaked: u64,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_remove_stake(&coldkey, &hotkey, netuid, amount_unstaked, None)
        }

        /// Says where a miner serves. Signed by the hotkey, free.
        #[pallet::call_index(4)]
        #[pallet::weight((Weight::from_parts(30_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn serve_axon(
            origin: OriginFor<T>,
            netuid: u16,
            version: u32,
            ip: u128,
            port: u16,
            ip_type: u8,
            protocol: u8,
            placeholder1: u8,
            placeholder2: u8,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let axon = AxonInfo {
                block: 0,
                version,
                ip,
                port,
                ip_type,
                protocol,
                placeholder1,
                placeholder2,
            };
            Self::do_serve_axon(&hotkey, netuid, axon, None)
        }

        /// Says where a neuron serves metrics. Signed by the hotkey, free.
        #[pallet::call_index(5)]
        #[pallet::weight((Weight::from_parts(30_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn serve_prometheus(
            origin: OriginFor<T>,
            netuid: u16,
            version: u32,
            ip: u128,
            port: u16,
            ip_type: u8,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::do_serve_prometheus(
                &hotkey,
                netuid,
                PrometheusInfo {
                    block: 0,
                    version,
                    ip,
                    port,
                    ip_type,
                },
            )
        }

        /// Registers a hotkey. The proof of work is ignored; the price is burned from the signer.
        #[pallet::call_index(6)]
        #[pallet::weight(Weight::from_parts(350_000_000, 0))]
        pub fn register(
            origin: OriginFor<T>,
            netuid: u16,
            _block_number: u64,
            _nonce: u64,
            _work: Vec<u8>,
            hotkey: T::AccountId,
            _coldkey: T::AccountId,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_burned_register(&coldkey, netuid, &hotkey, None)
        }

        /// Registers a hotkey for the price of the moment.
        #[pallet::call_index(7)]
        #[pallet::weight(Weight::from_parts(350_000_000, 0))]
        pub fn burned_register(origin: OriginFor<T>, netuid: u16, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_burned_register(&coldkey, netuid, &hotkey, None)
        }

        /// Like `serve_axon`, with a TLS key.
        #[pallet::call_index(40)]
        #[pallet::weight((Weight::from_parts(30_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn serve_axon_tls(
            origin: OriginFor<T>,
            netuid: u16,
            version: u32,
            ip: u128,
            port: u16,
            ip_type: u8,
            protocol: u8,
            placeholder1: u8,
            placeholder2: u8,
            certificate: Vec<u8>,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let axon = AxonInfo {
                block: 0,
                version,
                ip,
                port,
                ip_type,
                protocol,
                placeholder1,
                placeholder2,
            };
            Self::do_serve_axon(&hotkey, netuid, axon, Some(certificate))
        }

        /// Creates a subnet owned by the signer.
        #[pallet::call_index(59)]
        #[pallet::weight(Weight::from_parts(230_000_000, 0))]
        pub fn register_network(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_register_network(&coldkey, &hotkey, None)
        }

        /// Registers a hotkey on root.
        #[pallet::call_index(62)]
        #[pallet::weight(Weight::from_parts(140_000_000, 0))]
        pub fn root_register(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_root_register(&coldkey, &hotkey)
        }

        /// Lowers the take of a hotkey, of 65535.
        #[pallet::call_index(65)]
        #[pallet::weight(Weight::from_parts(30_000_000, 0))]
        pub fn decrease_take(origin: OriginFor<T>, hotkey: T::AccountId, take: u16) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_decrease_take(&coldkey, &hotkey, take)
        }

        /// Raises the take of a hotkey, of 65535.
        #[pallet::call_index(66)]
        #[pallet::weight(Weight::from_parts(30_000_000, 0))]
        pub fn increase_take(origin: OriginFor<T>, hotkey: T::AccountId, take: u16) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_increase_take(&coldkey, &hotkey, take)
        }

        /// Plans a hotkey's children on a subnet: share of its stake, of 2^64 - 1, and hotkey.
        #[pallet::call_index(67)]
        #[pallet::weight(Weight::from_parts(120_000_000, 0))]
        pub fn set_children(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: u16,
            children: Relatives<T::AccountId>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_set_children(&coldkey, &hotkey, netuid, children)
        }

        /// Says who the signer is.
        #[pallet::call_index(68)]
        #[pallet::weight(Weight::from_parts(40_000_000, 0))]
        pub fn set_identity(
            origin: OriginFor<T>,
            name: Vec<u8>,
            url: Vec<u8>,
            github_repo: Vec<u8>,
            image: Vec<u8>,
            discord: Vec<u8>,
            description: Vec<u8>,
            additional: Vec<u8>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let identity = ChainIdentityV2 {
                name,
                url,
                github_repo,
                image,
                discord,
                description,
                additional,
            };
            Self::do_set_identity(&coldkey, identity)
        }

        /// Replaces a hotkey, on one subnet or everywhere.
        #[pallet::call_index(70)]
        #[pallet::weight(Weight::from_parts(275_000_000, 0))]
        pub fn swap_hotkey(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            new_hotkey: T::AccountId,
            netuid: Option<u16>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_swap_hotkey(&coldkey, &hotkey, &new_hotkey, netuid, false)
        }

        /// Replaces a hotkey, on one subnet or everywhere; its stake may stay behind.
        #[pallet::call_index(72)]
        #[pallet::weight(Weight::from_parts(275_000_000, 0))]
        pub fn swap_hotkey_v2(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            new_hotkey: T::AccountId,
            netuid: Option<u16>,
            keep_stake: bool,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_swap_hotkey(&coldkey, &hotkey, &new_hotkey, netuid, keep_stake)
        }

        /// Sets the take of a hotkey from its parents on a subnet, of 65535.
        #[pallet::call_index(75)]
        #[pallet::weight(Weight::from_parts(30_000_000, 0))]
        pub fn set_childkey_take(origin: OriginFor<T>, hotkey: T::AccountId, netuid: u16, take: u16) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_set_childkey_take(&coldkey, &hotkey, netuid, take)
        }

        /// Says what the signer's subnet is.
        #[pallet::call_index(78)]
        #[pallet::weight(Weight::from_parts(24_000_000, 0))]
        pub fn set_subnet_identity(
            origin: OriginFor<T>,
            netuid: u16,
            subnet_name: Vec<u8>,
            github_repo: Vec<u8>,
            subnet_contact: Vec<u8>,
            subnet_url: Vec<u8>,
            discord: Vec<u8>,
            description: Vec<u8>,
            logo_url: Vec<u8>,
            additional: Vec<u8>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let identity = SubnetIdentityV3 {
                subnet_name,
                github_repo,
                subnet_contact,
                subnet_url,
                discord,
                description,
                logo_url,
                additional,
            };
            Self::do_set_subnet_identity(&coldkey, netuid, identity)
        }

        /// Creates a subnet owned by the signer and describes it.
        #[pallet::call_index(79)]
        #[pallet::weight(Weight::from_parts(230_000_000, 0))]
        pub fn register_network_with_identity(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            identity: Option<SubnetIdentityV3>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_register_network(&coldkey, &hotkey, identity)
        }

        /// Sets the weights of a validator's hotkey on several subnets. Free.
        #[pallet::call_index(80)]
        #[pallet::weight((Weight::from_parts(100_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn batch_set_weights(
            origin: OriginFor<T>,
            netuids: Vec<codec::Compact<u16>>,
            weights: Vec<Vec<(codec::Compact<u16>, codec::Compact<u16>)>>,
            version_keys: Vec<codec::Compact<u64>>,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::do_batch_set_weights(&hotkey, netuids, weights, version_keys)
        }

        /// Takes all stake off a hotkey, as TAO.
        #[pallet::call_index(83)]
        #[pallet::weight(Weight::from_parts(30_000_000, 0))]
        pub fn unstake_all(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_unstake_all(&coldkey, &hotkey)
        }

        /// Sells all alpha behind a hotkey and stakes the TAO on root.
        #[pallet::call_index(84)]
        #[pallet::weight(Weight::from_parts(360_000_000, 0))]
        pub fn unstake_all_alpha(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_unstake_all_alpha(&coldkey, &hotkey)
        }

        /// Moves stake to another hotkey or subnet.
        #[pallet::call_index(85)]
        #[pallet::weight(Weight::from_parts(160_000_000, 0))]
        pub fn move_stake(
            origin: OriginFor<T>,
            origin_hotkey: T::AccountId,
            destination_hotkey: T::AccountId,
            origin_netuid: u16,
            destination_netuid: u16,
            alpha_amount: u64,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let from = (&origin_hotkey, origin_netuid);
            let to = (&destination_hotkey, destination_netuid);
            Self::do_move_stake(&coldkey, from, to, alpha_amount)
        }

        /// Gives stake to another coldkey.
        #[pallet::call_index(86)]
        #[pallet::weight(Weight::from_parts(160_000_000, 0))]
        pub fn transfer_stake(
            origin: OriginFor<T>,
            destination_coldkey: T::AccountId,
            hotkey: T::AccountId,
            origin_netuid: u16,
            destination_netuid: u16,
            alpha_amount: u64,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let netuids = (origin_netuid, destination_netuid);
            Self::do_transfer_stake(&coldkey, &destination_coldkey, &hotkey, netuids, alpha_amount)
        }

        /// Swaps stake for that of another subnet.
        #[pallet::call_index(87)]
        #[pallet::weight(Weight::from_parts(350_000_000, 0))]
        pub fn swap_stake(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            origin_netuid: u16,
            destination_netuid: u16,
            alpha_amount: u64,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let netuids = (origin_netuid, destination_netuid);
            Self::do_swap_stake(&coldkey, &hotkey, netuids, alpha_amount, None)
        }

        /// Stakes as much as the price limit (rao per alpha) allows; all or nothing unless `allow_partial`.
        #[pallet::call_index(88)]
        #[pallet::weight(Weight::from_parts(300_000_000, 0))]
        pub fn add_stake_limit(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: u16,
            amount_staked: u64,
            limit_price: u64,
            allow_partial: bool,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_add_stake(
                &coldkey,
                &hotkey,
                netuid,
                amount_staked,
                Some((limit_price, allow_partial)),
            )
        }

        /// Unstakes as much as the price limit (rao per alpha) allows; all or nothing unless `allow_partial`.
        #[pallet::call_index(89)]
        #[pallet::weight(Weight::from_parts(300_000_000, 0))]
        pub fn remove_stake_limit(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: u16,
            amount_unstaked: u64,
            limit_price: u64,
            allow_partial: bool,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_remove_stake(
                &coldkey,
                &hotkey,
                netuid,
                amount_unstaked,
                Some((limit_price, allow_partial)),
            )
        }

        /// Swaps as much stake as the price limit allows; all or nothing unless `allow_partial`.
        #[pallet::call_index(90)]
        #[pallet::weight(Weight::from_parts(410_000_000, 0))]
        pub fn swap_stake_limit(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            origin_netuid: u16,
            destination_netuid: u16,
            alpha_amount: u64,
            limit_price: u64,
            allow_partial: bool,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            let netuids = (origin_netuid, destination_netuid);
            let limit = Some((limit_price, allow_partial));
            Self::do_swap_stake(&coldkey, &hotkey, netuids, alpha_amount, limit)
        }

        /// Pairs a hotkey with the signer without registering it.
        #[pallet::call_index(91)]
        #[pallet::weight(Weight::from_parts(30_000_000, 0))]
        pub fn try_associate_hotkey(origin: OriginFor<T>, hotkey: T::AccountId) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::associate(&coldkey, &hotkey)
        }

        /// Starts emission and trading on the signer's subnet.
        #[pallet::call_index(92)]
        #[pallet::weight(Weight::from_parts(20_000_000, 0))]
        pub fn start_call(origin: OriginFor<T>, netuid: u16) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_start_call(&coldkey, netuid)
        }

        /// Commits to weights by their hash. Free.
        #[pallet::call_index(96)]
        #[pallet::weight((Weight::from_parts(60_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn commit_weights(origin: OriginFor<T>, netuid: u16, commit_hash: H256) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::do_commit_weights(&hotkey, netuid, 0, commit_hash)
        }

        /// Reveals weights that were committed by hash. Free.
        #[pallet::call_index(97)]
        #[pallet::weight((Weight::from_parts(120_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn reveal_weights(
            origin: OriginFor<T>,
            netuid: u16,
            uids: Vec<u16>,
            values: Vec<u16>,
            salt: Vec<u16>,
            version_key: u64,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let reveal = Reveal {
                uids,
                values,
                salt,
                version_key,
            };
            Self::do_reveal_weights(&hotkey, netuid, 0, reveal)
        }

        /// Reveals several rows of weights that were committed by hash. Free.
        #[pallet::call_index(98)]
        #[pallet::weight((Weight::from_parts(400_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn batch_reveal_weights(
            origin: OriginFor<T>,
            netuid: u16,
            uids_list: Vec<Vec<u16>>,
            values_list: Vec<Vec<u16>>,
            salts_list: Vec<Vec<u16>>,
            version_keys: Vec<u64>,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let reveals =
                Reveal::zip(uids_list, values_list, salts_list, version_keys).ok_or(Error::<T>::InputLengthsUnequal)?;
            Self::do_batch_reveal_weights(&hotkey, netuid, reveals)
        }

        /// Commits to weights on several subnets by their hashes. Free.
        #[pallet::call_index(100)]
        #[pallet::weight((Weight::from_parts(100_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn batch_commit_weights(
            origin: OriginFor<T>,
            netuids: Vec<codec::Compact<u16>>,
            commit_hashes: Vec<H256>,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::do_batch_commit_weights(&hotkey, netuids, commit_hashes)
        }

        /// Gives up stake that can be emitted again.
        #[pallet::call_index(101)]
        #[pallet::weight(Weight::from_parts(76_000_000, 0))]
        pub fn recycle_alpha(origin: OriginFor<T>, hotkey: T::AccountId, amount: u64, netuid: u16) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_recycle_alpha(&coldkey, &hotkey, amount, netuid)
        }

        /// Gives up stake for good.
        #[pallet::call_index(102)]
        #[pallet::weight(Weight::from_parts(76_000_000, 0))]
        pub fn burn_alpha(origin: OriginFor<T>, hotkey: T::AccountId, amount: u64, netuid: u16) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_burn_alpha(&coldkey, &hotkey, amount, netuid)
        }

        /// Takes all stake off a hotkey on one subnet, unless the price would fall below the limit, rao per alpha.
        #[pallet::call_index(103)]
        #[pallet::weight(Weight::from_parts(395_000_000, 0))]
        pub fn remove_stake_full_limit(
            origin: OriginFor<T>,
            hotkey: T::AccountId,
            netuid: u16,
            limit_price: Option<u64>,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_remove_stake_full_limit(&coldkey, &hotkey, netuid, limit_price)
        }

        /// Sets the blocks until new children take over. Root only.
        #[pallet::call_index(109)]
        #[pallet::weight(Weight::from_parts(5_000_000, 0))]
        pub fn set_pending_childkey_cooldown(origin: OriginFor<T>, cooldown: u64) -> DispatchResult {
            ensure_root(origin)?;
            PendingChildKeyCooldown::<T>::put(cooldown);
            Ok(())
        }

        /// Gives a subnet's token another symbol. Owner only.
        #[pallet::call_index(112)]
        #[pallet::weight(Weight::from_parts(26_000_000, 0))]
        pub fn update_symbol(origin: OriginFor<T>, netuid: u16, symbol: Vec<u8>) -> DispatchResult {
            Self::do_update_symbol(origin, netuid, symbol)
        }

        /// Commits to weights under a timelock. Free.
        #[pallet::call_index(113)]
        #[pallet::weight((Weight::from_parts(70_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn commit_timelocked_weights(
            origin: OriginFor<T>,
            netuid: u16,
            commit: Ciphertext,
            reveal_round: u64,
            commit_reveal_version: u16,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::do_commit_timelocked_weights(&hotkey, netuid, 0, commit, reveal_round, commit_reveal_version)
        }

        /// Lets the signer's incentive on a subnet be staked to a hotkey there.
        #[pallet::call_index(114)]
        #[pallet::weight(Weight::from_parts(30_000_000, 0))]
        pub fn set_coldkey_auto_stake_hotkey(
            origin: OriginFor<T>,
            netuid: u16,
            hotkey: T::AccountId,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_set_auto_stake(&coldkey, netuid, &hotkey)
        }

        /// Commits to the weights of one mechanism by their hash. Free.
        #[pallet::call_index(115)]
        #[pallet::weight((Weight::from_parts(60_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn commit_mechanism_weights(
            origin: OriginFor<T>,
            netuid: u16,
            mecid: u8,
            commit_hash: H256,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::do_commit_weights(&hotkey, netuid, mecid, commit_hash)
        }

        /// Reveals the weights of one mechanism that were committed by hash. Free.
        #[pallet::call_index(116)]
        #[pallet::weight((Weight::from_parts(120_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn reveal_mechanism_weights(
            origin: OriginFor<T>,
            netuid: u16,
            mecid: u8,
            uids: Vec<u16>,
            values: Vec<u16>,
            salt: Vec<u16>,
            version_key: u64,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            let reveal = Reveal {
                uids,
                values,
                salt,
                version_key,
            };
            Self::do_reveal_weights(&hotkey, netuid, mecid, reveal)
        }

        /// Commits to the weights of one mechanism under a timelock, without saying by which version. Free.
        #[pallet::call_index(117)]
        #[pallet::weight((Weight::from_parts(70_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn commit_crv3_mechanism_weights(
            origin: OriginFor<T>,
            netuid: u16,
            mecid: u8,
            commit: Ciphertext,
            reveal_round: u64,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::do_commit_timelocked_weights(&hotkey, netuid, mecid, commit, reveal_round, LEGACY_CALL_VERSION)
        }

        /// Commits to the weights of one mechanism under a timelock. Free.
        #[pallet::call_index(118)]
        #[pallet::weight((Weight::from_parts(70_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn commit_timelocked_mechanism_weights(
            origin: OriginFor<T>,
            netuid: u16,
            mecid: u8,
            commit: Ciphertext,
            reveal_round: u64,
            commit_reveal_version: u16,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::do_commit_timelocked_weights(&hotkey, netuid, mecid, commit, reveal_round, commit_reveal_version)
        }

        /// Sets the weights of a validator's hotkey for one mechanism. Free.
        #[pallet::call_index(119)]
        #[pallet::weight((Weight::from_parts(15_000_000_000, 0), DispatchClass::Normal, Pays::No))]
        pub fn set_mechanism_weights(
            origin: OriginFor<T>,
            netuid: u16,
            mecid: u8,
            dests: Vec<u16>,
            weights: Vec<u16>,
            version_key: u64,
        ) -> DispatchResult {
            let hotkey = ensure_signed(origin)?;
            Self::do_set_weights(&hotkey, netuid, mecid, dests, weights, version_key)
        }

        /// Dissolves a subnet. Root only.
        #[pallet::call_index(120)]
        #[pallet::weight(Weight::from_parts(120_000_000, 0))]
        pub fn root_dissolve_network(origin: OriginFor<T>, netuid: u16) -> DispatchResult {
            ensure_root(origin)?;
            Self::do_dissolve_network(netuid)
        }

        /// Registers a hotkey unless the price is above the limit, rao.
        #[pallet::call_index(134)]
        #[pallet::weight(Weight::from_parts(350_000_000, 0))]
        pub fn register_limit(
            origin: OriginFor<T>,
            netuid: u16,
            hotkey: T::AccountId,
            limit_price: u64,
        ) -> DispatchResult {
            let coldkey = ensure_signed(origin)?;
            Self::do_burned_register(&coldkey, netuid, &hotkey, Some(limit_price))
        }

        /// Sets how many blocks an epoch takes. Owner only.
        #[pallet::call_index(139)]
        #[pallet::weight(Weight::from_parts(30_000_000, 0))]
        pub fn set_tempo(origin: OriginFor<T>, netuid: u16, tempo: u16) -> DispatchResult {
            Self::do_set_tempo(origin, netuid, tempo)
        }

        /// Sets after how many thousandths of a tempo a silent neuron is inactive. Owner only.
        #[pallet::call_index(140)]
        #[pallet::weight(Weight::from_parts(30_000_000, 0))]
        pub fn set_activity_cutoff_factor(origin: OriginFor<T>, netuid: u16, factor_milli: u32) -> DispatchResult {
            Self::do_set_activity_cutoff_factor(origin, netuid, factor_milli)
        }

        /// Lets an epoch run soon. Owner only.
        #[pallet::call_index(141)]
        #[pallet::weight(Weight::from_parts(30_000_000, 0))]
        pub fn trigger_epoch(origin: OriginFor<T>, netuid: u16) -> DispatchResult {
            Self::do_trigger_epoch(origin, netuid)
        }
    }
}
