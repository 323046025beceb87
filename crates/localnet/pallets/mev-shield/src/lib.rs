//! MevShield: transactions that stay encrypted until the author of a block puts them in.
//!
//! The main chain's authors each announce a key in turn. Here there is one author with one key, the public half of which
//! is in all three places from genesis on; see [`dev_key`] for who can read what is encrypted to it.

#![forbid(unsafe_code)]
// FRAME's macros generate items without documentation.
#![allow(missing_docs)]

pub mod api;
pub mod dev_key;
mod envelope;

pub use envelope::{ShieldedTransaction, KEY_HASH_LEN, NONCE_LEN};
pub use pallet::*;

#[frame_support::pallet]
pub mod pallet {
    use crate::envelope::{ShieldedTransaction, KEY_HASH_LEN};
    use frame_support::pallet_prelude::*;
    use frame_system::pallet_prelude::*;
    use sp_runtime::traits::Hash;

    /// Bytes of an ML-KEM-768 encapsulation key.
    pub const ENC_KEY_LEN: usize = 1_184;
    /// Bytes a published key may have.
    pub type ShieldEncKey = BoundedVec<u8, ConstU32<2048>>;

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {}

    /// The key of this block's author.
    #[pallet::storage]
    pub type CurrentKey<T> = StorageValue<_, ShieldEncKey, OptionQuery>;

    /// The key of the next block's author.
    #[pallet::storage]
    pub type PendingKey<T> = StorageValue<_, ShieldEncKey, OptionQuery>;

    /// The key that clients encrypt to.
    #[pallet::storage]
    pub type NextKey<T> = StorageValue<_, ShieldEncKey, OptionQuery>;

    /// Block at which the pending key is of no use any more; never set here.
    #[pallet::storage]
    pub type PendingKeyExpiresAt<T> = StorageValue<_, BlockNumberFor<T>, OptionQuery>;

    /// Block at which the next key is of no use any more; never set here.
    #[pallet::storage]
    pub type NextKeyExpiresAt<T> = StorageValue<_, BlockNumberFor<T>, OptionQuery>;

    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T> {
        /// The author's key; empty for none.
        pub key: Vec<u8>,
        #[serde(skip)]
        pub _config: PhantomData<T>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            if let Ok(key) = ShieldEncKey::try_from(self.key.clone()) {
                if key.len() == ENC_KEY_LEN {
                    CurrentKey::<T>::put(&key);
                    PendingKey::<T>::put(&key);
                    NextKey::<T>::put(key);
                }
            }
        }
    }

    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// Somebody handed in an encrypted transaction.
        EncryptedSubmitted { id: T::Hash, who: T::AccountId },
    }

    #[pallet::error]
    pub enum Error<T> {
        /// A key of another length than ML-KEM-768 has.
        BadEncKeyLen,
        /// Named for clients.
        Unreachable,
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Moves the keys on by one and announces the one after them. Only a block's author can say this.
        #[pallet::call_index(0)]
        #[pallet::weight((Weight::from_parts(20_000_000, 0), DispatchClass::Mandatory))]
        pub fn announce_next_key(origin: OriginFor<T>, enc_key: Option<ShieldEncKey>) -> DispatchResult {
            ensure_none(origin)?;
            if let Some(key) = &enc_key {
                ensure!(key.len() == ENC_KEY_LEN, Error::<T>::BadEncKeyLen);
            }
            CurrentKey::<T>::set(PendingKey::<T>::get());
            PendingKey::<T>::set(NextKey::<T>::get());
            NextKey::<T>::set(enc_key);
            Ok(())
        }

        /// Hands in an encrypted transaction. The author decrypts it and puts it into the same block, right after this one.
        #[pallet::call_index(1)]
        #[pallet::weight(Weight::from_parts(13_980_000, 0))]
        pub fn submit_encrypted(origin: OriginFor<T>, ciphertext: BoundedVec<u8, ConstU32<8192>>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            let id = T::Hashing::hash_of(&(&who, &ciphertext));
            Self::deposit_event(Event::EncryptedSubmitted { id, who });
            Ok(())
        }
    }

    impl<T: Config> Pallet<T> {
        /// Whether the author of some coming block can read what is encrypted to the key with this hash.
        pub fn is_known_key(key_hash: &[u8; KEY_HASH_LEN]) -> bool {
            let keys = [CurrentKey::<T>::get(), PendingKey::<T>::get(), NextKey::<T>::get()];
            keys.into_iter()
                .flatten()
                .any(|key| sp_io::hashing::twox_128(&key) == *key_hash)
        }

        /// Whether this block's author can read what is encrypted to the key with this hash.
        pub fn is_current_key(key_hash: &[u8; KEY_HASH_LEN]) -> bool {
            CurrentKey::<T>::get().is_some_and(|key| sp_io::hashing::twox_128(&key) == *key_hash)
        }

        /// The encrypted transaction in a call of this pallet, if it is one; `Some(None)` is one that cannot be read.
        pub fn shielded(call: &Call<T>) -> Option<Option<ShieldedTransaction>> {
            match call {
                Call::submit_encrypted { ciphertext } => Some(ShieldedTransaction::parse(ciphertext)),
                _ => None,
            }
        }
    }
}
