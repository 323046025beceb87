//! The thread that owns the model.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::error::TryRecvError;

use super::EngineConfig;
use super::answer::Answer;
use super::pace::Pace;
use super::request::FinishReason;
use super::scoring::ScoreJob;
use crate::TextTokenizer;
use crate::model::{Decoder, Segment, SlotCache, Wanted};

/// Prompts that agree in fewer tokens are not worth copying or waiting for.
const WORTH_SHARING: usize = 16;

/// What callers hand in.
pub(super) enum Job {
    Answer(Box<Answer>),
    Score(Box<ScoreJob>),
}

pub(super) struct Worker {
    decoder: Decoder,
    tokenizer: Arc<TextTokenizer>,
    jobs: UnboundedReceiver<Job>,
    /// One per slot, and a last one for scoring. They keep what they read after the answer is gone, for the next prompt
    /// that begins alike.
    caches: Vec<SlotCache>,
    /// The answer in each slot.
    slots: Vec<Option<Box<Answer>>>,
    waiting: VecDeque<Box<Answer>>,
    scoring: VecDeque<Box<ScoreJob>>,
    /// Who is served first with the rows for prompts; moves on every step.
    turn: usize,
    chunk: usize,
    pace: Pace,
}

/// What one slot contributes to a step.
struct Part {
    slot: usize,
    tokens: Vec<u32>,
    wanted: Wanted,
}

impl Worker {
    pub(super) fn new(
        decoder: Decoder,
        tokenizer: Arc<TextTokenizer>,
        jobs: UnboundedReceiver<Job>,
        config: &EngineConfig,
    ) -> candle_core::Result<Self> {
        let slots = config.max_slots.max(1);
        Ok(Self {
            caches: (0..=slots)
                .map(|_| decoder.new_cache())
                .collect::<candle_core::Result<_>>()?,
            slots: (0..slots).map(|_| None).collect(),
            decoder,
            tokenizer,
            jobs,
            waiting: VecDeque::new(),
            scoring: VecDeque::new(),
            turn: 0,
            chunk: config.prefill_chunk.max(1),
            pace: Pace::default(),
        })
    }

    /// Works until all handles are gone and all answers are finished.
    pub(super) fn run(mut self) {
        while self.take_jobs() {
            self.end_due_answers();
            self.admit();
            self.report();
            self.step();
        }
    }

    /// Collects new jobs, sleeping while there is nothing to do. False when there will never be anything again.
    fn take_jobs(&mut self) -> bool {
        loop {
            let idle = self.waiting.is_empty() && self.scoring.is_empty() && self.slots.iter().all(Option::is_none);
            let job = match self.jobs.try_recv() {
                Err(_) if !idle => return true,
                Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => {
                    self.report();
                    self.jobs.blocking_recv()
                }
                Ok(job) => Some(job),
            };
            match job {
                Some(Job::Answer(answer)) => self.waiting.push_back(answer),
                Some(Job::Score(job)) => self.scoring.push_back(job),
                None => return false,
            }
        }
    }

    fn end_due_answers(&mut self) {
        let now = Instant::now();
        for slot in 0..self.slots.len() {
            let cached = self.caches[slot].len();
            if let Some(reason) = self.slots[slot]
                .as_ref()
                .and_then(|answer| answer.due(cached, &self.pace, now))
            {
                self.finish(slot, reason);
            }
        }
        for answer in std::mem::take(&mut self.waiting) {
            match answer.due(0, &self.pace, now) {
                Some(reason) => answer.finish(reason, &self.tokenizer),
                None => self.waiting.push_back(answer),
            }
        }
        self.scoring.retain(|job| !job.is_abandoned());
    }

    /// Gives free slots to those waiting, each the one whose memory already holds most of the prompt.
    fn admit(&mut self) {
        while let Some(answer) = self.waiting.pop_front() {
            let shared = |slot: &usize| self.caches[*slot].shared_prefix(answer.prompt());
            let free = (0..self.slots.len()).filter(|slot| self.slots[*slot].is_none());
            let Some(slot) = free.max_by_key(shared) else {
                self.waiting.push_front(answer);
                return;
            };
            // The last token is read again in any case: its logits are what the answer starts from.
            let keep = self.caches[slot]
                .shared_prefix(answer.prompt())
                .min(answer.prompt().len() - 1);
            self.caches[slot].truncate(keep);
            metrics::counter!("llm_tokens_total", "kind" => "prompt").increment(answer.prompt().len() as u64);
            self.slots[slot] = Some(answer);
        }
    }

    /// One pass of the model.
    fn step(&mut self) {
        let parts = self.plan();
        if parts.is_empty() {
            return;
        }
        let rows = parts.iter().map(|part| part.tokens.len()).sum();
        let starts: Vec<usize> = parts.iter().map(|part| self.caches[part.slot].len()).collect();
        let segments: Vec<Segment<'_>> = parts
            .iter()
            .map(|part| Segment {
                slot: part.slot,
                tokens: &part.tokens,
                wanted: part.wanted,
            })
            .collect();
        let begin = Instant::now();
        match self.decoder.forward(&mut self.caches, &segments) {
            Ok(logits) => {
                self.pace.took(rows, begin.elapsed());
                self.hand_out(&parts, &starts, logits);
            }
            Err(error) => {
                tracing::error!(%error, "the language model failed");
                self.fail(&parts, &error);
            }
        }
    }

    /// Chooses the rows of the next pass: the newest token of every answer, and chunks of prompts and of texts to be
    /// scored, starting with another slot each time.
    fn plan(&mut self) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut budget = self.chunk;
        let count = self.slots.len() + 1;
        self.turn = (self.turn + 1) % count;
        let turn = self.turn;
        for slot in (0..count).map(|offset| (turn + offset) % count) {
            let part = if slot == self.slots.len() {
                self.scoring_part(budget)
            } else {
                self.answer_part(slot, budget)
            };
            let Some(part) = part else { continue };
            if part.tokens.len() > 1 {
                budget = budget.saturating_sub(part.tokens.len());
            }
            parts.push(part);
        }
        parts
    }

    fn answer_part(&mut self, slot: usize, budget: usize) -> Option<Part> {
        let answer = self.slots[slot].as_ref()?;
        if self.caches[slot].len() < answer.prompt().len() {
            self.borrow_prefix(slot)?;
        }
        let answer = self.slots[slot].as_ref()?;
        let rest = &answer.tokens()[self.caches[slot].len()..];
        let count = if rest.len() == 1 { 1 } else { rest.len().min(budget) };
        let wanted = if count == rest.len() {
            Wanted::Last
        } else {
            Wanted::None
        };
        (count > 0).then(|| Part {
            slot,
            tokens: rest[..count].to_vec(),
            wanted,
        })
    }

    /// Copies what another slot has read of the same prompt. `None` when that slot is still reading the part in common:
    /// validators ask all miners of a process the same thing at the same moment, and once is enough.
    fn borrow_prefix(&mut self, slot: usize) -> Option<()> {
        let answer = self.slots[slot].as_ref()?;
        let wanted = &answer.prompt()[..answer.prompt().len() - 1];
        let mut best = (slot, self.caches[slot].len());
        let mut is_reading = false;
        for other in (0..self.slots.len()).filter(|other| *other != slot) {
            let shared = self.caches[other].shared_prefix(wanted);
            if shared >= best.1 + WORTH_SHARING {
                best = (other, shared);
            }
            if let Some(ahead) = &self.slots[other] {
                let cached = (self.caches[other].len(), usize::MAX - other);
                let behind = cached <= (self.caches[slot].len(), usize::MAX - slot);
                let common = ahead.prompt().iter().zip(wanted).take_while(|(a, b)| a == b).count();
                let will_share = common >= self.caches[slot].len() + WORTH_SHARING;
                is_reading |= !behind && will_share && self.caches[other].len() < common;
            }
        }
        if is_reading {
            return None;
        }
        if let (true, Ok([receiver, giver])) = (best.0 != slot, self.caches.get_disjoint_mut([slot, best.0])) {
            // After a failure the slot is empty, and the prompt is read from its beginning.
            if let Err(error) = receiver.copy_from(giver, best.1) {
                tracing::warn!(%error, "what another slot has read could not be copied");
            }
        }
        Some(())
    }

    fn scoring_part(&mut self, budget: usize) -> Option<Part> {
        let slot = self.slots.len();
        loop {
            let job = self.scoring.front_mut()?;
            if budget == 0 {
                return None;
            }
            if let Some((tokens, wanted)) = job.next_chunk(&mut self.caches[slot], budget) {
                return Some(Part { slot, tokens, wanted });
            }
            if let Some(job) = self.scoring.pop_front() {
                job.finish();
            }
        }
    }

    fn hand_out(&mut self, parts: &[Part], starts: &[usize], logits: Vec<Vec<f32>>) {
        let mut logits = logits.into_iter();
        for (part, start) in parts.iter().zip(starts) {
            let rows: Vec<Vec<f32>> = logits.by_ref().take(part.wanted.rows(part.tokens.len())).collect();
            if part.slot == self.slots.len() {
                if let Some(job) = self.scoring.front_mut() {
                    job.take_logits(*start, part.tokens.len(), &rows);
                }
                continue;
            }
            for mut row in rows {
                self.draw(part.slot, &mut row);
            }
        }
    }

    fn draw(&mut self, slot: usize, logits: &mut [f32]) {
        let Some(answer) = self.slots[slot].as_mut() else {
            return;
        };
        let reason = answer.take_logits(logits, &self.tokenizer).unwrap_or_else(|error| {
            tracing::error!(%error, "a drawn token could not be decoded");
            Some(FinishReason::Failed)
        });
        if let Some(reason) = reason {
            self.finish(slot, reason);
        }
    }

    fn finish(&mut self, slot: usize, reason: FinishReason) {
        if let Some(answer) = self.slots[slot].take() {
            answer.finish(reason, &self.tokenizer);
        }
    }

    /// Ends everything that took part in a failed pass; the others go on.
    fn fail(&mut self, parts: &[Part], error: &candle_core::Error) {
        for part in parts {
            if part.slot < self.slots.len() {
                self.finish(part.slot, FinishReason::Failed);
            } else if let Some(job) = self.scoring.pop_front() {
                job.fail(error);
            }
        }
    }

    fn report(&self) {
        let running = self.slots.iter().filter(|slot| slot.is_some()).count();
        metrics::gauge!("llm_answers_running").set(running as f64);
        metrics::gauge!("llm_answers_waiting").set(self.waiting.len() as f64);
        metrics::gauge!("llm_scorings_waiting").set(self.scoring.len() as f64);
    }
}
