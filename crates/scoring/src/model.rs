//! A loaded model, as callers see it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axoneme_llm::{Engine, RepeatPenalty};
use rayon::prelude::*;
use tokenizers::Tokenizer;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::memory::Reserved;
use crate::nets::{Encoded, Net};
use crate::service::{Completions, Scoring, Sequences, Work};
use crate::tokenise::{Cut, Tokens};
use crate::{Head, Input, LongInputs, ScoringError};

/// A model in memory.
pub(crate) struct Loaded {
    pub folder: PathBuf,
    pub head: Head,
    pub labels: Vec<String>,
    /// Tokens of an input at most.
    pub limit: usize,
    /// Numbers per result, or per token of it.
    pub width: usize,
    pub kind: Kind,
    #[allow(dead_code, reason = "gives the memory back when it is dropped")]
    pub reserved: Reserved,
}

pub(crate) enum Kind {
    Net { net: Box<Net>, tokens: Arc<Tokens> },
    Language(Engine),
}

/// A model of a [`Scoring`] service. Clones are handles to the same one.
#[derive(Clone)]
pub struct ScoringModel {
    scoring: Scoring,
    loaded: Arc<Loaded>,
    long: LongInputs,
    limit: usize,
}

impl ScoringModel {
    pub(crate) fn new(scoring: Scoring, loaded: Arc<Loaded>) -> Self {
        Self {
            scoring,
            // A value per token is read at a place near the end, so a cut would give a number that means nothing.
            long: match loaded.head {
                Head::Values => LongInputs::Refuse,
                _ => LongInputs::Truncate,
            },
            limit: loaded.limit,
            loaded,
        }
    }

    /// The same model with another rule for inputs that are too long. Values are refused, everything else is cut by
    /// default; an embedding with windows is never cut.
    pub fn with_long_inputs(mut self, long: LongInputs) -> Self {
        self.long = long;
        self
    }

    /// The same model taking fewer tokens; more than it can take has no effect.
    pub fn with_max_tokens(mut self, limit: usize) -> Self {
        self.limit = limit.clamp(1, self.loaded.limit);
        self
    }

    /// The model's folder.
    pub fn folder(&self) -> &Path {
        &self.loaded.folder
    }

    /// What it was loaded for.
    pub fn head(&self) -> Head {
        self.loaded.head
    }

    /// Names of the logits, in their order; empty unless it classifies.
    pub fn labels(&self) -> &[String] {
        &self.loaded.labels
    }

    /// Tokens of an input at most, special ones included.
    pub fn max_tokens(&self) -> usize {
        self.limit
    }

    /// Numbers per result: labels, or components of a vector; 1 for values.
    pub fn width(&self) -> usize {
        self.loaded.width
    }

    /// The model's tokenizer, which neither cuts nor pads.
    pub fn tokenizer(&self) -> &Tokenizer {
        match &self.loaded.kind {
            Kind::Net { tokens, .. } => tokens.tokenizer(),
            Kind::Language(engine) => engine.tokenizer().inner(),
        }
    }

    /// One number per label for each input, not yet through any softmax or sigmoid.
    pub async fn logits(&self, inputs: Vec<Input>) -> Result<Vec<Vec<f32>>, ScoringError> {
        self.expect(|head| head == Head::Classify, Head::Classify)?;
        self.run(inputs).await
    }

    /// One number per token for each input.
    pub async fn values(&self, inputs: Vec<Input>) -> Result<Vec<Vec<f32>>, ScoringError> {
        self.expect(|head| head == Head::Values, Head::Values)?;
        self.run(inputs).await
    }

    /// One vector per input.
    pub async fn embed(&self, inputs: Vec<Input>) -> Result<Vec<Vec<f32>>, ScoringError> {
        let wanted = Head::Embed {
            pooling: crate::Pooling::Mean,
            normalise: true,
            windows: false,
        };
        self.expect(|head| matches!(head, Head::Embed { .. }), wanted)?;
        self.run(inputs).await
    }

    /// The mean log-probability of each completion after the prompt, by the rule of [`axoneme_llm::dpo_score`]: −11 for
    /// completions that are empty, very short, or do not fit. The prompt is read once for all of them.
    pub async fn mean_log_prob(
        &self,
        prompt: String,
        completions: Vec<String>,
        repeat: RepeatPenalty,
    ) -> Result<Vec<f32>, ScoringError> {
        self.expect(|head| head == Head::LogProb, Head::LogProb)?;
        if completions.is_empty() {
            return Ok(Vec::new());
        }
        let permit = self.places(completions.len())?;
        let (reply, result) = oneshot::channel();
        self.send(Work::Completions(Completions {
            model: self.loaded.clone(),
            prompt,
            completions,
            repeat,
            reply,
            permit,
        }))?;
        result.await.map_err(|_| ScoringError::Stopped)?
    }

    fn expect(&self, fits: impl Fn(Head) -> bool, wanted: Head) -> Result<(), ScoringError> {
        if fits(self.loaded.head) {
            return Ok(());
        }
        let reason = format!("it was loaded for {}; load it once more for this", self.loaded.head);
        Err(ScoringError::wrong_head(&self.loaded.folder, wanted, reason))
    }

    fn send(&self, work: Work) -> Result<(), ScoringError> {
        self.scoring.shared.work.send(work).map_err(|_| ScoringError::Stopped)
    }

    /// Places in the queue, or the error that there are none.
    fn places(&self, count: usize) -> Result<OwnedSemaphorePermit, ScoringError> {
        let places = &self.scoring.shared.places;
        let limit = self.scoring.queue_limit();
        let wanted = u32::try_from(count).unwrap_or(u32::MAX);
        places.clone().try_acquire_many_owned(wanted).map_err(|_| {
            metrics::counter!("scoring_inputs_total", "outcome" => "refused").increment(count as u64);
            ScoringError::Busy {
                asked: count,
                waiting: limit.saturating_sub(places.available_permits()),
                limit,
            }
        })
    }

    async fn run(&self, inputs: Vec<Input>) -> Result<Vec<Vec<f32>>, ScoringError> {
        if inputs.is_empty() {
            return Ok(Vec::new());
        }
        let permit = self.places(inputs.len())?;
        let sequences = self.encode(inputs).await?;
        let counts: Vec<usize> = sequences.iter().map(Vec::len).collect();
        let sequences: Vec<Encoded> = sequences.into_iter().flatten().collect();
        let (reply, result) = oneshot::channel();
        self.send(Work::Sequences(Sequences {
            model: self.loaded.clone(),
            results: vec![None; sequences.len()],
            sequences,
            reply,
            permit,
        }))?;
        let mut results = result.await.map_err(|_| ScoringError::Stopped)??.into_iter();
        Ok(counts
            .into_iter()
            .map(|count| self.joined(results.by_ref().take(count)))
            .collect())
    }

    /// The windows of one input as one result.
    fn joined(&self, mut windows: impl Iterator<Item = Vec<f32>>) -> Vec<f32> {
        let Some(mut sum) = windows.next() else {
            return Vec::new();
        };
        let mut count = 1u16;
        for window in windows {
            axoneme_llm::kernels::add(&mut sum, &window);
            count = count.saturating_add(1);
        }
        if count > 1 {
            sum.iter_mut().for_each(|number| *number /= f32::from(count));
            if let Head::Embed { normalise: true, .. } = self.loaded.head {
                crate::nets::to_length_one(&mut sum);
            }
        }
        sum
    }

    /// The tokens of all inputs, made on the threads for that.
    async fn encode(&self, inputs: Vec<Input>) -> Result<Vec<Vec<Encoded>>, ScoringError> {
        let Kind::Net { tokens, .. } = &self.loaded.kind else {
            return Err(ScoringError::Compute("a language model takes no sequences".into()));
        };
        let tokens = tokens.clone();
        let windows = matches!(self.loaded.head, Head::Embed { windows: true, .. });
        let cut = Cut {
            limit: self.limit,
            long: if windows { LongInputs::Truncate } else { self.long },
            windows,
        };
        let (send, receive) = oneshot::channel();
        self.scoring.shared.tokenisers.spawn(move || {
            let encoded = inputs
                .par_iter()
                .enumerate()
                .map(|(index, input)| tokens.encode(index, input, cut))
                .collect::<Result<Vec<_>, _>>();
            let _ = send.send(encoded);
        });
        receive.await.map_err(|_| ScoringError::Stopped)?
    }
}
