//! Keys, SS58 addresses and wallets on disk, in every form that `btcli` has written.
//!
//! A daemon opens one file only: its hotkey ([`Wallet::open_hotkey`]). The coldkey is touched by tools that a person
//! runs, never by a daemon.
//!
//! ```
//! use axoneme_wallet::Keypair;
//!
//! let alice = Keypair::from_uri("//Alice")?;
//! let signature = alice.sign(b"hello");
//! assert!(alice.account_id().verify(b"hello", &signature));
//! # Ok::<(), axoneme_wallet::KeyError>(())
//! ```

mod account;
pub mod batch;
mod error;
mod keyfile;
mod keypair;
mod mnemonic;
mod password;
mod scheme;
mod source;
mod store;
mod wallet;
mod warning;

pub use account::{AccountId, AddressError};
pub use error::{KeyError, KeyfileError, PasswordError, WalletError};
pub use keyfile::{Contents, Encryption, Keyfile, PublicKey, Sealed};
pub use keypair::Keypair;
pub use mnemonic::Mnemonic;
pub use password::{Password, PasswordSources, password_variable, scramble};
pub use scheme::{Scheme, UnknownScheme};
pub use source::{KeySource, KeySpec};
pub use wallet::{CreatedKey, CreatedWallet, Wallet};
pub use warning::Warning;
