//! The oldest encrypted form: a Fernet token. Read only.

use aes::Aes128;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockDecryptMut as _, KeyIvInit as _};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::corrupt;
use crate::error::KeyfileError;
use crate::password::Password;

pub(super) const PREFIX: &[u8] = b"gAAAAA";

const SALT: &[u8] = b"Iguesscyborgslikemyselfhaveatendencytobeparanoidaboutourorigins";
const ITERATIONS: u32 = 10_000_000;

const VERSION: u8 = 0x80;
const IV_AT: usize = 1 + 8;
const CIPHERTEXT_AT: usize = IV_AT + 16;
const MAC_BYTES: usize = 32;

/// A token: version, time, IV, ciphertext, MAC.
pub(super) struct Sealed(Vec<u8>);

impl Sealed {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, KeyfileError> {
        let token = BASE64_URL_SAFE
            .decode(bytes.trim_ascii_end())
            .map_err(|_| corrupt("its token is not base64"))?;
        let ciphertext = token.len().saturating_sub(CIPHERTEXT_AT + MAC_BYTES);
        if token.first() != Some(&VERSION) || ciphertext == 0 || ciphertext % 16 != 0 {
            return Err(corrupt("its token is cut off"));
        }
        Ok(Self(token))
    }

    pub(super) fn open(&self, password: &Password) -> Result<Zeroizing<Vec<u8>>, KeyfileError> {
        self.open_with(&*derive(password)?)
    }

    pub(super) fn open_with(&self, keys: &[u8; 32]) -> Result<Zeroizing<Vec<u8>>, KeyfileError> {
        let (mac_key, aes_key) = keys.split_at(16);
        let (signed, tag) = self.0.split_at(self.0.len() - MAC_BYTES);
        let mut mac = Hmac::<Sha256>::new_from_slice(mac_key).map_err(|_| KeyfileError::WrongPassword)?;
        mac.update(signed);
        mac.verify_slice(tag).map_err(|_| KeyfileError::WrongPassword)?;
        let mut text = Zeroizing::new(signed[CIPHERTEXT_AT..].to_vec());
        let length = cbc::Decryptor::<Aes128>::new_from_slices(aes_key, &signed[IV_AT..CIPHERTEXT_AT])
            .map_err(|_| KeyfileError::WrongPassword)?
            .decrypt_padded_mut::<Pkcs7>(&mut text)
            .map_err(|_| corrupt("the padding in its token is wrong"))?
            .len();
        text.truncate(length);
        Ok(text)
    }
}

/// The keys of a password, MAC key first: seconds of work.
pub(super) fn derive(password: &Password) -> Result<Zeroizing<[u8; 32]>, KeyfileError> {
    let mut keys = Zeroizing::new([0; 32]);
    pbkdf2::pbkdf2::<Hmac<Sha256>>(password.expose(), SALT, ITERATIONS, keys.as_mut_slice())
        .map_err(|_| KeyfileError::WrongPassword)?;
    Ok(keys)
}
