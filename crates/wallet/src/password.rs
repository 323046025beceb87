//! Passwords of keyfiles, and the places they come from. Never the command line: every user of the machine can read
//! that.

mod sources;
mod variable;

use std::fmt;

use zeroize::Zeroizing;

pub use sources::PasswordSources;
pub use variable::{password_variable, scramble};

/// Longest password that is read from anywhere. Anything longer is the wrong file or the wrong descriptor.
const MAX_PASSWORD_BYTES: usize = 4096;

/// The password of a keyfile. Wiped from memory when dropped; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// A password as text.
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.as_bytes().to_vec()))
    }

    pub(crate) fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// The UTF-8 bytes that keys are derived from.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<Zeroizing<String>> for Password {
    fn from(mut text: Zeroizing<String>) -> Self {
        Self(Zeroizing::new(std::mem::take(&mut *text).into_bytes()))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(hidden)")
    }
}
