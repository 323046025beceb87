//! The thread that runs the models.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axoneme_llm::RepeatPenalty;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use super::Counters;
use super::batch::Batch;
use crate::ScoringError;
use crate::model::{Kind, Loaded};
use crate::nets::Encoded;

/// Results in the order of what was asked.
pub(crate) type Results<T> = Result<Vec<T>, ScoringError>;

/// What the thread is asked to do.
pub(crate) enum Work {
    Sequences(Sequences),
    Completions(Completions),
    /// Waits until the other side is dropped, so that a test knows what is in the queue.
    #[cfg(test)]
    Hold(oneshot::Receiver<()>),
}

/// Sequences for one model.
pub(crate) struct Sequences {
    pub model: Arc<Loaded>,
    pub sequences: Vec<Encoded>,
    pub results: Vec<Option<Vec<f32>>>,
    pub reply: oneshot::Sender<Results<Vec<f32>>>,
    pub permit: OwnedSemaphorePermit,
}

/// Completions of one prompt for a language model.
pub(crate) struct Completions {
    pub model: Arc<Loaded>,
    pub prompt: String,
    pub completions: Vec<String>,
    pub repeat: RepeatPenalty,
    pub reply: oneshot::Sender<Results<f32>>,
    pub permit: OwnedSemaphorePermit,
}

impl Work {
    fn is_abandoned(&self) -> bool {
        match self {
            Self::Sequences(work) => work.reply.is_closed(),
            Self::Completions(work) => work.reply.is_closed(),
            #[cfg(test)]
            Self::Hold(_) => false,
        }
    }

    fn open_count(&self) -> usize {
        match self {
            Self::Sequences(work) => work.results.iter().filter(|result| result.is_none()).count(),
            Self::Completions(work) => work.completions.len(),
            #[cfg(test)]
            Self::Hold(_) => 0,
        }
    }
}

pub(super) struct Worker {
    incoming: mpsc::UnboundedReceiver<Work>,
    waiting: VecDeque<Work>,
    pool: rayon::ThreadPool,
    batch_tokens: usize,
    counters: Arc<Counters>,
}

impl Worker {
    pub(super) fn new(
        incoming: mpsc::UnboundedReceiver<Work>,
        pool: rayon::ThreadPool,
        batch_tokens: usize,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            incoming,
            waiting: VecDeque::new(),
            pool,
            batch_tokens,
            counters,
        }
    }

    pub(super) fn run(mut self) {
        loop {
            if self.waiting.is_empty() {
                match self.incoming.blocking_recv() {
                    Some(work) => self.waiting.push_back(work),
                    None => return,
                }
            }
            while let Ok(work) = self.incoming.try_recv() {
                self.waiting.push_back(work);
            }
            self.drop_abandoned();
            let waiting: usize = self.waiting.iter().map(Work::open_count).sum();
            metrics::gauge!("scoring_queue").set(waiting as f64);
            match self.waiting.front() {
                None => {}
                Some(Work::Sequences(_)) => self.run_batch(),
                Some(_) => {
                    if let Some(work) = self.waiting.pop_front() {
                        self.run_alone(work);
                    }
                }
            }
        }
    }

    /// Nobody waits for these any more.
    fn drop_abandoned(&mut self) {
        let mut dropped = 0;
        self.waiting.retain(|work| {
            let abandoned = work.is_abandoned();
            if abandoned {
                dropped += work.open_count() as u64;
            }
            !abandoned
        });
        if dropped > 0 {
            self.count(&self.counters.dropped, "dropped", dropped);
        }
    }

    fn count(&self, counter: &std::sync::atomic::AtomicU64, outcome: &'static str, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
        metrics::counter!("scoring_inputs_total", "outcome" => outcome).increment(by);
    }

    /// As many sequences of the oldest request's model as the budget holds.
    fn run_batch(&mut self) {
        let Some(batch) = Batch::of(&self.waiting, self.batch_tokens) else {
            return;
        };
        let results = self.pool.install(|| {
            catch_unwind(AssertUnwindSafe(|| batch.run()))
                .unwrap_or_else(|_| Err(ScoringError::Compute("a model panicked; this is a defect".into())))
        });
        let (tokens, scored, shared) = (batch.tokens, batch.sequences.len() as u64, batch.shared);
        let model = batch.model.clone();
        let places = batch.into_places();
        metrics::histogram!("scoring_batch_tokens").record(tokens as f64);
        self.counters.passes.fetch_add(1, Ordering::Relaxed);
        self.count(&self.counters.scored, "scored", scored);
        self.count(&self.counters.deduplicated, "deduplicated", shared);
        for (request, sequence, place) in places {
            let Some(Work::Sequences(work)) = self.waiting.get_mut(request) else {
                continue;
            };
            if let Ok(results) = &results {
                work.results[sequence] = results.get(place).cloned();
            }
        }
        let error = results.err();
        for work in std::mem::take(&mut self.waiting) {
            match work {
                Work::Sequences(work) if Arc::ptr_eq(&work.model, &model) => match &error {
                    Some(error) => work.fail(error.clone()),
                    None => self.waiting.extend(work.finish_if_done().map(Work::Sequences)),
                },
                other => self.waiting.push_back(other),
            }
        }
    }

    fn run_alone(&self, work: Work) {
        match work {
            Work::Sequences(work) => work.fail(ScoringError::Compute("a batch was lost".into())),
            Work::Completions(work) => {
                let count = work.completions.len() as u64;
                self.counters.passes.fetch_add(1, Ordering::Relaxed);
                match work.run() {
                    true => self.count(&self.counters.scored, "scored", count),
                    false => self.count(&self.counters.dropped, "dropped", count),
                }
            }
            #[cfg(test)]
            Work::Hold(held) => {
                let _ = held.blocking_recv();
            }
        }
    }
}

impl Sequences {
    /// Hands the results over if all are there, or gives the request back.
    fn finish_if_done(self) -> Option<Self> {
        if self.results.iter().any(Option::is_none) {
            return Some(self);
        }
        drop(self.permit);
        let _ = self.reply.send(Ok(self.results.into_iter().flatten().collect()));
        None
    }

    fn fail(self, error: ScoringError) {
        drop(self.permit);
        let _ = self.reply.send(Err(error));
    }
}

impl Completions {
    /// Whether somebody still waited for the result.
    fn run(mut self) -> bool {
        let Kind::Language(engine) = &self.model.kind else {
            let _ = self
                .reply
                .send(Err(ScoringError::Compute("not a language model".into())));
            return true;
        };
        let runtime = match tokio::runtime::Builder::new_current_thread().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = self.reply.send(Err(ScoringError::Compute(error.to_string())));
                return true;
            }
        };
        let (prompt, completions) = (std::mem::take(&mut self.prompt), std::mem::take(&mut self.completions));
        let result = runtime.block_on(async {
            tokio::select! {
                result = engine.dpo_score(prompt, completions, self.repeat) => Some(result),
                // The engine sees that its caller has gone and stops.
                () = self.reply.closed() => None,
            }
        });
        drop(self.permit);
        let Some(result) = result else { return false };
        let _ = self.reply.send(result.map_err(ScoringError::from));
        true
    }
}
