//! Trie nodes of all states in the window. States share the nodes they have in common.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, LazyLock},
};

use parking_lot::RwLock;
use sp_core::Hasher;
use sp_runtime::traits::BlakeTwo256;
use sp_state_machine::{Storage, TrieBackendBuilder, backend::BackendTransaction};
use sp_trie::cache::{CacheSize, SharedTrieCache};

use crate::{
    exec::Backend,
    types::{BlockNumber, Hash},
};

/// The empty trie is one node, a zero byte, that nobody stores.
static EMPTY_TRIE: LazyLock<Hash> = LazyLock::new(|| BlakeTwo256::hash(&[0]));

/// Decoded nodes and values kept at hand, bytes. A full subnet's are under 4 MiB.
const CACHE: usize = 16 << 20;

/// Nodes by position and hash. A node is at most once in a state, so presence is all there is to count.
pub struct NodeDb {
    nodes: RwLock<Nodes>,
    /// Nodes by hash, decoded, and values by state and key: what one call has read the next need not look for again.
    cache: SharedTrieCache<BlakeTwo256>,
}

#[derive(Debug, Default)]
struct Nodes {
    live: HashMap<Vec<u8>, Vec<u8>>,
    /// Per block, the nodes its state no longer has. Older states need them, so they die when those leave the window.
    death_row: VecDeque<(BlockNumber, Vec<Vec<u8>>)>,
    /// Node → the block that dropped it last. A node that came back has no entry here and is spared.
    doomed: HashMap<Vec<u8>, BlockNumber>,
}

impl Storage<BlakeTwo256> for NodeDb {
    fn get(&self, key: &Hash, prefix: (&[u8], Option<u8>)) -> Result<Option<Vec<u8>>, String> {
        if *key == *EMPTY_TRIE {
            return Ok(Some(vec![0]));
        }
        let key = sp_trie::prefixed_key::<BlakeTwo256>(key, prefix);
        Ok(self.nodes.read().live.get(&key).cloned())
    }
}

impl Default for NodeDb {
    fn default() -> Self {
        Self {
            nodes: RwLock::default(),
            cache: SharedTrieCache::new(CacheSize::new(CACHE), None),
        }
    }
}

impl fmt::Debug for NodeDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeDb")
            .field("nodes", &self.nodes)
            .finish_non_exhaustive()
    }
}

impl NodeDb {
    /// The state with this root. Reading fails if its nodes are not here, except what is still in the cache.
    pub fn state(self: &Arc<Self>, root: Hash) -> Backend {
        let storage: Arc<dyn Storage<BlakeTwo256>> = self.clone();
        // Every reader is this process's own, and the cache's size is the bound.
        TrieBackendBuilder::new_with_cache(storage, root, self.cache.local_cache_trusted()).build()
    }

    /// The state with nothing in it.
    pub fn empty_state(self: &Arc<Self>) -> Backend {
        self.state(*EMPTY_TRIE)
    }

    /// Takes in the nodes of `block`'s state; those it dropped stay until [`NodeDb::forget`].
    pub fn apply(&self, block: BlockNumber, mut transaction: BackendTransaction<BlakeTwo256>) {
        let mut nodes = self.nodes.write();
        let mut dropped = Vec::new();
        for (key, (value, count)) in transaction.drain() {
            if count > 0 {
                nodes.doomed.remove(&key);
                nodes.live.insert(key, value);
            } else if count < 0 {
                nodes.doomed.insert(key.clone(), block);
                dropped.push(key);
            }
        }
        nodes.death_row.push_back((block, dropped));
    }

    /// Lets go of what only states before `oldest_kept` need.
    pub fn forget(&self, oldest_kept: BlockNumber) {
        let nodes = &mut *self.nodes.write();
        while nodes.death_row.front().is_some_and(|(block, _)| *block <= oldest_kept) {
            let Some((block, keys)) = nodes.death_row.pop_front() else {
                break;
            };
            for key in keys {
                if nodes.doomed.get(&key) == Some(&block) {
                    nodes.doomed.remove(&key);
                    nodes.live.remove(&key);
                }
            }
        }
    }

    /// Spares what only blocks after `last` dropped: those blocks are taken back. Nodes that they brought stay in memory
    /// until the process ends, which costs a few kilobytes for each of them.
    pub fn take_back(&self, last: BlockNumber) {
        let nodes = &mut *self.nodes.write();
        while nodes.death_row.back().is_some_and(|(block, _)| *block > last) {
            let Some((block, keys)) = nodes.death_row.pop_back() else {
                break;
            };
            for key in keys {
                if nodes.doomed.get(&key) == Some(&block) {
                    nodes.doomed.remove(&key);
                }
            }
        }
    }

    /// How many nodes there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.nodes.read().live.len()
    }
}

#[cfg(test)]
mod tests {
    use sp_core::storage::StateVersion;
    use sp_state_machine::Backend as _;

    use super::*;

    fn put(db: &Arc<NodeDb>, root: Hash, block: BlockNumber, pairs: &[(&[u8], Option<&[u8]>)]) -> Hash {
        let (root, nodes) = db.state(root).storage_root(pairs.iter().copied(), StateVersion::V1);
        db.apply(block, nodes);
        root
    }

    #[test]
    fn old_states_stay_readable_until_they_are_forgotten() {
        let db = Arc::new(NodeDb::default());
        let one = put(
            &db,
            *EMPTY_TRIE,
            1,
            &[(b"key", Some(b"one")), (b"other", Some(&[7; 100]))],
        );
        let two = put(&db, one, 2, &[(b"key", Some(b"two"))]);
        assert_eq!(db.state(one).storage(b"key"), Ok(Some(b"one".to_vec())));
        assert_eq!(db.state(two).storage(b"key"), Ok(Some(b"two".to_vec())));

        db.forget(1);
        assert_eq!(
            db.state(one).storage(b"key"),
            Ok(Some(b"one".to_vec())),
            "1 is still kept"
        );
        db.forget(2);
        db.cache.reset();
        assert!(db.state(one).storage(b"key").is_err());
        assert_eq!(
            db.state(two).storage(b"other"),
            Ok(Some(vec![7; 100])),
            "shared nodes live on"
        );
    }

    #[test]
    fn a_node_that_comes_back_is_spared() {
        let db = Arc::new(NodeDb::default());
        let one = put(&db, *EMPTY_TRIE, 1, &[(b"key", Some(b"one")), (b"other", Some(b"x"))]);
        let two = put(&db, one, 2, &[(b"key", Some(b"two"))]);
        let three = put(&db, two, 3, &[(b"key", Some(b"one"))]);
        assert_eq!(one, three);
        db.forget(3);
        assert_eq!(db.state(three).storage(b"key"), Ok(Some(b"one".to_vec())));
        let nodes = db.len();
        let four = put(&db, three, 4, &[(b"key", Some(b"two"))]);
        let five = put(&db, four, 5, &[(b"key", Some(b"one"))]);
        db.forget(5);
        assert_eq!((five, db.len()), (three, nodes), "nothing leaks either");
    }
}
