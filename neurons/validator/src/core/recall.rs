//! What a core validator remembers beside its scores, on its way back from disk.

use super::history::{self, History};
use crate::book::Book;
use crate::gating::{self, Gating};
use crate::memory::Memories;

/// Gives gating model and history back what they remembered at the end of the last process.
pub fn recall(book: &Book, gating: &Gating, history: &mut History) {
    if !restore(&book.take_memories(), gating, history) {
        book.want_whole();
    }
}

/// The same from given memories; whether all of it could be used.
pub fn restore(memories: &Memories, gating: &Gating, history: &mut History) -> bool {
    let mut complete = true;
    let whole = memories.snapshot.iter().map(|piece| (piece, true));
    let added = memories.additions.iter().flatten().map(|piece| (piece, false));
    for (piece, whole) in whole.chain(added) {
        let restored = match (piece.name.as_str(), whole) {
            (gating::NAME, true) => gating.restore(&piece.bytes),
            (gating::NAME, false) => gating.relearn(&piece.bytes),
            (history::NAME, true) => history.restore(&piece.bytes),
            (history::NAME, false) => history.relearn(&piece.bytes),
            _ => Ok(()),
        };
        if let Err(error) = restored {
            tracing::warn!(memory = piece.name, "what it remembered cannot be used: {error}");
            complete = false;
        }
    }
    complete
}
