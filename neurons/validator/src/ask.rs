//! The seam to the transport: asking many miners at once.

use std::time::Duration;

use async_trait::async_trait;
use axoneme_chain::Metagraph;
use axoneme_dendrite::{AxonTarget, Dendrite, Wire};
use axoneme_protocol::Prompting;

use crate::tls_keys::KnownKeys;

/// What came back from one miner.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reply {
    /// Status code the call ended with; 200 is an answer.
    pub status: u16,
    /// Its explanation.
    pub message: String,
    /// The completion; empty when there is none.
    pub completion: String,
    /// How long it took, seconds.
    pub process_time: Option<f64>,
}

/// Asks miners. Implemented by the dendrite; tests script it.
#[async_trait]
pub trait Ask: Send + Sync {
    /// Sends `synapse` to all targets at once and waits for all, no longer than about `timeout`. One reply per target, in
    /// order: a call that fails has a status that says how.
    async fn ask(&self, targets: &[AxonTarget], synapse: &Prompting, timeout: Duration) -> Vec<Reply>;
}

#[async_trait]
impl Ask for Dendrite {
    async fn ask(&self, targets: &[AxonTarget], synapse: &Prompting, timeout: Duration) -> Vec<Reply> {
        let answers = self.query(targets, synapse, timeout).await;
        let reply = |answer: axoneme_dendrite::Answer<Prompting>| Reply {
            status: answer.status,
            message: answer.message,
            completion: answer.synapse.completion,
            process_time: answer.process_time,
        };
        answers.into_iter().map(reply).collect()
    }
}

/// Where the neurons with these uids serve, with their TLS keys. Those that serve nowhere are left out.
pub fn targets(metagraph: &Metagraph, tls_keys: &KnownKeys, uids: &[u16]) -> Vec<(u16, AxonTarget)> {
    let target = |uid: &u16| {
        let neuron = metagraph.neuron(*uid)?;
        let axon = neuron.axon?;
        // A number that nobody knows is taken for a Python axon's.
        let wire = Wire::announced(axon.protocol).unwrap_or_default();
        let tls = tls_keys.get(&neuron.hotkey).copied().unwrap_or_default();
        let target = AxonTarget::new(neuron.hotkey, axon.ip, axon.port)
            .over(wire)
            .with_tls(tls);
        Some((*uid, target))
    };
    uids.iter().filter_map(target).collect()
}
