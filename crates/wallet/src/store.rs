//! Files with secrets: read whole and bounded, written whole or not at all, for their owner only.

use std::fs;
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::path::Path;

use zeroize::Zeroizing;

use crate::warning::Warning;

/// Reads a file that holds a secret, and warns in the log when others can read it too.
pub(crate) fn read_secret(path: &Path, limit: usize) -> Result<Zeroizing<Vec<u8>>> {
    let (bytes, metadata) = read(path, limit)?;
    if let Some(warning) = Warning::of_metadata(path, &metadata) {
        tracing::warn!("{warning}");
    }
    Ok(bytes)
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: usize) -> Result<(Zeroizing<Vec<u8>>, fs::Metadata)> {
    // Before it is opened: opening a pipe would wait for its other end.
    if !fs::metadata(path)?.is_file() {
        return Err(Error::new(ErrorKind::InvalidData, "not a file"));
    }
    let file = fs::File::open(path)?;
    let metadata = file.metadata()?;
    // The full capacity at once: a vector that grows leaves unwiped copies of the secret behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 1));
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(Error::new(ErrorKind::InvalidData, "larger than any file of its kind"));
    }
    Ok((bytes, metadata))
}

/// The first bytes of a file, at most `count`.
pub(crate) fn head(path: &Path, count: usize) -> Result<Zeroizing<Vec<u8>>> {
    if !fs::metadata(path)?.is_file() {
        return Err(Error::new(ErrorKind::InvalidData, "not a file"));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(count));
    fs::File::open(path)?.take(count as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes a folder and those above it, open to their owner only. Folders that exist keep their mode.
pub(crate) fn create_folder(path: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a file whole: beside it, to the disk, then renamed. Temporary files are made with mode 0600.
///
/// Without `overwrite` an existing file is [`ErrorKind::AlreadyExists`] and stays as it was.
pub(crate) fn write(path: &Path, contents: &[u8], overwrite: bool) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(contents)?;
    file.as_file().sync_all()?;
    if overwrite {
        file.persist(path).map_err(|error| error.error)?;
    } else {
        file.persist_noclobber(path).map_err(|error| error.error)?;
    }
    // The rename itself is on disk only once the folder is.
    fs::File::open(folder)?.sync_all()
}
