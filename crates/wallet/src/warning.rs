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
}

impl Warning {
    /// The warning that a file with a secret deserves, if it exists and any.
    pub(crate) fn of_secret(path: &Path) -> Option<Self> {
        std::fs::metadata(path)
            .ok()
            .and_then(|metadata| Self::of_metadata(path, &metadata))
    }

    #[cfg(unix)]
    pub(crate) fn of_metadata(path: &Path, metadata: &std::fs::Metadata) -> Option<Self> {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777;
        (mode & 0o077 != 0).then(|| Self::LooseSecret {
            path: path.into(),
            mode,
        })
    }

    #[cfg(not(unix))]
    pub(crate) fn of_metadata(_: &Path, _: &std::fs::Metadata) -> Option<Self> {
        None
    }
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
        }
    }
}
