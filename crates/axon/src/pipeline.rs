//! What happens to a request, from head to answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axoneme_protocol::nonce::NonceUse;
use axoneme_protocol::{Clock, Envelope, NonceStore, NonceWindow, SignedHead, TerminalInfo, WIRE_VERSION};
use axoneme_wallet::{AccountId, Keypair};
use futures::FutureExt;
use http::request::Parts;
use http::{Method, Request};
use hyper::body::{Body, Incoming};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::answer::{self, Answer};
use crate::body;
use crate::connection::RequestStart;
use crate::handler::Caller;
use crate::limits::Limits;
use crate::peers::Peer;
use crate::policy::{CallerPolicy, Verdict};
use crate::queue::{Gate, Turned};
use crate::rate::RateLimiter;
use crate::refusal::Refusal;
use crate::route::{Route, Written};

/// Everything the requests of one axon share.
pub(crate) struct Pipeline {
    pub(crate) hotkey: Arc<Keypair>,
    pub(crate) address: AccountId,
    pub(crate) limits: Limits,
    pub(crate) routes: BTreeMap<&'static str, Endpoint>,
    pub(crate) policy: Arc<dyn CallerPolicy>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) window: NonceWindow,
    pub(crate) nonces: Arc<dyn NonceStore>,
    pub(crate) per_peer: Option<RateLimiter<Peer>>,
    pub(crate) per_hotkey: Option<RateLimiter<AccountId>>,
    pub(crate) gate: Arc<Gate>,
    /// Fires when requests in flight have to end.
    pub(crate) stop: CancellationToken,
}

/// A route and the largest body it takes.
pub(crate) struct Endpoint {
    pub(crate) route: Box<dyn Route>,
    pub(crate) body_bytes: usize,
}

/// Where a request came in.
pub(crate) struct Place {
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) start: RequestStart,
}

/// What is known about a request when it is answered.
#[derive(Default)]
struct Known {
    route: Option<&'static str>,
    head: Option<SignedHead>,
    verified: bool,
}

impl Pipeline {
    /// Answers one request. Never fails: what goes wrong is an answer too.
    pub(crate) async fn serve(&self, request: Request<Incoming>, place: &Place) -> Answer {
        let began = Instant::now();
        let (parts, mut body) = request.into_parts();
        let mut known = Known::default();
        let serving = AssertUnwindSafe(self.pass(&parts, &mut body, place, began, &mut known)).catch_unwind();
        let outcome = serving
            .await
            .unwrap_or_else(|_| Err(Refusal::internal(&"the handler panicked")));
        let took = began.elapsed();
        let mut envelope = self.envelope(&known, place, took);
        let outcome = outcome.and_then(|written| {
            set_status(&mut envelope, 200, "Success");
            written(&mut envelope).map_err(|error| Refusal::internal(&error))
        });
        let (status, response) = match outcome {
            Ok(body) => (200, answer::json(200, &envelope, body)),
            Err(refusal) => {
                set_status(&mut envelope, refusal.status(), &refusal.to_string());
                envelope.body_hash.clear();
                let mut response = answer::refused(&refusal, &envelope);
                if refusal.closes() || !body::drain(&mut body).await {
                    answer::close(&mut response);
                }
                tracing::debug!(peer = %place.peer, status = refusal.status(), "refused: {refusal}");
                (refusal.status(), response)
            }
        };
        if body.is_end_stream() {
            place.start.reset();
        }
        record(known.route, status, took);
        response
    }

    /// The list of checks, cheapest first, and then the handler.
    ///
    /// Two orders matter. Nothing is remembered about a caller before its signature holds. And the nonce is claimed
    /// after the signature and before anything that takes time, so that of two copies one passes.
    async fn pass(
        &self,
        parts: &Parts,
        body: &mut Incoming,
        place: &Place,
        began: Instant,
        known: &mut Known,
    ) -> Result<Written, Refusal> {
        self.check_address_rate(place)?;
        body::check_framing(&parts.headers)?;
        let endpoint = self.find_route(parts, known)?;
        body::check_content_type(&parts.headers)?;
        let head = SignedHead::parse(
            parts
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_bytes())),
        )?;
        let head = &*known.head.insert(head);
        self.check_blacklist(head, endpoint)?;
        self.window.check(self.clock.unix_ns(), head.nonce, head.timeout)?;
        body::check_declared_length(body, endpoint.body_bytes)?;
        self.check_signature(head)?;
        self.nonces
            .claim(NonceUse {
                hotkey: &head.hotkey,
                uuid: &head.uuid,
                nonce: head.nonce,
            })
            .await?;
        known.verified = true;
        self.check_hotkey_rate(head)?;
        let arrive_by = place.start.get() + self.limits.request_timeout;
        let bytes = body::read(body, endpoint.body_bytes, arrive_by).await?;
        let ready = endpoint.route.read(&bytes, &head.body_hash)?;
        drop(bytes);
        let caller = self.caller(head, endpoint, place, began);
        let deadline = caller.deadline();
        let turn_by = deadline.min(Instant::now() + self.limits.queue_timeout);
        let _permit = self.wait_for_turn(&caller.hotkey, turn_by, deadline, began).await?;
        let cancel = self.stop.child_token();
        // Fires when this future is dropped, which is what happens when the client goes away.
        let _gone = cancel.clone().drop_guard();
        tokio::select! {
            result = ready(caller, cancel.clone()) => result.map_err(refuse),
            () = tokio::time::sleep_until(deadline) => Err(Refusal::HandlerTimeout { after: deadline - began }),
            () = self.stop.cancelled() => Err(Refusal::ShuttingDown),
        }
    }

    fn check_address_rate(&self, place: &Place) -> Result<(), Refusal> {
        let Some(limiter) = &self.per_peer else {
            return Ok(());
        };
        limiter
            .take(Peer::of(place.peer.ip()))
            .map_err(|retry_after| Refusal::AddressRate { retry_after })
    }

    fn find_route(&self, parts: &Parts, known: &mut Known) -> Result<&Endpoint, Refusal> {
        let name = parts.uri.path().trim_start_matches('/');
        let endpoint = self.routes.get(name);
        let endpoint = endpoint.ok_or_else(|| Refusal::unknown_route(name, self.routes.keys().copied()))?;
        known.route = Some(endpoint.route.name());
        if parts.method == Method::POST {
            Ok(endpoint)
        } else {
            Err(Refusal::Method)
        }
    }

    fn check_blacklist(&self, head: &SignedHead, endpoint: &Endpoint) -> Result<(), Refusal> {
        match self.policy.blacklist(&head.hotkey, endpoint.route.name()) {
            Verdict::Allow => Ok(()),
            Verdict::Refuse(reason) => Err(Refusal::Blacklisted(reason)),
        }
    }

    fn check_signature(&self, head: &SignedHead) -> Result<(), Refusal> {
        if head.verify(&self.address) {
            Ok(())
        } else {
            Err(Refusal::Signature)
        }
    }

    fn check_hotkey_rate(&self, head: &SignedHead) -> Result<(), Refusal> {
        let Some(limiter) = &self.per_hotkey else {
            return Ok(());
        };
        limiter
            .take(head.hotkey)
            .map_err(|retry_after| Refusal::HotkeyRate { retry_after })
    }

    fn caller(&self, head: &SignedHead, endpoint: &Endpoint, place: &Place, began: Instant) -> Caller {
        // Python clients mean "no limit" by zero.
        let patience = head
            .timeout
            .filter(|timeout| !timeout.is_zero())
            .unwrap_or(Duration::MAX);
        Caller {
            hotkey: head.hotkey,
            ip: place.peer.ip().to_canonical(),
            timeout: head.timeout,
            deadline: (began + patience.min(self.limits.handler_timeout)).into_std(),
            synapse: endpoint.route.name(),
            nonce: head.nonce,
            uuid: head.uuid.clone(),
            version: head.version,
        }
    }

    async fn wait_for_turn(
        &self,
        hotkey: &AccountId,
        until: Instant,
        deadline: Instant,
        began: Instant,
    ) -> Result<crate::queue::Permit, Refusal> {
        let entering = self.gate.enter(self.policy.priority(hotkey), until);
        metrics::gauge!("axon_queue_waiting").set(self.gate.waiting() as f64);
        match entering.await {
            Ok(permit) => Ok(permit),
            Err(Turned::Late) if until >= deadline => Err(Refusal::HandlerTimeout {
                after: deadline - began,
            }),
            Err(Turned::Full | Turned::Late) => Err(Refusal::Busy),
        }
    }

    /// What the answer says about both ends. Of the caller only what it signed, and only once that is verified.
    fn envelope(&self, known: &Known, place: &Place, took: Duration) -> Envelope {
        let endpoint = known.route.and_then(|name| self.routes.get(name));
        let head = known.head.as_ref().filter(|_| known.verified);
        Envelope {
            name: known.route.unwrap_or("Synapse").into(),
            timeout: head.and_then(|head| head.timeout).map(|timeout| timeout.as_secs_f64()),
            axon: TerminalInfo {
                process_time: Some(took.as_secs_f64()),
                ip: Some(place.local.ip().to_canonical().to_string()),
                port: Some(place.local.port()),
                version: Some(WIRE_VERSION),
                hotkey: Some(self.hotkey.account_id().to_string()),
                ..TerminalInfo::default()
            },
            dendrite: head.map_or_else(TerminalInfo::default, |head| TerminalInfo {
                ip: Some(place.peer.ip().to_canonical().to_string()),
                version: head.version,
                nonce: Some(head.nonce),
                uuid: Some(head.uuid.clone()),
                hotkey: Some(head.hotkey.to_string()),
                ..TerminalInfo::default()
            }),
            body_hash: String::new(),
            required_fields: endpoint.map_or(&[], |endpoint| endpoint.route.required_fields()),
        }
    }
}

fn refuse(error: crate::handler::HandlerError) -> Refusal {
    // The caller learns an id; the cause is for the operator.
    if error.status() == 500 {
        Refusal::internal(&error)
    } else {
        Refusal::Handler(error)
    }
}

fn set_status(envelope: &mut Envelope, code: u16, message: &str) {
    envelope.axon.status_code = Some(code);
    envelope.axon.status_message = Some(message.to_owned());
}

fn record(route: Option<&'static str>, status: u16, took: Duration) {
    let synapse = route.unwrap_or("unknown");
    metrics::counter!("axon_requests_total", "synapse" => synapse, "status" => status.to_string()).increment(1);
    metrics::histogram!("axon_request_seconds", "synapse" => synapse).record(took.as_secs_f64());
}
