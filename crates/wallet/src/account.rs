//! The public half of a key: 32 bytes, written as an SS58 address.

use std::fmt;
use std::str::FromStr;

use blake2::{Blake2b512, Digest as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sp_core::crypto::{AccountId32, Pair as _, Ss58Codec};
use sp_core::sr25519;

use crate::scheme::Scheme;

/// SS58 prefix of every Bittensor address.
const PREFIX: u16 = 42;

/// Length of every prefix-42 address of a 32-byte key.
const ADDRESS_CHARS: usize = 48;

/// An account: the 32 bytes of a public key, sr25519 unless something beside the address says otherwise.
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

    /// Whether `signature` is this key's signature over exactly `message` under the given scheme, and no other.
    ///
    /// As strict as a signature check can be: no wrapped messages, and no weak keys. Those are the all-zero sr25519
    /// key and the ed25519 points of order 1, 2, 4 and 8, for which anyone can write signatures. An ed25519 signature
    /// must be the one canonical encoding (RFC 8032 without cofactor), so that nobody can alter one into another.
    pub fn verify_with(&self, scheme: Scheme, message: &[u8], signature: &[u8; 64]) -> bool {
        match scheme {
            Scheme::Sr25519 => self.verify(message, signature),
            Scheme::Ed25519 => match ed25519_dalek::VerifyingKey::from_bytes(&self.0) {
                Ok(key) if !key.is_weak() => key
                    .verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature))
                    .is_ok(),
                _ => false,
            },
        }
    }

    /// The letters of the address.
    ///
    /// Every request is signed over two addresses and its answer names both, so this is written for speed: base 58 in
    /// groups of five digits, without allocation, four times as fast as the general way.
    fn address(&self) -> [u8; ADDRESS_CHARS] {
        const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
        const FIVE_DIGITS: u64 = 58u64.pow(5);

        let mut input = [0; 7 + 1 + 32];
        input[..7].copy_from_slice(b"SS58PRE");
        input[7] = PREFIX as u8;
        input[8..].copy_from_slice(&self.0);
        let checksum = Blake2b512::digest(input);

        // Prefix, key and two bytes of the checksum are 35 bytes: one number in nine limbs.
        let mut number = [0; 36];
        number[1..34].copy_from_slice(&input[7..]);
        number[34..].copy_from_slice(&checksum[..2]);
        let mut limbs = [0u32; 9];
        for (limb, bytes) in limbs.iter_mut().zip(number.as_chunks::<4>().0) {
            *limb = u32::from_be_bytes(*bytes);
        }
        // Fifty digits hold more than the number; with this prefix the first two are always zero and not written.
        let mut digits = [0; 50];
        for group in digits.as_chunks_mut::<5>().0.iter_mut().rev() {
            let mut rest = 0;
            for limb in &mut limbs {
                let part = (rest << 32) | u64::from(*limb);
                *limb = (part / FIVE_DIGITS) as u32;
                rest = part % FIVE_DIGITS;
            }
            for digit in group.iter_mut().rev() {
                *digit = ALPHABET[(rest % 58) as usize];
                rest /= 58;
            }
        }
        std::array::from_fn(|place| digits[place + 2])
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
        let address = self.address();
        f.pad(std::str::from_utf8(&address).map_err(|_| fmt::Error)?)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn addresses_are_those_of_the_general_way(key in any::<[u8; 32]>()) {
            let general = AccountId32::new(key).to_ss58check_with_version(PREFIX.into());
            prop_assert_eq!(AccountId(key).to_string(), general);
            prop_assert_eq!(AccountId(key).to_string().parse::<AccountId>(), Ok(AccountId(key)));
        }
    }

    #[test]
    fn the_smallest_and_the_largest_key_have_addresses_too() {
        for byte in [0x00, 0x01, 0x80, 0xff] {
            let general = AccountId32::new([byte; 32]).to_ss58check_with_version(PREFIX.into());
            assert_eq!(AccountId([byte; 32]).to_string(), general);
        }
    }
}
