//! The forward duty: one pass after another, whatever happens to the one before.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axoneme_neuron::{DutyError, Failure, Heart, Readiness};
use axoneme_reward::Task;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::book::Book;
use crate::completions::{base_text, draw_cutoff, limit_words};
use crate::dataset::Dataset;
use crate::error::ValidatorError;
use crate::events::Recorder;
use crate::forward::{Ended, ForwardConfig, ForwardOutcome, forward};
use crate::step::{QueryStep, StepOutcome};

/// First pause after a pass that failed or came to nothing. Without one, a subnet whose miners refuse at once would be asked
/// thousands of times a second.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// Longest pause: about a block of the main chain, in which a miner may have come up.
const PAUSE_LONGEST: Duration = Duration::from_secs(12);

/// Settings of the forward duty.
#[derive(Debug, Clone, Copy)]
pub struct PassSettings {
    /// What a pass is.
    pub forward: ForwardConfig,
    /// Passes under way at the same time.
    pub concurrent: usize,
    /// Longest base text, words; 0 sets no limit.
    pub max_words: usize,
}

/// Runs forward passes.
pub struct Passes<S> {
    /// The prompt run.
    pub step: S,
    /// Texts to ask about.
    pub dataset: Dataset,
    /// Every pass draws from a stream of its own of this seed.
    pub seed: u64,
    /// Counts the passes.
    pub book: Book,
    /// One line per pass.
    pub events: Arc<Recorder>,
    /// Part `forward` says why nothing is earned.
    pub readiness: Readiness,
    /// Fails when this validator has lost its place in the subnet.
    pub registered: Box<dyn Fn() -> Result<(), Failure> + Send + Sync>,
    /// Settings.
    pub settings: PassSettings,
}

/// The random numbers of one pass, or of the order of the dataset.
pub fn stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number);
    rng
}

impl<S: QueryStep> Passes<S> {
    /// Runs passes until `cancel`. Their errors are logged and counted and followed by a pause that doubles; only the loss of the
    /// registration ends this.
    ///
    /// # Errors
    /// [`DutyError::Fatal`] when this validator is not registered any more.
    pub async fn run(self: Arc<Self>, heart: Heart, cancel: CancellationToken) -> Result<(), DutyError> {
        let mut pause = PAUSE_FIRST;
        loop {
            heart.beat();
            (self.registered)().map_err(DutyError::Fatal)?;
            let passes = (0..self.settings.concurrent).map(|_| self.pass(&heart));
            let outcomes = tokio::select! {
                outcomes = futures::future::join_all(passes) => outcomes,
                () = cancel.cancelled() => return Ok(()),
            };
            // One pass that got anywhere is enough to go straight on.
            if outcomes.iter().any(|outcome| outcome.as_ref().is_ok_and(got_somewhere)) {
                self.readiness.set("forward", Ok(()));
                pause = PAUSE_FIRST;
                continue;
            }
            if let Some(outcome) = outcomes.first() {
                self.readiness.set("forward", Err(describe(outcome.as_ref())));
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = cancel.cancelled() => return Ok(()),
            }
            pause = (pause * 2).min(PAUSE_LONGEST);
        }
    }

    /// One pass. Its error is logged and counted here and ends nothing else.
    async fn pass(&self, heart: &Heart) -> Result<ForwardOutcome, ValidatorError> {
        let number = self.book.begin_forward();
        let outcome = self.try_pass(number, heart).await;
        let result = match &outcome {
            Ok(ForwardOutcome {
                ended: Ended::Finished, ..
            }) => "finished",
            Ok(_) => "stopped",
            Err(_) => "failed",
        };
        metrics::counter!("validator_forwards_total", "result" => result).increment(1);
        let reason = describe(outcome.as_ref());
        let steps = outcome.as_ref().map_or(0, |done| done.steps);
        match &outcome {
            Ok(_) => tracing::info!(forward = number, steps, "forward pass ended: {reason}"),
            Err(_) => tracing::error!(forward = number, "forward pass failed: {reason}"),
        }
        let fields = [
            ("name", json!("forward")),
            ("forward", json!(number)),
            ("steps", json!(steps)),
            ("ended", json!(reason)),
        ];
        self.events.write(
            &fields
                .map(|(name, value)| (name.to_owned(), value))
                .into_iter()
                .collect(),
        );
        outcome
    }

    async fn try_pass(&self, number: u64, heart: &Heart) -> Result<ForwardOutcome, ValidatorError> {
        let mut rng = stream(self.seed, number);
        let text = self.dataset.next().await?;
        self.book.set_position(self.dataset.position());
        let base = limit_words(base_text(&text, draw_cutoff(&mut rng)), self.settings.max_words);
        forward(
            &Beating {
                step: &self.step,
                heart,
            },
            self.settings.forward,
            base,
            &mut rng,
        )
        .await
    }
}

fn got_somewhere(outcome: &ForwardOutcome) -> bool {
    outcome.ended == Ended::Finished || outcome.steps > 1
}

fn describe(outcome: Result<&ForwardOutcome, &ValidatorError>) -> String {
    match outcome {
        Ok(outcome) => outcome.ended.to_string(),
        Err(error) => axoneme_neuron::exit::with_causes(error),
    }
}

/// Shows the supervisor that runs are being finished.
struct Beating<'a, S> {
    step: &'a S,
    heart: &'a Heart,
}

#[async_trait]
impl<S: QueryStep> QueryStep for Beating<'_, S> {
    async fn run(
        &self,
        task: &Task,
        count: usize,
        timeout: Duration,
        exclude: &BTreeSet<u16>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Option<StepOutcome>, ValidatorError> {
        let outcome = self.step.run(task, count, timeout, exclude, rng).await;
        self.heart.beat();
        outcome
    }
}
