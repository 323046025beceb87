//! SubtensorModule: registration, stake, serving, weights and Yuma consensus for the embedded dev chain.

#![forbid(unsafe_code)]
#![allow(missing_docs)]

mod extension;
pub mod yuma;

pub use extension::SubtensorTransactionExtension;
pub use pallet::*;

#[frame_support::pallet]
pub mod pallet {
    use frame_support::pallet_prelude::*;

    #[pallet::pallet]
    #[pallet::without_storage_info]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config {
        type Currency;
    }

    #[pallet::type_value]
    pub fn DefaultTempo() -> u16 {
        360
    }

    #[pallet::storage]
    pub type Tempo<T> = StorageMap<_, Identity, u16, u16, ValueQuery, DefaultTempo>;
}
