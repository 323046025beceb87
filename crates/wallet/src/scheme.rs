//! The two signature schemes of the field.

use std::fmt;
use std::str::FromStr;

/// How a key signs.
///
/// An address does not tell the scheme of its key: the same 32 bytes can be read as either. Requests of the v10 wire
/// are sr25519 always; `btauth/1` names the scheme in a header; keyfiles name it in `cryptoType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scheme {
    /// Schnorr signatures over Ristretto, signing context `substrate`: what every wallet makes unless told otherwise.
    #[default]
    Sr25519,
    /// RFC 8032 signatures.
    Ed25519,
}

/// A text that names no scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a signature scheme is `sr25519` or `ed25519`")]
pub struct UnknownScheme;

impl Scheme {
    /// The name used on the wire, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sr25519 => "sr25519",
            Self::Ed25519 => "ed25519",
        }
    }

    /// The `cryptoType` of keyfiles.
    pub(crate) fn crypto_type(self) -> i64 {
        match self {
            Self::Ed25519 => 0,
            Self::Sr25519 => 1,
        }
    }

    /// The scheme of a `cryptoType`, if it is one that exists.
    pub(crate) fn from_crypto_type(number: i64) -> Option<Self> {
        [Self::Ed25519, Self::Sr25519]
            .into_iter()
            .find(|scheme| scheme.crypto_type() == number)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Scheme {
    type Err = UnknownScheme;

    /// Exact: another case or a space around the name is refused, as headers must be.
    fn from_str(text: &str) -> Result<Self, UnknownScheme> {
        [Self::Sr25519, Self::Ed25519]
            .into_iter()
            .find(|scheme| scheme.as_str() == text)
            .ok_or(UnknownScheme)
    }
}
