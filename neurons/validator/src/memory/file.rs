//! The bytes of snapshots and journals.
//!
//! A snapshot is the magic, then one record. A record is the length of its body, the first 8 bytes of the body's SHA-256,
//! and the body: for each piece the length of its name, the name, the length of its bytes, the bytes. Lengths are
//! little-endian u64.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Piece;

const MAGIC: &[u8] = b"axoneme memory 1\n";

/// Why memories could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// The system refused.
    #[error("cannot {action} the memory file {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file is not what was written.
    #[error(
        "the memory file {path} is damaged ({reason}); restore it and state.json from the same backup, or move the data \
         directory away to start from zero"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why it could not be read.
        reason: String,
    },
    /// Additions came before anything they could be added to.
    #[error("there is no whole memory to add to; it is written with the next prompt run")]
    NoSnapshot,
}

impl MemoryError {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(super) fn damaged(path: &Path, reason: String) -> Self {
        let path = path.to_owned();
        Self::Damaged { path, reason }
    }
}

pub(super) fn snapshot_name(generation: u64) -> String {
    format!("memory-{generation}.bin")
}

pub(super) fn journal_name(generation: u64) -> String {
    format!("journal-{generation}.bin")
}

/// The generation in the name of a file of this store.
pub(super) fn generation_of(name: &str) -> Option<u64> {
    let rest = name.strip_prefix("memory-").or_else(|| name.strip_prefix("journal-"))?;
    rest.strip_suffix(".bin")?.parse().ok()
}

/// The bytes of a snapshot file; also what replaying starts from.
pub(crate) fn snapshot(pieces: &[Piece]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    write_record(&mut bytes, pieces);
    bytes
}

/// Reads [`snapshot`] back.
pub(crate) fn read_snapshot(bytes: &[u8]) -> Result<Vec<Piece>, String> {
    let rest = bytes
        .strip_prefix(MAGIC)
        .ok_or("it does not begin as one of this version does")?;
    let mut records = read_records(rest)?;
    match (records.pop(), records.is_empty()) {
        (Some(pieces), true) => Ok(pieces),
        _ => Err("it does not hold one record".into()),
    }
}

pub(super) fn write_record(out: &mut Vec<u8>, pieces: &[Piece]) {
    let mut body = Vec::with_capacity(
        pieces
            .iter()
            .map(|piece| piece.name.len() + piece.bytes.len() + 16)
            .sum(),
    );
    for piece in pieces {
        put(&mut body, piece.name.as_bytes());
        put(&mut body, &piece.bytes);
    }
    out.extend((body.len() as u64).to_le_bytes());
    out.extend(checksum(&body));
    out.extend(body);
}

pub(super) fn read_records(mut bytes: &[u8]) -> Result<Vec<Vec<Piece>>, String> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let length = take_number(&mut bytes)?;
        let sum = take(&mut bytes, 8)?;
        let mut body = take(&mut bytes, length)?;
        if checksum(body) != sum {
            return Err("a checksum is wrong".into());
        }
        let mut pieces = Vec::new();
        while !body.is_empty() {
            let length = take_number(&mut body)?;
            let name = std::str::from_utf8(take(&mut body, length)?).map_err(|error| error.to_string())?;
            let length = take_number(&mut body)?;
            pieces.push(Piece::new(name, take(&mut body, length)?.to_vec()));
        }
        records.push(pieces);
    }
    Ok(records)
}

fn checksum(body: &[u8]) -> [u8; 8] {
    let digest = Sha256::digest(body);
    std::array::from_fn(|index| digest[index])
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u64).to_le_bytes());
    out.extend(bytes);
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], String> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or("it ends early")?;
    *bytes = rest;
    Ok(taken)
}

fn take_number(bytes: &mut &[u8]) -> Result<usize, String> {
    let taken = take(bytes, 8)?;
    let number = u64::from_le_bytes(std::array::from_fn(|index| taken[index]));
    usize::try_from(number).map_err(|_| "a length is out of range".into())
}
