//! One keyfile, in every form the field has written.
//!
//! | first bytes | form | here |
//! |---|---|---|
//! | `$NACL` | Argon2i, then XSalsa20-Poly1305 | read, written |
//! | `$ANSIBLE_VAULT` | PBKDF2, then AES-256-CTR and HMAC | read |
//! | `gAAAAA` | PBKDF2, then Fernet | read |
//! | anything else | JSON; or a bare hex seed or mnemonic | read, JSON written |

mod ansible;
mod fernet;
mod json;
mod nacl;
mod write;

use std::fmt;

use zeroize::Zeroizing;

use crate::account::AccountId;
use crate::error::KeyfileError;
use crate::keypair::Keypair;
use crate::password::Password;
use crate::scheme::Scheme;

pub(crate) use write::{make, public_json};

/// A keyfile is about 600 bytes, 2,500 as an ansible vault; anything much larger is not one, and is not looked at.
pub(crate) const MAX_KEYFILE_BYTES: usize = 64 * 1024;

/// The bytes that tell an encrypted keyfile from a plain one.
pub(crate) const LONGEST_PREFIX: usize = ansible::PREFIX.len();

/// What a keyfile holds once it is open.
#[derive(Debug, Clone)]
pub enum Contents {
    /// A secret key.
    Secret(Box<Keypair>),
    /// An address only.
    Public(PublicKey),
}

/// The public half of a key and how it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey {
    /// The address.
    pub account: AccountId,
    /// How the key signs. Files that do not say it are sr25519.
    pub scheme: Scheme,
}

impl Contents {
    /// The public half of what is there.
    pub fn public(&self) -> PublicKey {
        match self {
            Self::Secret(pair) => PublicKey {
                account: pair.account_id(),
                scheme: pair.scheme(),
            },
            Self::Public(key) => *key,
        }
    }
}

/// How a keyfile is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// The current form, written by both SDK generations and by us.
    Nacl,
    /// An ansible vault 1.1, written by older SDKs.
    Ansible,
    /// A Fernet token, written by the oldest.
    Fernet,
}

impl fmt::Display for Encryption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Nacl => "NaCl",
            Self::Ansible => "ansible vault",
            Self::Fernet => "Fernet",
        })
    }
}

/// A keyfile taken apart, as far as that goes without a password.
#[derive(Debug)]
pub enum Keyfile {
    /// Nothing is encrypted.
    Plain(Contents),
    /// A password is needed.
    Encrypted(Sealed),
}

impl Keyfile {
    /// Takes the bytes of a keyfile apart. Quick for any bytes whatever: the key of a password is derived in
    /// [`Sealed::open`] only.
    ///
    /// # Errors
    /// [`KeyfileError::Corrupt`] and [`KeyfileError::WrongAddress`]; never a panic.
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyfileError> {
        if bytes.len() > MAX_KEYFILE_BYTES {
            return Err(corrupt("it is larger than any keyfile"));
        }
        let form = match encryption(bytes) {
            None => return json::parse(bytes).map(Self::Plain),
            Some(Encryption::Nacl) => Form::Nacl(nacl::Sealed::parse(bytes)?),
            Some(Encryption::Ansible) => Form::Ansible(ansible::Sealed::parse(bytes)?),
            Some(Encryption::Fernet) => Form::Fernet(fernet::Sealed::parse(bytes)?),
        };
        Ok(Self::Encrypted(Sealed(form)))
    }
}

/// The encryption that the first bytes of a keyfile announce.
pub(crate) fn encryption(bytes: &[u8]) -> Option<Encryption> {
    [
        (nacl::PREFIX, Encryption::Nacl),
        (ansible::PREFIX, Encryption::Ansible),
        (fernet::PREFIX, Encryption::Fernet),
    ]
    .into_iter()
    .find_map(|(prefix, form)| bytes.starts_with(prefix).then_some(form))
}

/// An encrypted keyfile, of sound shape as far as can be told.
pub struct Sealed(Form);

enum Form {
    Nacl(nacl::Sealed),
    Ansible(ansible::Sealed),
    Fernet(fernet::Sealed),
}

impl Sealed {
    /// Which of the three forms it is.
    pub fn encryption(&self) -> Encryption {
        match self.0 {
            Form::Nacl(_) => Encryption::Nacl,
            Form::Ansible(_) => Encryption::Ansible,
            Form::Fernet(_) => Encryption::Fernet,
        }
    }

    /// Opens the file.
    ///
    /// Blocks for seconds and, for NaCl, needs 512 MiB while it runs: call it from a thread of its own, never on an
    /// async runtime. NaCl files are opened one at a time in a process.
    ///
    /// # Errors
    /// [`KeyfileError::WrongPassword`] when the file's own seal says so, [`KeyfileError::Memory`], and whatever
    /// [`Keyfile::parse`] finds wrong with the text inside.
    pub fn open(&self, password: &Password) -> Result<Contents, KeyfileError> {
        let plaintext: Zeroizing<Vec<u8>> = match &self.0 {
            Form::Nacl(sealed) => sealed.open(password)?,
            Form::Ansible(sealed) => sealed.open(password)?,
            Form::Fernet(sealed) => sealed.open(password)?,
        };
        json::parse(&plaintext)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({})", self.encryption())
    }
}

/// Encrypts the text of a keyfile in the current form. As slow as [`Sealed::open`].
pub(crate) fn seal(plaintext: &[u8], password: &Password) -> Result<Vec<u8>, KeyfileError> {
    nacl::seal(plaintext, password)
}

fn corrupt(reason: impl Into<String>) -> KeyfileError {
    KeyfileError::Corrupt { reason: reason.into() }
}

#[cfg(test)]
mod tests;
