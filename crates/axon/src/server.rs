//! Listening, accepting, and going down in order.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axoneme_protocol::{Clock, MemoryNonceStore, NonceStore, NonceWindow, Ping, Synapse, SystemClock};
use axoneme_wallet::Keypair;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::{RequestStart, TimedStream};
use crate::error::AxonError;
use crate::handler::Forward;
use crate::limits::Limits;
use crate::peers::{Connections, Slot};
use crate::pipeline::{Endpoint, Pipeline, Place};
use crate::policy::{AllowAll, CallerPolicy};
use crate::queue::Gate;
use crate::rate::RateLimiter;
use crate::route::{Pong, Route, TypedRoute};

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
            policy: Arc::new(AllowAll),
            clock: Arc::new(SystemClock::default()),
            nonces: None,
            routes: vec![Box::new(TypedRoute::<Ping>(Arc::new(Pong)))],
            body_limits: Vec::new(),
        }
    }
}

/// An axon about to start.
#[must_use = "call start()"]
pub struct AxonBuilder {
    hotkey: Arc<Keypair>,
    bind: SocketAddr,
    limits: Limits,
    policy: Arc<dyn CallerPolicy>,
    clock: Arc<dyn Clock>,
    nonces: Option<Arc<dyn NonceStore>>,
    routes: Vec<Box<dyn Route>>,
    body_limits: Vec<(&'static str, usize)>,
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

    /// Who may ask and who goes first; everybody, unless said otherwise.
    pub fn policy(mut self, policy: Arc<dyn CallerPolicy>) -> Self {
        self.policy = policy;
        self
    }

    /// Serves a synapse.
    pub fn route<S: Synapse>(mut self, handler: Arc<dyn Forward<S>>) -> Self {
        self.routes.push(Box::new(TypedRoute(handler)));
        self
    }

    /// A body limit for one synapse, instead of [`Limits::body_bytes`].
    pub fn body_limit<S: Synapse>(mut self, bytes: usize) -> Self {
        self.body_limits.push((S::NAME, bytes));
        self
    }

    /// A nonce store shared with other processes, instead of this process's memory.
    pub fn nonce_store(mut self, store: Arc<dyn NonceStore>) -> Self {
        self.nonces = Some(store);
        self
    }

    /// A clock other than the machine's, for tests and replays.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Listens and serves until [`AxonHandle::shutdown`].
    ///
    /// Fails when the address cannot be had, or when two handlers serve one synapse.
    pub async fn start(self) -> Result<AxonHandle, AxonError> {
        let bind = self.bind;
        let pipeline = Arc::new(self.pipeline()?);
        let listener = TcpListener::bind(bind)
            .await
            .map_err(|source| AxonError::binding(bind, source))?;
        let local_addr = listener
            .local_addr()
            .map_err(|source| AxonError::binding(bind, source))?;
        let closing = CancellationToken::new();
        let tasks = TaskTracker::new();
        let acceptor = Acceptor {
            connections: Connections::new(pipeline.limits.max_connections, pipeline.limits.max_connections_per_ip),
            pipeline: pipeline.clone(),
            tasks: tasks.clone(),
            closing: closing.clone(),
        };
        tasks.spawn(acceptor.run(listener));
        tracing::info!(address = %local_addr, hotkey = %pipeline.address, "axon listening");
        Ok(AxonHandle {
            local_addr,
            closing,
            stop: pipeline.stop.clone(),
            tasks,
        })
    }

    fn pipeline(self) -> Result<Pipeline, AxonError> {
        let limits = self.limits;
        let window = NonceWindow::new(limits.clock_lead, limits.timeout_cap);
        let clock = self.clock;
        let nonces = self
            .nonces
            .unwrap_or_else(|| Arc::new(MemoryNonceStore::new(clock.clone(), window, limits.nonce_capacity)));
        let mut routes = BTreeMap::new();
        for route in self.routes {
            let synapse = route.name();
            let own_limit = self.body_limits.iter().rev().find(|(name, _)| *name == synapse);
            let body_bytes = own_limit.map_or(limits.body_bytes, |(_, bytes)| *bytes);
            if routes.insert(synapse, Endpoint { route, body_bytes }).is_some() {
                return Err(AxonError::DuplicateRoute { synapse });
            }
        }
        Ok(Pipeline {
            address: self.hotkey.account_id(),
            hotkey: self.hotkey,
            routes,
            policy: self.policy,
            clock,
            window,
            nonces,
            per_peer: limits.per_ip.map(RateLimiter::new),
            per_hotkey: limits.per_hotkey.map(RateLimiter::new),
            gate: Gate::new(limits.max_concurrent, limits.queue_len),
            stop: CancellationToken::new(),
            limits,
        })
    }
}

/// A running axon. Dropping it leaves the axon running; call [`shutdown`](AxonHandle::shutdown).
#[derive(Debug)]
pub struct AxonHandle {
    local_addr: SocketAddr,
    closing: CancellationToken,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl AxonHandle {
    /// Where it listens, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
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

struct Acceptor {
    pipeline: Arc<Pipeline>,
    connections: Arc<Connections>,
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl Acceptor {
    async fn run(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.closing.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => match self.connections.open(peer.ip()) {
                    Some(slot) => self.serve(stream, peer, slot),
                    None => {
                        metrics::counter!("axon_connections_refused_total").increment(1);
                        tracing::debug!(%peer, "too many connections");
                    }
                },
                Err(error) => {
                    // Out of file descriptors, mostly. It passes when connections end; a busy loop would not help.
                    tracing::warn!("cannot accept connections: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, peer: SocketAddr, slot: Slot) {
        let pipeline = self.pipeline.clone();
        let closing = self.closing.clone();
        self.tasks.spawn(async move {
            let stop = pipeline.stop.clone();
            tokio::select! {
                () = serve_connection(pipeline, stream, peer, closing) => {}
                // Time for a last answer was given in `shutdown`.
                () = async { stop.cancelled().await; tokio::time::sleep(Duration::from_secs(1)).await } => {}
            }
            drop(slot);
        });
    }
}

async fn serve_connection(pipeline: Arc<Pipeline>, stream: TcpStream, peer: SocketAddr, closing: CancellationToken) {
    let Ok(local) = stream.local_addr() else {
        return;
    };
    // Small answers should not wait for more.
    let _ = stream.set_nodelay(true);
    let start = RequestStart::default();
    let stream = TimedStream::new(stream, start.clone(), pipeline.limits.write_timeout);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(pipeline.limits.head_timeout)
        .max_headers(pipeline.limits.head_fields)
        .max_header_size(pipeline.limits.head_bytes)
        .max_buf_size(pipeline.limits.head_bytes.max(64 << 10));
    let place = Arc::new(Place { peer, local, start });
    let service = service_fn(move |request| {
        let (pipeline, place) = (pipeline.clone(), place.clone());
        // Boxed so that the connection can be taken apart at its end.
        Box::pin(async move { Ok::<_, Infallible>(pipeline.serve(request, &place).await) })
    });
    let mut connection = http.serve_connection(TokioIo::new(stream), service);
    let mut told = false;
    let mut told_to_close = std::pin::pin!(closing.cancelled());
    let ended = std::future::poll_fn(|cx| {
        if !told && told_to_close.as_mut().poll(cx).is_ready() {
            told = true;
            std::pin::Pin::new(&mut connection).graceful_shutdown();
        }
        connection.poll_without_shutdown(cx)
    });
    if let Err(error) = ended.await {
        tracing::debug!(%peer, "connection ended: {error}");
    }
    connection.into_parts().io.into_inner().linger().await;
}
