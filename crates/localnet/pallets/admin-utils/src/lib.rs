//! AdminUtils: hyperparameters set by root, some of them by a subnet's owner.

#![forbid(unsafe_code)]
// FRAME's macros generate items without documentation.
#![allow(missing_docs)]

mod calls;

pub use pallet::*;

use frame_support::pallet_macros::import_section;

#[import_section(calls::calls)]
#[frame_support::pallet]
pub mod pallet {
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;
    use pallet_subtensor::{Event as Told, Hyperparameter, U64F64};

    /// Most neurons a subnet can have.
    const MOST_UIDS: u16 = 256;
    /// Highest `MinBurn`, rao.
    const MIN_BURN_UPPER_BOUND: u64 = 1_000_000_000;
    /// Lowest `MaxBurn`, rao.
    const MAX_BURN_LOWER_BOUND: u64 = 100_000_000;
    /// Highest weight of old bonds, parts per million: beyond it bonds hardly move.
    const BONDS_MOVING_AVERAGE_LIMIT: u64 = 975_000;
    /// Lowest rate of liquid alpha, of 65535 (0.025).
    const LOWEST_ALPHA: u16 = 1_638;
    /// Most epochs between commit and reveal.
    const MOST_REVEAL_EPOCHS: u64 = 100;

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> + pallet_subtensor::Config {}

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// Bonds became absolute or relative.
        #[codec(index = 1)]
        Yuma3EnableToggled { netuid: u16, enabled: bool },
        /// Commitments may or may not reset bonds.
        #[codec(index = 2)]
        BondsResetToggled { netuid: u16, enabled: bool },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// There is no such subnet.
        SubnetDoesNotExist,
        /// More permits than neurons.
        MaxValidatorsLargerThanMaxUIds,
        /// The subnet has more neurons already.
        MaxAllowedUIdsLessThanCurrentUIds,
        /// Bonds would hardly move.
        BondsMovingAverageMaxReached,
        /// The sigmoid would be turned around.
        NegativeSigmoidSteepness,
        /// The value is out of bounds.
        ValueNotInBounds,
        /// The subnet has fewer neurons.
        MinAllowedUidsGreaterThanCurrentUids,
        /// The minimum would pass the maximum.
        MinAllowedUidsGreaterThanMaxAllowedUids,
        /// The maximum would pass the minimum.
        MaxAllowedUidsLessThanMinAllowedUids,
        /// More neurons than any subnet can have.
        MaxAllowedUidsGreaterThanDefaultMaxAllowedUids,
        /// The value makes no sense.
        InvalidValue,
    }

    impl<T: Config> Pallet<T> {
        fn allow_root(origin: OriginFor<T>, netuid: u16) -> DispatchResult {
            ensure_root(origin)?;
            ensure!(
                pallet_subtensor::NetworksAdded::<T>::get(netuid),
                Error::<T>::SubnetDoesNotExist
            );
            Ok(())
        }

        fn allow_owner(origin: OriginFor<T>, netuid: u16, parameter: Hyperparameter) -> DispatchResult {
            ensure!(
                pallet_subtensor::NetworksAdded::<T>::get(netuid),
                Error::<T>::SubnetDoesNotExist
            );
            pallet_subtensor::Pallet::<T>::ensure_root_or_owner(origin, netuid, parameter)
        }

        /// Clients look for these events under SubtensorModule.
        fn tell(event: Told<T>) {
            pallet_subtensor::Pallet::<T>::deposit_event(event);
        }
    }
}
