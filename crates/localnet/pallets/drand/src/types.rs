//! Values as they lie in storage, with the main chain's layout.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;

/// Up to 32 bytes: hashes and names.
pub type BoundedHash = BoundedVec<u8, ConstU32<32>>;

/// What a beacon has published for one round.
#[derive(Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, Debug, Default, PartialEq, Eq)]
pub struct Pulse {
    /// Number of the round.
    pub round: u64,
    /// sha256 of the signature.
    pub randomness: BoundedVec<u8, ConstU32<32>>,
    /// Signature, a compressed point of G1.
    pub signature: BoundedVec<u8, ConstU32<144>>,
}

/// A beacon that the chain listens to.
#[derive(Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, Debug, Default, PartialEq, Eq)]
pub struct BeaconConfiguration {
    /// Key, a compressed point of G2.
    pub public_key: BoundedVec<u8, ConstU32<96>>,
    /// Seconds between two rounds.
    pub period: u32,
    /// When the first round was published, in seconds since 1970.
    pub genesis_time: u32,
    /// Hash by which the beacon is named.
    pub hash: BoundedHash,
    /// Hash of the group that signs.
    pub group_hash: BoundedHash,
    /// Kind of signatures.
    pub scheme_id: BoundedHash,
    /// Anything else.
    pub metadata: Metadata,
}

/// Anything else about a beacon.
#[derive(Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Name.
    pub beacon_id: BoundedHash,
}

/// Pulses as a call brings them.
#[derive(Encode, Decode, DecodeWithMemTracking, TypeInfo, Clone, Debug, PartialEq, Eq)]
pub struct PulsesPayload<Public, BlockNumber> {
    /// Block in which they were fetched.
    pub block_number: BlockNumber,
    /// Rounds, ascending.
    pub pulses: Vec<Pulse>,
    /// Who fetched them.
    pub public: Public,
}

/// A beacon's configuration as a call brings it.
#[derive(Encode, Decode, DecodeWithMemTracking, TypeInfo, Clone, Debug, PartialEq, Eq)]
pub struct BeaconConfigurationPayload<Public, BlockNumber> {
    /// Block in which it was fetched.
    pub block_number: BlockNumber,
    /// The beacon.
    pub config: BeaconConfiguration,
    /// Who fetched it.
    pub public: Public,
}
