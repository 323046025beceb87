//! What the judges remember, on its way to disk and back.

use axoneme_reward::{MemoryError, Pipeline};

use crate::book::Book;
use crate::gating::{self, Gating};
use crate::memory::{Memories, Piece, Remember};

/// What the run just judged leaves to remember: what it added, or everything.
pub fn remember(pipeline: &mut Pipeline, gating: Option<&Gating>, whole: bool) -> Remember {
    let piece = |(name, bytes): (&'static str, Vec<u8>)| Piece::new(name, bytes);
    if whole {
        return Remember::Whole(whole_memories(pipeline, gating));
    }
    let mut pieces: Vec<Piece> = pipeline.take_deltas().into_iter().map(piece).collect();
    if let Some(addition) = gating.and_then(Gating::take_addition) {
        pieces.push(Piece::new(gating::NAME, addition));
    }
    Remember::Additions(pieces)
}

/// Everything that is remembered.
pub fn whole_memories(pipeline: &mut Pipeline, gating: Option<&Gating>) -> Vec<Piece> {
    // What the last run added is in the whole, too.
    pipeline.take_deltas();
    let memories = pipeline.memories().into_iter();
    let mut pieces: Vec<Piece> = memories.map(|(name, bytes)| Piece::new(name, bytes)).collect();
    match gating.map(Gating::whole) {
        Some(Ok(bytes)) => pieces.push(Piece::new(gating::NAME, bytes)),
        Some(Err(error)) => tracing::error!("the gating model cannot be written down: {error}"),
        None => {}
    }
    pieces
}

/// Gives everybody back what it remembered at the end of the last process. A memory that means nothing any more, because
/// settings or models changed, starts empty, which is logged; the next run then writes everything anew.
pub fn recall(book: &Book, pipeline: &mut Pipeline, gating: Option<&Gating>) {
    pipeline.restore(book.state().pipeline);
    if !restore(&book.take_memories(), pipeline, gating) {
        book.want_whole();
    }
}

/// Gives everybody back its memory; whether all of it could be.
pub fn restore(memories: &Memories, pipeline: &mut Pipeline, gating: Option<&Gating>) -> bool {
    let mut lost: Vec<&str> = Vec::new();
    let told = |name: &str, error: &MemoryError| {
        tracing::warn!(
            memory = name,
            "what it remembered cannot be used, and it starts empty: {error}"
        );
    };
    for piece in &memories.snapshot {
        let restored = match (piece.name.as_str(), gating) {
            (gating::NAME, Some(gating)) => gating.restore(&piece.bytes),
            (gating::NAME, None) => Ok(()),
            (name, _) => pipeline.restore_memory(name, &piece.bytes),
        };
        if let Err(error) = restored {
            told(&piece.name, &error);
            lost.push(&piece.name);
        }
    }
    for piece in memories.additions.iter().flatten() {
        if lost.contains(&piece.name.as_str()) {
            continue;
        }
        let added = match (piece.name.as_str(), gating) {
            (gating::NAME, Some(gating)) => gating.relearn(&piece.bytes),
            (gating::NAME, None) => Ok(()),
            (name, _) => pipeline.apply_delta(name, &piece.bytes),
        };
        if let Err(error) = added {
            told(&piece.name, &error);
            lost.push(&piece.name);
        }
    }
    lost.is_empty()
}
