//! A stand-in for Aura: there are no slots here, but clients read the block time from `Aura.SlotDuration`.

pub use pallet::*;

use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Time between two blocks, milliseconds.
#[derive(Encode, Decode, TypeInfo, Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotDuration(pub u64);

sp_api::decl_runtime_apis! {
    /// The one question about slots that clients ask.
    pub trait AuraApi {
        /// Time between two blocks, milliseconds.
        fn slot_duration() -> SlotDuration;
    }
}

#[frame_support::pallet]
pub mod pallet {
    use frame_support::pallet_prelude::*;

    /// Block time a chain gets unless its genesis says otherwise, milliseconds.
    pub const DEFAULT_SLOT_DURATION: u64 = 250;

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config {}

    #[pallet::type_value]
    pub fn DefaultSlotDuration() -> u64 {
        DEFAULT_SLOT_DURATION
    }

    /// Block time that the node was started with, milliseconds.
    #[pallet::storage]
    pub type BlockTime<T> = StorageValue<_, u64, ValueQuery, DefaultSlotDuration>;

    #[pallet::extra_constants]
    impl<T: Config> Pallet<T> {
        /// Time between two blocks, milliseconds. Read from state, since each chain may differ.
        #[pallet::constant_name(SlotDuration)]
        fn slot_duration_constant() -> u64 {
            BlockTime::<T>::get()
        }
    }

    impl<T: Config> Pallet<T> {
        /// Time between two blocks, milliseconds.
        pub fn slot_duration() -> u64 {
            BlockTime::<T>::get()
        }
    }

    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// Time between two blocks, milliseconds; 0 means the default.
        pub slot_duration: u64,
        #[serde(skip)]
        pub _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            if self.slot_duration != 0 {
                BlockTime::<T>::put(self.slot_duration);
            }
        }
    }
}
