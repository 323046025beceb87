//! The gating model's head beside the wandb run, whenever a checkpoint is due and at the end.

use std::sync::Arc;
use std::time::Duration;

use axoneme_neuron::Duties;
use tokio::sync::watch;

use crate::config::ValidatorConfig;
use crate::events::Recorder;
use crate::gating::Gating;
use crate::schedule::crossed;

/// The file's name in the run.
pub const FILE: &str = "gating.safetensors";

/// Longest time between two looks at the chain's head.
const LOOK: Duration = Duration::from_secs(60);
/// Longest time without progress: a full disk may take its time to say so.
const STUCK: Duration = Duration::from_secs(600);

/// Puts the head into the run that is being written.
#[derive(Clone)]
pub struct GatingTracker {
    gating: Arc<Gating>,
    events: Arc<Recorder>,
    /// Blocks between two checkpoints.
    length: u64,
}

impl GatingTracker {
    /// With `wandb.track_gating_model`, where runs are written and there is a gating model; else `None`.
    pub fn new(config: &ValidatorConfig, gating: Option<&Arc<Gating>>, events: &Arc<Recorder>) -> Option<Self> {
        let wanted = config.wandb.track_gating_model && config.wandb.writes_runs() && !config.neuron.dont_save_events;
        Some(Self {
            gating: gating.filter(|_| wanted)?.clone(),
            events: events.clone(),
            length: config.neuron.checkpoint_block_length,
        })
    }

    /// Writes the head as it is now, in place of an older one. What fails is logged and counted as any event that is lost.
    pub fn save(&self) {
        match self.gating.head() {
            Ok(bytes) => self.events.save_file(FILE, &bytes),
            Err(error) => tracing::warn!("the gating model cannot be tracked: {error}"),
        }
    }

    /// Adds the duty that does so at each checkpoint.
    pub fn keep_saved(&self, duties: &mut Duties, blocks: &watch::Receiver<u64>) {
        let (tracker, blocks) = (self.clone(), blocks.clone());
        duties.spawn("gating model in the run", STUCK, move |heart, cancel| {
            let (tracker, mut blocks) = (tracker.clone(), blocks.clone());
            async move {
                let mut saved = *blocks.borrow_and_update();
                loop {
                    heart.beat();
                    tokio::select! {
                        () = cancel.cancelled() => return Ok(()),
                        changed = blocks.changed() => changed?,
                        () = tokio::time::sleep(LOOK) => {}
                    }
                    let now = *blocks.borrow_and_update();
                    if crossed(saved, now, tracker.length) {
                        let tracker = tracker.clone();
                        tokio::task::spawn_blocking(move || tracker.save()).await?;
                        saved = now;
                    }
                }
            }
        });
    }
}
