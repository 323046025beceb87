//! The current encrypted form: `$NACL`, a nonce, and a libsodium secretbox under an Argon2i key.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use crypto_secretbox::aead::{Aead, KeyInit};
use crypto_secretbox::{Key, Nonce, XSalsa20Poly1305};
use rand::TryRngCore as _;
use std::sync::{Mutex, PoisonError};
use zeroize::{Zeroize as _, Zeroizing};

use super::corrupt;
use crate::error::KeyfileError;
use crate::password::Password;

pub(super) const PREFIX: &[u8] = b"$NACL";

const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// The same for every file ever written, so one password gives the same key everywhere.
const SALT: [u8; 16] = [
    0x13, 0x71, 0x83, 0xdf, 0xf1, 0x5a, 0x09, 0xbc, 0x9c, 0x90, 0xb5, 0x51, 0x87, 0x39, 0xe9, 0xb1,
];

/// libsodium's "sensitive" cost of `argon2i13`.
const ITERATIONS: u32 = 8;
const MEMORY_KIB: u32 = 512 * 1024;

/// Held while a key is derived: two at once would take a gibibyte.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The parts of such a file.
pub(super) struct Sealed {
    nonce: [u8; NONCE_BYTES],
    /// Tag, then ciphertext.
    sealed: Vec<u8>,
}

impl Sealed {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, KeyfileError> {
        let rest = bytes.strip_prefix(PREFIX).unwrap_or_default();
        match rest.split_first_chunk() {
            Some((nonce, sealed)) if sealed.len() > TAG_BYTES => Ok(Self {
                nonce: *nonce,
                sealed: sealed.to_vec(),
            }),
            _ => Err(corrupt("its encrypted text is cut off")),
        }
    }

    pub(super) fn open(&self, password: &Password) -> Result<Zeroizing<Vec<u8>>, KeyfileError> {
        self.open_with(&*derive(password)?)
    }

    pub(super) fn open_with(&self, key: &[u8; 32]) -> Result<Zeroizing<Vec<u8>>, KeyfileError> {
        XSalsa20Poly1305::new(Key::from_slice(key))
            .decrypt(Nonce::from_slice(&self.nonce), self.sealed.as_slice())
            .map(Zeroizing::new)
            .map_err(|_| KeyfileError::WrongPassword)
    }
}

pub(super) fn seal(plaintext: &[u8], password: &Password) -> Result<Vec<u8>, KeyfileError> {
    let mut nonce = [0; NONCE_BYTES];
    rand::rngs::OsRng
        .try_fill_bytes(&mut nonce)
        .map_err(|_| KeyfileError::Randomness)?;
    seal_with(plaintext, &nonce, &*derive(password)?)
}

pub(super) fn seal_with(plaintext: &[u8], nonce: &[u8; NONCE_BYTES], key: &[u8; 32]) -> Result<Vec<u8>, KeyfileError> {
    let sealed = XSalsa20Poly1305::new(Key::from_slice(key))
        .encrypt(Nonce::from_slice(nonce), plaintext)
        .map_err(|_| corrupt("it could not be encrypted"))?;
    Ok([PREFIX, nonce, &sealed].concat())
}

/// The key of a password: seconds of work on 512 MiB, which are wiped afterwards.
pub(super) fn derive(password: &Password) -> Result<Zeroizing<[u8; 32]>, KeyfileError> {
    let params =
        Params::new(MEMORY_KIB, ITERATIONS, 1, Some(32)).map_err(|_| corrupt("its cost cannot be computed"))?;
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut blocks: Vec<Block> = Vec::new();
    // Asked for politely: an allocation that fails elsewhere would end the process.
    blocks
        .try_reserve_exact(params.block_count())
        .map_err(|_| KeyfileError::Memory)?;
    blocks.resize(params.block_count(), Block::default());
    let mut key = Zeroizing::new([0; 32]);
    let derived = Argon2::new(Algorithm::Argon2i, Version::V0x13, params).hash_password_into_with_memory(
        password.expose(),
        &SALT,
        key.as_mut_slice(),
        &mut blocks[..],
    );
    blocks.iter_mut().for_each(|block| block.zeroize());
    derived.map_err(|_| KeyfileError::WrongPassword)?;
    Ok(key)
}
