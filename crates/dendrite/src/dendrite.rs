//! Asking one axon, or many at once.

use std::sync::Arc;
use std::time::Duration;

use axoneme_protocol::Synapse;
use axoneme_protocol::body_hash::body_hash;
use axoneme_wallet::Keypair;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::answer::{Answer, Failure, Outcome};
use crate::config::{DendriteConfig, DendriteError};
use crate::lanes::{Lanes, next_nonce};
use crate::request::Question;
use crate::response;
use crate::target::AxonTarget;
use crate::transport::{SendError, Transport};

/// Asks axons. Cheap to clone; clones share connections, lanes and the bound on calls in flight.
#[derive(Clone)]
pub struct Dendrite {
    shared: Arc<Shared>,
}

struct Shared {
    signer: Arc<Keypair>,
    config: DendriteConfig,
    transport: Transport,
    lanes: Lanes,
    in_flight: Semaphore,
}

impl std::fmt::Debug for Dendrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dendrite")
            .field("hotkey", &self.shared.signer)
            .finish_non_exhaustive()
    }
}

impl Dendrite {
    /// A dendrite that signs with `signer`.
    ///
    /// Fails on settings with which no call could succeed.
    pub fn new(signer: Arc<Keypair>, config: DendriteConfig) -> Result<Self, DendriteError> {
        config.check()?;
        let transport = Transport::new(&config);
        let in_flight = Semaphore::new(config.max_in_flight.min(Semaphore::MAX_PERMITS));
        Ok(Self {
            shared: Arc::new(Shared {
                signer,
                config,
                transport,
                lanes: Lanes::default(),
                in_flight,
            }),
        })
    }

    /// Asks one axon and waits no longer than `timeout`, which covers everything: waiting for others, connecting,
    /// sending, and the whole answer.
    pub async fn call<S: Synapse>(&self, target: &AxonTarget, mut synapse: S, timeout: Duration) -> Answer<S> {
        let began = Instant::now();
        let asking = self.shared.ask(target, &synapse, timeout);
        let result = tokio::time::timeout(timeout, asking)
            .await
            .unwrap_or_else(|_| Err(Failure::timed_out(timeout)));
        let took = began.elapsed().as_secs_f64();
        let answer = match result {
            Ok((answer, message)) => {
                synapse.take_answer(answer);
                let message = axoneme_protocol::envelope::header_safe(&message);
                Answer {
                    synapse,
                    status: 200,
                    message,
                    process_time: Some(took),
                    outcome: Outcome::Answered,
                }
            }
            Err(failure) => Answer {
                synapse,
                status: failure.status,
                message: failure.message,
                process_time: failure.timed.then_some(took),
                outcome: failure.outcome,
            },
        };
        record::<S>(&answer, target, took);
        answer
    }

    /// Asks all axons at once; the answers are in the order of `targets`.
    ///
    /// Dropping the future cancels what is still under way.
    pub async fn query<S: Synapse>(&self, targets: &[AxonTarget], synapse: &S, timeout: Duration) -> Vec<Answer<S>> {
        // A task each: signing 256 requests takes 20 ms of one core, which the last in line should not pay for.
        let mut tasks = JoinSet::new();
        for (index, target) in targets.iter().enumerate() {
            let (dendrite, target, synapse) = (self.clone(), *target, synapse.clone());
            tasks.spawn(async move { (index, dendrite.call(&target, synapse, timeout).await) });
        }
        let mut answers: Vec<Option<Answer<S>>> = targets.iter().map(|_| None).collect();
        while let Some(ended) = tasks.join_next().await {
            // A task that panicked, in a synapse's own code, leaves its place empty.
            if let Ok((index, answer)) = ended {
                answers[index] = Some(answer);
            }
        }
        answers
            .into_iter()
            .map(|answer| answer.unwrap_or_else(|| panicked(synapse)))
            .collect()
    }
}

impl Shared {
    async fn ask<S: Synapse>(
        &self,
        target: &AxonTarget,
        synapse: &S,
        timeout: Duration,
    ) -> Result<(S, String), Failure> {
        let connect_to = target
            .connect_to(self.config.external_ip, self.config.allow_private)
            .ok_or_else(|| Failure::private(&place::<S>(target)))?;
        let body_hash = body_hash(synapse).map_err(Failure::unsendable)?;
        // Before signing: a request that waited here would be stale when it leaves.
        let _permit = self.in_flight.acquire().await.map_err(Failure::unsendable)?;
        let question = Question {
            signer: &self.signer,
            target,
            connect_to,
            own_ip: self.config.external_ip,
            synapse,
            body_hash: &body_hash,
            timeout,
        };
        let lane = self.lanes.enter();
        let mut again = true;
        let response = loop {
            let request = question.sign(next_nonce(&*self.config.clock), lane.uuid())?;
            match self.transport.send(request).await {
                Ok(response) => break response,
                // The axon closed an idle connection while the request was on its way. Once, on another connection,
                // and signed anew: the axon may have seen this nonce.
                Err(SendError::Closed { reused: true }) if again => again = false,
                Err(error) => return Err(failure::<S>(error, target)),
            }
        };
        response::read(response, self.config.answer_bytes).await
    }
}

fn place<S: Synapse>(target: &AxonTarget) -> String {
    format!("{}:{}/{}", target.ip, target.port, S::NAME)
}

fn failure<S: Synapse>(error: SendError, target: &AxonTarget) -> Failure {
    match error {
        SendError::Connect => Failure::unreachable(&place::<S>(target)),
        SendError::Closed { .. } => Failure::disconnected(),
        SendError::Parse(why) => Failure::not_http(why),
        SendError::Other(why) => Failure::unsendable(why),
    }
}

fn panicked<S: Synapse>(synapse: &S) -> Answer<S> {
    let failure = Failure::unsendable("the call panicked");
    Answer {
        synapse: synapse.clone(),
        status: failure.status,
        message: failure.message,
        process_time: None,
        outcome: failure.outcome,
    }
}

fn record<S: Synapse>(answer: &Answer<S>, target: &AxonTarget, took: f64) {
    tracing::debug!(
        hotkey = %target.hotkey, ip = %target.ip, port = target.port, status = answer.status,
        outcome = ?answer.outcome, took, "{}", answer.message
    );
    let class = answer.class().label();
    metrics::counter!("dendrite_requests_total", "synapse" => S::NAME, "class" => class).increment(1);
    metrics::histogram!("dendrite_request_seconds", "synapse" => S::NAME).record(took);
}
