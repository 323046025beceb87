//! BLS12-381 as the beacons use it: keys in G2, signatures in G1, the compressed encoding of 96 and 48 bytes.

use crate::error::TimelockError;
use ark_bls12_381::{Bls12_381, Fr, G1Affine, G1Projective, G2Affine, g1::Config as G1Config};
use ark_ec::AffineRepr as _;
use ark_ec::hashing::HashToCurve as _;
use ark_ec::hashing::curve_maps::wb::WBMap;
use ark_ec::hashing::map_to_curve_hasher::MapToCurveBasedHasher;
use ark_ec::pairing::{Pairing as _, PairingOutput};
use ark_ff::PrimeField as _;
use ark_ff::field_hashers::DefaultFieldHasher;
use ark_serialize::{CanonicalDeserialize as _, CanonicalSerialize};
use sha2::{Digest as _, Sha256};

/// Domain of the hash to the group of signatures.
const DST: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";

/// Bytes of a compressed point of the group of keys.
pub(crate) const KEY: usize = 96;
/// Bytes of a compressed point of the group of signatures.
pub(crate) const SIGNATURE: usize = 48;

type Hasher = MapToCurveBasedHasher<G1Projective, DefaultFieldHasher<Sha256, 128>, WBMap<G1Config>>;

/// What a beacon signs for `round`.
pub(crate) fn identity(round: u64) -> [u8; 32] {
    Sha256::digest(round.to_be_bytes()).into()
}

/// The point that stands for `round`.
pub(crate) fn round_point(round: u64) -> G1Affine {
    let point = Hasher::new(DST).and_then(|hasher| hasher.hash(&identity(round)));
    point.expect("the map is defined for every field element")
}

/// A point of the group of keys: on the curve, of the right order, and not the neutral one.
pub(crate) fn key_point(bytes: &[u8]) -> Option<G2Affine> {
    let point = G2Affine::deserialize_compressed(bytes).ok()?;
    (bytes.len() == KEY && !point.is_zero()).then_some(point)
}

/// A point of the group of signatures, as [`key_point`].
pub(crate) fn signature_point(bytes: &[u8; SIGNATURE]) -> Option<G1Affine> {
    let point = G1Affine::deserialize_compressed(&bytes[..]).ok()?;
    (!point.is_zero()).then_some(point)
}

/// Thirty-two bytes of a pairing, to be used as a one-time pad.
pub(crate) fn pad_of(pairing: &PairingOutput<Bls12_381>) -> [u8; 32] {
    Sha256::digest(compressed::<576>(pairing)).into()
}

/// The scalar that both sides derive from the two secrets of a ciphertext.
pub(crate) fn scalar_of(sigma: &[u8; 32], key: &[u8; 32]) -> Fr {
    let hash = Sha256::new().chain_update(sigma).chain_update(key).finalize();
    Fr::from_be_bytes_mod_order(&hash)
}

/// The compressed encoding, which for these types has a fixed length.
pub(crate) fn compressed<const N: usize>(value: &impl CanonicalSerialize) -> [u8; N] {
    let mut bytes = [0; N];
    let written = value.serialize_compressed(&mut bytes[..]);
    debug_assert!(written.is_ok() && value.compressed_size() == N);
    bytes
}

/// The pairing of a signature, or of what is signed, with a key.
pub(crate) fn pair(signature: G1Affine, key: G2Affine) -> PairingOutput<Bls12_381> {
    Bls12_381::pairing(signature, key)
}

/// Whether `signature` is `round`'s under `key`.
pub(crate) fn is_signed(key: G2Affine, round: u64, signature: G1Affine) -> bool {
    // e(signature, G2) = e(round point, key), as one product that has to be neutral.
    let product = Bls12_381::multi_pairing([signature, -round_point(round)], [G2Affine::generator(), key]);
    product == PairingOutput::default()
}

/// A beacon's secret.
pub(crate) fn secret(bytes: &[u8; 32]) -> Result<Fr, TimelockError> {
    let secret = Fr::from_be_bytes_mod_order(bytes);
    if secret == Fr::from(0u8) {
        return Err(TimelockError::Secret);
    }
    Ok(secret)
}
