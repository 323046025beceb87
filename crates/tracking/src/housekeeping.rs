//! What is done with rolled files, beside the judging.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use crate::{TrackingError, read, write_parquet};

/// A thread that packs and removes rolled files, one rolling after another.
pub(crate) struct Housekeeping {
    pack: bool,
    parquet: bool,
    worker: Option<(Sender<Work>, JoinHandle<()>)>,
}

struct Work {
    files: Vec<(u64, PathBuf)>,
    keep: usize,
}

impl Housekeeping {
    pub(crate) fn new(pack: bool, parquet: bool) -> Self {
        Self {
            pack,
            parquet,
            worker: None,
        }
    }

    /// A file was rolled; these are all of them, the oldest first.
    pub(crate) fn rolled(&mut self, files: Vec<(u64, PathBuf)>, keep: usize) {
        let (pack, parquet) = (self.pack, self.parquet);
        let mut work = Work { files, keep };
        // The thread is made anew should it have ended.
        for _ in 0..2 {
            let (sender, _) = match &self.worker {
                Some(worker) => worker,
                None => {
                    let (sender, receiver) = channel::<Work>();
                    let thread = std::thread::Builder::new().name("events".into()).spawn(move || {
                        for work in receiver {
                            tidy(work, pack, parquet);
                        }
                    });
                    match thread {
                        Ok(thread) => self.worker.insert((sender, thread)),
                        Err(error) => return tracing::warn!("rolled event files stay as they are: {error}"),
                    }
                }
            };
            match sender.send(work) {
                Ok(()) => return,
                Err(back) => {
                    work = back.0;
                    self.worker = None;
                }
            }
        }
    }

    /// Waits until everything is done.
    pub(crate) fn finish(&mut self) {
        if let Some((sender, thread)) = self.worker.take() {
            drop(sender);
            let _ = thread.join();
        }
    }
}

fn tidy(work: Work, pack: bool, parquet: bool) {
    let Work { mut files, keep } = work;
    let old = files.len().saturating_sub(keep);
    for (number, path) in files.drain(..old) {
        let folder = path.parent().unwrap_or(Path::new("."));
        for name in ["jsonl", "jsonl.zst", "parquet"] {
            // Most of them are not there.
            let _ = std::fs::remove_file(folder.join(format!("events.{number}.{name}")));
        }
    }
    for (number, path) in files {
        let table = path.with_file_name(format!("events.{number}.parquet"));
        if parquet && !table.exists() {
            note("a Parquet file is not written", tabulate(&path, &table));
        }
        if pack && path.extension().is_some_and(|extension| extension == "jsonl") {
            note("a rolled event file is not packed", compress(&path));
        }
    }
}

fn note(what: &str, result: Result<(), TrackingError>) {
    if let Err(error) = result {
        metrics::counter!("validator_event_errors_total").increment(1);
        tracing::warn!("{what}: {error}");
    }
}

fn tabulate(from: &Path, to: &Path) -> Result<(), TrackingError> {
    write_parquet(read(from)?, to).map(|_| ())
}

/// Packs a file; the original goes once the packed one is whole and on the disk.
fn compress(path: &Path) -> Result<(), TrackingError> {
    let io = || TrackingError::io("pack", path);
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut target = path.as_os_str().to_owned();
    target.push(".zst");
    let mut packed = tempfile::Builder::new()
        .prefix(".events-")
        .tempfile_in(folder)
        .map_err(io())?;
    let mut from = File::open(path).map_err(io())?;
    zstd::stream::copy_encode(&mut from, packed.as_file_mut(), 3).map_err(io())?;
    packed.as_file().sync_all().map_err(io())?;
    packed.persist(&target).map_err(|error| error.error).map_err(io())?;
    std::fs::remove_file(path).map_err(io())
}
