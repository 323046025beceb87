//! Drand: pulses of a randomness beacon, with the main chain's names and layouts.
//!
//! The main chain's nodes fetch quicknet's pulses. A dev chain has no network, so it listens to a beacon whose secret it
//! knows: each block brings the rounds that are out by its own clock, verified like anybody's. Clients that encrypt to
//! quicknet are not opened here; those that read `BeaconConfig` are.

#![forbid(unsafe_code)]
// FRAME's macros generate items without documentation.
#![allow(missing_docs)]

pub mod beacon;
mod rounds;
mod types;

pub use pallet::*;
pub use types::*;

/// Rounds that something on the chain waits for.
pub trait WaitingRounds {
    /// At most `most` of them, after `after` and not after `until`, ascending.
    fn waiting(after: u64, until: u64, most: usize) -> Vec<u64>;
}

#[frame_support::pallet]
pub mod pallet {
    use crate::{beacon, types::*, WaitingRounds};
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;
    use sp_inherents::{InherentData, InherentIdentifier};
    use sp_runtime::{MultiSignature, MultiSigner};

    /// Most pulses of one block; each takes two milliseconds to verify.
    pub const MOST_PULSES: usize = 32;
    /// Pulses that are kept: six hours of them.
    pub const KEPT_PULSES: u64 = 7_200;
    /// Most old pulses removed by one call.
    const MOST_REMOVED: u64 = 100;

    #[pallet::pallet]
    #[pallet::without_storage_info]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config:
        frame_system::Config<RuntimeEvent: From<Event<Self>>> + pallet_timestamp::Config<Moment = u64>
    {
        /// Rounds that have to be published even when most are skipped.
        type Waiting: WaitingRounds;

        /// Shown to clients.
        #[pallet::constant]
        type UnsignedPriority: Get<u64>;

        /// Shown to clients, milliseconds.
        #[pallet::constant]
        type HttpFetchTimeout: Get<u64>;
    }

    #[pallet::type_value]
    pub fn DefaultBeaconConfig() -> BeaconConfiguration {
        beacon::quicknet()
    }

    /// The beacon that the chain listens to.
    #[pallet::storage]
    pub type BeaconConfig<T> = StorageValue<_, BeaconConfiguration, ValueQuery, DefaultBeaconConfig>;

    /// Migrations that have run; none here.
    #[pallet::storage]
    pub type HasMigrationRun<T> = StorageMap<_, Identity, BoundedVec<u8, ConstU32<128>>, bool, ValueQuery>;

    /// Pulses by round.
    #[pallet::storage]
    pub type Pulses<T> = StorageMap<_, Blake2_128Concat, u64, Pulse, OptionQuery>;

    /// The latest round that is stored.
    #[pallet::storage]
    pub type LastStoredRound<T> = StorageValue<_, u64, ValueQuery>;

    /// The earliest round that may be stored.
    #[pallet::storage]
    pub type OldestStoredRound<T> = StorageValue<_, u64, ValueQuery>;

    /// Shown to clients; nothing here is rate-limited.
    #[pallet::storage]
    pub type NextUnsignedAt<T: Config> = StorageValue<_, BlockNumberFor<T>, ValueQuery>;

    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        #[serde(skip)]
        pub _config: core::marker::PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            BeaconConfig::<T>::put(beacon::dev());
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// The chain listens to another beacon.
        BeaconConfigChanged,
        /// Pulses have been stored.
        NewPulse { rounds: Vec<u64> },
        /// The earliest round was set by hand.
        SetOldestStoredRound(u64),
    }

    #[pallet::error]
    pub enum Error<T> {
        NoneValue,
        StorageOverflow,
        DrandConnectionFailure,
        UnverifiedPulse,
        /// Not after the latest round that is stored.
        InvalidRoundNumber,
        /// Not signed by the beacon that the chain listens to.
        PulseVerificationError,
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Stores pulses of the beacon. Unsigned, brought by whoever makes the block.
        #[pallet::call_index(0)]
        #[pallet::weight((Weight::from_parts(50_000_000, 0), DispatchClass::Operational, Pays::No))]
        pub fn write_pulse(
            origin: OriginFor<T>,
            pulses_payload: PulsesPayload<MultiSigner, BlockNumberFor<T>>,
            _signature: Option<MultiSignature>,
        ) -> DispatchResult {
            ensure_none(origin)?;
            let config = BeaconConfig::<T>::get();
            let mut rounds = Vec::with_capacity(pulses_payload.pulses.len());
            for pulse in pulses_payload.pulses {
                ensure!(
                    beacon::is_genuine(&config.public_key, &pulse),
                    Error::<T>::PulseVerificationError
                );
                ensure!(
                    pulse.round > LastStoredRound::<T>::get(),
                    Error::<T>::InvalidRoundNumber
                );
                rounds.push(pulse.round);
                Self::store(pulse);
            }
            Self::remove_old_pulses();
            Self::deposit_event(Event::NewPulse { rounds });
            Ok(())
        }

        /// Listens to another beacon.
        #[pallet::call_index(1)]
        #[pallet::weight((Weight::from_parts(9_000_000, 0), DispatchClass::Operational))]
        pub fn set_beacon_config(
            origin: OriginFor<T>,
            config_payload: BeaconConfigurationPayload<MultiSigner, BlockNumberFor<T>>,
            _signature: Option<MultiSignature>,
        ) -> DispatchResult {
            ensure_root(origin)?;
            BeaconConfig::<T>::put(config_payload.config);
            Self::deposit_event(Event::BeaconConfigChanged);
            Ok(())
        }

        /// Sets the earliest round that may be stored.
        #[pallet::call_index(2)]
        #[pallet::weight((Weight::from_parts(5_000_000, 0), DispatchClass::Operational))]
        pub fn set_oldest_stored_round(origin: OriginFor<T>, oldest_round: u64) -> DispatchResult {
            ensure_root(origin)?;
            OldestStoredRound::<T>::put(oldest_round);
            Self::deposit_event(Event::SetOldestStoredRound(oldest_round));
            Ok(())
        }
    }

    /// Whoever makes a block brings the pulses of the rounds that are out, as long as the chain listens to the dev beacon.
    #[pallet::inherent]
    impl<T: Config> ProvideInherent for Pallet<T> {
        type Call = Call<T>;
        type Error = sp_inherents::MakeFatalError<()>;
        const INHERENT_IDENTIFIER: InherentIdentifier = *b"drandpls";

        fn create_inherent(data: &InherentData) -> Option<Self::Call> {
            let clock = <pallet_timestamp::Pallet<T> as ProvideInherent>::INHERENT_IDENTIFIER;
            let now = data.get_data::<u64>(&clock).ok()??;
            let pulses = Self::new_pulses(now.max(pallet_timestamp::Now::<T>::get()));
            (!pulses.is_empty()).then(|| Call::write_pulse {
                pulses_payload: PulsesPayload {
                    block_number: frame_system::Pallet::<T>::block_number(),
                    pulses,
                    public: MultiSigner::Sr25519(Default::default()),
                },
                signature: None,
            })
        }

        fn is_inherent(call: &Self::Call) -> bool {
            matches!(call, Call::write_pulse { .. })
        }
    }

    impl<T: Config> Pallet<T> {
        /// Signature of a stored round.
        pub fn signature(round: u64) -> Option<[u8; 48]> {
            Pulses::<T>::get(round)?.signature.as_slice().try_into().ok()
        }

        fn store(pulse: Pulse) {
            let last = LastStoredRound::<T>::get();
            if last == 0 {
                OldestStoredRound::<T>::put(pulse.round);
            } else if pulse.round.saturating_sub(last) > KEPT_PULSES {
                // Everything stored is too old.
                let _ = Pulses::<T>::clear(u32::MAX, None);
                OldestStoredRound::<T>::put(pulse.round);
            }
            LastStoredRound::<T>::put(pulse.round);
            Pulses::<T>::insert(pulse.round, pulse);
        }

        fn remove_old_pulses() {
            let oldest = OldestStoredRound::<T>::get();
            let keep_from = LastStoredRound::<T>::get().saturating_sub(KEPT_PULSES);
            let until = keep_from.min(oldest.saturating_add(MOST_REMOVED));
            if until > oldest {
                (oldest..until).for_each(Pulses::<T>::remove);
                OldestStoredRound::<T>::put(until);
            }
        }
    }
}
