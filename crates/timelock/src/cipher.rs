//! Encryption to a round: Boneh–Franklin identity-based encryption (FullIdent) of a key for AES-256-GCM.

use crate::beacon::Beacon;
use crate::curve::{compressed, key_point, pad_of, pair, round_point, scalar_of, signature_point};
use crate::error::TimelockError;
use crate::payload::MAX_COMMIT_BYTES;
use crate::wire::{OVERHEAD, Parts};
use aes_gcm::aead::Aead as _;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use ark_bls12_381::G2Affine;
use ark_ec::{AffineRepr as _, CurveGroup as _};
use rand::CryptoRng;
use sha2::{Digest as _, Sha256};

/// Encrypts `plaintext` so that the signature of `round` opens it. The result is [`OVERHEAD`] bytes longer.
///
/// # Errors
/// [`TimelockError::PublicKey`] when the beacon's key is no valid point, [`TimelockError::TooLong`] when the chain would not
/// take the result.
pub fn encrypt(
    beacon: &Beacon,
    round: u64,
    plaintext: &[u8],
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Vec<u8>, TimelockError> {
    if plaintext.len() > MAX_COMMIT_BYTES - OVERHEAD {
        return Err(TimelockError::TooLong {
            length: plaintext.len(),
            limit: MAX_COMMIT_BYTES,
        });
    }
    let public_key = key_point(&beacon.public_key).ok_or(TimelockError::PublicKey)?;
    let mut key = [0; 32];
    let mut sigma = [0; 32];
    let mut nonce = [0; 12];
    rng.fill_bytes(&mut key);
    rng.fill_bytes(&mut sigma);
    rng.fill_bytes(&mut nonce);

    let scalar = scalar_of(&sigma, &key);
    let shared = pair(round_point(round), (public_key * scalar).into_affine());
    let text = Aes256Gcm::new(&key.into())
        .encrypt(&nonce.into(), plaintext)
        .map_err(|_| TimelockError::Tampered)?;
    let parts = Parts {
        u: &compressed(&(G2Affine::generator() * scalar).into_affine()),
        v: &xor(&sigma, &pad_of(&shared)),
        w: &xor(&key, &Sha256::digest(sigma).into()),
        text: &text,
        nonce: &nonce,
    };
    Ok(parts.write())
}

/// Opens a ciphertext with the signature of its round.
///
/// # Errors
/// [`TimelockError::Malformed`] for bytes of another layout, [`TimelockError::Signature`] for a signature that is no valid
/// point, [`TimelockError::WrongSignature`] for one of another round or beacon, [`TimelockError::Tampered`] when the text
/// was changed.
pub fn decrypt(ciphertext: &[u8], signature: &[u8; 48]) -> Result<Vec<u8>, TimelockError> {
    let parts = Parts::read(ciphertext)?;
    let signature = signature_point(signature).ok_or(TimelockError::Signature)?;
    let u = key_point(parts.u).ok_or(TimelockError::Malformed { part: "U" })?;
    let sigma = xor(parts.v, &pad_of(&pair(signature, u)));
    let key = xor(parts.w, &Sha256::digest(sigma).into());
    if (G2Affine::generator() * scalar_of(&sigma, &key)).into_affine() != u {
        return Err(TimelockError::WrongSignature);
    }
    Aes256Gcm::new(&key.into())
        .decrypt(parts.nonce.into(), parts.text)
        .map_err(|_| TimelockError::Tampered)
}

fn xor(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    std::array::from_fn(|i| left[i] ^ right[i])
}
