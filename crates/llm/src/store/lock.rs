//! One download at a time, over all processes of a user.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use super::Progress;
use crate::ModelError;

const PATIENCE: Duration = Duration::from_secs(30 * 60);
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Holds the lock until it is dropped. The operating system lets go of it when the process dies, so a killed download
/// never blocks the next one; the empty file stays.
pub(super) struct Lock {
    _file: File,
}

pub(super) fn acquire(path: &Path, progress: &dyn Progress) -> Result<Lock, ModelError> {
    let io = |source| ModelError::io(path, source);
    let file = File::options().create(true).append(true).open(path).map_err(io)?;
    let started = Instant::now();
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Lock { _file: file }),
            Err(TryLockError::Error(source)) => return Err(io(source)),
            Err(TryLockError::WouldBlock) if started.elapsed() > PATIENCE => {
                let minutes = PATIENCE.as_secs() / 60;
                return Err(ModelError::Locked {
                    lock: path.to_owned(),
                    minutes,
                });
            }
            Err(TryLockError::WouldBlock) => {
                if !told {
                    progress.note("another process is fetching this model, waiting for it");
                    told = true;
                }
                std::thread::sleep(LOOK_AGAIN);
            }
        }
    }
}
