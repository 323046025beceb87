//! From a question to the head of an answer: which wire, which attempts.

use std::time::Duration;

use axoneme_protocol::Synapse;
use axoneme_wallet::Scheme;
use http::Response;
use hyper::body::Incoming;

use crate::answer::Failure;
use crate::dendrite::Shared;
use crate::lanes::{Lane, next_nonce};
use crate::request::{Prepared, Question};
use crate::signed;
use crate::target::{AxonTarget, Wire};
use crate::tls::TlsPolicy;
use crate::transport::{Route, SendError};

/// An answer of which the head has come.
pub(crate) struct Opened {
    pub(crate) response: Response<Incoming>,
    pub(crate) spoken: Spoken,
}

/// How the question was asked.
pub(crate) enum Spoken {
    /// Over the v10 wire. The lane stays taken until the answer is read.
    V10 { _lane: Lane },
    /// Over the btauth wire, with this nonce.
    Btauth { nonce: u64 },
}

impl Shared {
    /// Asks, and waits for the head of the answer.
    pub(crate) async fn open<S: Synapse>(
        &self,
        target: &AxonTarget,
        prepared: &Prepared<S>,
        timeout: Duration,
    ) -> Result<Opened, Failure> {
        let question = Question {
            signer: &self.signer,
            target,
            route: self.route::<S>(target)?,
            own_ip: self.config.external_ip,
            prepared,
            timeout,
        };
        if target.wire == Wire::V10 {
            return self.open_v10(&question).await;
        }
        let opened = self.open_btauth(&question).await?;
        let (status, headers) = (opened.response.status().as_u16(), opened.response.headers());
        if signed::is_v10_marker(status, headers) && self.may_fall_back(target) {
            tracing::info!(hotkey = %target.hotkey, "the axon speaks v10 only; asked again without response signatures");
            metrics::counter!("dendrite_fallbacks_total", "synapse" => S::NAME).increment(1);
            drop(opened);
            return self.open_v10(&question).await;
        }
        Ok(opened)
    }

    fn may_fall_back(&self, target: &AxonTarget) -> bool {
        let encrypted = self.config.tls.choose(target.tls).is_ok_and(|key| key.is_some());
        self.config.btauth.fall_back_to_v10
            && self.config.tls != TlsPolicy::Https
            && !encrypted
            && self.signers.may_fall_back(&target.hotkey)
    }

    fn route<S: Synapse>(&self, target: &AxonTarget) -> Result<Route, Failure> {
        let address = target
            .connect_to(self.config.external_ip, self.config.allow_private)
            .ok_or_else(|| Failure::private(&place::<S>(target)))?;
        let key = match target.wire {
            Wire::V10 => None,
            Wire::Btauth => {
                let choice = self.config.tls.choose(target.tls);
                choice.map_err(|why| Failure::tls(&place::<S>(target), why))?
            }
        };
        Ok(Route { address, key })
    }

    async fn open_v10<S: Synapse>(&self, question: &Question<'_, S>) -> Result<Opened, Failure> {
        if self.signer.scheme() != Scheme::Sr25519 {
            return Err(Failure::unsendable(
                "v10 axons verify sr25519 signatures only; sign with an sr25519 hotkey",
            ));
        }
        let lane = self.lanes.enter();
        let mut again = true;
        loop {
            let request = question.v10(next_nonce(&*self.config.clock), lane.uuid())?;
            match self.transport.send(request).await {
                Ok(response) => {
                    let spoken = Spoken::V10 { _lane: lane };
                    return Ok(Opened { response, spoken });
                }
                // The axon closed an idle connection while the request was on its way. Once, on another connection,
                // and signed anew: the axon may have seen this nonce.
                Err(SendError::Closed { reused: true }) if again => again = false,
                Err(error) => return Err(failure::<S>(error, question.target)),
            }
        }
    }

    async fn open_btauth<S: Synapse>(&self, question: &Question<'_, S>) -> Result<Opened, Failure> {
        let config = &self.config.btauth;
        for _ in 1..config.attempts {
            let attempt = self.attempt_btauth(question);
            let ended = match config.attempt_timeout {
                Some(limit) => tokio::time::timeout(limit, attempt).await.ok(),
                None => Some(attempt.await),
            };
            match ended {
                Some(Ok(opened)) if !matches!(opened.response.status().as_u16(), 502..=504) => return Ok(opened),
                // Nothing of what was asked can have been done, or it took too long.
                Some(Ok(_))
                | Some(Err(Attempt::Send(SendError::Connect | SendError::Closed { reused: true })))
                | None => {}
                Some(Err(error)) => return Err(error.failure(question)),
            }
        }
        // The last one may take what is left of the call's time.
        let last = self.attempt_btauth(question).await;
        last.map_err(|error| error.failure(question))
    }

    async fn attempt_btauth<S: Synapse>(&self, question: &Question<'_, S>) -> Result<Opened, Attempt> {
        let nonce = next_nonce(&*self.config.clock);
        let request = question.btauth(nonce).map_err(Attempt::Ours)?;
        let response = self.transport.send(request).await.map_err(Attempt::Send)?;
        let spoken = Spoken::Btauth { nonce };
        Ok(Opened { response, spoken })
    }
}

/// Why an attempt got no head.
enum Attempt {
    Send(SendError),
    Ours(Failure),
}

impl Attempt {
    fn failure<S: Synapse>(self, question: &Question<'_, S>) -> Failure {
        match self {
            Self::Send(error) => failure::<S>(error, question.target),
            Self::Ours(failure) => failure,
        }
    }
}

fn place<S: Synapse>(target: &AxonTarget) -> String {
    format!("{}:{}/{}", target.ip, target.port, S::NAME)
}

fn failure<S: Synapse>(error: SendError, target: &AxonTarget) -> Failure {
    match error {
        SendError::Connect => Failure::unreachable(&place::<S>(target)),
        SendError::Tls(why) => Failure::tls(&place::<S>(target), why),
        SendError::Closed { .. } => Failure::disconnected(),
        SendError::Parse(why) => Failure::not_http(why),
        SendError::Other(why) => Failure::unsendable(why),
    }
}
