//! Constants that clients read, besides those of the configuration.

use frame_support::pallet_macros::pallet_section;

/// Bounds of what a subnet's owner may set.
#[pallet_section]
mod constants {
    #[pallet::extra_constants]
    impl<T: Config> Pallet<T> {
        /// Fewest blocks that an owner may give an epoch.
        #[pallet::constant_name(MinTempo)]
        fn min_tempo() -> u16 {
            *OWNER_TEMPOS.start()
        }

        /// Most blocks that an owner may give an epoch.
        #[pallet::constant_name(MaxTempo)]
        fn max_tempo() -> u16 {
            *OWNER_TEMPOS.end()
        }

        /// Shortest activity cutoff that an owner may set, thousandths of a tempo.
        #[pallet::constant_name(MinActivityCutoffFactorMilli)]
        fn min_activity_cutoff_factor_milli() -> u32 {
            *ACTIVITY_CUTOFF_FACTORS.start()
        }

        /// Longest activity cutoff that an owner may set, thousandths of a tempo.
        #[pallet::constant_name(MaxActivityCutoffFactorMilli)]
        fn max_activity_cutoff_factor_milli() -> u32 {
            *ACTIVITY_CUTOFF_FACTORS.end()
        }
    }
}
