//! A data directory: a lock, and generations of a snapshot and the block log that goes on from it.
//!
//! ```text
//! LOCK                     held by the running node
//! blocks-0000000000.log    blocks 1..=5000, from the genesis
//! state-0000005000.snap    headers and the state of block 5000
//! blocks-0000005000.log    blocks 5001.. as they are made
//! ```
//! A new generation starts every [`GENERATION`] blocks and the one before the last is deleted. A restart loads the *older* of
//! the two and replays everything after it, so that the whole window of states is there again.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufReader, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use codec::{Decode, DecodeAll, Encode};

use super::{
    format::{self, Identity, Next, Preamble, Records},
    index::{Head, STATES_KEPT},
};
use crate::{
    error::LocalnetError,
    types::{BlockNumber, Header, SealedBlock},
};

/// Blocks per log. Not less than the window of states, or a restart could not bring it back; more makes restarts slower.
pub const GENERATION: BlockNumber = 5_000;
const _: () = assert!(GENERATION >= STATES_KEPT);

/// A process that is killed loses nothing it wrote; a machine that loses power may lose this much.
const SYNC_EVERY: Duration = Duration::from_secs(5);
const LOG_MAGIC: &[u8; 8] = b"AXLNLOG1";
/// Begins the record of blocks that were taken back.
const TAKE_BACK: [u8; 8] = *b"TAKEBACK";
const SNAPSHOT_MAGIC: &[u8; 8] = b"AXLNSNP1";

/// What a snapshot holds.
pub struct Snapshot {
    /// Headers up to the block it was taken at.
    pub row: Vec<Head>,
    /// The state of the last of them.
    pub pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

/// An open data directory.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    identity: Identity,
    log: File,
    /// The block before the log's first.
    base: BlockNumber,
    log_path: PathBuf,
    length: u64,
    last_sync: Instant,
    /// Held until the directory is dropped; the system lets go of it even if the process is killed.
    _lock: File,
}

/// One record of a log.
pub enum Logged {
    /// The next block.
    Block(SealedBlock),
    /// Every block after this one was taken back.
    TakenBack(BlockNumber),
}

impl Logged {
    fn read(payload: &[u8]) -> Result<Self, codec::Error> {
        // No block is as short: its header alone has three hashes.
        if payload.len() == TAKE_BACK.len() + 4 && payload.starts_with(&TAKE_BACK) {
            return BlockNumber::decode(&mut &payload[TAKE_BACK.len()..]).map(Self::TakenBack);
        }
        SealedBlock::decode_all(&mut &payload[..]).map(Self::Block)
    }
}

/// What [`DataDir::open`] found, to be replayed in order.
pub struct Found {
    /// Where to start: a snapshot, or the genesis if none.
    pub snapshot: Option<Snapshot>,
    /// The logs from there on.
    logs: Vec<PathBuf>,
}

impl DataDir {
    /// Locks `path`, creating it if need be, and looks at what is in it.
    pub fn open(path: &Path, identity: Identity, genesis: &Head) -> Result<(Self, Found), LocalnetError> {
        fs::create_dir_all(path).map_err(LocalnetError::io("create", path))?;
        let lock = lock(path)?;
        remove_unfinished(path)?;
        let bases = generations(path)?;
        let mut found = Found {
            snapshot: None,
            logs: Vec::new(),
        };
        let mut base = bases.first().copied().unwrap_or(0);
        if base != 0 {
            found.snapshot = Some(read_snapshot(&snapshot_path(path, base), &identity)?);
        }
        let mut base_hash = found
            .snapshot
            .as_ref()
            .and_then(|s| s.row.last())
            .map_or(genesis.hash, |head| head.hash);
        for next in bases {
            let log = log_path(path, next);
            // A kill between writing a snapshot and starting its log leaves the snapshot alone.
            if log.exists() {
                check_log(&log, &identity)?;
                base = next;
                found.logs.push(log);
            } else if let Some(preamble) = peek(&snapshot_path(path, next), SNAPSHOT_MAGIC)? {
                base = next;
                base_hash = preamble.base_hash;
                found.logs.push(log);
            }
        }
        let current = log_path(path, base);
        let file = if current.exists() {
            OpenOptions::new()
                .read(true)
                .write(true)
                .open(&current)
                .map_err(LocalnetError::io("open", &current))?
        } else {
            create_log(
                &current,
                &Preamble {
                    identity: identity.clone(),
                    base,
                    base_hash,
                },
            )?
        };
        if found.logs.is_empty() {
            found.logs.push(current.clone());
        }
        let dir = Self {
            path: path.to_owned(),
            identity,
            log: file,
            base,
            log_path: current,
            length: 0,
            last_sync: Instant::now(),
            _lock: lock,
        };
        Ok((dir, found))
    }

    /// Hands every stored block after the snapshot to `each`, in order, and cuts a torn last record off.
    pub fn replay(
        &mut self,
        found: Found,
        mut each: impl FnMut(Logged) -> Result<(), String>,
    ) -> Result<(), LocalnetError> {
        for path in found.logs {
            let current = path == self.log_path;
            let file = File::open(&path).map_err(LocalnetError::io("open", &path))?;
            let mut records = Records::new(BufReader::new(file));
            let read = LocalnetError::io("read", &path);
            records
                .preamble(LOG_MAGIC)
                .map_err(read)?
                .ok_or_else(|| LocalnetError::damaged(&path, "no log"))?;
            loop {
                match records.read_next().map_err(LocalnetError::io("read", &path))? {
                    Next::Record(payload) => {
                        let logged =
                            Logged::read(&payload).map_err(|error| LocalnetError::damaged(&path, error.to_string()))?;
                        each(logged).map_err(|detail| LocalnetError::damaged(&path, detail))?;
                    }
                    Next::End => break,
                    Next::Torn if current => {
                        tracing::warn!(path = %path.display(), "dropped a torn last record of the block log");
                        break;
                    }
                    Next::Torn => {
                        return Err(LocalnetError::damaged(&path, "it ends inside a block"));
                    }
                    Next::Damaged(detail) => return Err(LocalnetError::damaged(&path, detail)),
                }
            }
            if current {
                self.length = records.position();
                self.rewind().map_err(LocalnetError::io("write", &path))?;
            }
        }
        Ok(())
    }

    /// Writes a block behind the others. On error the log is as before.
    pub fn append(&mut self, block: &SealedBlock) -> io::Result<()> {
        self.write(&block.encode())
    }

    /// Writes down that every block after `last` is taken back. On error the log is as before.
    pub fn take_back(&mut self, last: BlockNumber) -> Result<(), LocalnetError> {
        if last < self.base {
            return Err(LocalnetError::Config(format!(
                "blocks up to {} are in a finished log and cannot be taken back",
                self.base
            )));
        }
        let written = self.write(&(TAKE_BACK, last).encode());
        written.map_err(LocalnetError::io("append to", &self.log_path))
    }

    fn write(&mut self, payload: &[u8]) -> io::Result<()> {
        let record = format::frame(payload);
        if let Err(error) = self.log.write_all(&record) {
            self.rewind()?;
            return Err(error);
        }
        self.length += record.len() as u64;
        if self.last_sync.elapsed() >= SYNC_EVERY {
            self.sync()?;
        }
        Ok(())
    }

    /// Starts a new generation at `row`'s last block, whose state is `pairs`. On error the old log goes on.
    pub fn start_generation(&mut self, snapshot: &Snapshot) -> Result<(), LocalnetError> {
        let Some(head) = snapshot.row.last() else {
            return Ok(());
        };
        let base = head.number();
        let preamble = Preamble {
            identity: self.identity.clone(),
            base,
            base_hash: head.hash,
        };
        self.sync().map_err(LocalnetError::io("write", &self.log_path))?;
        write_snapshot(&self.path, &preamble, snapshot)?;
        let path = log_path(&self.path, base);
        self.log = create_log(&path, &preamble).inspect_err(|_| {
            // The old log goes on past this block, so nothing may claim that a log starts here.
            let _ = fs::remove_file(snapshot_path(&self.path, base));
        })?;
        self.length = self.log.metadata().map_err(LocalnetError::io("read", &path))?.len();
        self.log_path = path;
        self.base = base;
        let bases = generations(&self.path)?;
        for old in bases.iter().rev().skip(2) {
            for path in [log_path(&self.path, *old), snapshot_path(&self.path, *old)] {
                if path.exists() {
                    fs::remove_file(&path).map_err(LocalnetError::io("delete", &path))?;
                }
            }
        }
        Ok(())
    }

    /// Makes sure that what was appended survives a loss of power.
    pub fn sync(&mut self) -> io::Result<()> {
        self.last_sync = Instant::now();
        self.log.sync_data()
    }

    fn rewind(&mut self) -> io::Result<()> {
        self.log.set_len(self.length)?;
        self.log.seek(SeekFrom::Start(self.length)).map(drop)
    }
}

fn lock(path: &Path) -> Result<File, LocalnetError> {
    let lock_path = path.join("LOCK");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&lock_path)
        .map_err(LocalnetError::io("open", &lock_path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LocalnetError::DataDirInUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(LocalnetError::Io {
            action: "lock",
            path: lock_path,
            source,
        }),
    }
}

fn log_path(dir: &Path, base: BlockNumber) -> PathBuf {
    dir.join(format!("blocks-{base:010}.log"))
}

fn snapshot_path(dir: &Path, base: BlockNumber) -> PathBuf {
    dir.join(format!("state-{base:010}.snap"))
}

/// Where generations start, oldest first: at 0 with a log, later with a snapshot.
fn generations(dir: &Path) -> Result<Vec<BlockNumber>, LocalnetError> {
    let mut bases = Vec::new();
    for entry in fs::read_dir(dir).map_err(LocalnetError::io("read", dir))? {
        let name = entry.map_err(LocalnetError::io("read", dir))?.file_name();
        let Some(name) = name.to_str() else { continue };
        let number = |prefix, suffix| name.strip_prefix(prefix)?.strip_suffix(suffix)?.parse().ok();
        let base: Option<BlockNumber> =
            number("state-", ".snap").or_else(|| number("blocks-", ".log").filter(|base| *base == 0));
        bases.extend(base);
    }
    bases.sort_unstable();
    Ok(bases)
}

/// A kill while a file was written leaves it under its temporary name.
fn remove_unfinished(dir: &Path) -> Result<(), LocalnetError> {
    for entry in fs::read_dir(dir).map_err(LocalnetError::io("read", dir))? {
        let path = entry.map_err(LocalnetError::io("read", dir))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".tmp") && (name.starts_with("state-") || name.starts_with("blocks-")) {
            fs::remove_file(&path).map_err(LocalnetError::io("delete", &path))?;
        }
    }
    Ok(())
}

fn peek(path: &Path, magic: &[u8; 8]) -> Result<Option<Preamble>, LocalnetError> {
    let file = File::open(path).map_err(LocalnetError::io("open", path))?;
    Records::new(BufReader::new(file))
        .preamble(magic)
        .map_err(LocalnetError::io("read", path))
}

fn check_identity(path: &Path, ours: &Identity, stored: &Identity) -> Result<(), LocalnetError> {
    match ours.difference(stored) {
        None => Ok(()),
        Some(difference) => {
            let path = path.parent().unwrap_or(path).to_owned();
            Err(LocalnetError::OtherChain { path, difference })
        }
    }
}

fn check_log(path: &Path, ours: &Identity) -> Result<(), LocalnetError> {
    let preamble =
        peek(path, LOG_MAGIC)?.ok_or_else(|| LocalnetError::damaged(path, "not a block log of this version"))?;
    check_identity(path, ours, &preamble.identity)
}

/// Writes a whole file under another name first, so that it is there completely or not at all.
fn write_whole(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> Result<File, LocalnetError> {
    let temporary = path.with_extension("tmp");
    let attempt = || -> io::Result<File> {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(&temporary)?;
        write(&mut file)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        if let Some(dir) = path.parent() {
            File::open(dir)?.sync_all()?;
        }
        Ok(file)
    };
    attempt().map_err(LocalnetError::io("write", path))
}

fn create_log(path: &Path, preamble: &Preamble) -> Result<File, LocalnetError> {
    write_whole(path, |file| file.write_all(&format::preamble(LOG_MAGIC, preamble)))
}

fn write_snapshot(dir: &Path, preamble: &Preamble, snapshot: &Snapshot) -> Result<(), LocalnetError> {
    let headers: Vec<&Header> = snapshot.row.iter().map(|head| &head.header).collect();
    write_whole(&snapshot_path(dir, preamble.base), |file| {
        let mut file = io::BufWriter::new(file);
        file.write_all(&format::preamble(SNAPSHOT_MAGIC, preamble))?;
        file.write_all(&format::frame(&headers.encode()))?;
        // In pieces, so that no record grows with the state.
        for pairs in snapshot.pairs.chunks(4096) {
            file.write_all(&format::frame(&pairs.encode()))?;
        }
        file.write_all(&format::frame(&(snapshot.pairs.len() as u64).encode()))?;
        file.flush()
    })
    .map(drop)
}

fn read_snapshot(path: &Path, ours: &Identity) -> Result<Snapshot, LocalnetError> {
    let damaged = |detail: &str| LocalnetError::damaged(path, detail);
    let file = File::open(path).map_err(LocalnetError::io("open", path))?;
    let mut records = Records::new(BufReader::new(file));
    let preamble = records
        .preamble(SNAPSHOT_MAGIC)
        .map_err(LocalnetError::io("read", path))?;
    let preamble = preamble.ok_or_else(|| damaged("not a snapshot of this version"))?;
    check_identity(path, ours, &preamble.identity)?;
    let mut payloads = Vec::new();
    loop {
        match records.read_next().map_err(LocalnetError::io("read", path))? {
            Next::Record(payload) => payloads.push(payload),
            Next::End => break,
            Next::Torn | Next::Damaged(_) => return Err(damaged("a record is broken")),
        }
    }
    let [headers, chunks @ .., count] = &payloads[..] else {
        return Err(damaged("it is incomplete"));
    };
    let headers = Vec::<Header>::decode_all(&mut &headers[..]).map_err(|error| damaged(&error.to_string()))?;
    let row: Vec<Head> = headers.into_iter().map(Head::new).collect();
    if row
        .last()
        .is_none_or(|head| head.number() != preamble.base || head.hash != preamble.base_hash)
    {
        return Err(damaged("its headers do not end at its block"));
    }
    let mut pairs = Vec::new();
    for chunk in chunks {
        let chunk = Vec::<(Vec<u8>, Vec<u8>)>::decode_all(&mut &chunk[..]);
        pairs.extend(chunk.map_err(|error| damaged(&error.to_string()))?);
    }
    if u64::decode_all(&mut &count[..]).ok() != Some(pairs.len() as u64) {
        return Err(damaged("pairs are missing"));
    }
    Ok(Snapshot { row, pairs })
}
