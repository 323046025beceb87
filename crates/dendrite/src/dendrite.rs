//! Asking one axon, or many at once.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axoneme_protocol::twresp::Exchange;
use axoneme_protocol::{StreamingSynapse, Synapse};
use axoneme_wallet::{AccountId, Keypair};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::answer::{Answer, Failure, Good, Outcome};
use crate::config::{DendriteConfig, DendriteError};
use crate::lanes::Lanes;
use crate::open::{Opened, Spoken};
use crate::pieces;
use crate::request::Prepared;
use crate::response;
use crate::signed::{self, Asked};
use crate::signers::Signers;
use crate::stream::Pipe;
use crate::target::{AxonTarget, Wire};
use crate::transport::Transport;

/// Asks axons. Cheap to clone; clones share connections, lanes and the bound on calls in flight.
///
/// Have one signing process per hotkey: axons refuse a nonce they saw, and two processes could sign the same.
#[derive(Clone)]
pub struct Dendrite {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) signer: Arc<Keypair>,
    pub(crate) config: DendriteConfig,
    pub(crate) transport: Transport,
    pub(crate) lanes: Lanes,
    pub(crate) signers: Signers,
    in_flight: Semaphore,
    own: AccountId,
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
        let shared = Shared {
            own: signer.account_id(),
            signer,
            transport: Transport::new(&config),
            lanes: Lanes::default(),
            signers: Signers::new(config.btauth.known_signers.iter().copied()),
            in_flight: Semaphore::new(config.max_in_flight.min(Semaphore::MAX_PERMITS)),
            config,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The miners that have signed an answer, which are never asked over the v10 wire in place of btauth. To be given to
    /// the next run as [`known_signers`](crate::BtauthConfig::known_signers).
    pub fn signers(&self) -> Vec<AccountId> {
        self.shared.signers.all()
    }

    /// Asks one axon and waits no longer than `timeout`, which covers everything: waiting for others, connecting,
    /// sending, and the whole answer.
    pub async fn call<S: Synapse>(&self, target: &AxonTarget, synapse: S, timeout: Duration) -> Answer<S> {
        match Prepared::new(synapse) {
            Ok(prepared) => self.call_prepared(target, &prepared, timeout).await,
            Err((synapse, failure)) => failed(synapse, failure, None),
        }
    }

    /// Asks all axons at once; the answers are in the order of `targets`.
    ///
    /// Dropping the future cancels what is still under way.
    pub async fn query<S: Synapse>(&self, targets: &[AxonTarget], synapse: &S, timeout: Duration) -> Vec<Answer<S>> {
        let prepared = match Prepared::new(synapse.clone()) {
            Ok(prepared) => Arc::new(prepared),
            Err((synapse, failure)) => {
                let answer = |_: &AxonTarget| failed(synapse.clone(), failure.clone(), None);
                return targets.iter().map(answer).collect();
            }
        };
        // A task each: signing 256 requests takes 20 ms of one core, which the last in line should not pay for.
        let mut tasks = JoinSet::new();
        for (index, target) in targets.iter().enumerate() {
            let (dendrite, target, prepared) = (self.clone(), *target, prepared.clone());
            tasks.spawn(async move { (index, dendrite.call_prepared(&target, &prepared, timeout).await) });
        }
        let mut answers: Vec<Option<Answer<S>>> = targets.iter().map(|_| None).collect();
        while let Some(ended) = tasks.join_next().await {
            // A task that panicked, in a synapse's own code, leaves its place empty.
            if let Ok((index, answer)) = ended {
                answers[index] = Some(answer);
            }
        }
        let answers = answers.into_iter();
        answers
            .map(|answer| answer.unwrap_or_else(|| panicked(synapse.clone())))
            .collect()
    }

    async fn call_prepared<S: Synapse>(
        &self,
        target: &AxonTarget,
        prepared: &Prepared<S>,
        timeout: Duration,
    ) -> Answer<S> {
        let asking = self.shared.ask(target, prepared, timeout);
        let synapse = prepared.synapse.clone();
        self.shared.conclude(target, synapse, timeout, asking).await
    }

    /// [`call`](Self::call) for an answer in pieces, which go into `pipe` as they arrive.
    pub(crate) async fn read_stream<S: StreamingSynapse>(
        &self,
        target: &AxonTarget,
        synapse: S,
        timeout: Duration,
        pipe: &Pipe,
    ) -> Answer<S> {
        let prepared = match Prepared::new(synapse) {
            Ok(prepared) => prepared,
            Err((synapse, failure)) => return failed(synapse, failure, None),
        };
        let timeout = match target.wire {
            Wire::V10 => timeout,
            Wire::Btauth => timeout.min(self.shared.config.btauth.stream.max_duration),
        };
        let asking = self.shared.ask_pieces(target, &prepared, timeout, pipe);
        let synapse = prepared.synapse.clone();
        self.shared.conclude(target, synapse, timeout, asking).await
    }
}

impl Shared {
    /// Lets a call take no longer than `timeout`, and makes its end an answer.
    async fn conclude<S: Synapse>(
        &self,
        target: &AxonTarget,
        mut synapse: S,
        timeout: Duration,
        asking: impl Future<Output = Result<Good<S>, Failure>>,
    ) -> Answer<S> {
        let began = Instant::now();
        let result = tokio::time::timeout(timeout, asking)
            .await
            .unwrap_or_else(|_| Err(Failure::timed_out(timeout)));
        let took = began.elapsed().as_secs_f64();
        let answer = match result {
            Ok(good) => {
                synapse.take_answer(good.synapse);
                Answer {
                    synapse,
                    status: 200,
                    message: axoneme_protocol::envelope::header_safe(&good.message),
                    process_time: Some(took),
                    outcome: Outcome::Answered,
                    signed: good.signed,
                }
            }
            Err(failure) => failed(synapse, failure, Some(took)),
        };
        if answer.signed {
            self.signers.remember(target.hotkey);
        }
        record::<S>(&answer, target, took);
        answer
    }

    async fn ask<S: Synapse>(
        &self,
        target: &AxonTarget,
        prepared: &Prepared<S>,
        timeout: Duration,
    ) -> Result<Good<S>, Failure> {
        // Before signing: a request that waited here would be stale when it leaves.
        let _permit = self.in_flight.acquire().await.map_err(Failure::unsendable)?;
        let Opened { response, spoken } = self.open(target, prepared, timeout).await?;
        let limit = self.config.answer_bytes;
        match spoken {
            Spoken::V10 { .. } => response::read(response, limit).await,
            Spoken::Btauth { nonce } => signed::read(response, &self.asked(target, nonce, prepared), limit).await,
        }
    }

    async fn ask_pieces<S: StreamingSynapse>(
        &self,
        target: &AxonTarget,
        prepared: &Prepared<S>,
        timeout: Duration,
        pipe: &Pipe,
    ) -> Result<Good<S>, Failure> {
        let _permit = self.in_flight.acquire().await.map_err(Failure::unsendable)?;
        let Opened { response, spoken } = self.open(target, prepared, timeout).await?;
        let filled = prepared.synapse.clone();
        match spoken {
            Spoken::V10 { .. } => pieces::read_v10(response, self.config.answer_bytes, filled, pipe).await,
            Spoken::Btauth { nonce } => {
                let (asked, limits) = (self.asked(target, nonce, prepared), self.config.btauth.stream);
                pieces::read_signed(response, &asked, limits, filled, pipe).await
            }
        }
    }

    fn asked<'a, S>(&'a self, target: &'a AxonTarget, nonce: u64, prepared: &'a Prepared<S>) -> Asked<'a> {
        Asked {
            exchange: Exchange {
                nonce,
                sender: &self.own,
                responder: &target.hotkey,
            },
            json: &prepared.json,
            require_signature: self.config.btauth.require_signature,
        }
    }
}

/// The answer of a call that failed, after `took` seconds.
fn failed<S>(synapse: S, failure: Failure, took: Option<f64>) -> Answer<S> {
    Answer {
        synapse,
        status: failure.status,
        message: failure.message,
        process_time: took.filter(|_| failure.timed),
        outcome: failure.outcome,
        signed: failure.signed,
    }
}

/// The answer of a call whose task panicked, which only code of the synapse can make it do.
pub(crate) fn panicked<S>(synapse: S) -> Answer<S> {
    failed(synapse, Failure::unsendable("the call panicked"), None)
}

fn record<S: Synapse>(answer: &Answer<S>, target: &AxonTarget, took: f64) {
    tracing::debug!(
        hotkey = %target.hotkey, ip = %target.ip, port = target.port, status = answer.status,
        outcome = answer.outcome.label(), took, "{}", answer.message
    );
    let (class, outcome) = (answer.class().label(), answer.outcome.label());
    metrics::counter!("dendrite_requests_total", "synapse" => S::NAME, "class" => class, "outcome" => outcome)
        .increment(1);
    metrics::histogram!("dendrite_request_seconds", "synapse" => S::NAME).record(took);
}
