//! Commit–reveal by hash.

use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest as _};
use codec::Encode as _;

/// Netuids per mechanism in a [`netuid_index`].
pub const MAX_MECHANISMS: u16 = 4096;

/// Key of a mechanism's weights in storage: `mecid * 4096 + netuid`. `None` when that is no u16.
pub fn netuid_index(netuid: u16, mecid: u8) -> Option<u16> {
    u16::from(mecid).checked_mul(MAX_MECHANISMS)?.checked_add(netuid)
}

/// What `commit_weights` is given: blake2b-256 of the SCALE bytes of these values, in this order.
///
/// `netuid_index` is the plain netuid for mechanism 0. The reveal has to repeat uids, values, salt and version key.
pub fn commit_hash(
    hotkey: &[u8; 32],
    netuid_index: u16,
    uids: &[u16],
    values: &[u16],
    salt: &[u16],
    version_key: u64,
) -> [u8; 32] {
    let preimage = (hotkey, netuid_index, uids, values, salt, version_key).encode();
    Blake2b::<U32>::digest(preimage).into()
}
