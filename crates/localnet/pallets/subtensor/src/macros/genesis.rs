//! The subnets every dev chain starts with.

use frame_support::pallet_macros::pallet_section;

/// Root, and netuid 1 owned by nobody, with the values of the usual localnet image.
#[pallet_section]
mod genesis {
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Blocks between two creations of a subnet.
        pub network_rate_limit: u64,
        /// Most epochs run in one block; 0 means the default.
        pub max_epochs_per_block: u8,
        #[serde(skip)]
        pub _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            NetworkRateLimit::<T>::put(self.network_rate_limit);
            if self.max_epochs_per_block != 0 {
                MaxEpochsPerBlock::<T>::put(self.max_epochs_per_block);
            }
            // As in the main chain's fast builds.
            PendingChildKeyCooldown::<T>::put(15);
            TotalIssuance::<T>::put(T::Currency::total_issuance());
            Pallet::<T>::create_genesis_subnets();
        }
    }
}
