//! How many streams each caller has open.

use std::collections::HashMap;
use std::sync::Arc;

use axoneme_wallet::AccountId;
use parking_lot::Mutex;

/// Counts open streams per caller. Every stream holds the right to run a handler, so the map is no longer than that.
pub(crate) struct OpenStreams {
    max_per_caller: usize,
    open: Mutex<HashMap<AccountId, usize>>,
}

/// One open stream; uncounted when dropped.
pub(crate) struct StreamSlot {
    streams: Arc<OpenStreams>,
    caller: AccountId,
}

impl OpenStreams {
    pub(crate) fn new(max_per_caller: usize) -> Arc<Self> {
        Arc::new(Self {
            max_per_caller,
            open: Mutex::default(),
        })
    }

    /// Counts a stream, or nothing when the caller has too many.
    pub(crate) fn open(self: &Arc<Self>, caller: AccountId) -> Option<StreamSlot> {
        let mut open = self.open.lock();
        let count = open.get(&caller).copied().unwrap_or(0);
        if count >= self.max_per_caller {
            return None;
        }
        open.insert(caller, count + 1);
        Some(StreamSlot {
            streams: self.clone(),
            caller,
        })
    }
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock();
        if let Some(count) = open.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_so_many_streams_and_others_have_theirs() {
        let streams = OpenStreams::new(2);
        let (alice, bob) = (AccountId([1; 32]), AccountId([2; 32]));
        let first = streams.open(alice).expect("one");
        let _second = streams.open(alice).expect("two");
        assert!(streams.open(alice).is_none());
        assert!(streams.open(bob).is_some());
        drop(first);
        assert!(streams.open(alice).is_some());
        assert_eq!(streams.open.lock().len(), 1);
    }
}
