//! What is inside a timelocked commit.

use crate::error::TimelockError;
use codec::{Decode, DecodeAll as _, Encode};

/// The version of commit–reveal that this crate speaks; the chain's `CommitRevealWeightsVersion` has to be the same.
pub const COMMIT_REVEAL_VERSION: u16 = 4;

/// The longest commit the chain takes.
pub const MAX_COMMIT_BYTES: usize = 5000;

/// Weights as they are encrypted (version 4). The chain refuses them when `hotkey` is not who committed them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WeightsPayload {
    /// Public key of the validator's hotkey.
    pub hotkey: [u8; 32],
    /// Uids, in the order of `values`.
    pub uids: Vec<u16>,
    /// Weight of each uid.
    pub values: Vec<u16>,
    /// Version of the validator, checked against the subnet's.
    pub version_key: u64,
}

/// The payload before version 4, which names no hotkey.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LegacyPayload {
    /// Uids, in the order of `values`.
    pub uids: Vec<u16>,
    /// Weight of each uid.
    pub values: Vec<u16>,
    /// Version of the validator, checked against the subnet's.
    pub version_key: u64,
}

#[derive(Encode, Decode)]
struct Wire {
    hotkey: Vec<u8>,
    weights: LegacyPayload,
}

impl WeightsPayload {
    /// SCALE bytes.
    pub fn encode(&self) -> Vec<u8> {
        (&self.hotkey[..], &self.uids, &self.values, self.version_key).encode()
    }

    /// Reads SCALE bytes; all of them have to be used.
    ///
    /// # Errors
    /// [`TimelockError::Payload`].
    pub fn decode(bytes: &[u8]) -> Result<Self, TimelockError> {
        let wire = Wire::decode_all(&mut &bytes[..]).map_err(payload)?;
        let hotkey = <[u8; 32]>::try_from(wire.hotkey)
            .map_err(|bytes| TimelockError::Payload(format!("a hotkey of {} bytes", bytes.len())))?;
        let LegacyPayload {
            uids,
            values,
            version_key,
        } = wire.weights;
        Ok(Self {
            hotkey,
            uids,
            values,
            version_key,
        })
    }
}

impl LegacyPayload {
    /// Reads SCALE bytes; all of them have to be used.
    ///
    /// # Errors
    /// [`TimelockError::Payload`].
    pub fn read(bytes: &[u8]) -> Result<Self, TimelockError> {
        Self::decode_all(&mut &bytes[..]).map_err(payload)
    }
}

fn payload(error: codec::Error) -> TimelockError {
    TimelockError::Payload(error.to_string())
}
