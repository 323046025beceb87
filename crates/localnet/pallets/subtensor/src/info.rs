//! What runtime APIs answer: structs with the main chain's layout, filled from storage.

pub mod delegates;
pub mod dynamic;
pub mod hyperparams;
pub mod metagraph;
pub mod neuron;
pub mod stake;
pub mod subnet;
pub mod swap;

use codec::Compact;

/// Reads what hotkeys have committed to; implemented by the pallet that keeps it.
pub trait Commitments<AccountId> {
    /// Hotkeys of a subnet with their commitment, SCALE-encoded.
    fn commitments(netuid: u16) -> Vec<(AccountId, Vec<u8>)>;
}

/// Each byte of a text as a compact number, which is how the chain hands out names.
pub(crate) fn compact_bytes(bytes: &[u8]) -> Vec<Compact<u8>> {
    bytes.iter().map(|byte| Compact(*byte)).collect()
}

/// A row of weights or bonds with compact numbers.
pub(crate) fn compact_row(row: Vec<(u16, u16)>) -> Vec<(Compact<u16>, Compact<u16>)> {
    row.into_iter()
        .map(|(uid, value)| (Compact(uid), Compact(value)))
        .collect()
}

/// A stored vector as compact numbers, exactly `n` of them.
pub(crate) fn compact_column<V: Copy + Default>(values: &[V], n: usize) -> Vec<Compact<V>> {
    (0..n)
        .map(|uid| Compact(values.get(uid).copied().unwrap_or_default()))
        .collect()
}

/// A stored vector of flags, exactly `n` of them.
pub(crate) fn flags(values: &[bool], n: usize) -> Vec<bool> {
    (0..n).map(|uid| values.get(uid).copied().unwrap_or_default()).collect()
}
