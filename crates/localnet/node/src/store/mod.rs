//! The chain's memory: states, headers and bodies of the newest blocks, and on request a directory that outlives the process.

mod dir;
mod format;
mod index;
mod nodes;

use std::{path::Path, sync::Arc};

use parking_lot::{Mutex, RwLock};
use sp_core::storage::StateVersion;
use sp_runtime::traits::BlakeTwo256;
use sp_state_machine::{Backend as _, IterArgs, backend::BackendTransaction};

pub use self::{
    dir::GENERATION,
    format::Identity,
    index::{Body, HEADERS_KEPT, Head, STATES_KEPT},
};
use self::{
    dir::{DataDir, Logged, Snapshot},
    index::Index,
    nodes::NodeDb,
};
use crate::{
    error::LocalnetError,
    exec::Backend,
    types::{BlockNumber, Hash, Header, SealedBlock},
};

/// How values stand in the trie with the runtime compiled in; must be what its `system_version` means, or the roots differ.
pub const STATE_VERSION: StateVersion = StateVersion::V1;

/// Why there is no state to read at a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoState {
    /// No block has this hash.
    #[error("UnknownBlock: Header was not found in the database: {0:?}")]
    UnknownBlock(Hash),
    /// The block left the window.
    #[error("UnknownBlock: State already discarded for {0:?}")]
    Discarded(Hash),
}

/// The chain's memory.
#[derive(Debug)]
pub struct Store {
    nodes: Arc<NodeDb>,
    index: RwLock<Index>,
    dir: Mutex<Option<DataDir>>,
    state_version: StateVersion,
}

impl Store {
    /// A chain whose first state is `pairs`, with nothing on disk.
    pub fn new(pairs: &[(Vec<u8>, Vec<u8>)]) -> Self {
        Self::with_version(pairs, STATE_VERSION)
    }

    /// A chain whose first state is `pairs`, with values in the trie as `state_version` says.
    pub fn with_version(pairs: &[(Vec<u8>, Vec<u8>)], state_version: StateVersion) -> Self {
        let nodes = Arc::new(NodeDb::default());
        let root = build_state(&nodes, 0, pairs, state_version);
        let genesis = Head::new(Header {
            parent_hash: Hash::zero(),
            number: 0,
            state_root: root,
            extrinsics_root: nodes.empty_state().root().to_owned(),
            digest: Default::default(),
        });
        Self {
            nodes,
            index: RwLock::new(Index::new(genesis)),
            dir: Mutex::new(None),
            state_version,
        }
    }

    /// How values stand in the trie.
    pub fn state_version(&self) -> StateVersion {
        self.state_version
    }

    /// Goes on from what `path` holds and keeps all further blocks there. `self` must still be at its genesis.
    pub fn persist(mut self, path: &Path, identity: Identity) -> Result<Self, LocalnetError> {
        let genesis = self.genesis();
        let (mut dir, mut found) = DataDir::open(path, identity, &genesis)?;
        if let Some(snapshot) = found.snapshot.take() {
            self.nodes = Arc::new(NodeDb::default());
            let number = snapshot.row.last().map_or(0, Head::number);
            let root = build_state(&self.nodes, number, &snapshot.pairs, self.state_version);
            self.index = RwLock::new(Index::resumed(genesis, snapshot.row));
            if self.head().header.state_root != root {
                return Err(LocalnetError::damaged(
                    path,
                    "the snapshot's state does not match its header",
                ));
            }
        }
        dir.replay(found, |logged| match logged {
            Logged::Block(block) => self.replay(block),
            Logged::TakenBack(last) => self.check_take_back(last).map(|()| self.drop_after(last)),
        })?;
        self.dir = Mutex::new(Some(dir));
        Ok(self)
    }

    fn replay(&self, block: SealedBlock) -> Result<(), String> {
        let head = self.head();
        let number = block.header.number;
        if block.header.parent_hash != head.hash || number != head.number() + 1 {
            return Err(format!("block {number} does not follow block {}", head.number()));
        }
        let delta = block.changes.iter().map(|(key, value)| (&key[..], value.as_deref()));
        let (root, nodes) = self
            .nodes
            .state(head.header.state_root)
            .storage_root(delta, self.state_version);
        if root != block.header.state_root {
            return Err(format!("the state of block {number} does not match its header"));
        }
        self.take_in(Head::new(block.header), block.extrinsics, nodes);
        Ok(())
    }

    /// Adds the next block: to the directory first, so that no client sees a block that a restart would lose.
    pub fn commit(&self, block: SealedBlock, nodes: BackendTransaction<BlakeTwo256>) -> Result<Head, LocalnetError> {
        let mut dir = self.dir.lock();
        if let Some(dir) = dir.as_mut() {
            dir.append(&block)
                .map_err(LocalnetError::io("append to", "the block log"))?;
        }
        let head = Head::new(block.header);
        self.take_in(head.clone(), block.extrinsics, nodes);
        if let Some(dir) = dir.as_mut()
            && head.number().is_multiple_of(GENERATION)
            && let Err(error) = self.snapshot().and_then(|snapshot| dir.start_generation(&snapshot))
        {
            tracing::error!(%error, "no snapshot was written; the block log goes on growing");
        }
        Ok(head)
    }

    fn take_in(&self, head: Head, extrinsics: Vec<Vec<u8>>, nodes: BackendTransaction<BlakeTwo256>) {
        self.nodes.apply(head.number(), nodes);
        let mut index = self.index.write();
        index.push(head, Arc::new(extrinsics));
        let oldest = index.oldest_state();
        drop(index);
        self.nodes.forget(oldest);
    }

    /// Takes back every block after `last`, whose state must still be kept, and gives it.
    pub fn take_back(&self, last: BlockNumber) -> Result<Head, LocalnetError> {
        let mut dir = self.dir.lock();
        self.check_take_back(last).map_err(LocalnetError::Config)?;
        if let Some(dir) = dir.as_mut() {
            dir.take_back(last)?;
        }
        self.drop_after(last);
        Ok(self.head())
    }

    fn check_take_back(&self, last: BlockNumber) -> Result<(), String> {
        let index = self.index.read();
        if last > index.head().number() || last < index.oldest_state() {
            return Err(format!(
                "block {last} is not between {} and {}",
                index.oldest_state(),
                index.head().number()
            ));
        }
        Ok(())
    }

    fn drop_after(&self, last: BlockNumber) {
        self.index.write().take_back(last);
        self.nodes.take_back(last);
    }

    fn snapshot(&self) -> Result<Snapshot, LocalnetError> {
        let row: Vec<Head> = self.index.read().row().cloned().collect();
        let root = self.head().header.state_root;
        let pairs = self
            .nodes
            .state(root)
            .pairs(IterArgs::default())
            .and_then(Iterator::collect);
        Ok(Snapshot {
            row,
            pairs: pairs.map_err(LocalnetError::Genesis)?,
        })
    }

    /// The newest block.
    pub fn head(&self) -> Head {
        self.index.read().head().clone()
    }

    /// Block 0.
    pub fn genesis(&self) -> Head {
        self.index.read().genesis().clone()
    }

    /// The block with this hash, while its header is kept.
    pub fn block(&self, hash: &Hash) -> Option<Head> {
        self.index.read().by_hash(hash).cloned()
    }

    /// The block with this number, while its header is kept.
    pub fn block_at(&self, number: BlockNumber) -> Option<Head> {
        self.index.read().by_number(number).cloned()
    }

    /// The transactions of a block, while they are kept.
    pub fn body(&self, number: BlockNumber) -> Option<Body> {
        self.index.read().body(number)
    }

    /// The state after block `hash`.
    pub fn state(&self, hash: Hash) -> Result<Backend, NoState> {
        let index = self.index.read();
        let head = index.by_hash(&hash).ok_or(NoState::UnknownBlock(hash))?;
        if head.number() < index.oldest_state() {
            return Err(NoState::Discarded(hash));
        }
        Ok(self.nodes.state(head.header.state_root))
    }

    /// Whether `hash` is a block whose state can be read.
    pub fn check_state(&self, hash: Hash) -> Result<(), NoState> {
        self.state(hash).map(drop)
    }

    /// How many trie nodes are in memory.
    #[cfg(test)]
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Makes sure that what is on disk survives a loss of power.
    pub fn sync(&self) {
        if let Some(dir) = self.dir.lock().as_mut()
            && let Err(error) = dir.sync()
        {
            tracing::error!(%error, "the block log may miss its newest blocks after a loss of power");
        }
    }

    /// Lets go of the data directory, so that another node may use it.
    pub fn close(&self) {
        self.sync();
        self.dir.lock().take();
    }
}

fn build_state(
    nodes: &Arc<NodeDb>,
    block: BlockNumber,
    pairs: &[(Vec<u8>, Vec<u8>)],
    state_version: StateVersion,
) -> Hash {
    let delta = pairs.iter().map(|(key, value)| (&key[..], Some(&value[..])));
    let (root, transaction) = nodes.empty_state().storage_root(delta, state_version);
    nodes.apply(block, transaction);
    root
}

#[cfg(test)]
mod tests;
