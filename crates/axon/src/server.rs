//! Building, starting, and going down in order.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axoneme_protocol::{
    Clock, MemoryNonceStore, NonceStore, NonceWindow, Ping, StreamingSynapse, Synapse, SystemClock,
};
use axoneme_wallet::Keypair;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accept::Acceptor;
use crate::answer::Face;
use crate::auth::AuthPolicy;
use crate::budget::Budget;
use crate::checks::Checks;
use crate::error::AxonError;
use crate::familiar::Familiar;
use crate::handler::{Forward, ForwardStream};
use crate::limits::Limits;
use crate::meters::Meters;
use crate::policy::{AllowAll, CallerPolicy};
use crate::queue::Gate;
use crate::rate::RateLimiter;
use crate::route::{Endpoint, Pong, Route, StreamRoute, WholeRoute};
use crate::stack::Shared;
use crate::streams::OpenStreams;
use crate::tls::TlsIdentity;

/// The HTTP server of a neuron.
#[derive(Debug)]
pub struct Axon;

impl Axon {
    /// Begins an axon whose callers must sign for `hotkey`.
    pub fn builder(hotkey: Arc<Keypair>) -> AxonBuilder {
        AxonBuilder {
            hotkey,
            bind: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8091)),
            limits: Limits::default(),
            auth: AuthPolicy::default(),
            policy: Arc::new(AllowAll),
            clock: Arc::new(SystemClock::default()),
            nonces: None,
            tls: None,
            routes: vec![Box::new(WholeRoute::<Ping>(Arc::new(Pong)))],
            options: vec![(Ping::NAME, RouteOption::Unhashed)],
        }
    }
}

/// An axon about to start.
#[must_use = "call start()"]
pub struct AxonBuilder {
    hotkey: Arc<Keypair>,
    bind: SocketAddr,
    limits: Limits,
    auth: AuthPolicy,
    policy: Arc<dyn CallerPolicy>,
    clock: Arc<dyn Clock>,
    nonces: Option<Arc<dyn NonceStore>>,
    tls: Option<TlsIdentity>,
    routes: Vec<Box<dyn Route>>,
    options: Vec<(&'static str, RouteOption)>,
}

/// What is said about one route; the last word counts.
#[derive(Debug, Clone, Copy)]
enum RouteOption {
    BodyBytes(usize),
    Auth(AuthPolicy),
    Unhashed,
}

impl AxonBuilder {
    /// Where to listen; 0.0.0.0:8091 unless said otherwise. Port 0 picks a free one.
    pub fn bind(mut self, addr: SocketAddr) -> Self {
        self.bind = addr;
        self
    }

    /// Limits other than the default ones.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Which wires are accepted; both, unless said otherwise.
    pub fn auth(mut self, auth: AuthPolicy) -> Self {
        self.auth = auth;
        self
    }

    /// Which wires one synapse is served on, instead of what [`auth`](Self::auth) says.
    pub fn route_auth<S: Synapse>(mut self, auth: AuthPolicy) -> Self {
        self.options.push((S::NAME, RouteOption::Auth(auth)));
        self
    }

    /// Who may ask and who goes first; everybody, unless said otherwise.
    pub fn policy(mut self, policy: Arc<dyn CallerPolicy>) -> Self {
        self.policy = policy;
        self
    }

    /// Serves a synapse.
    pub fn route<S: Synapse>(mut self, handler: Arc<dyn Forward<S>>) -> Self {
        self.routes.push(Box::new(WholeRoute(handler)));
        self
    }

    /// Serves a synapse whose answer is a stream.
    pub fn route_stream<S: StreamingSynapse>(mut self, handler: Arc<dyn ForwardStream<S>>) -> Self {
        self.routes.push(Box::new(StreamRoute(handler)));
        self
    }

    /// Serves a synapse without hash fields on the v10 wire, where anybody on the way can change its body. Without
    /// this such a route keeps the axon from starting.
    pub fn allow_unhashed<S: Synapse>(mut self) -> Self {
        self.options.push((S::NAME, RouteOption::Unhashed));
        self
    }

    /// A body limit for one synapse, instead of [`Limits::body_bytes`].
    pub fn body_limit<S: Synapse>(mut self, bytes: usize) -> Self {
        self.options.push((S::NAME, RouteOption::BodyBytes(bytes)));
        self
    }

    /// A nonce store that outlives this process or is shared with others (`axoneme-replay` has both), instead of this
    /// process's memory. It has to cover [`Limits::horizon`]; both wires claim in it. Without one, requests signed
    /// before the axon started are refused with 503, since an earlier process may have served them.
    pub fn nonce_store(mut self, store: Arc<dyn NonceStore>) -> Self {
        self.nonces = Some(store);
        self
    }

    /// Serves TLS on the same port, to those that begin with it. Publish [`TlsIdentity::published`] on chain so that
    /// clients know the key; v10 clients go on in plain HTTP.
    pub fn tls(mut self, identity: TlsIdentity) -> Self {
        self.tls = Some(identity);
        self
    }

    /// A clock other than the machine's, for tests and replays.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Listens and serves until [`AxonHandle::shutdown`].
    ///
    /// Fails when the address cannot be had, when two handlers serve one synapse, or when a route would accept bodies
    /// that nobody signed.
    pub async fn start(self) -> Result<AxonHandle, AxonError> {
        let (bind, tls) = (self.bind, self.tls.clone());
        let shared = Arc::new(self.shared()?);
        let listener = listen(bind).map_err(|source| AxonError::binding(bind, source))?;
        let local_addr = listener
            .local_addr()
            .map_err(|source| AxonError::binding(bind, source))?;
        let closing = CancellationToken::new();
        let tasks = TaskTracker::new();
        let acceptor = Acceptor::new(shared.clone(), tls.as_ref(), tasks.clone(), closing.clone());
        tasks.spawn(acceptor.run(listener));
        tracing::info!(address = %local_addr, hotkey = %shared.address, "axon listening");
        Ok(AxonHandle {
            local_addr,
            tls_key: tls.map(|identity| identity.published().to_vec()),
            closing,
            stop: shared.stop.clone(),
            tasks,
        })
    }

    fn shared(self) -> Result<Shared, AxonError> {
        let routes = endpoints(self.routes, &self.options, self.auth, self.limits.body_bytes)?;
        let limits = self.limits;
        let window = NonceWindow::new(limits.clock_lead, limits.timeout_cap);
        let clock = self.clock;
        let nonces = self.nonces.unwrap_or_else(|| own_nonces(&clock, &limits));
        let largest = routes.values().map(|endpoint| endpoint.body_bytes).max().unwrap_or(0);
        let address = self.hotkey.account_id();
        Ok(Shared {
            address,
            face: Face::new(address.to_string()),
            hotkey: self.hotkey,
            routes,
            auth: self.auth,
            policy: self.policy,
            clock,
            window,
            nonces,
            per_peer: limits.per_ip.map(RateLimiter::new),
            per_hotkey: limits.per_hotkey.map(RateLimiter::new),
            stranger_checks: limits.stranger_checks.map(RateLimiter::new),
            checks: Checks::default(),
            stranger_bytes: Budget::new(limits.stranger_bytes.max(largest.saturating_mul(2))),
            familiar: Arc::new(Familiar::new(limits.per_ip)),
            gate: Gate::new(limits.max_concurrent, limits.reserved_concurrent, limits.queue_len),
            streams: OpenStreams::new(limits.streams.max_open_per_caller),
            unknown: Meters::new("unknown"),
            stop: CancellationToken::new(),
            limits,
        })
    }
}

/// Puts together what was said about each route, and refuses what no caller could use or anybody could abuse.
fn endpoints(
    routes: Vec<Box<dyn Route>>,
    options: &[(&'static str, RouteOption)],
    auth: AuthPolicy,
    body_bytes: usize,
) -> Result<BTreeMap<&'static str, Arc<Endpoint>>, AxonError> {
    let mut endpoints = BTreeMap::new();
    for route in routes {
        let synapse = route.name();
        let (mut auth, mut body_bytes, mut unhashed) = (auth, body_bytes, false);
        for (_, option) in options.iter().filter(|(name, _)| *name == synapse) {
            match option {
                RouteOption::BodyBytes(bytes) => body_bytes = *bytes,
                RouteOption::Auth(own) => auth = *own,
                RouteOption::Unhashed => unhashed = true,
            }
        }
        if !auth.v10 && !auth.btauth {
            return Err(AxonError::NoWire { synapse });
        }
        if auth.v10 && !route.is_hashed() && !unhashed {
            return Err(AxonError::NoHashFields { synapse });
        }
        let endpoint = Arc::new(Endpoint::new(route, auth, body_bytes));
        if endpoints.insert(synapse, endpoint).is_some() {
            return Err(AxonError::DuplicateRoute { synapse });
        }
    }
    Ok(endpoints)
}

/// The store of an axon that was given none: it trusts nothing that was signed before it existed.
fn own_nonces(clock: &Arc<dyn Clock>, limits: &Limits) -> Arc<dyn NonceStore> {
    let store = MemoryNonceStore::new(clock.clone(), limits.horizon(), limits.nonce_capacity);
    store.refuse_up_to(clock.unix_ns());
    Arc::new(store)
}

/// A running axon. Dropping it leaves the axon running; call [`shutdown`](AxonHandle::shutdown).
#[derive(Debug)]
pub struct AxonHandle {
    local_addr: SocketAddr,
    tls_key: Option<Vec<u8>>,
    closing: CancellationToken,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl AxonHandle {
    /// Where it listens, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The public key of its TLS as it has to be published on chain; nothing where it serves none.
    pub fn tls_key(&self) -> Option<&[u8]> {
        self.tls_key.as_deref()
    }

    /// Stops accepting, lets requests in flight finish for up to `grace`, then cancels them.
    pub async fn shutdown(self, grace: Duration) {
        self.closing.cancel();
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            self.stop.cancel();
            // Cancelled requests still get their 503 written; a client that does not read it is cut off.
            let _ = tokio::time::timeout(Duration::from_secs(1), self.tasks.wait()).await;
        }
        self.stop.cancel();
    }
}

/// Connections that may wait to be accepted. With the usual 128, a burst of strangers makes the system drop the first
/// packets of everybody else, who then wait a second before they try again. The system caps it (`somaxconn`).
const BACKLOG: u32 = 4096;

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // A restart must not wait for the connections of the last run to time out. On Windows the option means that
    // another program may take the port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
