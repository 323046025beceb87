//! The words that restore a key.

use std::fmt;

use rand::TryRngCore as _;
use zeroize::Zeroizing;

use crate::error::KeyError;

/// The words that restore a key. Wiped from memory when dropped, and shown only on request.
#[derive(Clone)]
pub struct Mnemonic(Zeroizing<String>);

impl Mnemonic {
    /// New random words: 12, 15, 18, 21 or 24 of them, worth 128 to 256 bits.
    ///
    /// # Errors
    /// With another number of words, or when the operating system has no randomness to give.
    pub fn generate(words: usize) -> Result<Self, KeyError> {
        if !matches!(words, 12 | 15 | 18 | 21 | 24) {
            return Err(KeyError::Words { words });
        }
        // Three words carry 32 bits of entropy and one of checksum.
        let mut entropy = Zeroizing::new([0; 32]);
        let entropy = &mut entropy[..words / 3 * 4];
        rand::rngs::OsRng
            .try_fill_bytes(entropy)
            .map_err(|_| KeyError::Randomness)?;
        bip39::Mnemonic::from_entropy(entropy)
            .map(|words| Self(Zeroizing::new(words.to_string())))
            .map_err(|_| KeyError::Mnemonic)
    }

    /// Checks words that somebody typed: how many, each in the list, and their checksum.
    ///
    /// # Errors
    /// When they are not a valid English BIP-39 phrase. Which word is wrong is not told: the text ends up in logs.
    pub fn parse(phrase: &str) -> Result<Self, KeyError> {
        bip39::Mnemonic::parse_in(bip39::Language::English, phrase)
            .map(|words| Self(Zeroizing::new(words.to_string())))
            .map_err(|_| KeyError::Mnemonic)
    }

    /// Words that were just invented.
    pub(crate) fn trusted(words: Zeroizing<String>) -> Self {
        Self(words)
    }

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
