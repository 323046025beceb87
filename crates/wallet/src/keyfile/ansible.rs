//! The older encrypted form: an ansible vault 1.1. Read only.

use aes::Aes256;
use aes::cipher::{KeyIvInit as _, StreamCipher as _};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::corrupt;
use crate::error::KeyfileError;
use crate::password::Password;

pub(super) const PREFIX: &[u8] = b"$ANSIBLE_VAULT";

const HEADER: &str = "$ANSIBLE_VAULT;1.1;AES256";
const ITERATIONS: u32 = 10_000;
const BLOCK: usize = 16;

/// The parts of such a file.
pub(super) struct Sealed {
    salt: Vec<u8>,
    mac: [u8; 32],
    ciphertext: Vec<u8>,
}

impl Sealed {
    /// A header line, then lines of hex digits; un-hexed and joined they are salt, MAC and ciphertext, each in hex
    /// again and on a line of its own.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, KeyfileError> {
        let text = std::str::from_utf8(bytes).map_err(|_| corrupt("its vault is not text"))?;
        let mut lines = text.lines().map(str::trim_end);
        if lines.next() != Some(HEADER) {
            return Err(corrupt(format!("its vault is not of the form {HEADER}")));
        }
        let digits: String = lines.collect();
        let broken = || corrupt("its vault is cut off or not hex digits");
        let inner = hex::decode(digits).map_err(|_| broken())?;
        let parts: Vec<Vec<u8>> = inner
            .split(|&byte| byte == b'\n')
            .map(hex::decode)
            .collect::<Result<_, _>>()
            .map_err(|_| broken())?;
        let Ok([salt, mac, ciphertext]) = <[Vec<u8>; 3]>::try_from(parts) else {
            return Err(broken());
        };
        let mac = mac.try_into().map_err(|_| broken())?;
        if salt.is_empty() || ciphertext.is_empty() || ciphertext.len() % BLOCK != 0 {
            return Err(broken());
        }
        Ok(Self { salt, mac, ciphertext })
    }

    /// AES key, MAC key, first counter.
    pub(super) fn derive(&self, password: &Password) -> Result<Zeroizing<[u8; 80]>, KeyfileError> {
        let mut keys = Zeroizing::new([0; 80]);
        pbkdf2::pbkdf2::<Hmac<Sha256>>(password.expose(), &self.salt, ITERATIONS, keys.as_mut_slice())
            .map_err(|_| KeyfileError::WrongPassword)?;
        Ok(keys)
    }

    pub(super) fn open(&self, password: &Password) -> Result<Zeroizing<Vec<u8>>, KeyfileError> {
        let keys = self.derive(password)?;
        let (aes_key, rest) = keys.split_at(32);
        let (mac_key, counter) = rest.split_at(32);
        let mut mac = Hmac::<Sha256>::new_from_slice(mac_key).map_err(|_| KeyfileError::WrongPassword)?;
        mac.update(&self.ciphertext);
        mac.verify_slice(&self.mac).map_err(|_| KeyfileError::WrongPassword)?;
        let mut text = Zeroizing::new(self.ciphertext.clone());
        ctr::Ctr128BE::<Aes256>::new_from_slices(aes_key, counter)
            .map_err(|_| KeyfileError::WrongPassword)?
            .apply_keystream(&mut text);
        let length = unpadded(&text).ok_or_else(|| corrupt("the padding in its vault is wrong"))?;
        text.truncate(length);
        Ok(text)
    }
}

/// The length of a text without its PKCS#7 padding.
fn unpadded(text: &[u8]) -> Option<usize> {
    let padding = usize::from(*text.last()?);
    let length = text.len().checked_sub(padding)?;
    let whole = (1..=BLOCK).contains(&padding) && text[length..].iter().all(|&byte| usize::from(byte) == padding);
    whole.then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_checked_whole() {
        assert_eq!(unpadded(b"abc\x01"), Some(3));
        assert_eq!(unpadded(&[16; 16]), Some(0));
        for wrong in [&b""[..], b"abc\x00", b"abc\x05", b"ab\x01\x02", &[17; 32]] {
            assert_eq!(unpadded(wrong), None, "{wrong:?}");
        }
    }
}
