//! What can go wrong with keys and wallets, and what to do about it.

use std::path::PathBuf;

use crate::account::AccountId;
use crate::scheme::Scheme;

/// Why a secret could not be turned into a key.
///
/// Never contains the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Wrong words, wrong number of words, or a wrong checksum.
    #[error("not a valid mnemonic: 12, 15, 18, 21 or 24 English words with a correct checksum are needed")]
    Mnemonic,
    /// A URI that is neither `//Name`, a phrase with derivations, nor a hex seed.
    #[error("not a valid secret uri; examples: //Alice, or a mnemonic followed by //hard or /soft derivations")]
    Uri,
    /// A URI with a soft junction for a scheme that has only hard ones.
    #[error("ed25519 keys have hard junctions only: write //name instead of /name")]
    SoftJunction,
    /// A seed or private key of the wrong length or outside the group.
    #[error("not a valid {scheme} secret")]
    Secret {
        /// The scheme it was read as.
        scheme: Scheme,
    },
}

/// Why a wallet could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalletError {
    /// The file is not there.
    #[error("no {what} at {}; create it with `{advice}`", path.display())]
    NotFound {
        /// Which file of the wallet.
        what: &'static str,
        /// Where it was looked for.
        path: PathBuf,
        /// The command that creates it.
        advice: String,
    },
    /// The file is encrypted with a password.
    #[error(
        "{} is encrypted; a neuron needs a hotkey without password (`btcli wallet new-hotkey --no-use-password`)",
        path.display()
    )]
    Encrypted {
        /// The encrypted file.
        path: PathBuf,
    },
    /// The file is there but is not a usable keyfile.
    #[error("{} is not a usable keyfile: {reason}; restore it with `btcli wallet regen-hotkey` or `regen-coldkey`", path.display())]
    Corrupt {
        /// The broken file.
        path: PathBuf,
        /// What is wrong with it; never a secret.
        reason: String,
    },
    /// The secret in the file belongs to another address than the one written beside it.
    #[error("{} names {written} but its secret belongs to {derived}; the file was edited or mixed up", path.display())]
    WrongAddress {
        /// The inconsistent file.
        path: PathBuf,
        /// The address written in the file.
        written: String,
        /// The address of the secret.
        derived: AccountId,
    },
    /// A file of that name exists and overwriting was not asked for.
    #[error("{} exists already; choose another name, or ask to overwrite it if you are sure", path.display())]
    Exists {
        /// The file in the way.
        path: PathBuf,
    },
    /// A wallet or hotkey name that would leave the wallet's folder.
    #[error("`{name}` cannot be a wallet or hotkey name: use letters, digits, `-`, `_` and `.`")]
    Name {
        /// The refused name.
        name: String,
    },
    /// A secret given for a new wallet is not usable.
    #[error("cannot make the {what}")]
    Secret {
        /// Which key of the wallet.
        what: &'static str,
        /// Why.
        #[source]
        source: KeyError,
    },
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}
