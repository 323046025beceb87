//! The bytes of a ciphertext.
//!
//! ```text
//! U (96) | 32 | V (32) | 32 | W (32) | length of body | body | 8 | "AES_GCM_"
//! body = length of A | A | 12 | nonce (12)
//! ```
//! All lengths are u64, little-endian. Nothing is copied before every length has been checked against what is there.

use crate::curve::KEY;
use crate::error::TimelockError;

const SUITE: &[u8; 8] = b"AES_GCM_";
const LENGTH: usize = 8;
const NONCE: usize = 12;
const TAG: usize = 16;

/// How much longer a ciphertext is than its text.
pub const OVERHEAD: usize = KEY + 2 * (LENGTH + 32) + LENGTH + (LENGTH + TAG + LENGTH + NONCE) + LENGTH + SUITE.len();

/// The parts of a ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    pub(crate) u: &'a [u8; KEY],
    pub(crate) v: &'a [u8; 32],
    pub(crate) w: &'a [u8; 32],
    /// The encrypted text with its tag.
    pub(crate) text: &'a [u8],
    pub(crate) nonce: &'a [u8; NONCE],
}

impl<'a> Parts<'a> {
    /// Splits a ciphertext; what follows it is an error too.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, TimelockError> {
        let mut rest = bytes;
        let u = array(&mut rest, "U")?;
        let v = sized(&mut rest, "V")?;
        let w = sized(&mut rest, "W")?;
        let mut body = counted(&mut rest, "the body")?;
        let suite = counted(&mut rest, "the name of the cipher")?;
        if suite != SUITE || !rest.is_empty() {
            return Err(malformed("the name of the cipher"));
        }
        let text = counted(&mut body, "the encrypted text")?;
        let nonce = sized(&mut body, "the nonce")?;
        if text.len() < TAG || !body.is_empty() {
            return Err(malformed("the body"));
        }
        Ok(Self { u, v, w, text, nonce })
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let body = LENGTH + self.text.len() + LENGTH + NONCE;
        let mut bytes = Vec::with_capacity(OVERHEAD + self.text.len());
        bytes.extend(self.u);
        put(&mut bytes, self.v);
        put(&mut bytes, self.w);
        bytes.extend((body as u64).to_le_bytes());
        put(&mut bytes, self.text);
        put(&mut bytes, self.nonce);
        put(&mut bytes, SUITE);
        bytes
    }
}

fn put(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend((part.len() as u64).to_le_bytes());
    bytes.extend(part);
}

fn malformed(part: &'static str) -> TimelockError {
    TimelockError::Malformed { part }
}

fn array<'a, const N: usize>(rest: &mut &'a [u8], part: &'static str) -> Result<&'a [u8; N], TimelockError> {
    let (head, tail) = rest.split_first_chunk().ok_or(malformed(part))?;
    *rest = tail;
    Ok(head)
}

/// As many bytes as the length before them says.
fn counted<'a>(rest: &mut &'a [u8], part: &'static str) -> Result<&'a [u8], TimelockError> {
    let length = u64::from_le_bytes(*array(rest, part)?);
    let length = usize::try_from(length).map_err(|_| malformed(part))?;
    let (head, tail) = rest.split_at_checked(length).ok_or(malformed(part))?;
    *rest = tail;
    Ok(head)
}

/// As [`counted`], where only one length is possible.
fn sized<'a, const N: usize>(rest: &mut &'a [u8], part: &'static str) -> Result<&'a [u8; N], TimelockError> {
    counted(rest, part)?.try_into().map_err(|_| malformed(part))
}
