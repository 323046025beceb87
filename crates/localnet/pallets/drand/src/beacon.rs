//! The beacons that are known here: the main chain's, and the one whose pulses this chain makes itself.

use crate::types::{BeaconConfiguration, Metadata, Pulse};
use axoneme_timelock::{randomness, verify_pulse, Beacon, DevBeacon};
use frame_support::{traits::Get, BoundedVec};
use std::sync::OnceLock;

/// Hash of the group that signs quicknet.
const QUICKNET_GROUP: [u8; 32] = [
    0xf4, 0x77, 0xd5, 0xc8, 0x9f, 0x21, 0xa1, 0x7c, 0x86, 0x3a, 0x7f, 0x93, 0x7c, 0x6a, 0x6d, 0x15, 0x85, 0x94, 0x14,
    0xd2, 0xbe, 0x09, 0xcd, 0x44, 0x8d, 0x42, 0x79, 0xaf, 0x33, 0x1c, 0x5d, 0x3e,
];
/// Signatures in G1, each round by itself.
const SCHEME: &[u8] = b"bls-unchained-g1-rfc9380";

/// The beacon whose secret this chain knows; its key takes a millisecond to compute.
pub fn dev_beacon() -> &'static DevBeacon {
    static BEACON: OnceLock<DevBeacon> = OnceLock::new();
    BEACON.get_or_init(DevBeacon::default)
}

/// The main chain's beacon, as its metadata gives it.
pub fn quicknet() -> BeaconConfiguration {
    configuration(&Beacon::quicknet(), &QUICKNET_GROUP, b"quicknet")
}

/// The beacon of the dev chain.
pub fn dev() -> BeaconConfiguration {
    let beacon = dev_beacon().beacon();
    configuration(&beacon, &beacon.chain_hash, b"axoneme-dev")
}

fn configuration(beacon: &Beacon, group_hash: &[u8; 32], name: &[u8]) -> BeaconConfiguration {
    BeaconConfiguration {
        public_key: bounded(&beacon.public_key),
        period: u32::try_from(beacon.period).unwrap_or(u32::MAX),
        genesis_time: u32::try_from(beacon.genesis).unwrap_or(u32::MAX),
        hash: bounded(&beacon.chain_hash),
        group_hash: bounded(group_hash),
        scheme_id: bounded(SCHEME),
        metadata: Metadata {
            beacon_id: bounded(name),
        },
    }
}

/// The pulse of a round of the dev beacon.
pub fn dev_pulse(round: u64) -> Pulse {
    let signature = dev_beacon().sign(round);
    Pulse {
        round,
        randomness: bounded(&randomness(&signature)),
        signature: bounded(&signature),
    }
}

/// Whether a pulse is what the beacon of this key signs for its round.
pub fn is_genuine(public_key: &[u8], pulse: &Pulse) -> bool {
    let (Ok(public_key), Ok(signature)) = (public_key.try_into(), pulse.signature.as_slice().try_into()) else {
        return false;
    };
    pulse.randomness.as_slice() == randomness(signature).as_slice() && verify_pulse(public_key, pulse.round, signature)
}

/// Bytes that are known to fit.
fn bounded<S: Get<u32>>(bytes: &[u8]) -> BoundedVec<u8, S> {
    BoundedVec::truncate_from(bytes.to_vec())
}
