//! Keys, SS58 addresses and wallets on disk, in the layout and JSON that `btcli` writes.
//!
//! A daemon opens one file only: its hotkey ([`Wallet::load_hotkey`]). The coldkey is touched by the `axoneme`
//! tool alone, on local chains, and only when it is not encrypted.
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
mod error;
mod keyfile;
mod keypair;
mod scheme;
mod wallet;

pub use account::{AccountId, AddressError};
pub use error::{KeyError, WalletError};
pub use keypair::{KeySource, Keypair, Mnemonic};
pub use scheme::{Scheme, UnknownScheme};
pub use wallet::{CreatedWallet, Wallet};
