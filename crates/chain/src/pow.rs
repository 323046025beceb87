//! Proof of work for a place on a subnet whose owner allows it: seals, difficulty, and the search for a nonce.
//!
//! Pure functions. The chain's own reads come first (a block at most [`MAX_AGE`] blocks old and its hash, the subnet's
//! difficulty within its bounds), [`Call::pow_register`](crate::Call::pow_register) afterwards.

use axoneme_wallet::AccountId;
use sha2::{Digest, Sha256};
use sha3::Keccak256;

/// How old the block of a challenge may be when the registration is included, blocks.
pub const MAX_AGE: u64 = 5;

/// What the first byte strings of a registration's challenge begin with, since spec 470.
const REGISTRATION: &[u8] = b"subtensor-pow-register-v1";

/// What is hashed with each nonce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    prefix: Vec<u8>,
    nonce_first: bool,
}

impl Challenge {
    /// The challenge of `pow_register` (spec 470 and later): it names the subnet and both keys, so that nobody else can
    /// use what was found.
    pub fn registration(netuid: u16, block_hash: &[u8; 32], hotkey: &AccountId, coldkey: &AccountId) -> Self {
        let netuid = netuid.to_le_bytes();
        let prefix = [REGISTRATION, &netuid, block_hash, &hotkey.0, &coldkey.0].concat();
        Self {
            prefix,
            nonce_first: false,
        }
    }

    /// The challenge of `register` up to spec 393.
    pub fn legacy(block_hash: &[u8; 32], hotkey: &AccountId) -> Self {
        let both = Keccak256::digest([block_hash.as_slice(), &hotkey.0].concat());
        Self {
            prefix: both.to_vec(),
            nonce_first: true,
        }
    }

    /// The bytes that are hashed beside the nonce.
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// The seal of a nonce, which is what the call carries as `work`.
    pub fn seal(&self, nonce: u64) -> [u8; 32] {
        let nonce = nonce.to_le_bytes();
        let hasher = Sha256::new();
        let inner = match self.nonce_first {
            true => hasher.chain_update(nonce).chain_update(&self.prefix),
            false => hasher.chain_update(&self.prefix).chain_update(nonce),
        };
        Keccak256::digest(inner.finalize()).into()
    }

    /// The first nonce from `start` on whose seal meets `difficulty`, with that seal; `None` once `stop` says so, which
    /// is asked every few thousand nonces, or when there are no more nonces.
    ///
    /// Takes `difficulty` hashes on average and blocks its thread. Several threads share the work by starting far apart.
    pub fn solve(&self, difficulty: u64, start: u64, stop: impl Fn() -> bool) -> Option<(u64, [u8; 32])> {
        const BETWEEN: u64 = 4096;
        for nonce in start..=u64::MAX {
            if nonce % BETWEEN == 0 && stop() {
                return None;
            }
            let seal = self.seal(nonce);
            if meets(&seal, difficulty) {
                return Some((nonce, seal));
            }
        }
        None
    }
}

/// Whether a seal meets a difficulty: its value as a little-endian number of 256 bits, times the difficulty, stays below
/// 2^256.
pub fn meets(seal: &[u8; 32], difficulty: u64) -> bool {
    let mut carry = 0_u128;
    for limb in seal.chunks_exact(8) {
        let limb = u64::from_le_bytes(limb.try_into().unwrap_or_default());
        carry = (u128::from(limb) * u128::from(difficulty) + carry) >> 64;
    }
    carry == 0
}

/// The difficulty that counts: the subnet's own within its bounds, and at least 1.
pub fn effective_difficulty(difficulty: u64, min: u64, max: u64) -> u64 {
    difficulty.min(max).max(min).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::runtime::{hex, unhex};
    use serde_json::Value;

    fn vectors() -> Value {
        serde_json::from_str(include_str!("../tests/vectors/pow.json")).expect("valid JSON")
    }

    fn bytes(value: &Value) -> [u8; 32] {
        unhex(value.as_str().expect("hex")).try_into().expect("32 bytes")
    }

    fn account(value: &Value) -> AccountId {
        value.as_str().expect("an address").parse().expect("an address")
    }

    #[test]
    fn seals_are_those_of_the_python_client() {
        let vectors = vectors();
        for case in vectors["legacy"].as_array().expect("cases") {
            let challenge = Challenge::legacy(&bytes(&case["block_hash"]), &AccountId(bytes(&case["hotkey_pubkey"])));
            let seal = challenge.seal(case["nonce"].as_u64().expect("a nonce"));
            assert_eq!(seal, bytes(&case["seal"]), "{case}");
        }
        let mut solved = 0;
        for case in vectors["registration_v1"].as_array().expect("cases") {
            let challenge = Challenge::registration(
                case["netuid"].as_u64().expect("a netuid") as u16,
                &bytes(&case["block_hash"]),
                &account(&case["hotkey"]),
                &account(&case["coldkey"]),
            );
            match case["difficulty"].as_u64() {
                None => {
                    assert_eq!(hex(challenge.prefix()), case["prefix"].as_str().expect("hex"));
                    let seal = challenge.seal(case["nonce"].as_u64().expect("a nonce"));
                    assert_eq!(seal, bytes(&case["seal"]), "{case}");
                }
                Some(difficulty) => {
                    let first = case["first_solution_nonce_from_0"].as_u64().expect("a nonce");
                    let found = challenge.solve(difficulty, 0, || false);
                    assert_eq!(found, Some((first, bytes(&case["seal"]))));
                    solved += 1;
                }
            }
        }
        assert_eq!(solved, 1);
    }

    #[test]
    fn the_bound_of_a_difficulty_is_exact() {
        // The largest number whose product with 3 stays below 2^256 is 2^256 / 3, rounded down: all bytes 0x55.
        let most = [0x55; 32];
        let mut more = most;
        more[0] += 1;
        assert!(meets(&most, 3) && !meets(&more, 3));
        assert!(meets(&[0xff; 32], 1) && !meets(&[0xff; 32], 2));
        assert!(meets(&[0; 32], u64::MAX));
        assert_eq!(effective_difficulty(0, 0, 0), 1);
        assert_eq!(effective_difficulty(50, 10, 20), 20);
        assert_eq!(effective_difficulty(5, 10, 20), 10);
    }

    #[test]
    fn a_search_ends_when_it_is_told_to() {
        let challenge = Challenge::legacy(&[1; 32], &AccountId([2; 32]));
        assert_eq!(challenge.solve(u64::MAX, 1, || true), None);
    }
}
