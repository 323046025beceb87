//! The secret half of a key, and the ways to get one.

use std::fmt;

use ed25519_dalek::{Signer as _, SigningKey};
use sp_core::crypto::Pair as _;
use sp_core::{ed25519, sr25519};
use zeroize::Zeroizing;

use crate::account::AccountId;
use crate::error::KeyError;
use crate::mnemonic::Mnemonic;
use crate::scheme::Scheme;

/// A key pair: a hotkey that signs requests and extrinsics, or a coldkey. Wiped from memory when dropped.
#[derive(Clone)]
pub struct Keypair(Secret);

#[derive(Clone)]
enum Secret {
    // Both boxed: a key that is moved about would leave its bytes behind at every stop.
    Sr25519(Box<sr25519::Pair>),
    Ed25519(Box<SigningKey>),
}

impl Keypair {
    /// The sr25519 key of a secret URI: `//Alice`, `phrase//hard/soft`, `phrase///password` or `0x` and a hex seed.
    ///
    /// A URI without a phrase derives from the public development phrase: such keys are for local chains only.
    pub fn from_uri(uri: &str) -> Result<Self, KeyError> {
        Self::from_uri_with(Scheme::Sr25519, uri)
    }

    /// The key of a secret URI. Soft junctions (`/soft`) exist for sr25519 only.
    pub fn from_uri_with(scheme: Scheme, uri: &str) -> Result<Self, KeyError> {
        match scheme {
            Scheme::Sr25519 => sr25519::Pair::from_string(uri, None)
                .map(Self::sr25519)
                .map_err(|_| KeyError::Uri),
            Scheme::Ed25519 => match ed25519::Pair::from_string(uri, None) {
                Ok(pair) => Ok(Self::from_seed_with(scheme, *Zeroizing::new(pair.seed()))),
                Err(sp_core::crypto::SecretStringError::InvalidPath) => Err(KeyError::SoftJunction),
                Err(_) => Err(KeyError::Uri),
            },
        }
    }

    /// The sr25519 key of a BIP-39 English mnemonic, derived as Bittensor wallets do (from the entropy, without
    /// passphrase).
    pub fn from_mnemonic(phrase: &str) -> Result<Self, KeyError> {
        Self::from_mnemonic_with(Scheme::Sr25519, phrase)
    }

    /// The key of a BIP-39 English mnemonic.
    pub fn from_mnemonic_with(scheme: Scheme, phrase: &str) -> Result<Self, KeyError> {
        Self::from_mnemonic_and_seed(scheme, phrase).map(|(pair, _)| pair)
    }

    pub(crate) fn from_mnemonic_and_seed(
        scheme: Scheme,
        phrase: &str,
    ) -> Result<(Self, Zeroizing<[u8; 32]>), KeyError> {
        // The seed of a phrase does not depend on the scheme.
        let (_, seed) = sr25519::Pair::from_phrase(phrase, None).map_err(|_| KeyError::Mnemonic)?;
        let seed = Zeroizing::new(seed);
        Ok((Self::from_seed_with(scheme, *seed), seed))
    }

    /// The sr25519 key of a 32-byte seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self::from_seed_with(Scheme::Sr25519, seed)
    }

    /// The key of a 32-byte seed.
    pub fn from_seed_with(scheme: Scheme, seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        match scheme {
            Scheme::Sr25519 => Self::sr25519(sr25519::Pair::from_seed(&seed)),
            Scheme::Ed25519 => Self(Secret::Ed25519(Box::new(SigningKey::from_bytes(&seed)))),
        }
    }

    /// The key of the `privateKey` of a keyfile: for sr25519 the 64-byte expanded secret (scalar, then nonce), for
    /// ed25519 the 32-byte seed.
    pub fn from_private_key(scheme: Scheme, secret: &[u8]) -> Result<Self, KeyError> {
        let pair = match (scheme, secret.len()) {
            (Scheme::Sr25519, 64) => sr25519::Pair::from_seed_slice(secret)
                .map(Self::sr25519)
                .map_err(|_| KeyError::Secret { scheme })?,
            (Scheme::Ed25519, 32) => {
                let mut seed = Zeroizing::new([0; 32]);
                seed.copy_from_slice(secret);
                Self::from_seed_with(scheme, *seed)
            }
            _ => return Err(KeyError::Secret { scheme }),
        };
        // A scalar of zero: a key whose every signature anyone could write, and which no verifier accepts.
        match pair.account_id().0 {
            zero if zero == [0; 32] => Err(KeyError::Secret { scheme }),
            _ => Ok(pair),
        }
    }

    /// A new random sr25519 key and the twelve words that restore it.
    pub fn generate() -> (Self, Mnemonic) {
        Self::generate_with(Scheme::Sr25519)
    }

    /// A new random key and the twelve words that restore it.
    pub fn generate_with(scheme: Scheme) -> (Self, Mnemonic) {
        let (_, phrase, seed) = sr25519::Pair::generate_with_phrase(None);
        let (seed, phrase) = (Zeroizing::new(seed), Zeroizing::new(phrase));
        (Self::from_seed_with(scheme, *seed), Mnemonic::trusted(phrase))
    }

    fn sr25519(pair: sr25519::Pair) -> Self {
        Self(Secret::Sr25519(Box::new(pair)))
    }

    /// How this key signs.
    pub fn scheme(&self) -> Scheme {
        match self.0 {
            Secret::Sr25519(_) => Scheme::Sr25519,
            Secret::Ed25519(_) => Scheme::Ed25519,
        }
    }

    /// The public half.
    pub fn account_id(&self) -> AccountId {
        AccountId(match &self.0 {
            Secret::Sr25519(pair) => pair.public().0,
            Secret::Ed25519(key) => key.verifying_key().to_bytes(),
        })
    }

    /// Signs exactly `message` under this key's scheme.
    ///
    /// sr25519 signs with context `substrate` and at random: two signatures over one message differ. ed25519
    /// signatures (RFC 8032) are always the same.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        match &self.0 {
            Secret::Sr25519(pair) => pair.sign(message).0,
            Secret::Ed25519(key) => key.sign(message).to_bytes(),
        }
    }

    /// The `privateKey` of keyfiles; see [`Self::from_private_key`].
    pub(crate) fn private_key(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match &self.0 {
            Secret::Sr25519(pair) => pair.to_raw_vec(),
            Secret::Ed25519(key) => key.as_bytes().to_vec(),
        })
    }
}

impl fmt::Debug for Keypair {
    /// Shows the address only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keypair({})", self.account_id())
    }
}
