//! Who signs rounds, and when.

use crate::curve::{KEY, SIGNATURE, compressed, is_signed, key_point, round_point, secret, signature_point};
use crate::error::TimelockError;
use ark_bls12_381::{Fr, G2Affine};
use ark_ec::{AffineRepr as _, CurveGroup as _};
use sha2::{Digest as _, Sha256};
use std::time::Duration;

/// Quicknet's first round, in seconds since 1970.
const QUICKNET_GENESIS: u64 = 1_692_803_367;
/// Seconds between two rounds of quicknet.
const QUICKNET_PERIOD: u64 = 3;
const QUICKNET_CHAIN: &str = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971";
const QUICKNET_KEY: &str = "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c\
    8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb\
    5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a";
/// The secret of the development beacon. It protects nothing, and is not meant to.
const DEV_SECRET: &str = "1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef";

/// A beacon: it publishes one signature per period, which nobody can know before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beacon {
    /// Key that its signatures are checked with, a compressed point of G2.
    pub public_key: [u8; KEY],
    /// When round 1 is published, in seconds since 1970.
    pub genesis: u64,
    /// Seconds between two rounds.
    pub period: u64,
    /// Hash by which the beacon is named.
    pub chain_hash: [u8; 32],
}

impl Beacon {
    /// Drand's quicknet, the beacon of the main chain.
    pub fn quicknet() -> Self {
        Self {
            public_key: constant(QUICKNET_KEY),
            genesis: QUICKNET_GENESIS,
            period: QUICKNET_PERIOD,
            chain_hash: constant(QUICKNET_CHAIN),
        }
    }

    /// The beacon of [`DevBeacon::default`].
    pub fn dev() -> Self {
        DevBeacon::default().beacon()
    }

    /// A beacon in quicknet's rhythm with another key, which is what a local chain announces.
    ///
    /// # Errors
    /// [`TimelockError::PublicKey`] when the key is no valid point.
    pub fn with_key(public_key: [u8; KEY]) -> Result<Self, TimelockError> {
        if key_point(&public_key).is_none() {
            return Err(TimelockError::PublicKey);
        }
        let quicknet = Self::quicknet();
        if public_key == quicknet.public_key {
            return Ok(quicknet);
        }
        Ok(Self {
            public_key,
            chain_hash: Sha256::digest(public_key).into(),
            ..quicknet
        })
    }

    /// The latest round that is out at `unix` (time since 1970); 0 before the first.
    pub fn round_at(&self, unix: Duration) -> u64 {
        match unix.as_secs().checked_sub(self.genesis) {
            Some(age) => age / self.period.max(1) + 1,
            None => 0,
        }
    }

    /// When `round` is published, in seconds since 1970. Round 0 is never published; it counts as round 1.
    pub fn time_of(&self, round: u64) -> u64 {
        let periods = round.saturating_sub(1).saturating_mul(self.period);
        self.genesis.saturating_add(periods)
    }
}

/// Whether `signature` is the beacon's for `round`. Whatever is no valid point is no signature.
pub fn verify_pulse(public_key: &[u8; KEY], round: u64, signature: &[u8; SIGNATURE]) -> bool {
    match (key_point(public_key), signature_point(signature)) {
        (Some(key), Some(signature)) => is_signed(key, round, signature),
        _ => false,
    }
}

/// The random value of a round, given its signature.
pub fn randomness(signature: &[u8; SIGNATURE]) -> [u8; 32] {
    Sha256::digest(signature).into()
}

/// A beacon whose secret is known, so that a development chain can publish its pulses itself.
///
/// It keeps quicknet's genesis and period: clients that only know quicknet then name rounds that mean something here.
#[derive(Clone, Copy)]
pub struct DevBeacon {
    secret: Fr,
    beacon: Beacon,
}

impl DevBeacon {
    /// The beacon of a secret, a big-endian number that is taken modulo the order of the group.
    ///
    /// # Errors
    /// [`TimelockError::Secret`] when that leaves zero.
    pub fn new(bytes: &[u8; 32]) -> Result<Self, TimelockError> {
        let secret = secret(bytes)?;
        let public_key = compressed(&(G2Affine::generator() * secret).into_affine());
        let beacon = Beacon::with_key(public_key)?;
        Ok(Self { secret, beacon })
    }

    /// What clients need to know of it.
    pub fn beacon(&self) -> Beacon {
        self.beacon
    }

    /// The signature of `round`, whether its time has come or not.
    pub fn sign(&self, round: u64) -> [u8; SIGNATURE] {
        compressed(&(round_point(round) * self.secret).into_affine())
    }
}

impl Default for DevBeacon {
    fn default() -> Self {
        Self::new(&constant(DEV_SECRET)).expect("the development secret is not zero")
    }
}

impl std::fmt::Debug for DevBeacon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DevBeacon")
            .field("beacon", &self.beacon)
            .finish_non_exhaustive()
    }
}

/// A constant of this file.
fn constant<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).expect("a constant of the right length");
    bytes
}
