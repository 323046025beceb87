//! What a new key is made from.

use std::fmt;

use zeroize::Zeroizing;

use crate::mnemonic::Mnemonic;
use crate::password::Password;
use crate::scheme::Scheme;

/// Where the secret of a new wallet key comes from.
#[derive(Clone)]
#[non_exhaustive]
pub enum KeySource {
    /// A new random key; its words are returned by [`crate::Wallet::create`].
    Random,
    /// A secret URI such as `//Alice`, for local chains.
    Uri(String),
    /// A BIP-39 mnemonic.
    Mnemonic(Zeroizing<String>),
    /// A 32-byte seed.
    Seed(Zeroizing<[u8; 32]>),
    /// The `privateKey` of a keyfile: 64 bytes for sr25519, 32 for ed25519.
    PrivateKey(Zeroizing<Vec<u8>>),
}

impl From<Mnemonic> for KeySource {
    fn from(words: Mnemonic) -> Self {
        Self::Mnemonic(Zeroizing::new(words.reveal().to_owned()))
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Random => "Random",
            Self::Uri(_) => "Uri(hidden)",
            Self::Mnemonic(_) => "Mnemonic(hidden)",
            Self::Seed(_) => "Seed(hidden)",
            Self::PrivateKey(_) => "PrivateKey(hidden)",
        })
    }
}

/// A key to be written: its secret, its scheme, and the password of its file.
#[derive(Debug, Clone)]
pub struct KeySpec {
    /// Where the secret comes from.
    pub source: KeySource,
    /// How the key signs.
    pub scheme: Scheme,
    /// Encrypts the file (NaCl, as both SDK generations read it); without one the file is plain.
    pub password: Option<Password>,
}

impl KeySpec {
    /// An sr25519 key in a plain file.
    pub fn new(source: KeySource) -> Self {
        Self {
            source,
            scheme: Scheme::Sr25519,
            password: None,
        }
    }

    /// The same secret under another scheme.
    pub fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// The same key in an encrypted file.
    pub fn password(mut self, password: Password) -> Self {
        self.password = Some(password);
        self
    }
}
