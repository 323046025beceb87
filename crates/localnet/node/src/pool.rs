//! Transactions waiting for a block, ordered by the tags they require and provide.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use sp_runtime::transaction_validity::ValidTransaction;
use tokio::sync::mpsc;

use crate::types::{BlockNumber, Hash, extrinsic_hash};

/// Transactions the pool holds at most; a stranger fills it no further.
const MAX_COUNT: usize = 8_192;
/// Bytes the pool holds at most.
const MAX_BYTES: usize = 20 << 20;
/// Statuses a watcher that does not read may miss; the usual row is future, ready, in block, finalized.
const STATUSES: usize = 8;

type Tag = Vec<u8>;

/// What happened to a watched transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It waits for another transaction.
    Future,
    /// It can go into the next block.
    Ready,
    /// It is in this block.
    InBlock(Hash),
    /// This block is final.
    Finalized(Hash),
    /// This transaction took its place.
    Usurped(Hash),
    /// The pool let go of it.
    Dropped,
    /// The chain will never take it.
    Invalid,
}

/// Receives what happens to one transaction.
pub type Watcher = mpsc::Receiver<Status>;

/// Why the pool does not take a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is in the pool.
    #[error("transaction is already imported")]
    AlreadyImported(Hash),
    /// Another one for the same place is worth as much.
    #[error("priority is too low: ({old} vs {new})")]
    TooLowPriority {
        /// Of the one in the pool.
        old: u64,
        /// Of this one.
        new: u64,
    },
    /// The pool is full.
    #[error("the pool is full")]
    Full,
}

/// A transaction in the pool.
#[derive(Debug)]
pub struct Entry {
    /// Its hash.
    pub hash: Hash,
    /// Its bytes, with length prefix.
    pub bytes: Vec<u8>,
    /// What the runtime said of it, less the required tags that have been met since.
    pub validity: ValidTransaction,
    /// The block from which on it is not valid any more.
    valid_until: BlockNumber,
    arrival: u64,
}

/// The pool.
#[derive(Debug, Default)]
pub struct Pool {
    entries: HashMap<Hash, Arc<Entry>>,
    /// Tag → the entry that provides it.
    providers: HashMap<Tag, Hash>,
    watchers: HashMap<Hash, mpsc::Sender<Status>>,
    /// Entries that could go into the next block.
    ready: HashSet<Hash>,
    bytes: usize,
    arrivals: u64,
}

impl Pool {
    /// Takes a transaction that the runtime called valid at block `now`.
    pub fn insert(
        &mut self,
        bytes: Vec<u8>,
        validity: ValidTransaction,
        now: BlockNumber,
        watch: bool,
    ) -> Result<(Hash, Option<Watcher>), Refused> {
        let hash = extrinsic_hash(&bytes);
        if self.entries.contains_key(&hash) {
            return Err(Refused::AlreadyImported(hash));
        }
        let rivals: HashSet<Hash> = validity
            .provides
            .iter()
            .filter_map(|tag| self.providers.get(tag))
            .copied()
            .collect();
        let strongest = rivals
            .iter()
            .filter_map(|rival| Some(self.entries.get(rival)?.validity.priority))
            .max();
        if let Some(old) = strongest
            && old >= validity.priority
        {
            return Err(Refused::TooLowPriority {
                old,
                new: validity.priority,
            });
        }
        let freed: usize = rivals
            .iter()
            .filter_map(|rival| Some(self.entries.get(rival)?.bytes.len()))
            .sum();
        let count = self.entries.len() - rivals.len();
        if count >= MAX_COUNT || self.bytes - freed + bytes.len() > MAX_BYTES {
            return Err(Refused::Full);
        }
        for rival in rivals {
            self.remove(&rival, Status::Usurped(hash));
        }
        let watcher = watch.then(|| {
            let (sender, receiver) = mpsc::channel(STATUSES);
            self.watchers.insert(hash, sender);
            receiver
        });
        for tag in &validity.provides {
            self.providers.insert(tag.clone(), hash);
        }
        self.bytes += bytes.len();
        self.arrivals += 1;
        let valid_until = now.saturating_add(u32::try_from(validity.longevity).unwrap_or(u32::MAX));
        let entry = Entry {
            hash,
            bytes,
            validity,
            valid_until,
            arrival: self.arrivals,
        };
        self.entries.insert(hash, Arc::new(entry));
        self.tell_ready();
        if !self.ready.contains(&hash) {
            self.tell(&hash, Status::Future);
        }
        Ok((hash, watcher))
    }

    /// Entries that can go into a block, in an order in which they can: providers first, then by priority and arrival.
    pub fn ready(&self) -> Vec<Arc<Entry>> {
        let mut waiting: Vec<&Arc<Entry>> = self.entries.values().collect();
        waiting.sort_by_key(|entry| (std::cmp::Reverse(entry.validity.priority), entry.arrival));
        let mut provided: HashSet<&Tag> = HashSet::new();
        let mut ordered = Vec::new();
        loop {
            let before = waiting.len();
            waiting.retain(|entry| {
                let open = entry.validity.requires.iter().all(|tag| provided.contains(tag));
                if open {
                    provided.extend(&entry.validity.provides);
                    ordered.push(Arc::clone(entry));
                }
                !open
            });
            if waiting.len() == before {
                return ordered;
            }
        }
    }

    /// Whether nothing can go into a block.
    pub fn is_idle(&self) -> bool {
        self.ready.is_empty()
    }

    /// Whether some entry provides `tag`.
    pub fn provides(&self, tag: &[u8]) -> bool {
        self.providers.contains_key(tag)
    }

    /// Bytes of all entries, in order of arrival.
    pub fn pending(&self) -> Vec<Arc<Entry>> {
        let mut all: Vec<_> = self.entries.values().cloned().collect();
        all.sort_by_key(|entry| entry.arrival);
        all
    }

    /// Settles block `number`: `included` are in it, `refused` will never be in any, and `now`'s expired ones go.
    ///
    /// Call it when the block can be queried, since those who are told will do so at once.
    pub fn on_block(&mut self, number: BlockNumber, block: Hash, included: &[Hash], refused: &[Hash]) {
        for hash in included {
            let Some(entry) = self.entries.get(hash).cloned() else {
                continue;
            };
            for other in self.entries.values_mut() {
                let requires = &other.validity.requires;
                if requires.iter().any(|tag| entry.validity.provides.contains(tag)) {
                    // Readers may hold the old entry; the pool goes on with one that has less to wait for.
                    let mut validity = other.validity.clone();
                    validity.requires.retain(|tag| !entry.validity.provides.contains(tag));
                    *other = Arc::new(Entry {
                        validity,
                        bytes: other.bytes.clone(),
                        ..**other
                    });
                }
            }
            self.tell(hash, Status::InBlock(block));
            self.remove(hash, Status::Finalized(block));
        }
        for hash in refused {
            self.remove(hash, Status::Invalid);
        }
        let expired: Vec<Hash> = self
            .entries
            .values()
            .filter(|entry| entry.valid_until <= number)
            .map(|entry| entry.hash)
            .collect();
        for hash in expired {
            self.remove(&hash, Status::Invalid);
        }
        self.tell_ready();
    }

    /// Lets go of entries that no block can be made with, through no visible fault of theirs.
    pub fn drop_entries(&mut self, hashes: &[Hash]) {
        for hash in hashes {
            self.remove(hash, Status::Dropped);
        }
    }

    fn tell_ready(&mut self) {
        let before = std::mem::take(&mut self.ready);
        self.ready = self.ready().iter().map(|entry| entry.hash).collect();
        for hash in self.ready.difference(&before) {
            self.tell(hash, Status::Ready);
        }
    }

    fn tell(&self, hash: &Hash, status: Status) {
        if let Some(watcher) = self.watchers.get(hash) {
            // A watcher that went away needs no news; the channel holds all there can be.
            let _ = watcher.try_send(status);
        }
    }

    fn remove(&mut self, hash: &Hash, status: Status) {
        self.tell(hash, status);
        self.watchers.remove(hash);
        self.ready.remove(hash);
        let Some(entry) = self.entries.remove(hash) else {
            return;
        };
        self.bytes -= entry.bytes.len();
        for tag in &entry.validity.provides {
            if self.providers.get(tag) == Some(hash) {
                self.providers.remove(tag);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tx(requires: &[u8], provides: &[u8], priority: u64) -> ValidTransaction {
        let tags = |tags: &[u8]| tags.iter().map(|tag| vec![*tag]).collect();
        ValidTransaction {
            priority,
            requires: tags(requires),
            provides: tags(provides),
            longevity: 64,
            propagate: true,
        }
    }

    fn statuses(watcher: &mut Watcher) -> Vec<Status> {
        std::iter::from_fn(|| watcher.try_recv().ok()).collect()
    }

    fn order(pool: &Pool) -> Vec<Vec<u8>> {
        pool.ready().iter().map(|entry| entry.bytes.clone()).collect()
    }

    #[test]
    fn a_gap_in_the_nonces_waits_until_it_is_filled() {
        let mut pool = Pool::default();
        let (third, watcher) = pool.insert(vec![3], tx(&[2], &[3], 9), 0, true).expect("third");
        let mut watcher = watcher.expect("watched");
        assert!(pool.is_idle());
        pool.insert(vec![1], tx(&[], &[1], 0), 0, false).expect("first");
        assert_eq!(order(&pool), [vec![1]]);
        pool.insert(vec![2], tx(&[1], &[2], 0), 0, false).expect("second");
        assert_eq!(order(&pool), [vec![1], vec![2], vec![3]]);
        assert_eq!(statuses(&mut watcher), [Status::Future, Status::Ready]);

        let block = Hash::repeat_byte(1);
        pool.on_block(1, block, &[extrinsic_hash(&[1]), extrinsic_hash(&[2])], &[]);
        assert_eq!(order(&pool), [vec![3]], "what it waited for is on the chain");
        pool.on_block(2, block, &[third], &[]);
        assert_eq!(
            statuses(&mut watcher),
            [Status::InBlock(block), Status::Finalized(block)]
        );
        assert!(watcher.try_recv().is_err() && pool.pending().is_empty() && pool.bytes == 0);
    }

    #[test]
    fn only_a_higher_priority_takes_a_place() {
        let mut pool = Pool::default();
        let (_, watcher) = pool.insert(vec![1], tx(&[], &[1], 5), 0, true).expect("first");
        let hash = extrinsic_hash(&[1]);
        let again = pool.insert(vec![1], tx(&[], &[1], 5), 0, true);
        assert_eq!(again.map(drop), Err(Refused::AlreadyImported(hash)));
        let equal = pool.insert(vec![2], tx(&[], &[1], 5), 0, false);
        assert_eq!(equal.map(drop), Err(Refused::TooLowPriority { old: 5, new: 5 }));
        pool.insert(vec![3], tx(&[], &[1], 6), 0, false).expect("higher");
        assert_eq!(order(&pool), [vec![3]]);
        let told = statuses(&mut watcher.expect("watched"));
        assert_eq!(told, [Status::Ready, Status::Usurped(extrinsic_hash(&[3]))]);
        assert!(pool.provides(&[1]));
    }

    #[test]
    fn expired_and_refused_ones_leave_and_the_pool_is_bounded() {
        let mut pool = Pool::default();
        let (_, watcher) = pool.insert(vec![1], tx(&[], &[1], 5), 10, true).expect("first");
        pool.insert(vec![2], tx(&[], &[2], 5), 11, false).expect("second");
        pool.on_block(74, Hash::zero(), &[], &[extrinsic_hash(&[2])]);
        assert_eq!(
            statuses(&mut watcher.expect("watched")),
            [Status::Ready, Status::Invalid]
        );
        assert!(pool.is_idle() && pool.pending().is_empty());

        for number in 0..MAX_COUNT as u32 {
            let mut validity = tx(&[9], &[], 0);
            validity.provides = vec![number.to_le_bytes().to_vec()];
            pool.insert(number.to_le_bytes().to_vec(), validity, 0, false)
                .expect("fits");
        }
        assert_eq!(
            pool.insert(vec![0; 9], tx(&[], &[77], 0), 0, false).map(drop),
            Err(Refused::Full)
        );
    }
}
