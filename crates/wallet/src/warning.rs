//! What is not wrong enough to refuse and too wrong to keep quiet about.

use std::fmt;
use std::path::{Path, PathBuf};

/// Something about a wallet that its owner should mend. [`fmt::Display`] says what and how.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Other users of the machine may read or change a file that holds a secret.
    LooseSecret {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Other users of the machine may put a key of theirs in the place of one in this folder.
    LooseFolder {
        /// The folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl Warning {
    /// The warning that a file with a secret deserves, if it exists and any.
    pub(crate) fn of_secret(path: &Path) -> Option<Self> {
        std::fs::metadata(path)
            .ok()
            .and_then(|metadata| Self::of_metadata(path, &metadata))
    }

    pub(crate) fn of_metadata(path: &Path, metadata: &std::fs::Metadata) -> Option<Self> {
        let mode = mode(metadata)?;
        let path = path.into();
        (mode & 0o077 != 0).then_some(Self::LooseSecret { path, mode })
    }

    /// The warning that a folder of secrets deserves. Reading it is harmless, and usual: SDK 10 makes them 0755.
    pub(crate) fn of_folder(path: &Path) -> Option<Self> {
        let mode = mode(&std::fs::metadata(path).ok()?)?;
        let path = path.into();
        (mode & 0o022 != 0).then_some(Self::LooseFolder { path, mode })
    }
}

#[cfg(unix)]
fn mode(metadata: &std::fs::Metadata) -> Option<u32> {
    Some(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777)
}

#[cfg(not(unix))]
fn mode(_: &std::fs::Metadata) -> Option<u32> {
    None
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LooseSecret { path, mode } => {
                let path = path.display();
                write!(
                    f,
                    "{path} holds a secret and its mode {mode:04o} lets other users in; run `chmod 600 {path}`"
                )
            }
            Self::LooseFolder { path, mode } => {
                let path = path.display();
                write!(
                    f,
                    "the mode {mode:04o} of {path} lets other users replace the keys in it; run `chmod 700 {path}`"
                )
            }
        }
    }
}
