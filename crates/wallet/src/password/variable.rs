//! The variable that the Python wallets keep the password of one keyfile in.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::Password;

/// The name of the variable for a keyfile: `BT_PW_` and its path in upper case, `/` and `.` as `_`.
///
/// The path counts as it is written: another way to name the same file is another variable.
pub fn password_variable(keyfile: &Path) -> String {
    let path = keyfile.to_string_lossy().replace(['/', '.'], "_");
    format!("BT_PW_{}", path.to_uppercase())
}

/// What that variable holds: base64 of the password XOR the variable's name, repeated.
///
/// Not encryption: the name is the key. It keeps the password from being read over a shoulder, no more.
pub fn scramble(variable: &str, password: &Password) -> Zeroizing<String> {
    Zeroizing::new(BASE64_STANDARD.encode(&*mixed(variable, password.expose())))
}

/// The inverse of [`scramble`]; nothing when the value is not base64.
pub(super) fn unscramble(variable: &str, value: &str) -> Option<Password> {
    let bytes = Zeroizing::new(BASE64_STANDARD.decode(value.trim_ascii()).ok()?);
    Some(Password::from_bytes(mixed(variable, &bytes)))
}

fn mixed(variable: &str, bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let mixed = bytes.iter().zip(variable.bytes().cycle()).map(|(a, b)| a ^ b);
    Zeroizing::new(mixed.collect())
}
