//! The large part of the state: what the judges remember, too big to be written anew after every prompt run.
//!
//! A *snapshot* file holds every memory whole; a *journal* file beside it grows by one record per prompt run with what
//! that run added. Neither counts until `state.json` says so: it is written last, replaced as a whole, and names the
//! generation of the two files and how far the journal reaches ([`MemoryMark`]). So after a kill at any moment the three
//! fit together: what was appended but not yet named is cut off at the next start.

pub(crate) mod file;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use file::MemoryError;

/// A journal may grow to this size, bytes, or to that of the snapshot if that is larger, before both are written anew.
pub const JOURNAL_BYTES: u64 = 16 << 20;

/// Something remembered under the name of who remembers it: a whole memory, or what a run added to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The mask, function or model, as event records name it.
    pub name: String,
    /// In the owner's own format.
    pub bytes: Vec<u8>,
}

impl Piece {
    /// A piece.
    pub fn new(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        let name = name.into();
        Self { name, bytes }
    }
}

/// Which files hold the memories, and how much of the journal counts. Kept in `state.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryMark {
    /// Number in the names of the files; 0 while nothing was ever remembered.
    pub generation: u64,
    /// Bytes of the journal that count.
    pub journal: u64,
}

/// Everything that was remembered: give every owner its snapshot, then the additions in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memories {
    /// Whole memories.
    pub snapshot: Vec<Piece>,
    /// What later runs added.
    pub additions: Vec<Vec<Piece>>,
}

/// What a run leaves to remember.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remember {
    /// What it added.
    Additions(Vec<Piece>),
    /// Everything; replaces what was there.
    Whole(Vec<Piece>),
}

/// The two files.
#[derive(Debug)]
pub struct MemoryStore {
    folder: PathBuf,
    mark: MemoryMark,
    journal: Option<File>,
    snapshot_bytes: u64,
    journal_bytes: u64,
    /// After a failed write nobody knows where the journal ends: only a whole snapshot mends that.
    broken: bool,
}

impl MemoryStore {
    /// Reads what `mark` names in `folder`, cuts off what a kill left unfinished, and removes files of other generations.
    /// A journal longer than `journal_bytes` (and than the snapshot) is given up for a new snapshot.
    ///
    /// # Errors
    /// When a named file is missing or damaged; everything stays as it is.
    pub fn open(folder: &Path, mark: MemoryMark, journal_bytes: u64) -> Result<(Self, Memories), MemoryError> {
        let mut store = Self {
            folder: folder.to_owned(),
            mark,
            journal: None,
            snapshot_bytes: 0,
            journal_bytes,
            broken: false,
        };
        let mut memories = Memories::default();
        if mark.generation > 0 {
            let path = store.snapshot_path(mark.generation);
            let bytes = std::fs::read(&path).map_err(MemoryError::io("read", &path))?;
            store.snapshot_bytes = bytes.len() as u64;
            memories.snapshot = file::read_snapshot(&bytes).map_err(|reason| MemoryError::damaged(&path, reason))?;
            memories.additions = store.open_journal()?;
        }
        store.sweep();
        Ok((store, memories))
    }

    /// Reads what `mark` names in `folder` and changes nothing there.
    ///
    /// # Errors
    /// When a named file is missing or damaged; also when another process has just replaced it.
    pub fn peek(folder: &Path, mark: MemoryMark) -> Result<Memories, MemoryError> {
        let mut memories = Memories::default();
        if mark.generation > 0 {
            let path = folder.join(file::snapshot_name(mark.generation));
            let bytes = std::fs::read(&path).map_err(MemoryError::io("read", &path))?;
            memories.snapshot = file::read_snapshot(&bytes).map_err(|reason| MemoryError::damaged(&path, reason))?;
            let path = folder.join(file::journal_name(mark.generation));
            let bytes = std::fs::read(&path).map_err(MemoryError::io("read", &path))?;
            let named = usize::try_from(mark.journal).ok().and_then(|end| bytes.get(..end));
            let named = named.ok_or_else(|| MemoryError::damaged(&path, "it ends early".into()))?;
            memories.additions = file::read_records(named).map_err(|reason| MemoryError::damaged(&path, reason))?;
        }
        Ok(memories)
    }

    /// Whether the next run should hand over everything instead of what it added.
    pub fn wants_whole(&self) -> bool {
        self.broken || self.mark.generation == 0 || self.mark.journal > self.journal_bytes.max(self.snapshot_bytes)
    }

    /// Writes what runs left, in order. The mark returned has to reach `state.json`, and [`MemoryStore::sweep`] be called
    /// after that.
    ///
    /// # Errors
    /// The system's. What `state.json` names is still there; the next run should hand over everything.
    pub fn write(&mut self, runs: &[Remember]) -> Result<MemoryMark, MemoryError> {
        let written = self.try_write(runs);
        if written.is_err() {
            self.broken = true;
        }
        written
    }

    fn try_write(&mut self, runs: &[Remember]) -> Result<MemoryMark, MemoryError> {
        // Whatever came before the last whole memory is in it.
        let start = runs.iter().rposition(|run| matches!(run, Remember::Whole(_)));
        let mut records = Vec::new();
        for run in &runs[start.unwrap_or(0)..] {
            match run {
                Remember::Whole(pieces) => self.begin_generation(pieces)?,
                Remember::Additions(pieces) if !pieces.is_empty() => file::write_record(&mut records, pieces),
                Remember::Additions(_) => {}
            }
        }
        if !records.is_empty() {
            if self.broken || self.mark.generation == 0 {
                return Err(MemoryError::NoSnapshot);
            }
            let path = self.journal_path(self.mark.generation);
            let journal = self.journal.as_mut().ok_or(MemoryError::NoSnapshot)?;
            journal
                .write_all(&records)
                .and_then(|()| journal.sync_data())
                .map_err(MemoryError::io("append to", &path))?;
            self.mark.journal += records.len() as u64;
        }
        Ok(self.mark)
    }

    /// Removes files that `state.json` no longer names.
    pub fn sweep(&self) {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name();
            let generation = name.to_str().and_then(file::generation_of);
            if generation.is_some_and(|generation| generation != self.mark.generation) {
                // What cannot be removed does no harm.
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    fn begin_generation(&mut self, pieces: &[Piece]) -> Result<(), MemoryError> {
        let generation = self.mark.generation + 1;
        let bytes = file::snapshot(pieces);
        let path = self.snapshot_path(generation);
        let mut snapshot = File::create(&path).map_err(MemoryError::io("write", &path))?;
        snapshot
            .write_all(&bytes)
            .and_then(|()| snapshot.sync_all())
            .map_err(MemoryError::io("write", &path))?;
        let path = self.journal_path(generation);
        let journal = File::create(&path).map_err(MemoryError::io("write", &path))?;
        // The names have to be on disk before the state file names them.
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(MemoryError::io("flush", &self.folder))?;
        self.journal = Some(journal);
        self.snapshot_bytes = bytes.len() as u64;
        self.mark = MemoryMark { generation, journal: 0 };
        self.broken = false;
        Ok(())
    }

    fn open_journal(&mut self) -> Result<Vec<Vec<Piece>>, MemoryError> {
        let path = self.journal_path(self.mark.generation);
        let mut journal = File::options()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(MemoryError::io("open", &path))?;
        let length = journal.metadata().map_err(MemoryError::io("read", &path))?.len();
        if length < self.mark.journal {
            let reason = format!("{length} bytes of {} are there", self.mark.journal);
            return Err(MemoryError::damaged(&path, reason));
        }
        let mut bytes = Vec::new();
        (&mut journal)
            .take(self.mark.journal)
            .read_to_end(&mut bytes)
            .map_err(MemoryError::io("read", &path))?;
        let additions = file::read_records(&bytes).map_err(|reason| MemoryError::damaged(&path, reason))?;
        journal
            .set_len(self.mark.journal)
            .and_then(|()| journal.seek(SeekFrom::End(0)))
            .map_err(MemoryError::io("shorten", &path))?;
        self.journal = Some(journal);
        Ok(additions)
    }

    fn snapshot_path(&self, generation: u64) -> PathBuf {
        self.folder.join(file::snapshot_name(generation))
    }

    fn journal_path(&self, generation: u64) -> PathBuf {
        self.folder.join(file::journal_name(generation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(name: &str, text: &str) -> Piece {
        Piece::new(name, text.as_bytes().to_vec())
    }

    fn whole(text: &str) -> Remember {
        Remember::Whole(vec![piece("a", text), piece("b", "")])
    }

    fn added(text: &str) -> Remember {
        Remember::Additions(vec![piece("a", text)])
    }

    fn files(folder: &tempfile::TempDir) -> Vec<String> {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_snapshot_and_what_was_added_come_back_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, memories) = MemoryStore::open(folder.path(), MemoryMark::default(), JOURNAL_BYTES).unwrap();
        assert_eq!(memories, Memories::default());
        assert!(store.wants_whole());
        store.write(&[whole("one"), added("two")]).unwrap();
        let mark = store.write(&[added("three"), Remember::Additions(vec![])]).unwrap();
        let (_, memories) = MemoryStore::open(folder.path(), mark, JOURNAL_BYTES).unwrap();
        assert_eq!(memories.snapshot, [piece("a", "one"), piece("b", "")]);
        assert_eq!(memories.additions, [[piece("a", "two")], [piece("a", "three")]]);
    }

    #[test]
    fn what_the_state_file_does_not_name_is_cut_off_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, _) = MemoryStore::open(folder.path(), MemoryMark::default(), JOURNAL_BYTES).unwrap();
        let mark = store.write(&[whole("one"), added("two")]).unwrap();
        // Appended, and a new generation begun, but the state file never heard of either.
        store.write(&[added("three")]).unwrap();
        store.write(&[whole("four")]).unwrap();
        drop(store);
        assert_eq!(files(&folder).len(), 4);
        let (mut store, memories) = MemoryStore::open(folder.path(), mark, JOURNAL_BYTES).unwrap();
        assert_eq!(memories.additions, [[piece("a", "two")]]);
        assert_eq!(files(&folder), ["journal-1.bin", "memory-1.bin"]);
        let mark = store.write(&[added("five")]).unwrap();
        let (_, memories) = MemoryStore::open(folder.path(), mark, JOURNAL_BYTES).unwrap();
        assert_eq!(memories.additions, [[piece("a", "two")], [piece("a", "five")]]);
    }

    #[test]
    fn a_new_generation_replaces_the_old_one_once_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, _) = MemoryStore::open(folder.path(), MemoryMark::default(), JOURNAL_BYTES).unwrap();
        store.write(&[whole("one"), added("two")]).unwrap();
        let mark = store.write(&[added("lost in"), whole("three")]).unwrap();
        assert_eq!(
            mark,
            MemoryMark {
                generation: 2,
                journal: 0
            }
        );
        store.sweep();
        assert_eq!(files(&folder), ["journal-2.bin", "memory-2.bin"]);
        let (_, memories) = MemoryStore::open(folder.path(), mark, JOURNAL_BYTES).unwrap();
        assert_eq!(
            (&memories.snapshot[0], memories.additions.len()),
            (&piece("a", "three"), 0)
        );
    }

    #[test]
    fn damage_is_told_and_nothing_is_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, _) = MemoryStore::open(folder.path(), MemoryMark::default(), JOURNAL_BYTES).unwrap();
        let mark = store.write(&[whole("one"), added("two")]).unwrap();
        for name in ["memory-1.bin", "journal-1.bin"] {
            let path = folder.path().join(name);
            let good = std::fs::read(&path).unwrap();
            for position in 0..good.len() {
                let mut bad = good.clone();
                bad[position] ^= 1;
                std::fs::write(&path, &bad).unwrap();
                let error = MemoryStore::open(folder.path(), mark, JOURNAL_BYTES).unwrap_err();
                assert!(
                    matches!(error, MemoryError::Damaged { .. }),
                    "{name} at {position}: {error}"
                );
                assert_eq!(std::fs::read(&path).unwrap(), bad);
            }
            std::fs::write(&path, &good[..good.len() - 1]).unwrap();
            assert!(MemoryStore::open(folder.path(), mark, JOURNAL_BYTES).is_err());
            std::fs::write(&path, &good).unwrap();
        }
        MemoryStore::open(folder.path(), mark, JOURNAL_BYTES).unwrap();
    }

    #[test]
    fn after_a_failed_write_everything_is_wanted_again() {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, _) = MemoryStore::open(folder.path(), MemoryMark::default(), JOURNAL_BYTES).unwrap();
        let mark = store.write(&[whole("one")]).unwrap();
        // A folder in place of the next snapshot stands for a full disk.
        let blocked = folder.path().join("memory-2.bin");
        std::fs::create_dir(&blocked).unwrap();
        assert!(store.write(&[whole("two")]).is_err());
        assert!(store.wants_whole());
        assert!(matches!(store.write(&[added("three")]), Err(MemoryError::NoSnapshot)));
        assert_eq!(
            MemoryStore::open(folder.path(), mark, JOURNAL_BYTES)
                .unwrap()
                .1
                .snapshot[0],
            piece("a", "one")
        );
        std::fs::remove_dir(&blocked).unwrap();
        let mark = store.write(&[whole("four")]).unwrap();
        assert!(!store.wants_whole());
        assert_eq!(
            MemoryStore::open(folder.path(), mark, JOURNAL_BYTES)
                .unwrap()
                .1
                .snapshot[0],
            piece("a", "four")
        );
    }
}
