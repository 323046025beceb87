//! The public half of a key: 32 bytes, written as an SS58 address.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sp_core::crypto::{AccountId32, Pair as _, Ss58Codec};
use sp_core::sr25519;

/// SS58 prefix of every Bittensor address.
const PREFIX: u16 = 42;

/// Length of every prefix-42 address of a 32-byte key.
const ADDRESS_CHARS: usize = 48;

/// An account: the 32 bytes of an sr25519 public key.
///
/// Shown and parsed as an SS58 address with prefix 42. Ordering is by bytes, so that maps keyed by accounts iterate
/// the same way everywhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub [u8; 32]);

/// Why a text is not an account address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Not exactly 48 characters. Checked before decoding, which takes time quadratic in the length.
    #[error("an ss58 address has 48 characters, this text has {found}")]
    Length {
        /// Number of bytes found.
        found: usize,
    },
    /// Not base58, wrong checksum, or not 32 bytes.
    #[error("not a valid ss58 address; check for a typing mistake")]
    Malformed,
    /// A valid address of another network.
    #[error("ss58 prefix {found} belongs to another network, bittensor uses 42")]
    Prefix {
        /// The prefix found.
        found: u16,
    },
}

impl AccountId {
    /// Whether `signature` is this key's sr25519 signature over exactly `message`.
    ///
    /// Signing context is `substrate`. Unlike the Python wallet this never retries with `<Bytes>` around the message
    /// (a browser wallet could then be talked into signing requests), and never accepts the all-zero key, which has a
    /// signature valid for every message.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        if self.0 == [0; 32] {
            return false;
        }
        let signature = sr25519::Signature::from_raw(*signature);
        sr25519::Pair::verify(&signature, message, &sr25519::Public::from_raw(self.0))
    }

    /// The raw bytes of the public key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for AccountId {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.len() != ADDRESS_CHARS {
            return Err(AddressError::Length { found: text.len() });
        }
        let (key, format) = AccountId32::from_ss58check_with_version(text).map_err(|_| AddressError::Malformed)?;
        match u16::from(format) {
            PREFIX => Ok(Self(key.into())),
            found => Err(AddressError::Prefix { found }),
        }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&AccountId32::new(self.0).to_ss58check_with_version(PREFIX.into()))
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<[u8; 32]> for AccountId {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl Serialize for AccountId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AccountId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
