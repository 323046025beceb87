//! Commitments: small public statements of hotkeys, such as where a miner keeps its model.
//!
//! Timelocked fields are opened and shown once the beacon's pulse of their round is on the chain.

#![forbid(unsafe_code)]
// FRAME's macros generate items without documentation.
#![allow(missing_docs)]

mod reveal;
mod types;

pub use pallet::*;
pub use types::{CommitmentInfo, Data, Registration, UsageTracker};

#[frame_support::pallet]
pub mod pallet {
    use crate::types::*;
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;
    use std::collections::BTreeSet;

    /// Bytes that every commitment counts at least.
    const LEAST_SPACE: u64 = 100;

    #[pallet::pallet]
    #[pallet::without_storage_info]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> + pallet_subtensor::Config {}

    #[pallet::extra_constants]
    impl<T: Config> Pallet<T> {
        /// Most fields of a commitment.
        #[pallet::constant_name(MaxFields)]
        fn max_fields() -> u32 {
            MAX_FIELDS
        }

        /// Deposit for a commitment, rao.
        #[pallet::constant_name(InitialDeposit)]
        fn initial_deposit() -> u64 {
            0
        }

        /// Deposit for a field, rao.
        #[pallet::constant_name(FieldDeposit)]
        fn field_deposit() -> u64 {
            0
        }
    }

    /// Commitments with timelocked fields.
    #[pallet::storage]
    pub type TimelockedIndex<T: Config> = StorageValue<_, BTreeSet<(u16, T::AccountId)>, ValueQuery>;

    /// What a hotkey has committed to.
    #[pallet::storage]
    pub type CommitmentOf<T: Config> =
        StorageDoubleMap<_, Identity, u16, Twox64Concat, T::AccountId, Registration<u64, BlockNumberFor<T>>>;

    /// Block of a hotkey's last commitment.
    #[pallet::storage]
    pub type LastCommitment<T: Config> =
        StorageDoubleMap<_, Identity, u16, Twox64Concat, T::AccountId, BlockNumberFor<T>>;

    /// Block at which a hotkey last reset bonds.
    #[pallet::storage]
    pub type LastBondsReset<T: Config> =
        StorageDoubleMap<_, Identity, u16, Twox64Concat, T::AccountId, BlockNumberFor<T>>;

    /// Timelocked fields that have been decrypted, with the block; the last ten.
    #[pallet::storage]
    pub type RevealedCommitments<T: Config> =
        StorageDoubleMap<_, Identity, u16, Twox64Concat, T::AccountId, Vec<(Vec<u8>, u64)>>;

    /// Bytes a hotkey has used in an epoch.
    #[pallet::storage]
    pub type UsedSpaceOf<T: Config> = StorageDoubleMap<_, Identity, u16, Twox64Concat, T::AccountId, UsageTracker>;

    /// Bytes a hotkey may use in an epoch.
    #[pallet::storage]
    pub type MaxSpace<T> = StorageValue<_, u32, ValueQuery, ConstU32<3_100>>;

    #[pallet::event]
    #[pallet::generate_deposit(pub(crate) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A hotkey has committed to something.
        Commitment { netuid: u16, who: T::AccountId },
        /// A hotkey has committed to something that shows later.
        TimelockCommitment {
            netuid: u16,
            who: T::AccountId,
            reveal_round: u64,
        },
        /// A timelocked commitment has been decrypted.
        CommitmentRevealed { netuid: u16, who: T::AccountId },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// At most three fields.
        TooManyFieldsInCommitmentInfo,
        /// The hotkey has to register first.
        AccountNotAllowedCommit,
        /// The bytes of this epoch are used up.
        SpaceLimitExceeded,
        /// Deposits are zero, so this cannot happen.
        UnexpectedUnreserveLeftover,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        /// Opens what has come due before the block's transactions.
        fn on_initialize(_: BlockNumberFor<T>) -> Weight {
            Self::reveal_timelocked();
            Weight::zero()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Replaces a hotkey's commitment on a subnet. Free.
        #[pallet::call_index(0)]
        #[pallet::weight((Weight::from_parts(40_000_000, 0), DispatchClass::Operational, Pays::No))]
        pub fn set_commitment(origin: OriginFor<T>, netuid: u16, info: Box<CommitmentInfo>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let registered = pallet_subtensor::Pallet::<T>::uid_of(netuid, &who).is_some();
            ensure!(registered, Error::<T>::AccountNotAllowedCommit);
            Self::use_space(netuid, &who, &info)?;
            let block = frame_system::Pallet::<T>::block_number();
            LastCommitment::<T>::insert(netuid, &who, block);
            Self::announce(netuid, &who, &info);
            let registration = Registration {
                deposit: 0,
                block,
                info: *info,
            };
            CommitmentOf::<T>::insert(netuid, &who, registration);
            Ok(())
        }

        /// Sets the bytes a hotkey may use in an epoch.
        #[pallet::call_index(2)]
        #[pallet::weight((Weight::from_parts(5_000_000, 0), DispatchClass::Operational))]
        pub fn set_max_space(origin: OriginFor<T>, new_limit: u32) -> DispatchResult {
            ensure_root(origin)?;
            MaxSpace::<T>::put(new_limit);
            Ok(())
        }
    }

    impl<T: Config> Pallet<T> {
        fn use_space(netuid: u16, who: &T::AccountId, info: &CommitmentInfo) -> DispatchResult {
            let needed = info.fields.iter().map(|field| field.len() as u64).sum::<u64>();
            let epoch = pallet_subtensor::SubnetEpochIndex::<T>::get(netuid);
            let mut usage = UsedSpaceOf::<T>::get(netuid, who).unwrap_or_default();
            if usage.last_epoch != epoch {
                usage = UsageTracker {
                    last_epoch: epoch,
                    used_space: 0,
                };
            }
            usage.used_space = usage.used_space.saturating_add(needed.max(LEAST_SPACE));
            let limit = u64::from(MaxSpace::<T>::get());
            ensure!(usage.used_space <= limit, Error::<T>::SpaceLimitExceeded);
            UsedSpaceOf::<T>::insert(netuid, who, usage);
            Ok(())
        }

        fn announce(netuid: u16, who: &T::AccountId, info: &CommitmentInfo) {
            let rounds = info.fields.iter().filter_map(|field| match field {
                Data::TimelockEncrypted { reveal_round, .. } => Some(*reveal_round),
                _ => None,
            });
            let reveal_round = rounds.max();
            TimelockedIndex::<T>::mutate(|index| match reveal_round {
                Some(_) => index.insert((netuid, who.clone())),
                None => index.remove(&(netuid, who.clone())),
            });
            if info.fields.contains(&Data::ResetBondsFlag) {
                LastBondsReset::<T>::insert(netuid, who, frame_system::Pallet::<T>::block_number());
                pallet_subtensor::Pallet::<T>::reset_bonds_towards(netuid, who);
            }
            let who = who.clone();
            Self::deposit_event(match reveal_round {
                Some(reveal_round) => Event::TimelockCommitment {
                    netuid,
                    who,
                    reveal_round,
                },
                None => Event::Commitment { netuid, who },
            });
        }
    }

    impl<T: Config> pallet_subtensor::info::Commitments<T::AccountId> for Pallet<T> {
        fn commitments(netuid: u16) -> Vec<(T::AccountId, Vec<u8>)> {
            CommitmentOf::<T>::iter_prefix(netuid)
                .map(|(who, value)| (who, value.encode()))
                .collect()
        }
    }
}
