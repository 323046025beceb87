//! The key that everything on a dev chain is encrypted to.
//!
//! It is made from a seed that stands in this file, so it hides nothing from anybody. It exists so that clients that only
//! submit encrypted can be used, and so that what they send is really decrypted.

use crate::envelope::{ShieldedTransaction, KEY_HASH_LEN, NONCE_LEN};
use chacha20poly1305::{
    aead::{Aead, KeyInit},
    XChaCha20Poly1305, XNonce,
};
use ml_kem::{kem::Kem, Decapsulate, KeyExport, MlKem768, Seed};

/// The seed, both halves of it.
pub const SEED: [u8; 64] = *b"localnet: anybody can read what is encrypted to the dev chain...";

type DecapsulationKey = <MlKem768 as Kem>::DecapsulationKey;
type EncapsulationKey = <MlKem768 as Kem>::EncapsulationKey;
type Ciphertext = ml_kem::Ciphertext<MlKem768>;

fn keys(seed: &[u8]) -> Option<DecapsulationKey> {
    Some(DecapsulationKey::from_seed(Seed::try_from(seed).ok()?))
}

/// The public half of the key that a seed of 64 bytes makes.
pub fn encapsulation_key(seed: &[u8; 64]) -> Vec<u8> {
    let key = DecapsulationKey::from_seed(Seed::from(*seed));
    key.encapsulation_key().to_bytes().to_vec()
}

/// What was encrypted to the key that `seed` makes; `None` when it was another key or the bytes were changed.
pub fn decrypt(seed: &[u8], shielded: &ShieldedTransaction) -> Option<Vec<u8>> {
    let capsule = Ciphertext::try_from(&shielded.kem_ct[..]).ok()?;
    let secret = keys(seed)?.decapsulate(&capsule);
    let cipher = XChaCha20Poly1305::new_from_slice(&secret).ok()?;
    cipher
        .decrypt(XNonce::from_slice(&shielded.nonce), &shielded.aead_ct[..])
        .ok()
}

/// Encrypts as clients do, for tests and tools: `randomness` makes the secret and must never be used twice.
pub fn encrypt(
    encapsulation_key: &[u8],
    randomness: [u8; 32],
    nonce: [u8; NONCE_LEN],
    plaintext: &[u8],
) -> Option<ShieldedTransaction> {
    let key = ml_kem::Key::<EncapsulationKey>::try_from(encapsulation_key).ok()?;
    let (capsule, secret) = EncapsulationKey::new(&key)
        .ok()?
        .encapsulate_deterministic(&randomness.into());
    let cipher = XChaCha20Poly1305::new_from_slice(&secret).ok()?;
    let key_hash: [u8; KEY_HASH_LEN] = sp_io::hashing::twox_128(encapsulation_key);
    Some(ShieldedTransaction {
        key_hash,
        kem_ct: capsule.to_vec(),
        aead_ct: cipher.encrypt(XNonce::from_slice(&nonce), plaintext).ok()?,
        nonce,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_seed_opens_what_was_encrypted() {
        let key = encapsulation_key(&SEED);
        assert_eq!(key.len(), crate::ENC_KEY_LEN);
        let shielded = encrypt(&key, [7; 32], [9; 24], b"a transaction").expect("the key is one");
        assert_eq!(shielded.kem_ct.len(), 1_088);
        assert_eq!(decrypt(&SEED, &shielded).as_deref(), Some(&b"a transaction"[..]));
        assert_eq!(decrypt(&[1; 64], &shielded), None, "another key");
        assert_eq!(decrypt(&[1; 3], &shielded), None, "no key");
        let mut changed = shielded.clone();
        changed.aead_ct[0] ^= 1;
        assert_eq!(decrypt(&SEED, &changed), None, "changed bytes");
        let mut changed = shielded;
        changed.kem_ct.pop();
        assert_eq!(decrypt(&SEED, &changed), None, "a capsule that is too short");
    }
}
