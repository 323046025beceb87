//! Header texts read strictly, for both wires.

/// Header text of the wire is printable ASCII; anything else cannot come from an honest peer.
pub(crate) fn printable(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    text.bytes().all(|byte| matches!(byte, b' '..=b'~')).then_some(text)
}

/// One to twenty decimal digits that fit 64 bits; no sign, no spaces, no underscores.
pub(crate) fn decimal_u64(value: &str) -> Option<u64> {
    let digits = (1..=20).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
    if digits { value.parse().ok() } else { None }
}
