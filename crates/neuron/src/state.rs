//! Durable state: one versioned JSON file, replaced as a whole.
//!
//! A write goes to a temporary file in the same folder, is flushed to the disk, renamed over the
//! old file, and the folder is flushed too. So whatever kills the process, the file holds either
//! the old state or the new one. A lock file keeps a second process out of the same folder.

use std::fs::File;
use std::io::Write as _;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How the names of unfinished files begin.
const TEMPORARY: &str = ".state-";

/// A type kept in a [`StateStore`].
pub trait State: Serialize + DeserializeOwned {
    /// Version written into the file. Raise it when the layout changes, and read the old layout
    /// in [`State::migrate`].
    const VERSION: u32;

    /// Turns the data of an older version into this one, or `None` where it cannot.
    fn migrate(_version: u32, _data: serde_json::Value) -> Option<Self> {
        None
    }
}

/// Why state could not be loaded or saved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The system refused; nothing was lost, the old file is still there.
    #[error("cannot {action} the state file {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file is not what [`StateStore::save`] writes. It is left as it is.
    #[error(
        "the state file {path} is damaged ({reason}); restore it from a backup, \
         or move it away to start from zero"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Why it could not be read.
        reason: String,
    },
    /// The file was written by a version this program cannot read.
    #[error(
        "the state file {path} has version {found}, this program reads up to {known}; \
         run the program that wrote it, or move the file away to start from zero"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Version in the file.
        found: u32,
        /// Newest version known here.
        known: u32,
    },
    /// Another process holds the folder.
    #[error("another process uses the data directory {path}; stop it, or choose another --neuron.name")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
}

/// A file holding the newest `T`. Holding the store keeps other processes out of its folder.
#[derive(Debug)]
pub struct StateStore<T> {
    path: PathBuf,
    _lock: File,
    _state: PhantomData<fn(T) -> T>,
}

#[derive(Serialize)]
struct Written<'a, T> {
    version: u32,
    data: &'a T,
}

#[derive(Deserialize)]
struct Read {
    version: u32,
    data: serde_json::Value,
}

impl<T: State> StateStore<T> {
    /// Opens the store at `path`, making its folder. Reads and writes nothing yet.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StateError> {
        let path = path.into();
        let folder = folder_of(&path).to_owned();
        let io = |action| {
            let path = path.clone();
            move |source| StateError::Io { action, path, source }
        };
        std::fs::create_dir_all(&folder).map_err(io("make the folder of"))?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join(".lock"))
            .map_err(io("lock the folder of"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(StateError::InUse { path: folder });
            }
            Err(std::fs::TryLockError::Error(source)) => {
                return Err(io("lock the folder of")(source));
            }
        }
        remove_leftovers(&folder);
        Ok(Self {
            path,
            _lock: lock,
            _state: PhantomData,
        })
    }

    /// The newest saved state, or `None` when nothing was ever saved.
    pub fn load(&self) -> Result<Option<T>, StateError> {
        Self::read(&self.path)
    }

    /// As [`load`](Self::load), for somebody who only looks while another process may use the folder.
    pub fn read(path: &Path) -> Result<Option<T>, StateError> {
        let corrupt = |error: serde_json::Error| StateError::Corrupt {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(StateError::Io {
                    action: "read",
                    path: path.to_owned(),
                    source,
                });
            }
        };
        let read: Read = serde_json::from_slice(&text).map_err(corrupt)?;
        if read.version == T::VERSION {
            return serde_json::from_value(read.data).map(Some).map_err(corrupt);
        }
        let version = StateError::Version {
            path: path.to_owned(),
            found: read.version,
            known: T::VERSION,
        };
        if read.version > T::VERSION {
            return Err(version);
        }
        T::migrate(read.version, read.data).map(Some).ok_or(version)
    }

    /// Replaces the saved state. On an error the old one is still there, and the caller may go on
    /// and try again later (a full disk).
    pub fn save(&self, state: &T) -> Result<(), StateError> {
        let folder = folder_of(&self.path);
        let mut file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempfile_in(folder)
            .map_err(|source| self.io("write", source))?;
        let text = serde_json::to_vec(&Written {
            version: T::VERSION,
            data: state,
        })
        .map_err(|error| self.io("write", error.into()))?;
        file.write_all(&text)
            .and_then(|()| file.as_file().sync_all())
            .map_err(|source| self.io("write", source))?;
        file.persist(&self.path)
            .map_err(|error| self.io("replace", error.error))?;
        // Without this a power cut could bring the old name back.
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| self.io("flush", source))
    }

    /// Where the state is kept.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn io(&self, action: &'static str, source: std::io::Error) -> StateError {
        StateError::Io {
            action,
            path: self.path.clone(),
            source,
        }
    }
}

/// A process that was killed while it saved leaves its temporary file behind; nobody will rename it any more.
fn remove_leftovers(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
            // What cannot be removed does no harm.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Scores {
        values: Vec<f32>,
    }

    impl State for Scores {
        const VERSION: u32 = 2;
        fn migrate(version: u32, data: serde_json::Value) -> Option<Self> {
            // Version 1 was the bare list.
            (version == 1).then(|| serde_json::from_value(data).ok().map(|values| Self { values }))?
        }
    }

    fn store(folder: &tempfile::TempDir) -> StateStore<Scores> {
        StateStore::open(folder.path().join("state.json")).unwrap()
    }

    #[test]
    fn what_is_saved_is_loaded_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let scores = Scores {
            values: vec![0.1, f32::MIN_POSITIVE, 1.0 / 3.0],
        };
        let store_1 = store(&folder);
        assert_eq!(store_1.load().unwrap(), None);
        store_1.save(&scores).unwrap();
        drop(store_1);
        assert_eq!(store(&folder).load().unwrap(), Some(scores));
    }

    #[test]
    fn a_second_process_is_kept_out() {
        let folder = tempfile::tempdir().unwrap();
        let _first = store(&folder);
        let second = StateStore::<Scores>::open(folder.path().join("state.json"));
        assert!(matches!(second, Err(StateError::InUse { .. })));
    }

    #[test]
    fn a_damaged_file_is_an_error_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        std::fs::write(store.path(), b"{\"version\":2,\"data\":{\"val").unwrap();
        assert!(matches!(store.load(), Err(StateError::Corrupt { .. })));
        assert_eq!(std::fs::read(store.path()).unwrap(), b"{\"version\":2,\"data\":{\"val");
    }

    #[test]
    fn an_old_version_is_migrated_and_a_newer_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        std::fs::write(store.path(), b"{\"version\":1,\"data\":[0.5]}").unwrap();
        assert_eq!(store.load().unwrap(), Some(Scores { values: vec![0.5] }));
        std::fs::write(store.path(), b"{\"version\":3,\"data\":{}}").unwrap();
        assert!(matches!(store.load(), Err(StateError::Version { found: 3, .. })));
    }

    #[test]
    fn a_failed_write_leaves_the_old_state() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(&folder);
        store.save(&Scores { values: vec![1.0] }).unwrap();
        // A folder in place of the file makes the rename fail, as a full disk makes the write.
        let moved = folder.path().join("kept.json");
        std::fs::rename(store.path(), &moved).unwrap();
        std::fs::create_dir(store.path()).unwrap();
        assert!(matches!(
            store.save(&Scores { values: vec![2.0] }),
            Err(StateError::Io { .. })
        ));
        std::fs::remove_dir(store.path()).unwrap();
        std::fs::rename(&moved, store.path()).unwrap();
        assert_eq!(store.load().unwrap(), Some(Scores { values: vec![1.0] }));
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 2, "only the state and the lock: {left:?}");
    }
}
