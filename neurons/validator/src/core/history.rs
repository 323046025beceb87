//! What was asked lately and what it earned: a ring, and the weights that follow from it.

use std::collections::VecDeque;
use std::sync::Arc;

use axoneme_reward::memory::{MemoryError, Reader, Writer};
use axoneme_wallet::AccountId;

use crate::scores::softmax_where;

/// The name of its memory.
pub const NAME: &str = "history";

/// Share of an event in the average over the history; the rest is what came before.
const SHARE: f64 = 0.99;

/// What one step earned whom.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Those that gave an answer.
    pub uids: Vec<u16>,
    /// One per uid.
    pub rewards: Vec<f64>,
    /// Everybody's hotkey at that time, by uid. Shared while nobody is replaced.
    pub hotkeys: Arc<Vec<AccountId>>,
    /// The block.
    pub block: u64,
}

/// The newest events. The oldest is dropped when it is full.
#[derive(Debug, Default)]
pub struct History {
    limit: usize,
    entries: VecDeque<Entry>,
    addition: Vec<u8>,
}

impl History {
    /// An empty ring of `limit` events.
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            ..Self::default()
        }
    }

    /// Events in it, the oldest first.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Adds the newest event.
    pub fn push(&mut self, mut entry: Entry) {
        let before = self.entries.back().map(|last| &last.hotkeys);
        let same = before.filter(|hotkeys| **hotkeys == entry.hotkeys).cloned();
        let mut out = Writer::default();
        write(&mut out, &entry, same.is_some());
        self.addition.extend(out.done());
        if let Some(hotkeys) = same {
            entry.hotkeys = hotkeys;
        }
        self.keep(entry);
    }

    fn keep(&mut self, entry: Entry) {
        if self.entries.len() >= self.limit {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// What was added since the last call; `None` when nothing was.
    pub fn take_addition(&mut self) -> Option<Vec<u8>> {
        let addition = std::mem::take(&mut self.addition);
        (!addition.is_empty()).then_some(addition)
    }

    /// Everything.
    pub fn whole(&mut self) -> Vec<u8> {
        self.addition.clear();
        let mut out = Writer::default();
        let mut before: Option<&Arc<Vec<AccountId>>> = None;
        for entry in &self.entries {
            let same = before.is_some_and(|hotkeys| *hotkeys == entry.hotkeys);
            write(&mut out, entry, same);
            before = Some(&entry.hotkeys);
        }
        out.done()
    }

    /// Takes [`History::whole`] back.
    ///
    /// # Errors
    /// When the bytes are damaged; what was read until then is kept.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), MemoryError> {
        self.entries.clear();
        self.relearn(bytes)
    }

    /// Takes [`History::take_addition`] back.
    ///
    /// # Errors
    /// As [`History::restore`].
    pub fn relearn(&mut self, bytes: &[u8]) -> Result<(), MemoryError> {
        let mut reader = Reader::new(bytes);
        while reader.end().is_err() {
            let block = reader.u64()?;
            let uids = reader.ids()?;
            let uids: Vec<u16> = uids.into_iter().filter_map(|uid| u16::try_from(uid).ok()).collect();
            let rewards = (0..reader.count()?)
                .map(|_| reader.f64())
                .collect::<Result<Vec<_>, _>>()?;
            let hotkeys = if reader.u32()? == 1 {
                let last = self.entries.back().map(|last| last.hotkeys.clone());
                last.ok_or(MemoryError::Damaged("the first event has no hotkeys"))?
            } else {
                let one = |bytes: &[u8]| AccountId(std::array::from_fn(|index| bytes[index]));
                let hotkeys = (0..reader.count()?).map(|_| reader.take(32).map(one));
                Arc::new(hotkeys.collect::<Result<Vec<_>, _>>()?)
            };
            if uids.len() != rewards.len() {
                return Err(MemoryError::Damaged("an event has more rewards than uids, or fewer"));
            }
            self.keep(Entry {
                uids,
                rewards,
                hotkeys,
                block,
            });
        }
        Ok(())
    }
}

fn write(out: &mut Writer, entry: &Entry, same_hotkeys: bool) {
    out.u64(entry.block);
    out.ids(&entry.uids.iter().map(|uid| u32::from(*uid)).collect::<Vec<_>>());
    out.u64(entry.rewards.len() as u64);
    entry.rewards.iter().for_each(|reward| out.f64(*reward));
    out.u32(u32::from(same_hotkeys));
    if !same_hotkeys {
        out.u64(entry.hotkeys.len() as u64);
        for hotkey in entry.hotkeys.iter() {
            for word in hotkey.0.chunks(4) {
                out.u32(u32::from_le_bytes(std::array::from_fn(|index| word[index])));
            }
        }
    }
}

/// What happens to the score of a uid at which a new hotkey appears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// As in the network's first core validator: it is reset after the event's rewards were taken in, so that the new
    /// hotkey's first reward is lost.
    LosesItsFirstReward,
    /// It is reset before them.
    StartsFromZero,
}

/// Scores of `uids` neurons averaged over the history, the newest event first in weight: one score per uid, which sum to
/// one. Without any history all are equal.
pub fn average<'a>(entries: impl IntoIterator<Item = &'a Entry>, uids: usize, replaced: Replaced) -> Vec<f64> {
    let mut scores = vec![0.0; uids];
    let mut before: Option<&Entry> = None;
    for entry in entries {
        let changed: Vec<usize> = match before {
            None => Vec::new(),
            Some(before) => (0..uids)
                .filter(|uid| before.hotkeys.get(*uid) != entry.hotkeys.get(*uid))
                .collect(),
        };
        if replaced == Replaced::StartsFromZero {
            changed.iter().for_each(|uid| scores[*uid] = 0.0);
        }
        let shares = softmax_where(&entry.rewards, &vec![true; entry.rewards.len()]);
        let mut scattered = scores.clone();
        for (uid, share) in entry.uids.iter().zip(shares) {
            if let Some(score) = scattered.get_mut(usize::from(*uid)) {
                *score = share;
            }
        }
        for (score, scattered) in scores.iter_mut().zip(scattered) {
            *score = (1.0 - SHARE) * *score + SHARE * scattered;
        }
        if replaced == Replaced::LosesItsFirstReward {
            changed.iter().for_each(|uid| scores[*uid] = 0.0);
        }
        before = Some(entry);
    }
    if before.is_none() {
        scores.fill(1.0);
    }
    let sum: f64 = scores.iter().sum();
    if sum > 0.0 {
        scores.iter_mut().for_each(|score| *score /= sum);
    }
    scores
}
