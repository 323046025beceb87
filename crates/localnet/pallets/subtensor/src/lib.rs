//! SubtensorModule: registration, stake, serving, weights and Yuma consensus for the embedded dev chain.
//!
//! Names, indices, storage layouts and rules are the main chain's, so clients cannot tell the difference in what they
//! use. What is left out (locks, root dividends, coldkey swaps) is absent or always empty.
//!
//! Where to look: [`registration`] and [`neurons`] for who gets which uid, [`serving`], [`weights`] for the checks,
//! [`yuma`] for consensus as a pure function, [`epoch`] and [`emission`] for what it is fed and what follows from it,
//! [`schedule`] for when, [`pool`] and [`staking`] for alpha, [`info`] for what runtime APIs answer.

#![forbid(unsafe_code)]
// FRAME's macros generate items without documentation, and a function with all fields for each call.
#![allow(missing_docs, clippy::too_many_arguments)]

pub mod admin;
pub mod api;
pub mod burn_price;
pub mod dissolve;
pub mod emission;
pub mod epoch;
pub mod extension;
pub mod identities;
pub mod info;
mod macros;
pub mod mechanisms;
pub mod neurons;
pub mod owner;
pub mod pool;
pub mod registration;
pub mod schedule;
pub mod serving;
pub mod staking;
pub mod subnets;
pub mod swap_hotkey;
pub mod symbols;
pub mod types;
pub mod weights;
pub mod yuma;

pub use extension::SubtensorTransactionExtension;
pub use pallet::*;
pub use types::*;

use frame_support::pallet_macros::import_section;
use macros::{
    calls, constants, errors, events, genesis, storage_neurons, storage_params, storage_stake, storage_subnets,
};

#[import_section(storage_subnets::storage_subnets)]
#[import_section(storage_params::storage_params)]
#[import_section(storage_neurons::storage_neurons)]
#[import_section(storage_stake::storage_stake)]
#[import_section(errors::errors)]
#[import_section(events::events)]
#[import_section(calls::calls)]
#[import_section(constants::constants)]
#[import_section(genesis::genesis)]
#[frame_support::pallet]
pub mod pallet {
    use crate::{
        staking::children::Relatives,
        types::*,
        weights::{
            reveal::Reveal,
            timelock::{Ciphertext, LEGACY_CALL_VERSION},
        },
    };
    use frame_support::{
        pallet_prelude::*,
        traits::{
            fungible::{Inspect, Mutate},
            ConstBool, ConstU16, ConstU32, ConstU64, ConstU8,
        },
    };
    use frame_system::pallet_prelude::*;
    use sp_core::H256;
    use sp_runtime::traits::UniqueSaturatedInto;

    #[pallet::pallet]
    #[pallet::without_storage_info]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> + pallet_drand::Config {
        /// TAO.
        type Currency: Inspect<Self::AccountId, Balance = u64> + Mutate<Self::AccountId>;

        /// What hotkeys have committed to.
        type Commitments: crate::info::Commitments<Self::AccountId>;

        /// Blocks per epoch of a new subnet.
        #[pallet::constant]
        type NewSubnetTempo: Get<u16>;
    }

    #[pallet::type_value]
    pub fn DefaultAccount<T: Config>() -> T::AccountId {
        crate::neurons::zero_account::<T>()
    }

    #[pallet::type_value]
    pub fn DefaultTokenSymbol() -> Vec<u8> {
        "\u{1D70F}".into()
    }

    #[pallet::type_value]
    pub fn DefaultAlphaValues() -> (u16, u16) {
        (45_875, 58_982)
    }

    #[pallet::type_value]
    pub fn DefaultAlphaSigmoidSteepness() -> i16 {
        1_000
    }

    #[pallet::type_value]
    pub fn DefaultMovingAlpha() -> I96F32 {
        // 0.000003
        I96F32 { bits: 12_885 }
    }

    #[pallet::type_value]
    pub fn DefaultBurnIncreaseMult() -> U64F64 {
        // 1.26
        U64F64 {
            bits: (126u128 << 64) / 100,
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        /// Prices, emission and due epochs come before the block's transactions.
        fn on_initialize(block: BlockNumberFor<T>) -> Weight {
            Self::begin_block(block.unique_saturated_into());
            Weight::zero()
        }
    }
}
