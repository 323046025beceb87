//! AdminUtils: hyperparameters set by root, some of them by a subnet's owner.

#![forbid(unsafe_code)]
#![allow(missing_docs)]

pub use pallet::*;

#[frame_support::pallet]
pub mod pallet {
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config + pallet_subtensor::Config {}

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Sets how many blocks an epoch takes.
        #[pallet::call_index(30)]
        #[pallet::weight((Weight::from_parts(10_000_000, 0), DispatchClass::Operational))]
        pub fn sudo_set_tempo(origin: OriginFor<T>, netuid: u16, tempo: u16) -> DispatchResult {
            ensure_root(origin)?;
            pallet_subtensor::Tempo::<T>::insert(netuid, tempo);
            Ok(())
        }
    }
}
