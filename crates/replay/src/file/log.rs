//! The folder of segments: reading what an earlier process left, appending, and leaving behind what is too old.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axoneme_guards::seen::{STEP_MARGIN, end_of};
use axoneme_guards::{Horizon, Keyer, Now};

use super::segment::{self, Header, Record};
use crate::error::ReplayError;

/// What an earlier process left.
pub(super) struct Left {
    pub(super) keyer: Keyer,
    pub(super) records: Vec<Record>,
    /// Nonces up to this one cannot be judged.
    pub(super) floor: u64,
}

/// The segment being written, and the lock on the folder.
pub(super) struct Log {
    dir: PathBuf,
    header: Header,
    number: u64,
    file: File,
    /// Length up to which the file is known to be good.
    good: u64,
    dirty: bool,
    begun_mono: u64,
    newest: u64,
    previous: Option<Previous>,
    retention: u64,
    _lock: File,
}

/// A segment that is only kept.
struct Previous {
    number: u64,
    newest: u64,
}

impl Log {
    /// Takes the folder, reads what is in it, and begins a segment with what still matters.
    pub(super) fn open(dir: &Path, horizon: Horizon, now: Now) -> Result<(Self, Left), ReplayError> {
        Self::open_in(dir, horizon, now, boot_id())
    }

    fn open_in(dir: &Path, horizon: Horizon, now: Now, boot: Option<[u8; 16]>) -> Result<(Self, Left), ReplayError> {
        create_private_dir(dir).map_err(|source| ReplayError::file("create", dir, source))?;
        let lock = take_lock(dir)?;
        let found = read_all(dir)?;
        let left = judge(&found, horizon, now, boot);
        let number = found.last().map_or(1, |(number, _)| number + 1);
        let header = Header {
            boot: boot.unwrap_or_default(),
            secret: left.keyer.secret(),
            begun: now.wall,
            floor: left.floor,
        };
        let file = write_segment(dir, number, &header, &left.records)
            .map_err(|source| ReplayError::file("write", &segment_path(dir, number), source))?;
        // Everything in them is in the new one, or below its floor.
        for (old, _) in &found {
            remove(&segment_path(dir, *old));
        }
        let log = Self {
            good: file
                .metadata()
                .map(|meta| meta.len())
                .map_err(|source| ReplayError::file("read", &segment_path(dir, number), source))?,
            dir: dir.to_owned(),
            header,
            number,
            file,
            dirty: false,
            begun_mono: now.mono,
            newest: left.records.iter().map(|record| record.second).max().unwrap_or(0),
            previous: None,
            retention: nanoseconds(horizon.retention()),
            _lock: lock,
        };
        sync_aside(&log.file, dir);
        Ok((log, left))
    }

    /// Appends records with one write. When this returns, they survive the death of this process.
    pub(super) fn append(&mut self, records: &[Record], now: Now) -> io::Result<()> {
        if now.mono.saturating_sub(self.begun_mono) >= self.retention {
            self.begin_next(now)?;
        }
        if self.dirty {
            // The last write failed and may have left a part of itself.
            self.file.set_len(self.good)?;
            self.dirty = false;
        }
        let mut bytes = Vec::with_capacity(records.len() * segment::RECORD_BYTES);
        records.iter().for_each(|record| record.encode(&mut bytes));
        self.dirty = true;
        self.file.write_all(&bytes)?;
        self.dirty = false;
        self.good += bytes.len() as u64;
        let newest = records.iter().map(|record| record.second).max().unwrap_or(0);
        self.newest = self.newest.max(newest);
        Ok(())
    }

    /// Marks the end and forces everything to the disk.
    pub(super) fn close(mut self) -> io::Result<()> {
        if self.dirty {
            self.file.set_len(self.good)?;
        }
        let mut bytes = Vec::new();
        Record::CLOSING.encode(&mut bytes);
        self.file.write_all(&bytes)?;
        self.file.sync_all()
    }

    /// Begins the next segment and drops the last but one: what is in it was claimed at least one retention ago.
    fn begin_next(&mut self, now: Now) -> io::Result<()> {
        let gone = self.previous.as_ref();
        let floor = gone.map_or(0, |gone| end_of(gone.newest)).max(self.header.floor);
        let header = Header {
            begun: now.wall,
            floor,
            ..self.header
        };
        let number = self.number + 1;
        let file = write_segment(&self.dir, number, &header, &[])?;
        if let Some(gone) = self.previous.take() {
            remove(&segment_path(&self.dir, gone.number));
        }
        self.previous = Some(Previous {
            number: self.number,
            newest: std::mem::take(&mut self.newest),
        });
        self.good = file.metadata()?.len();
        self.file = file;
        self.dirty = false;
        self.number = number;
        self.header = header;
        self.begun_mono = now.mono;
        sync_aside(&self.file, &self.dir);
        Ok(())
    }
}

/// What can be said about the past from what was found.
fn judge(found: &[(u64, Option<segment::Contents>)], horizon: Horizon, now: Now, boot: Option<[u8; 16]>) -> Left {
    let lead = nanoseconds(horizon.lead());
    let readable = || found.iter().filter_map(|(_, contents)| contents.as_ref());
    let Some(last) = readable().next_back() else {
        // A new store. Whatever was before it, it was before now.
        let floor = if found.is_empty() {
            now.wall
        } else {
            now.wall.saturating_add(lead)
        };
        return Left {
            keyer: Keyer::random(),
            records: Vec::new(),
            floor,
        };
    };
    let mut floor = readable().map(|segment| segment.header.floor).max().unwrap_or(0);
    let newest = readable()
        .flat_map(|segment| segment.records.iter().map(|record| record.second))
        .max();
    let unreadable = found.iter().filter(|(_, contents)| contents.is_none()).count();
    let damaged: usize = readable().map(|segment| segment.damaged).sum();
    let torn: usize = readable().map(|segment| segment.torn).sum();
    let other_secret = readable().any(|segment| segment.header.secret != last.header.secret);
    let survived = last.closed || boot.is_some_and(|boot| boot == last.header.boot);
    if unreadable > 0 || damaged > 0 || other_secret || !survived {
        // Something may be missing. What was accepted was at most the lead ahead of the clock then, and a segment is
        // written for one retention; both also when this machine's clock started wrong.
        let known = last.header.begun.saturating_add(nanoseconds(horizon.retention()));
        let newest = newest.map_or(0, end_of);
        floor = floor.max(now.wall.saturating_add(lead)).max(newest);
        if known.saturating_add(lead) > now.wall {
            floor = floor.max(known.saturating_add(lead));
        }
        let wait = Duration::from_nanos(floor.saturating_sub(now.wall));
        tracing::warn!(
            damaged,
            unreadable,
            torn,
            survived,
            "the nonce store was not closed in order before the machine went down, or is damaged: requests signed \
             before now, and those of the next {:.1} s, are refused. If that is more than minutes, the clock was wrong \
             then or is now; removing the store's folder ends it, at the price that requests of that time pass again",
            wait.as_secs_f64()
        );
    } else if torn > 0 {
        tracing::info!(torn, "the nonce store ends with an unfinished write, which is dropped");
    }
    let stale = now
        .wall
        .saturating_sub(nanoseconds(horizon.past().saturating_add(STEP_MARGIN)));
    let mut records = HashMap::new();
    for record in readable().flat_map(|segment| &segment.records) {
        if end_of(record.second) < stale {
            floor = floor.max(end_of(record.second));
        } else {
            records.insert(record.key, *record);
        }
    }
    Left {
        keyer: Keyer::with_secret(last.header.secret),
        records: records.into_values().collect(),
        floor,
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn segment_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:016}.nonces"))
}

/// All segments in order, with what can be read of each.
fn read_all(dir: &Path) -> Result<Vec<(u64, Option<segment::Contents>)>, ReplayError> {
    let entries = fs::read_dir(dir).map_err(|source| ReplayError::file("read", dir, source))?;
    let mut numbers = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|source| ReplayError::file("read", dir, source))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.ends_with(".unfinished") {
            remove(&entry.path());
        } else if let Some(number) = name.strip_suffix(".nonces").and_then(|number| number.parse().ok()) {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    let read = |number| {
        let path = segment_path(dir, number);
        let contents = segment::read(&path).map_err(|source| ReplayError::file("read", &path, source))?;
        Ok((number, contents))
    };
    numbers.into_iter().map(read).collect()
}

/// Writes a segment under another name first, so that one with its name is whole.
fn write_segment(dir: &Path, number: u64, header: &Header, records: &[Record]) -> io::Result<File> {
    let path = segment_path(dir, number);
    let unfinished = path.with_extension("unfinished");
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    private(&mut options);
    let mut file = options.open(&unfinished)?;
    file.set_len(0)?;
    let mut bytes = header.encode().to_vec();
    records.iter().for_each(|record| record.encode(&mut bytes));
    file.write_all(&bytes)?;
    fs::rename(&unfinished, &path)?;
    Ok(file)
}

/// Forces a segment's beginning to the disk without making anybody wait: it matters only when the machine dies and
/// comes back with a wrong clock.
fn sync_aside(file: &File, dir: &Path) {
    let (Ok(file), Ok(dir)) = (file.try_clone(), File::open(dir)) else {
        return;
    };
    let sync = move || {
        let _ = file.sync_all();
        let _ = dir.sync_all();
    };
    if let Err(error) = std::thread::Builder::new().name("nonce-sync".into()).spawn(sync) {
        tracing::warn!("cannot force the nonce store to the disk: {error}");
    }
}

fn take_lock(dir: &Path) -> Result<File, ReplayError> {
    let path = dir.join("lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    private(&mut options);
    let file = options
        .open(&path)
        .map_err(|source| ReplayError::file("open", &path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ReplayError::Locked { path: dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(ReplayError::file("lock", &path, source)),
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!("cannot remove {}: {error}", path.display());
    }
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

#[cfg(not(unix))]
fn private(_: &mut OpenOptions) {}

#[cfg(unix)]
fn create_private_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(not(unix))]
fn create_private_dir(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}

/// Which run of the machine this is; nothing where the system does not tell, which counts as a run of its own.
fn boot_id() -> Option<[u8; 16]> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits: Vec<u8> = text.trim().bytes().filter(|byte| *byte != b'-').collect();
    let mut id = [0; 16];
    if digits.len() != 32 {
        return None;
    }
    for (byte, pair) in id.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const HORIZON: Horizon = Horizon::new(Duration::from_secs(10), Duration::from_secs(4));
    const BOOT: Option<[u8; 16]> = Some([1; 16]);
    const NEXT_BOOT: Option<[u8; 16]> = Some([2; 16]);

    fn at(second: u64) -> Now {
        Now {
            wall: (1_700_000_000 + second) * SECOND,
            mono: second * SECOND,
        }
    }

    fn record(now: Now, key: u128) -> Record {
        Record {
            second: now.wall / SECOND,
            key,
        }
    }

    /// A process that claims one nonce at second 3 and is killed.
    fn killed(dir: &Path, boot: Option<[u8; 16]>) {
        let (mut log, _) = Log::open_in(dir, HORIZON, at(0), boot).expect("opens");
        log.append(&[record(at(3), 7)], at(3)).expect("written");
    }

    fn reopened(dir: &Path, second: u64, boot: Option<[u8; 16]>) -> Left {
        Log::open_in(dir, HORIZON, at(second), boot).expect("opens").1
    }

    #[test]
    fn a_killed_process_loses_nothing_so_nothing_is_refused() {
        let dir = tempfile::tempdir().expect("folder");
        killed(dir.path(), BOOT);
        let left = reopened(dir.path(), 4, BOOT);
        assert_eq!(left.records, [record(at(3), 7)]);
        assert_eq!(left.floor, at(0).wall, "from the first start");
    }

    #[test]
    fn after_a_power_loss_everything_that_could_be_lost_is_refused() {
        for boot in [NEXT_BOOT, None] {
            let dir = tempfile::tempdir().expect("folder");
            killed(dir.path(), BOOT);
            let left = reopened(dir.path(), 100, boot);
            assert_eq!(left.floor, at(104).wall, "now and the lead");
        }
        // The battery of the clock is dead too: the machine thinks it is a year ago.
        let dir = tempfile::tempdir().expect("folder");
        killed(dir.path(), BOOT);
        let wrong = Now {
            wall: at(0).wall - 365 * 86_400 * SECOND,
            mono: 0,
        };
        let left = Log::open_in(dir.path(), HORIZON, wrong, NEXT_BOOT).expect("opens").1;
        let last_possible = at(0).wall + nanoseconds(HORIZON.retention() + HORIZON.lead());
        assert_eq!(left.floor, last_possible);
    }

    #[test]
    fn a_reboot_after_an_orderly_end_costs_nobody_anything() {
        let dir = tempfile::tempdir().expect("folder");
        let (mut log, left) = Log::open_in(dir.path(), HORIZON, at(0), BOOT).expect("opens");
        log.append(&[record(at(3), 7)], at(3)).expect("written");
        log.close().expect("closed");
        let next = reopened(dir.path(), 5, NEXT_BOOT);
        assert_eq!((next.floor, next.records.len()), (left.floor, 1));
    }

    #[test]
    fn damage_is_treated_like_a_power_loss() {
        let dir = tempfile::tempdir().expect("folder");
        let (mut log, _) = Log::open_in(dir.path(), HORIZON, at(0), BOOT).expect("opens");
        let records: Vec<_> = (0..3).map(|key| record(at(3), key)).collect();
        log.append(&records, at(3)).expect("written");
        drop(log);
        let path = segment_path(dir.path(), 1);
        let mut bytes = fs::read(&path).expect("segment");
        bytes[segment::HEADER_BYTES + 3] ^= 1;
        fs::write(&path, bytes).expect("damaged");
        let left = reopened(dir.path(), 100, BOOT);
        assert_eq!(left.floor, at(104).wall);
        fs::write(segment_path(dir.path(), 2), b"nothing to be read").expect("damaged");
        assert_eq!(reopened(dir.path(), 200, BOOT).floor, at(204).wall);
    }

    #[test]
    fn what_is_in_deleted_segments_stays_refused() {
        let dir = tempfile::tempdir().expect("folder");
        let (mut log, _) = Log::open_in(dir.path(), HORIZON, at(0), BOOT).expect("opens");
        let step = HORIZON.retention().as_secs();
        for n in 0..4 {
            let now = at(n * step);
            log.append(&[record(now, n.into())], now).expect("written");
        }
        drop(log);
        let found = read_all(dir.path()).expect("readable");
        assert_eq!(found.len(), 2, "the one before the last, and the last");
        let left = reopened(dir.path(), 3 * step, BOOT);
        assert!(
            left.floor >= end_of(record(at(step), 0).second),
            "{} {}",
            left.floor,
            at(step).wall
        );
        assert!(
            left.floor < at(3 * step).wall - nanoseconds(HORIZON.past()),
            "and nothing that is fresh"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_fails_writes_until_there_is_room_again() {
        let dir = tempfile::tempdir().expect("folder");
        let (mut log, _) = Log::open_in(dir.path(), HORIZON, at(0), BOOT).expect("opens");
        log.append(&[record(at(1), 1)], at(1)).expect("written");
        let full = OpenOptions::new().append(true).open("/dev/full").expect("device");
        let real = std::mem::replace(&mut log.file, full);
        for _ in 0..3 {
            assert!(log.append(&[record(at(1), 2)], at(1)).is_err());
        }
        log.file = real;
        // As a write leaves it that failed halfway.
        log.file.write_all(&[1; 11]).expect("written");
        log.append(&[record(at(1), 3)], at(1)).expect("room again");
        drop(log);
        let left = reopened(dir.path(), 2, BOOT);
        let mut keys: Vec<_> = left.records.iter().map(|record| record.key).collect();
        keys.sort_unstable();
        assert_eq!((keys, left.floor), (vec![1, 3], at(0).wall));
    }
}
