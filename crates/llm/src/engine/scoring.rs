//! Scoring texts between the steps of generation.

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::EngineError;
use crate::model::{SlotCache, Wanted};
use crate::score::{self, LogProbs, Moments, RepeatPenalty, Tally};

/// Joined tokens of prompt and completion.
pub(super) struct Sequence {
    tokens: Vec<u32>,
    first_row: usize,
    tally: Tally,
}

impl Sequence {
    pub(super) fn new(tokens: Vec<u32>, prompt_len: usize, penalty: RepeatPenalty) -> Self {
        let tally = Tally::new(&tokens, prompt_len, penalty);
        Self {
            tokens,
            first_row: score::first_row(prompt_len),
            tally,
        }
    }

    /// Rows that have to be computed: the last token predicts nothing that is asked for.
    fn rows(&self) -> usize {
        self.tokens.len().saturating_sub(1)
    }
}

/// Several sequences, scored one after the other in one slot, so that what they share at the beginning is read once.
pub(super) struct ScoreJob {
    sequences: Vec<Sequence>,
    current: usize,
    /// Whether the slot has been cut back to what the current sequence shares with the one before.
    started: bool,
    /// Moments of the rows in the slot from position 0 on, as far as they are known.
    moments: Vec<Moments>,
    results: Vec<LogProbs>,
    reply: oneshot::Sender<Result<Vec<LogProbs>, EngineError>>,
    permit: OwnedSemaphorePermit,
}

impl ScoreJob {
    pub(super) fn new(
        sequences: Vec<Sequence>,
        reply: oneshot::Sender<Result<Vec<LogProbs>, EngineError>>,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let (current, started, moments, results) = (0, false, Vec::new(), Vec::new());
        Self {
            sequences,
            current,
            started,
            moments,
            results,
            reply,
            permit,
        }
    }

    /// Whether nobody waits for the result any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    /// The next rows to compute, at most `budget`, or nothing when all is done.
    pub(super) fn next_chunk(&mut self, cache: &mut SlotCache, budget: usize) -> Option<(Vec<u32>, Wanted)> {
        loop {
            let sequence = self.sequences.get(self.current)?;
            if !self.started {
                self.start(cache);
                continue;
            }
            let done = cache.len();
            if done < sequence.rows() && sequence.first_row < sequence.rows() {
                let end = sequence.rows().min(done + budget);
                let from = if sequence.tally.needs_moments() {
                    0
                } else {
                    sequence.first_row.saturating_sub(done)
                };
                return Some((sequence.tokens[done..end].to_vec(), Wanted::From(from)));
            }
            self.close();
        }
    }

    /// Keeps the part of the slot that serves the current sequence.
    fn start(&mut self, cache: &mut SlotCache) {
        let sequence = &self.sequences[self.current];
        let mut keep = cache.shared_prefix(&sequence.tokens).min(sequence.first_row);
        if sequence.tally.needs_moments() {
            keep = keep.min(self.moments.len());
        }
        cache.truncate(keep);
        self.moments.truncate(keep);
        self.started = true;
    }

    /// Takes the logits of the chunk given out last, which began at position `start`.
    pub(super) fn take_logits(&mut self, start: usize, count: usize, logits: &[Vec<f32>]) {
        let Some(sequence) = self.sequences.get_mut(self.current) else {
            return;
        };
        let first = start + count - logits.len();
        for (row, logits) in (first..).zip(logits) {
            if row == self.moments.len() && sequence.tally.needs_moments() {
                self.moments.push(Moments::of(logits));
            }
            if row >= sequence.first_row {
                sequence.tally.add(logits, sequence.tokens[row + 1]);
            }
        }
    }

    fn close(&mut self) {
        let sequence = &self.sequences[self.current];
        let mut moments = Moments::default();
        for row in self.moments.iter().take(sequence.rows()) {
            moments.add(*row);
        }
        self.results.push(sequence.tally.log_probs(moments));
        self.current += 1;
        self.started = false;
    }

    /// Hands the results over.
    pub(super) fn finish(self) {
        drop(self.permit);
        let _ = self.reply.send(Ok(self.results));
    }

    /// Reports a failure.
    pub(super) fn fail(self, error: &candle_core::Error) {
        let _ = self.reply.send(Err(EngineError::Compute(error.to_string())));
    }
}
