//! The secret half of a key, and the ways to get one.

use std::fmt;

use sp_core::crypto::Pair as _;
use sp_core::sr25519;
use zeroize::Zeroizing;

use crate::account::AccountId;
use crate::error::KeyError;

/// An sr25519 key pair: a hotkey that signs requests and extrinsics, or a development coldkey.
#[derive(Clone)]
pub struct Keypair(sr25519::Pair);

impl Keypair {
    /// The key of a secret URI: `//Alice`, `phrase//hard/soft`, `phrase///password` or `0x` and a hex seed.
    ///
    /// A URI without a phrase derives from the public development phrase: such keys are for local chains only.
    pub fn from_uri(uri: &str) -> Result<Self, KeyError> {
        sr25519::Pair::from_string(uri, None)
            .map(Self)
            .map_err(|_| KeyError::Uri)
    }

    /// The key of a BIP-39 English mnemonic, derived as Bittensor wallets do (from the entropy, without passphrase).
    pub fn from_mnemonic(phrase: &str) -> Result<Self, KeyError> {
        Self::from_mnemonic_with_seed(phrase).map(|(pair, _)| pair)
    }

    pub(crate) fn from_mnemonic_with_seed(phrase: &str) -> Result<(Self, Zeroizing<[u8; 32]>), KeyError> {
        let (pair, seed) = sr25519::Pair::from_phrase(phrase, None).map_err(|_| KeyError::Mnemonic)?;
        Ok((Self(pair), Zeroizing::new(seed)))
    }

    /// The key of a 32-byte seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(sr25519::Pair::from_seed(&seed))
    }

    /// The key of a 64-byte expanded secret (scalar, then nonce), the `privateKey` of a keyfile.
    pub(crate) fn from_private_key(secret: &[u8; 64]) -> Result<Self, KeyError> {
        sr25519::Pair::from_seed_slice(secret)
            .map(Self)
            .map_err(|_| KeyError::Secret)
    }

    /// A new random key and the twelve words that restore it.
    pub fn generate() -> (Self, Mnemonic) {
        let (pair, phrase, seed) = sr25519::Pair::generate_with_phrase(None);
        let _wiped = Zeroizing::new(seed);
        (Self(pair), Mnemonic(Zeroizing::new(phrase)))
    }

    /// The public half.
    pub fn account_id(&self) -> AccountId {
        AccountId(self.0.public().0)
    }

    /// Signs exactly `message`, signing context `substrate`. Signatures are randomised: two over one message differ.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).0
    }

    /// The 64-byte expanded secret, for writing keyfiles.
    pub(crate) fn private_key(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.to_raw_vec())
    }
}

impl fmt::Debug for Keypair {
    /// Shows the address only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keypair({})", self.account_id())
    }
}

/// The words that restore a key. Wiped from memory when dropped, and shown only on request.
pub struct Mnemonic(Zeroizing<String>);

impl Mnemonic {
    /// The words, to be shown to their owner once. Whoever reads them owns the key.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Mnemonic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mnemonic(hidden)")
    }
}

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
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Random => "Random",
            Self::Uri(_) => "Uri(hidden)",
            Self::Mnemonic(_) => "Mnemonic(hidden)",
            Self::Seed(_) => "Seed(hidden)",
        })
    }
}
