//! The client itself.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use axoneme_protocol::body_hash::body_hash;
use axoneme_protocol::signing::sign_request;
use axoneme_protocol::{Clock, Envelope, Synapse, SystemClock, TerminalInfo, WIRE_VERSION};
use axoneme_wallet::{AccountId, Keypair};
use futures::stream::{FuturesUnordered, StreamExt};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tokio::sync::Semaphore;

use crate::answer::{Answer, Outcome};
use crate::lanes::Lanes;
use crate::read::{self, Bad};

/// A Python axon closes a connection that was idle for five seconds; ours must not be found dead.
const IDLE: Duration = Duration::from_secs(4);

/// Settings of a [`Dendrite`].
#[derive(Debug, Clone)]
pub struct DendriteConfig {
    /// Requests under way at the same time, all axons together. Waiting for a place counts against the deadline, so too
    /// few make far axons look slow.
    pub max_concurrent: usize,
    /// Largest answer, bytes. Too large lets a hostile axon fill the memory, times [`DendriteConfig::max_concurrent`].
    pub max_answer: usize,
    /// This machine's published address: an axon there is reached over loopback.
    pub external_ip: Option<IpAddr>,
}

impl Default for DendriteConfig {
    fn default() -> Self {
        Self {
            max_concurrent: 1024,
            max_answer: 4 * 1024 * 1024,
            external_ip: None,
        }
    }
}

/// An axon to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AxonTarget {
    /// Whom the request is for; it is signed for this hotkey only.
    pub hotkey: AccountId,
    /// Published address.
    pub ip: IpAddr,
    /// Published port.
    pub port: u16,
}

/// Why a dendrite could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the HTTP client: {0}")]
pub struct DendriteError(#[from] reqwest::Error);

/// Sends signed requests to axons. Clones share connections, lanes and limits.
#[derive(Clone)]
pub struct Dendrite {
    hotkey: Arc<Keypair>,
    http: reqwest::Client,
    lanes: Lanes,
    places: Arc<Semaphore>,
    config: DendriteConfig,
}

impl std::fmt::Debug for Dendrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dendrite")
            .field("hotkey", &self.hotkey)
            .finish_non_exhaustive()
    }
}

impl Dendrite {
    /// A client that signs with `hotkey`.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn new(hotkey: Arc<Keypair>, config: DendriteConfig) -> Result<Self, DendriteError> {
        Self::with_clock(hotkey, config, Arc::new(SystemClock::default()))
    }

    /// [`Dendrite::new`] with nonces from another clock.
    ///
    /// # Errors
    /// When the HTTP client cannot be set up.
    pub fn with_clock(
        hotkey: Arc<Keypair>,
        config: DendriteConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, DendriteError> {
        static TLS: Once = Once::new();
        // Axons speak plain HTTP, but the HTTP client wants a TLS provider to be named; a host program may have.
        TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .pool_idle_timeout(IDLE)
            .http1_only()
            .build()?;
        let places = Arc::new(Semaphore::new(config.max_concurrent.max(1)));
        Ok(Self {
            hotkey,
            http,
            lanes: Lanes::new(clock),
            places,
            config,
        })
    }

    /// Asks one axon. `timeout` covers everything: a place, connection, answer.
    pub async fn call<S: Synapse>(
        &self,
        target: &AxonTarget,
        synapse: S,
        timeout: Duration,
    ) -> Answer<S> {
        let started = Instant::now();
        let result = tokio::time::timeout(timeout, self.exchange(target, &synapse, timeout)).await;
        let taken = started.elapsed().as_secs_f64();
        let result = result.unwrap_or_else(|_| {
            let message = format!("Request timeout after {} seconds", timeout.as_secs_f64());
            Err(Bad {
                outcome: Outcome::TimedOut,
                status: 408,
                message,
            })
        });
        let answer = match result {
            Ok(served) => {
                let mut synapse = synapse;
                synapse.take_answer(served);
                let message = "Success".to_owned();
                Answer {
                    synapse,
                    status: 200,
                    message,
                    process_time: Some(taken),
                    outcome: Outcome::Served,
                }
            }
            Err(Bad {
                outcome,
                status,
                message,
            }) => {
                let answered = outcome == Outcome::Refused;
                Answer {
                    synapse,
                    status,
                    message,
                    process_time: answered.then_some(taken),
                    outcome,
                }
            }
        };
        metrics::counter!("dendrite_requests_total", "outcome" => answer.outcome.label())
            .increment(1);
        metrics::histogram!("dendrite_request_seconds").record(taken);
        tracing::debug!(to = %target.hotkey, status = answer.status, seconds = taken, "{} {}", S::NAME, answer.message);
        answer
    }

    /// Asks all axons at once; answers are in the order of `targets`.
    pub async fn query<S: Synapse>(
        &self,
        targets: &[AxonTarget],
        synapse: &S,
        timeout: Duration,
    ) -> Vec<Answer<S>> {
        let mut calls: FuturesUnordered<_> = targets
            .iter()
            .enumerate()
            .map(|(index, target)| async move {
                (index, self.call(target, synapse.clone(), timeout).await)
            })
            .collect();
        let mut answers: Vec<Option<Answer<S>>> = targets.iter().map(|_| None).collect();
        while let Some((index, answer)) = calls.next().await {
            answers[index] = Some(answer);
        }
        answers.into_iter().flatten().collect()
    }

    async fn exchange<S: Synapse>(
        &self,
        target: &AxonTarget,
        synapse: &S,
        timeout: Duration,
    ) -> Result<S, Bad> {
        let not_sent = |reason: &dyn std::fmt::Display| Bad {
            outcome: Outcome::NotSent,
            status: 500,
            message: format!("Client error: {reason}"),
        };
        let _place = self
            .places
            .acquire()
            .await
            .map_err(|error| not_sent(&error))?;
        let lane = self.lanes.take();
        let hash = body_hash(synapse).map_err(|error| not_sent(&error))?;
        let url = format!("http://{}/{}", self.address(target), S::NAME);
        // A connection from the pool may turn out to be closed by the other end: one more try, with a new signature.
        for last in [false, true] {
            let envelope = self.envelope::<S>(target, timeout, &lane.uuid, &hash);
            let headers = headers(&envelope).map_err(|error| not_sent(&error))?;
            let body = envelope.body(synapse).map_err(|error| not_sent(&error))?;
            match self
                .http
                .post(&url)
                .headers(headers)
                .body(body)
                .send()
                .await
            {
                Ok(response) => return read::answer(response, self.config.max_answer).await,
                Err(error) if error.is_connect() => {
                    let message = format!(
                        "Service unavailable at {}:{}/{}",
                        target.ip,
                        target.port,
                        S::NAME
                    );
                    return Err(Bad {
                        outcome: Outcome::Unreachable,
                        status: 503,
                        message,
                    });
                }
                Err(error) if last || !closed_early(&error) => return Err(broken(&error)),
                Err(_) => {}
            }
        }
        Err(not_sent(&"no attempt was made"))
    }

    /// Where to connect. An axon at this machine's own published address is reached from inside.
    fn address(&self, target: &AxonTarget) -> SocketAddr {
        let own = self.config.external_ip == Some(target.ip);
        SocketAddr::new(
            if own {
                Ipv4Addr::LOCALHOST.into()
            } else {
                target.ip
            },
            target.port,
        )
    }

    fn envelope<S: Synapse>(
        &self,
        target: &AxonTarget,
        timeout: Duration,
        uuid: &str,
        hash: &str,
    ) -> Envelope {
        let nonce = self.lanes.nonce();
        Envelope {
            timeout: Some(timeout.as_secs_f64()),
            axon: TerminalInfo {
                ip: Some(target.ip.to_string()),
                port: Some(target.port),
                hotkey: Some(target.hotkey.to_string()),
                ..TerminalInfo::default()
            },
            dendrite: TerminalInfo {
                ip: self.config.external_ip.map(|ip| ip.to_string()),
                version: Some(WIRE_VERSION),
                nonce: Some(nonce),
                uuid: Some(uuid.to_owned()),
                hotkey: Some(self.hotkey.account_id().to_string()),
                signature: Some(sign_request(
                    &self.hotkey,
                    nonce,
                    &target.hotkey,
                    uuid,
                    hash,
                )),
                ..TerminalInfo::default()
            },
            body_hash: hash.to_owned(),
            ..Envelope::of::<S>()
        }
    }
}

fn headers(envelope: &Envelope) -> Result<HeaderMap, http::Error> {
    let mut headers = HeaderMap::new();
    for (name, value) in envelope.headers() {
        headers.insert(
            HeaderName::try_from(name.as_ref())?,
            HeaderValue::try_from(value)?,
        );
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(headers)
}

/// Whether the connection ended before the first byte of an answer.
fn closed_early(error: &reqwest::Error) -> bool {
    error.is_request() && !error.is_timeout() && !answered_badly(error)
}

/// Whether something came that is not HTTP.
fn answered_badly(error: &reqwest::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        // The HTTP library's own error is not public through the client; its text is what it has.
        if error.to_string().contains("invalid HTTP") {
            return true;
        }
        cause = error.source();
    }
    false
}

fn broken(error: &reqwest::Error) -> Bad {
    if answered_badly(error) {
        let message = "Client response error: the answer is not HTTP".to_owned();
        Bad {
            outcome: Outcome::Unreadable,
            status: 400,
            message,
        }
    } else {
        let message = "Service disconnected: Server disconnected".to_owned();
        Bad {
            outcome: Outcome::Disconnected,
            status: 503,
            message,
        }
    }
}
