//! Is a file what it should be?
//!
//! Hashing 90 MB takes a noticeable part of a second, so a note beside the file remembers that its digest was checked,
//! together with size and modification time. While these two fit, the file is taken as sound; when they do not (a
//! torn copy, an edited file, a restored backup) it is hashed again.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::shipped::Member;
use crate::ModelError;

/// What a look at a file found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Sound,
    Missing,
    Torn,
}

#[derive(Debug, Serialize, Deserialize, PartialEq)]
struct Note {
    sha256: String,
    size: u64,
    modified_ns: u64,
}

/// Looks at one file of a model.
pub(super) fn check(path: &Path, expected: &Member) -> Result<Verdict, ModelError> {
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Verdict::Missing),
        Err(error) => Err(ModelError::io(path, error)),
        Ok(metadata) if metadata.len() != expected.size => Ok(Verdict::Torn),
        Ok(_) => check_digest(path, expected.sha256, &note_path(path)),
    }
}

/// Whether the file has this digest, asking the note first and writing it after a successful look.
pub(super) fn check_digest(path: &Path, sha256: &str, note_path: &Path) -> Result<Verdict, ModelError> {
    let now = note_for(path, sha256)?;
    if read_note(note_path).is_some_and(|note| note == now) {
        return Ok(Verdict::Sound);
    }
    if digest(path)? != sha256 {
        return Ok(Verdict::Torn);
    }
    // A note that cannot be written (read-only folder) costs a second at the next start and nothing else.
    if let Err(error) = write_note(note_path, &now) {
        tracing::debug!(path = %note_path.display(), %error, "could not remember the verified digest");
    }
    Ok(Verdict::Sound)
}

/// The lower-case hex sha256 of a file.
pub(super) fn digest(path: &Path) -> Result<String, ModelError> {
    let io = |source| ModelError::io(path, source);
    let mut file = File::open(path).map_err(io)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0u8; 1 << 20];
    loop {
        let read = file.read(&mut buffer).map_err(io)?;
        if read == 0 {
            return Ok(hex::encode(hasher.finalize()));
        }
        hasher.update(&buffer[..read]);
    }
}

fn note_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".verified");
    path.with_file_name(name)
}

fn note_for(path: &Path, sha256: &str) -> Result<Note, ModelError> {
    let metadata = std::fs::metadata(path).map_err(|source| ModelError::io(path, source))?;
    let modified = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let modified_ns = modified.map_or(0, |age| u64::try_from(age.as_nanos()).unwrap_or(u64::MAX));
    Ok(Note {
        sha256: sha256.to_owned(),
        size: metadata.len(),
        modified_ns,
    })
}

fn read_note(path: &Path) -> Option<Note> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn write_note(path: &Path, note: &Note) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&serde_json::to_vec(note)?)?;
    file.persist(path)?;
    Ok(())
}
