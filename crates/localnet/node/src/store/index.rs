//! Headers and bodies in memory: which blocks there are, by number and by hash.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use crate::types::{BlockNumber, Hash, Header};

/// Headers kept besides the genesis. Clients look back a day at most; about 10 MB.
pub const HEADERS_KEPT: usize = 65_536;
/// States and bodies kept. Must exceed the blocks a client may fall behind while it still reads events: an hour at 1 s.
pub const STATES_KEPT: u32 = 4_096;

/// The transactions of a block.
pub type Body = Arc<Vec<Vec<u8>>>;

/// A header and its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Hash of the header.
    pub hash: Hash,
    /// The header.
    pub header: Header,
}

impl Head {
    /// Hashes `header`.
    pub fn new(header: Header) -> Self {
        Self {
            hash: header.hash(),
            header,
        }
    }

    /// Its number.
    pub fn number(&self) -> BlockNumber {
        self.header.number
    }
}

/// The blocks in memory: genesis and an unbroken row up to the head.
#[derive(Debug)]
pub struct Index {
    genesis: Head,
    row: VecDeque<Head>,
    by_hash: HashMap<Hash, BlockNumber>,
    bodies: VecDeque<Body>,
    /// States before this block are gone, whatever the window would allow: the chain was loaded from here.
    loaded_from: BlockNumber,
}

impl Index {
    /// A chain with nothing but its genesis.
    pub fn new(genesis: Head) -> Self {
        let by_hash = HashMap::from([(genesis.hash, 0)]);
        Self {
            row: VecDeque::from([genesis.clone()]),
            genesis,
            by_hash,
            bodies: VecDeque::from([Body::default()]),
            loaded_from: 0,
        }
    }

    /// A chain continued from stored headers, of which only the last has its state. `row` must not be empty.
    pub fn resumed(genesis: Head, row: Vec<Head>) -> Self {
        let loaded_from = row.last().map_or(0, Head::number);
        let mut by_hash: HashMap<_, _> = row.iter().map(|head| (head.hash, head.number())).collect();
        by_hash.insert(genesis.hash, 0);
        Self {
            genesis,
            row: row.into(),
            by_hash,
            bodies: VecDeque::from([Body::default()]),
            loaded_from,
        }
    }

    /// Adds the next block.
    pub fn push(&mut self, head: Head, body: Body) {
        self.by_hash.insert(head.hash, head.number());
        self.row.push_back(head);
        self.bodies.push_back(body);
        while self.bodies.len() > STATES_KEPT as usize {
            self.bodies.pop_front();
        }
        while self.row.len() > HEADERS_KEPT {
            if let Some(old) = self.row.pop_front()
                && old.hash != self.genesis.hash
            {
                self.by_hash.remove(&old.hash);
            }
        }
    }

    /// Forgets every block after `last`, which must be here.
    pub fn take_back(&mut self, last: BlockNumber) {
        // States that have been forgotten do not come back because the head went down.
        self.loaded_from = self.oldest_state();
        while self.row.len() > 1 && self.head().number() > last {
            if let Some(head) = self.row.pop_back() {
                self.by_hash.remove(&head.hash);
            }
            self.bodies.pop_back();
        }
    }

    /// The newest block.
    pub fn head(&self) -> &Head {
        self.row.back().unwrap_or(&self.genesis)
    }

    /// The first block.
    pub fn genesis(&self) -> &Head {
        &self.genesis
    }

    /// All headers but the genesis that are still known, oldest first.
    pub fn row(&self) -> impl Iterator<Item = &Head> {
        self.row.iter()
    }

    /// The block with this number.
    pub fn by_number(&self, number: BlockNumber) -> Option<&Head> {
        if number == 0 {
            return Some(&self.genesis);
        }
        let first = self.row.front()?.number();
        self.row.get(number.checked_sub(first)? as usize)
    }

    /// The block with this hash.
    pub fn by_hash(&self, hash: &Hash) -> Option<&Head> {
        self.by_number(*self.by_hash.get(hash)?)
    }

    /// The transactions of a block, while they are kept.
    pub fn body(&self, number: BlockNumber) -> Option<Body> {
        let back = self.head().number().checked_sub(number)? as usize;
        let position = self.bodies.len().checked_sub(back + 1)?;
        self.bodies.get(position).cloned()
    }

    /// The oldest block whose state is kept.
    pub fn oldest_state(&self) -> BlockNumber {
        (self.head().number() + 1)
            .saturating_sub(STATES_KEPT)
            .max(self.loaded_from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(number: BlockNumber, parent: Hash) -> Head {
        Head::new(Header {
            parent_hash: parent,
            number,
            state_root: Hash::zero(),
            extrinsics_root: Hash::zero(),
            digest: Default::default(),
        })
    }

    #[test]
    fn blocks_are_found_by_number_and_hash_and_old_ones_leave() {
        let genesis = header(0, Hash::zero());
        let mut index = Index::new(genesis.clone());
        let mut parent = genesis.hash;
        let last = HEADERS_KEPT as u32 + 10;
        for number in 1..=last {
            let head = header(number, parent);
            parent = head.hash;
            index.push(head, Arc::new(vec![number.to_le_bytes().to_vec()]));
        }
        assert_eq!(index.head().number(), last);
        assert_eq!(index.by_number(0), Some(&genesis));
        assert_eq!(index.by_hash(&genesis.hash), Some(&genesis));
        assert_eq!(index.by_number(5), None, "left the window");
        assert_eq!(index.by_number(last + 1), None);
        let middle = index.by_number(last - 100).cloned();
        assert_eq!(middle.as_ref().map(Head::number), Some(last - 100));
        assert_eq!(
            index.by_hash(&middle.as_ref().map(|head| head.hash).unwrap_or_default()),
            middle.as_ref()
        );
        assert_eq!(
            index.body(last - 3).as_deref(),
            Some(&vec![(last - 3).to_le_bytes().to_vec()])
        );
        assert_eq!(index.body(last - STATES_KEPT), None);
        assert_eq!(index.oldest_state(), last + 1 - STATES_KEPT);
    }
}
