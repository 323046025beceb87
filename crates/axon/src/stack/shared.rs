//! Everything the requests of one axon share.

use std::collections::BTreeMap;
use std::sync::Arc;

use axoneme_protocol::{Clock, NonceStore, NonceWindow};
use axoneme_wallet::{AccountId, Keypair};
use tokio_util::sync::CancellationToken;

use crate::auth::AuthPolicy;
use crate::budget::Budget;
use crate::checks::Checks;
use crate::familiar::Familiar;
use crate::limits::Limits;
use crate::meters::Meters;
use crate::peers::Peer;
use crate::policy::CallerPolicy;
use crate::queue::Gate;
use crate::rate::RateLimiter;
use crate::route::Endpoint;
use crate::streams::OpenStreams;

/// Everything the requests of one axon share.
pub(crate) struct Shared {
    pub(crate) hotkey: Arc<Keypair>,
    pub(crate) address: AccountId,
    pub(crate) limits: Limits,
    /// Of routes that say nothing else, and of requests for no route.
    pub(crate) auth: AuthPolicy,
    pub(crate) routes: BTreeMap<&'static str, Arc<Endpoint>>,
    pub(crate) policy: Arc<dyn CallerPolicy>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) window: NonceWindow,
    pub(crate) nonces: Arc<dyn NonceStore>,
    pub(crate) per_peer: Option<RateLimiter<Peer>>,
    pub(crate) per_hotkey: Option<RateLimiter<AccountId>>,
    /// Signature checks for callers that were not served lately, all of them together.
    pub(crate) stranger_checks: Option<RateLimiter<()>>,
    /// Memory for the bodies of callers that are not verified yet.
    pub(crate) stranger_bytes: Arc<Budget>,
    pub(crate) familiar: Arc<Familiar>,
    /// Signature checks of familiar callers, made together.
    pub(crate) checks: Checks,
    pub(crate) gate: Arc<Gate>,
    pub(crate) streams: Arc<OpenStreams>,
    /// Requests for no route.
    pub(crate) unknown: Meters,
    /// What every answer says about this end.
    pub(crate) face: crate::answer::Face,
    /// Fires when requests in flight have to end.
    pub(crate) stop: CancellationToken,
}
