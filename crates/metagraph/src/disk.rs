//! The last good snapshot on disk, for a start while the chain is away.

use crate::snapshot::Snapshot;
use axoneme_chain::Metagraph;
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Version of the layout. Files of another one are passed over: they are a copy of what the chain has.
const VERSION: u32 = 1;
/// Beginning of the files' names.
const PREFIX: &str = "metagraph-";
/// Largest file that is read; a metagraph of 256 neurons takes about 150 kB.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Why a snapshot could not be saved.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the metagraph snapshot {path}; check that the folder exists and is writable: {source}")]
pub struct SnapshotError {
    path: PathBuf,
    source: std::io::Error,
}

/// Snapshots of one subnet in a folder: a file for each chain they are from.
#[derive(Debug, Clone)]
pub struct SnapshotFile {
    folder: PathBuf,
    netuid: u16,
    /// What the chain was called when it was reached; a start for another network does not take it.
    network: String,
}

#[derive(Serialize, Deserialize)]
struct Stored<M> {
    version: u32,
    network: String,
    genesis_hash: String,
    netuid: u16,
    /// Milliseconds since 1970.
    fetched_at: u64,
    metagraph: M,
}

impl SnapshotFile {
    /// Snapshots of a subnet in `folder`. `network` is any text that names the chain as the operator does.
    pub fn new(folder: impl Into<PathBuf>, netuid: u16, network: impl Into<String>) -> Self {
        SnapshotFile {
            folder: folder.into(),
            netuid,
            network: network.into(),
        }
    }

    /// The file of one chain.
    pub fn path(&self, genesis_hash: &[u8; 32]) -> PathBuf {
        let genesis = hex::encode(&genesis_hash[..8]);
        self.folder.join(format!("{PREFIX}{}-{genesis}.json", self.netuid))
    }

    /// Replaces the snapshot of its chain as a whole: after a crash there is the old one or the new one.
    ///
    /// # Errors
    /// When the system refuses; the old snapshot is still there then.
    pub fn save(&self, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        let path = self.path(&snapshot.genesis_hash);
        self.write(&path, snapshot)
            .map_err(|source| SnapshotError { path, source })
    }

    fn write(&self, path: &Path, snapshot: &Snapshot) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let since = snapshot.fetched_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        let stored = Stored {
            version: VERSION,
            network: self.network.clone(),
            genesis_hash: hex::encode(snapshot.genesis_hash),
            netuid: self.netuid,
            fetched_at: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            metagraph: &*snapshot.metagraph,
        };
        let text = serde_json::to_vec(&stored).map_err(std::io::Error::other)?;
        let mut file = tempfile::Builder::new()
            .prefix(".metagraph-")
            .tempfile_in(&self.folder)?;
        file.write_all(&text)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        std::fs::File::open(&self.folder)?.sync_all()
    }

    /// The newest snapshot of this subnet and network. What is damaged, of another version or of another subnet is
    /// passed over with a warning: a copy of what the chain has is no reason not to start.
    pub fn load(&self) -> Option<Snapshot> {
        let prefix = format!("{PREFIX}{}-", self.netuid);
        let entries = std::fs::read_dir(&self.folder).ok()?;
        let paths = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.starts_with(&prefix) && name.ends_with(".json")
        });
        let found = paths.filter_map(|path| match self.read(&path) {
            Ok(snapshot) => snapshot,
            Err(reason) => {
                tracing::warn!(path = %path.display(), reason, "a metagraph snapshot cannot be used");
                None
            }
        });
        found.max_by_key(|snapshot| snapshot.fetched_at)
    }

    /// `None` for one of another network.
    fn read(&self, path: &Path) -> Result<Option<Snapshot>, String> {
        let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
        if size > LARGEST {
            return Err(format!("{size} bytes are too many"));
        }
        let text = std::fs::read(path).map_err(|error| error.to_string())?;
        let stored: Stored<serde_json::Value> = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        if stored.version != VERSION {
            return Err(format!("version {} instead of {VERSION}", stored.version));
        }
        if stored.network != self.network {
            return Ok(None);
        }
        let metagraph: Metagraph = serde_json::from_value(stored.metagraph).map_err(|error| error.to_string())?;
        let consecutive = metagraph.neurons.iter().enumerate();
        let consecutive = consecutive.filter(|(uid, neuron)| usize::from(neuron.uid) == *uid);
        if stored.netuid != self.netuid
            || metagraph.netuid != self.netuid
            || consecutive.count() != metagraph.neurons.len()
        {
            return Err("it does not describe this subnet".to_owned());
        }
        let mut genesis_hash = [0; 32];
        hex::decode_to_slice(&stored.genesis_hash, &mut genesis_hash).map_err(|error| error.to_string())?;
        let fetched_at = UNIX_EPOCH
            .checked_add(Duration::from_millis(stored.fetched_at))
            .unwrap_or_else(SystemTime::now);
        Ok(Some(Snapshot::from_disk(metagraph, genesis_hash, fetched_at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::changes::tests::metagraph;

    #[test]
    fn the_newest_snapshot_of_the_network_comes_back_as_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = SnapshotFile::new(folder.path().join("deep"), 1, "local");
        assert!(file.load().is_none());
        let older = Snapshot::from_disk(metagraph(5, &[1]), [1; 32], SystemTime::now() - Duration::from_secs(60));
        file.save(&older).expect("saved");
        let newer = Snapshot::fetched_now(metagraph(9, &[1, 2]), [2; 32]);
        file.save(&newer).expect("saved");
        let found = file.load().expect("a snapshot");
        assert_eq!(found.metagraph, newer.metagraph);
        assert_eq!((found.genesis_hash, found.from_disk), ([2; 32], true));
        assert!(found.age() < Duration::from_secs(60));
        // Another subnet, another network.
        assert!(
            SnapshotFile::new(folder.path().join("deep"), 2, "local")
                .load()
                .is_none()
        );
        assert!(
            SnapshotFile::new(folder.path().join("deep"), 1, "finney")
                .load()
                .is_none()
        );
    }

    #[test]
    fn a_damaged_or_foreign_file_is_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = SnapshotFile::new(folder.path(), 1, "local");
        file.save(&Snapshot::fetched_now(metagraph(5, &[1]), [1; 32]))
            .expect("saved");
        let good = std::fs::read_to_string(file.path(&[1; 32])).expect("text");
        let write = |seed: u8, text: &str| std::fs::write(file.path(&[seed; 32]), text).expect("written");
        write(2, &good[..good.len() / 2]);
        write(3, &good.replace("\"version\":1", "\"version\":99"));
        write(4, &good.replace("\"uid\":0", "\"uid\":7"));
        write(5, "");
        assert_eq!(file.load().expect("the good one").metagraph.block, 5);
        std::fs::remove_file(file.path(&[1; 32])).expect("removed");
        assert!(file.load().is_none());
    }

    #[test]
    fn a_write_leaves_no_other_file_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = SnapshotFile::new(folder.path(), 1, "local");
        for block in 0..3 {
            file.save(&Snapshot::fetched_now(metagraph(block, &[1]), [1; 32]))
                .expect("saved");
        }
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1);
        assert_eq!(file.load().expect("a snapshot").metagraph.block, 2);
    }
}
