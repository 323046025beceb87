//! When something that happens once per so many blocks is due.

/// Whether a multiple of `length` lies after `previous` and not after `now`. True exactly when a boundary was crossed, however
/// late the question is asked. `length` 0 is never due.
pub fn crossed(previous: u64, now: u64, length: u64) -> bool {
    length != 0 && now / length > previous / length
}
