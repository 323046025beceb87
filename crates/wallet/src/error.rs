//! What can go wrong with keys and wallets, and what to do about it.

use std::path::{Path, PathBuf};

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
    /// Another number of words than mnemonics have.
    #[error("a mnemonic has 12, 15, 18, 21 or 24 words, not {words}")]
    Words {
        /// The number asked for.
        words: usize,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no randomness for a new key")]
    Randomness,
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

/// Why the bytes of a keyfile could not be turned into a key.
///
/// Never contains a secret or a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyfileError {
    /// Not usable.
    #[error("not a usable keyfile: {reason}")]
    Corrupt {
        /// What is wrong with it.
        reason: String,
    },
    /// The secret belongs to another address than `ss58Address` says.
    #[error("it names {written} but its secret belongs to {derived}")]
    WrongAddress {
        /// The address written in the file.
        written: String,
        /// The address of the secret.
        derived: AccountId,
    },
    /// The seal of the encrypted file does not fit the password.
    #[error("wrong password")]
    WrongPassword,
    /// Not enough memory to derive the key of a password.
    #[error("512 MiB of memory are needed to derive the key of a password, and are not free")]
    Memory,
    /// The operating system gave no random bytes.
    #[error("the operating system gave no randomness")]
    Randomness,
}

impl KeyfileError {
    /// The same, of a file in a wallet.
    pub(crate) fn at(self, path: &Path) -> WalletError {
        let path = path.to_path_buf();
        match self {
            Self::Corrupt { reason } => WalletError::Corrupt { path, reason },
            Self::WrongAddress { written, derived } => WalletError::WrongAddress { path, written, derived },
            Self::WrongPassword => WalletError::WrongPassword { path },
            Self::Memory | Self::Randomness => WalletError::Machine { path, source: self },
        }
    }
}

/// Why a password source could not be used. Never contains the password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// An environment variable holds something else.
    #[error("{variable} cannot be used: {reason}")]
    Variable {
        /// Its name.
        variable: String,
        /// What is wrong with its value.
        reason: &'static str,
    },
    /// What was read is no password.
    #[error("the password from {from} cannot be used: {reason}")]
    Unusable {
        /// Where it was read from.
        from: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Reading failed.
    #[error("cannot read the password from {from}")]
    Read {
        /// Where it was to be read from.
        from: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
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
    /// The file is encrypted and no source had a password.
    #[error(
        "{} is encrypted and there is no password for it: give one by --wallet.password_fd, --wallet.password_file or \
         BT_WALLET_PASSWORD, or make a hotkey without one (`btcli wallet new-hotkey --no-use-password`)",
        path.display()
    )]
    Encrypted {
        /// The encrypted file.
        path: PathBuf,
    },
    /// The file is encrypted with another password.
    #[error("wrong password for {}", path.display())]
    WrongPassword {
        /// The encrypted file.
        path: PathBuf,
    },
    /// A password source was named and cannot be used.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The machine could not do what an encrypted file needs.
    #[error("cannot open or write {}", path.display())]
    Machine {
        /// The encrypted file.
        path: PathBuf,
        /// What was missing.
        #[source]
        source: KeyfileError,
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
    /// A coldkey lies beside the hotkey and has no password.
    #[error(
        "{} has no password: whoever breaks into this neuron takes the funds too. A neuron needs the hotkey and \
         coldkeypub.txt only: keep the coldkey on another machine, or encrypt it; to start all the same, pass \
         --wallet.allow_unencrypted_coldkey",
        path.display()
    )]
    ExposedColdkey {
        /// The coldkey.
        path: PathBuf,
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
