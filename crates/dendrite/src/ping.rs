//! Who is there, and how far away.

use std::time::Duration;

use axoneme_protocol::Ping;

use crate::answer::Outcome;
use crate::dendrite::Dendrite;
use crate::target::AxonTarget;

/// What came of asking an axon whether it is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Pong {
    /// Whom.
    pub target: AxonTarget,
    /// From asking to the complete answer, with opening the connection if there was none; `None` when the axon does not
    /// serve us.
    pub latency: Option<Duration>,
    /// The status, as of any call.
    pub status: u16,
    /// What happened.
    pub outcome: Outcome,
}

impl Pong {
    /// Whether the axon serves us.
    pub fn is_available(&self) -> bool {
        self.latency.is_some()
    }
}

impl Dendrite {
    /// Asks all axons at once for the route that each has, the one of the empty synapse. It goes through the same checks
    /// as any other: an axon that answers would serve us. In the order of `targets`.
    pub async fn ping(&self, targets: &[AxonTarget], timeout: Duration) -> Vec<Pong> {
        let answers = self.query(targets, &Ping {}, timeout).await;
        let pongs = targets.iter().zip(answers).map(|(target, answer)| Pong {
            target: *target,
            latency: answer
                .process_time
                .filter(|_| answer.is_success())
                .map(Duration::from_secs_f64),
            status: answer.status,
            outcome: answer.outcome,
        });
        pongs.collect()
    }
}
