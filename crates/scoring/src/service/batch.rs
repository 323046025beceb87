//! What goes through a model at once.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::worker::Work;
use crate::ScoringError;
use crate::model::{Kind, Loaded};
use crate::nets::Encoded;

/// Distinct sequences of one model, and who asked for each.
pub(super) struct Batch {
    pub model: Arc<Loaded>,
    /// Shortest first, so that what runs together is of a size.
    pub sequences: Vec<Encoded>,
    pub tokens: usize,
    /// Sequences that get another's result.
    pub shared: u64,
    /// Request, sequence of the request, and the one of `sequences` it equals.
    places: Vec<(usize, usize, usize)>,
}

impl Batch {
    /// Sequences of the oldest request's model in the order they came, up to `budget` tokens but at least one; equal ones
    /// once, whoever asked for them.
    pub(super) fn of(waiting: &VecDeque<Work>, budget: usize) -> Option<Self> {
        let Some(Work::Sequences(oldest)) = waiting.front() else {
            return None;
        };
        let model = oldest.model.clone();
        let mut known: HashMap<&Encoded, usize> = HashMap::new();
        let mut places = Vec::new();
        let (mut tokens, mut shared) = (0usize, 0u64);
        for (request, work) in waiting.iter().enumerate() {
            let Work::Sequences(work) = work else { continue };
            if !Arc::ptr_eq(&work.model, &model) {
                continue;
            }
            for (index, sequence) in work.sequences.iter().enumerate() {
                if work.results[index].is_some() {
                    continue;
                }
                let next = known.len();
                let size = sequence.tokens.len();
                let place = match known.get(sequence) {
                    Some(place) => {
                        shared += 1;
                        *place
                    }
                    None if next == 0 || tokens.saturating_add(size) <= budget => {
                        tokens = tokens.saturating_add(size);
                        known.insert(sequence, next);
                        next
                    }
                    None => continue,
                };
                places.push((request, index, place));
            }
        }
        let mut ordered: Vec<(&Encoded, usize)> = known.into_iter().collect();
        ordered.sort_unstable_by(|(left, _), (right, _)| {
            left.tokens.len().cmp(&right.tokens.len()).then_with(|| left.cmp(right))
        });
        let mut moved = vec![0; ordered.len()];
        for (after, (_, before)) in ordered.iter().enumerate() {
            moved[*before] = after;
        }
        for (_, _, place) in &mut places {
            *place = moved[*place];
        }
        Some(Self {
            model,
            sequences: ordered.into_iter().map(|(sequence, _)| sequence.clone()).collect(),
            tokens,
            shared,
            places,
        })
    }

    /// The results, in the order of `sequences`.
    pub(super) fn run(&self) -> Result<Vec<Vec<f32>>, ScoringError> {
        let Kind::Net { net, .. } = &self.model.kind else {
            return Err(ScoringError::Compute("a language model takes no sequences".into()));
        };
        let sequences: Vec<&Encoded> = self.sequences.iter().collect();
        let results = net.run(&sequences)?;
        if results.len() != sequences.len() {
            return Err(ScoringError::Compute("the model lost a sequence".into()));
        }
        Ok(results)
    }

    pub(super) fn into_places(self) -> Vec<(usize, usize, usize)> {
        self.places
    }
}
