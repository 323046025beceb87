//! How the memory of a function travels: a frame with a version and a checksum around bytes only the function reads.
//!
//! Some masks learn from every step: the n-gram filter counts, the diversity mask remembers answers. Their memories
//! are tens of megabytes, so a program saves them whole now and then ([`crate::Pipeline::memories`]) and writes down
//! what each step added in between ([`crate::Pipeline::take_deltas`]). The memory after
//! [`crate::Pipeline::restore_memory`] and the deltas since then is the one that was saved, bit for bit.

use sha2::{Digest, Sha256};

/// The version of the frame. What is inside may carry a version of its own.
pub const VERSION: u32 = 1;

const MAGIC: &[u8; 5] = b"AXMEM";
const SUM: usize = 32;
/// Magic, kind, version, length of the payload, checksum.
const HEADER: usize = MAGIC.len() + 1 + 4 + 8 + SUM;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// A whole memory.
    Whole,
    /// What one step added.
    Delta,
}

impl Frame {
    fn byte(self) -> u8 {
        match self {
            Self::Whole => b'W',
            Self::Delta => b'D',
        }
    }

    /// Puts `payload` into a frame.
    pub fn seal(self, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER + payload.len());
        bytes.extend_from_slice(MAGIC);
        bytes.push(self.byte());
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(payload.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&Sha256::digest(payload));
        bytes.extend_from_slice(payload);
        bytes
    }

    /// The payload of a frame of this kind.
    pub fn open(self, bytes: &[u8]) -> Result<&[u8], MemoryError> {
        let mut reader = Reader::new(bytes);
        if reader.take(MAGIC.len())? != MAGIC {
            return Err(MemoryError::Damaged("it does not begin as one"));
        }
        let kind = reader.take(1)?[0];
        let version = reader.u32()?;
        if version != VERSION {
            return Err(MemoryError::Version {
                found: version,
                known: VERSION,
            });
        }
        if kind != self.byte() {
            return Err(MemoryError::Damaged("a whole memory and an addition were mixed up"));
        }
        let length = reader.count()?;
        let sum = reader.take(SUM)?;
        let payload = reader.take(length)?;
        reader.end()?;
        if sum != Sha256::digest(payload).as_slice() {
            return Err(MemoryError::Damaged("its checksum is wrong"));
        }
        Ok(payload)
    }
}

/// Why a saved memory is not taken. Nothing of it has been; the function goes on with what it had.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MemoryError {
    /// The bytes are not what was written.
    #[error("the saved memory is damaged: {0}; remove it to start that memory from nothing")]
    Damaged(&'static str),
    /// Written by a newer program.
    #[error(
        "the saved memory has version {found}, this program reads {known}; run the program that wrote it, or remove it"
    )]
    Version {
        /// Version in the frame.
        found: u32,
        /// Version known here.
        known: u32,
    },
    /// It was made with other settings or another model.
    #[error("the saved memory was made with {0}; it means nothing now, and that memory starts from nothing")]
    Foreign(&'static str),
    /// The function named has no memory of its own.
    #[error("{0} has no memory in this pipeline")]
    NotRemembering(String),
}

/// Reads numbers from bytes that anybody may have written.
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Over `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], MemoryError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(MemoryError::Damaged("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], MemoryError> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| MemoryError::Damaged("it ends too early"))
    }

    /// A number.
    pub fn u32(&mut self) -> Result<u32, MemoryError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// A number.
    pub fn u64(&mut self) -> Result<u64, MemoryError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A number, which must be finite.
    pub fn f64(&mut self) -> Result<f64, MemoryError> {
        let value = f64::from_le_bytes(self.array()?);
        finite(value)
    }

    /// A number, which must be finite.
    pub fn f32(&mut self) -> Result<f32, MemoryError> {
        let value = f32::from_le_bytes(self.array()?);
        finite(f64::from(value)).map(|_| value)
    }

    /// A number of things to come, each of at least one byte: never more than there are bytes left, so that a damaged
    /// count cannot ask for memory.
    pub fn count(&mut self) -> Result<usize, MemoryError> {
        let count = self.u64()?;
        usize::try_from(count)
            .ok()
            .filter(|count| *count <= self.rest.len())
            .ok_or(MemoryError::Damaged("it ends too early"))
    }

    /// A list of ids.
    pub fn ids(&mut self) -> Result<Vec<u32>, MemoryError> {
        let count = self.count()?;
        (0..count).map(|_| self.u32()).collect()
    }

    /// That nothing is left.
    pub fn end(&self) -> Result<(), MemoryError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(MemoryError::Damaged("something follows its end"))
        }
    }
}

fn finite(value: f64) -> Result<f64, MemoryError> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(MemoryError::Damaged("a number in it is not finite"))
    }
}

/// Writes what [`Reader`] reads.
#[derive(Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A number.
    pub fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// A number.
    pub fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// A number.
    pub fn f64(&mut self, value: f64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// A number.
    pub fn f32(&mut self, value: f32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// A list of ids.
    pub fn ids(&mut self, ids: &[u32]) {
        self.u64(ids.len() as u64);
        ids.iter().for_each(|id| self.u32(*id));
    }

    /// A text.
    pub fn text(&mut self, text: &str) {
        self.u64(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Everything written.
    pub fn done(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_opens_to_what_was_sealed_and_any_changed_byte_is_noticed() {
        let sealed = Frame::Whole.seal(b"memory");
        assert_eq!(Frame::Whole.open(&sealed).unwrap(), b"memory");
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(Frame::Whole.open(&changed).is_err(), "byte {index}");
        }
        for length in 0..sealed.len() {
            assert!(Frame::Whole.open(&sealed[..length]).is_err(), "{length} bytes");
        }
        assert!(Frame::Delta.open(&sealed).is_err());
    }

    #[test]
    fn a_count_beyond_the_bytes_is_an_error_before_memory_is_asked_for() {
        let mut writer = Writer::default();
        writer.u64(u64::MAX);
        assert!(Reader::new(&writer.done()).ids().is_err());
    }
}
