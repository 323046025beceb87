//! Used nonces in memory and in files, so that a restart forgets nothing.
//!
//! # What is promised
//!
//! A claim succeeds only after its record was handed to the operating system, so the death of the process, also by
//! kill -9, cannot reopen it. Nothing waits for the disk itself: records that a power loss takes with it are covered
//! otherwise. The files say which run of the machine wrote them. A store that finds files of another run, not closed
//! in order, refuses every nonce up to the moment it opened plus the allowed lead, and up to the last moment the files
//! can have been written, whichever is later; that is everything that can have been accepted. Honest callers feel it for
//! no longer than the window, and an ordinary reboot, where the store was closed, costs nobody anything.
//!
//! # Files
//!
//! Segments of fixed-size records, each record with a checksum, an unfinished end dropped. A segment is written for
//! one retention; the one before it is kept, older ones are deleted and leave a floor in the newest header. At most
//! two retentions of records are on disk, 28 bytes for each: 4 kB for every request per second that is served, which
//! is less than 1 MB for most miners and 60 MB for a store that is full all the time.

mod log;
mod segment;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axoneme_guards::{Horizon, NonceSet, Seen};
use axoneme_protocol::clock::{self, Clock};
use axoneme_protocol::nonce::{Claim, NonceError, NonceStore, NonceUse, note_refusal, note_step};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use self::log::Log;
use self::segment::Record;
use crate::error::ReplayError;

/// A claim waits this long for the file, then fails.
const DEADLINE: Duration = Duration::from_secs(2);

/// Claims that wait for the file at once; more fail.
const WAITING: usize = 16 * 1024;

/// Records in one write.
const BATCH: usize = 1024;

/// How long dropping the store waits for its last write.
const CLOSING: Duration = Duration::from_secs(2);

/// A bounded [`NonceStore`] of one process that survives its restart. See the [module](self).
pub struct FileNonceStore {
    clock: Arc<dyn Clock>,
    horizon: Horizon,
    set: NonceSet,
    writer: Option<mpsc::Sender<Entry>>,
    /// Locked only to be shareable: asked once, when the store is dropped.
    closed: Mutex<std::sync::mpsc::Receiver<()>>,
}

struct Entry {
    record: Record,
    written: oneshot::Sender<bool>,
}

impl FileNonceStore {
    /// Opens or creates the store in a folder of its own, holding at most `capacity` nonces. Reads files: call it
    /// before serving, or from a blocking thread.
    ///
    /// # Errors
    /// When the folder cannot be used, or another process uses it.
    pub fn open(
        dir: &Path,
        clock: Arc<dyn Clock>,
        horizon: impl Into<Horizon>,
        capacity: usize,
    ) -> Result<Self, ReplayError> {
        let horizon = horizon.into();
        let now = clock::read(&*clock);
        let (log, left) = Log::open(dir, horizon, now)?;
        let mut seen = Seen::new(horizon, capacity);
        seen.raise_floor(left.floor);
        for record in &left.records {
            seen.restore(record.second, record.key, now);
        }
        let (entries, incoming) = mpsc::channel(WAITING);
        let (closed, when_closed) = std::sync::mpsc::sync_channel(1);
        let clock_of_writer = clock.clone();
        std::thread::Builder::new()
            .name("nonce-log".into())
            .spawn(move || {
                write_all(log, incoming, &*clock_of_writer);
                let _ = closed.send(());
            })
            .map_err(|source| ReplayError::file("start a thread for", dir, source))?;
        Ok(Self {
            clock,
            horizon,
            set: NonceSet::new(left.keyer, seen),
            writer: Some(entries),
            closed: Mutex::new(when_closed),
        })
    }

    /// How many nonces are remembered now.
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Nonces up to this one are refused.
    pub fn floor(&self) -> u64 {
        self.set.floor()
    }

    fn begin(&self, used: NonceUse<'_>) -> Result<oneshot::Receiver<bool>, NonceError> {
        let now = || clock::read(&*self.clock);
        let (claimed, step) = self.set.claim(&used.hotkey.0, used.uuid, used.nonce, now);
        if let Some(step) = step {
            note_step(step, self.horizon);
        }
        let key = claimed.map_err(|refused| NonceError::from_refused(refused, self.horizon))?;
        let record = Record {
            second: used.nonce / 1_000_000_000,
            key,
        };
        let (written, when_written) = oneshot::channel();
        let writer = self.writer.as_ref().ok_or(NonceError::StoreUnavailable)?;
        let entry = Entry { record, written };
        writer.try_send(entry).map_err(|_| NonceError::StoreUnavailable)?;
        Ok(when_written)
    }
}

impl NonceStore for FileNonceStore {
    fn claim<'a>(&'a self, used: NonceUse<'a>) -> Claim<'a> {
        // In memory first: of concurrent claims one gets past this, and the others are told at once.
        let begun = self.begin(used);
        Box::pin(async move {
            let claimed = match begun {
                // A file that is too slow counts as one that cannot be written.
                Ok(written) => match tokio::time::timeout(DEADLINE, written).await {
                    Ok(Ok(true)) => Ok(()),
                    _ => Err(NonceError::StoreUnavailable),
                },
                Err(error) => Err(error),
            };
            claimed.inspect_err(|error| note_refusal(*error))
        })
    }
}

impl Drop for FileNonceStore {
    fn drop(&mut self) {
        self.writer.take();
        if self.closed.get_mut().recv_timeout(CLOSING).is_err() {
            tracing::warn!("the nonce store was not closed in time; after a reboot it refuses for a few seconds");
        }
    }
}

impl std::fmt::Debug for FileNonceStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut fields = f.debug_struct("FileNonceStore");
        fields.field("horizon", &self.horizon).field("len", &self.len());
        fields.finish_non_exhaustive()
    }
}

/// The writing thread: as many records with one write as have gathered during the last one.
fn write_all(mut log: Log, mut incoming: mpsc::Receiver<Entry>, clock: &dyn Clock) {
    let mut batch = Vec::new();
    let mut failing = false;
    while incoming.blocking_recv_many(&mut batch, BATCH) > 0 {
        let records: Vec<Record> = batch.iter().map(|entry| entry.record).collect();
        let result = log.append(&records, clock::read(clock));
        match &result {
            Ok(()) if failing => tracing::info!("the nonce store can be written again"),
            Err(error) if !failing => {
                tracing::error!("cannot write the nonce store, so every signed request is refused: {error}");
            }
            _ => {}
        }
        failing = result.is_err();
        for entry in batch.drain(..) {
            // Who asked may have gone.
            let _ = entry.written.send(!failing);
        }
    }
    if let Err(error) = log.close() {
        tracing::warn!("cannot close the nonce store: {error}");
    }
}
