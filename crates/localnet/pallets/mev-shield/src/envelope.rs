//! What travels in `submit_encrypted`: which key it is for, the encapsulated secret, and what is encrypted with it.

use codec::{Decode, Encode};
use scale_info::TypeInfo;

/// Bytes of the hash that says for which key something is encrypted: twox128.
pub const KEY_HASH_LEN: usize = 16;
/// Bytes of an XChaCha20-Poly1305 nonce.
pub const NONCE_LEN: usize = 24;

/// An encrypted transaction, taken apart.
#[derive(Encode, Decode, Clone, Debug, PartialEq, Eq, TypeInfo)]
pub struct ShieldedTransaction {
    /// twox128 of the encapsulation key.
    pub key_hash: [u8; KEY_HASH_LEN],
    /// The encapsulated secret.
    pub kem_ct: Vec<u8>,
    /// The transaction, encrypted with the secret; its tag at the end.
    pub aead_ct: Vec<u8>,
    /// Nonce of that encryption.
    pub nonce: [u8; NONCE_LEN],
}

impl ShieldedTransaction {
    /// Takes the bytes apart: key hash, length of the capsule as two little-endian bytes, capsule, nonce, the rest.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (key_hash, rest) = bytes.split_first_chunk::<KEY_HASH_LEN>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (kem_ct, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        let (nonce, aead_ct) = rest.split_first_chunk::<NONCE_LEN>()?;
        Some(Self {
            key_hash: *key_hash,
            kem_ct: kem_ct.to_vec(),
            aead_ct: aead_ct.to_vec(),
            nonce: *nonce,
        })
    }

    /// The bytes that [`ShieldedTransaction::parse`] takes apart.
    pub fn to_bytes(&self) -> Vec<u8> {
        let length = u16::try_from(self.kem_ct.len()).unwrap_or(u16::MAX);
        [
            &self.key_hash[..],
            &length.to_le_bytes(),
            &self.kem_ct,
            &self.nonce,
            &self.aead_ct,
        ]
        .concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_taken_apart_and_put_together_again() {
        let shielded = ShieldedTransaction {
            key_hash: [1; 16],
            kem_ct: vec![2; 1_088],
            aead_ct: vec![3; 40],
            nonce: [4; 24],
        };
        let bytes = shielded.to_bytes();
        assert_eq!(bytes.len(), 16 + 2 + 1_088 + 24 + 40);
        assert_eq!(ShieldedTransaction::parse(&bytes), Some(shielded));
        for cut in [0, 15, 17, 18, 1_105, 1_129] {
            assert_eq!(ShieldedTransaction::parse(&bytes[..cut]), None, "{cut} bytes");
        }
    }
}
