//! The queue in front of the handlers.

use std::sync::Arc;

use tokio::time::Instant;

use super::shared::Shared;
use super::stage::{Asked, Step};
use crate::queue::Turned;
use crate::refusal::Refusal;

/// Counts one waiting request in the metrics for as long as it lives.
struct Counted(metrics::Gauge);

impl Counted {
    fn new() -> Self {
        let waiting = metrics::gauge!("axon_queue_waiting");
        waiting.increment(1.0);
        Self(waiting)
    }
}

impl Drop for Counted {
    /// Also when the client goes away while it waits.
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

#[derive(Clone)]
pub(crate) struct Turn(pub(crate) Arc<Shared>);

impl Step for Turn {
    async fn take(&self, asked: &mut Asked) -> Result<(), Refusal> {
        let shared = &self.0;
        let hotkey = asked.head()?.hotkey();
        let (priority, preferred) = (shared.policy.priority(hotkey), shared.policy.preferred(hotkey));
        if let Some(permit) = shared.gate.try_enter(preferred) {
            asked.permit = Some(permit);
            return Ok(());
        }
        let deadline = asked.deadline(&shared.limits);
        let until = deadline.min(Instant::now() + shared.limits.queue_timeout);
        let entering = shared.gate.enter(priority, preferred, until);
        let _counted = Counted::new();
        asked.permit = Some(entering.await.map_err(|turned| match turned {
            Turned::Late if until >= deadline => Refusal::HandlerTimeout {
                after: deadline - asked.began,
            },
            Turned::Full | Turned::Late => Refusal::Busy,
        })?);
        Ok(())
    }
}
