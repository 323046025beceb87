//! The few chain types that the node itself has to know. Everything else is opaque bytes that only the runtime reads.

use codec::{Decode, Encode};
use sp_core::H256;
use sp_runtime::traits::BlakeTwo256;

/// A blake2b-256 hash.
pub type Hash = H256;
/// Number of a block; the main chain uses 32 bits too.
pub type BlockNumber = u32;
/// Header of a block.
pub type Header = sp_runtime::generic::Header<BlockNumber, BlakeTwo256>;
/// A key of the state and its new value; `None` deletes it.
pub type Change = (Vec<u8>, Option<Vec<u8>>);

/// A sealed block as the log keeps it: enough to answer for it and to build its state from the one before.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SealedBlock {
    /// Its header.
    pub header: Header,
    /// Its transactions, each with the length prefix it travels with.
    pub extrinsics: Vec<Vec<u8>>,
    /// What it changed in the state.
    pub changes: Vec<Change>,
}

/// The hash a transaction is known by: of its bytes, length prefix included.
pub fn extrinsic_hash(extrinsic: &[u8]) -> Hash {
    sp_crypto_hashing::blake2_256(extrinsic).into()
}
