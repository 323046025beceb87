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

/// 64 lower-case hex digits.
pub(crate) fn is_body_hash(value: &str) -> bool {
    value.len() == 64 && value.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A finite number of seconds, not negative, in decimal or scientific notation.
pub(crate) fn seconds(value: &str) -> Option<f64> {
    let shape = value.len() <= 32
        && value
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    let number = shape.then(|| value.parse::<f64>().ok())??;
    (number.is_finite() && number >= 0.0).then_some(number)
}
