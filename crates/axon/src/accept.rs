//! Accepting connections, and serving each of them until it ends.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::Either;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::connection::{Place, TimedStream, Timing};
use crate::peers::{Connections, Peer, Slot};
use crate::stack::{Asked, Shared, stack};
use crate::tls::TlsIdentity;

/// Accepts connections as long as there is room for them.
pub(crate) struct Acceptor {
    shared: Arc<Shared>,
    tls: Option<TlsAcceptor>,
    connections: Arc<Connections>,
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl Acceptor {
    pub(crate) fn new(
        shared: Arc<Shared>,
        tls: Option<&TlsIdentity>,
        tasks: TaskTracker,
        closing: CancellationToken,
    ) -> Self {
        let limits = &shared.limits;
        let connections = Connections::new(
            limits.max_connections,
            limits.reserved_connections,
            limits.max_connections_per_ip,
        );
        Self {
            shared,
            tls: tls.map(|identity| TlsAcceptor::from(identity.config())),
            connections,
            tasks,
            closing,
        }
    }

    pub(crate) async fn run(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.closing.cancelled() => return,
            };
            match accepted {
                Ok((stream, from)) => {
                    let peer = Peer::of(from.ip());
                    match self.connections.open(peer, self.shared.familiar.knows(peer)) {
                        Some(slot) => self.serve(stream, from, slot),
                        None => {
                            metrics::counter!("axon_connections_refused_total").increment(1);
                            tracing::debug!(peer = %from, "too many connections");
                        }
                    }
                }
                Err(error) => {
                    // Out of file descriptors, mostly. It passes when connections end; a busy loop would not help.
                    tracing::warn!("cannot accept connections: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, from: SocketAddr, slot: Slot) {
        let Ok(local) = stream.local_addr() else {
            return;
        };
        // Small answers should not wait for more.
        let _ = stream.set_nodelay(true);
        let (shared, tls, closing) = (self.shared.clone(), self.tls.clone(), self.closing.clone());
        self.tasks.spawn(async move {
            let timing = Timing::new();
            let place = Arc::new(Place::new(from, local, slot, timing.clone()));
            let stop = shared.stop.clone();
            let serving = async {
                match tls {
                    None => serve_connection(shared, stream, place.clone(), timing, closing).await,
                    // Boxed: it is several times the size of the plain one.
                    Some(tls) => Box::pin(serve_either(shared, stream, tls, place.clone(), timing, closing)).await,
                }
            };
            tokio::select! {
                () = serving => {}
                () = place.evicted() => tracing::debug!(peer = %place.ip, "connection made room for another"),
                // Time for a last answer was given in `shutdown`.
                () = async { stop.cancelled().await; tokio::time::sleep(Duration::from_secs(1)).await } => {}
            }
        });
    }
}

/// First byte of a TLS connection: a handshake record. No HTTP request begins so.
const HANDSHAKE: u8 = 22;

/// Serves TLS to those that begin with it, and plain HTTP to the others.
async fn serve_either(
    shared: Arc<Shared>,
    stream: TcpStream,
    tls: TlsAcceptor,
    place: Arc<Place>,
    timing: Arc<Timing>,
    closing: CancellationToken,
) {
    let mut first = [0];
    let beginning = async {
        match stream.peek(&mut first).await {
            Ok(1) if first[0] == HANDSHAKE => Some(tls.accept(stream).await.map(Either::Right)),
            Ok(1) => Some(Ok(Either::Left(stream))),
            _ => None,
        }
    };
    let begun = tokio::select! {
        begun = tokio::time::timeout(shared.limits.head_timeout, beginning) => begun,
        // Nothing was asked yet.
        () = closing.cancelled() => return,
    };
    match begun {
        Ok(Some(Ok(Either::Left(plain)))) => serve_connection(shared, plain, place, timing, closing).await,
        Ok(Some(Ok(Either::Right(encrypted)))) => serve_connection(shared, encrypted, place, timing, closing).await,
        Ok(Some(Err(error))) => tracing::debug!(peer = %place.ip, "TLS handshake failed: {error}"),
        Ok(None) | Err(_) => tracing::debug!(peer = %place.ip, "connection ended before it began"),
    }
}

async fn serve_connection<S>(
    shared: Arc<Shared>,
    stream: S,
    place: Arc<Place>,
    timing: Arc<Timing>,
    closing: CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let limits = &shared.limits;
    let stream = TimedStream::new(stream, timing, limits.write_timeout);
    let mut http = http1::Builder::new();
    // Heads have a deadline of our own, which knows an idle connection from a slow head.
    http.header_read_timeout(None)
        .max_headers(limits.head_fields)
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.head_bytes.max(64 << 10));
    let stack = stack(&shared);
    let asked_at = place.clone();
    let service = service_fn(move |request| stack.clone().call(asked(request, &asked_at)));
    let mut connection = http.serve_connection(TokioIo::new(stream), service);
    let mut told = false;
    let mut told_to_close = pin!(closing.cancelled());
    let mut timer = pin!(tokio::time::sleep(limits.head_timeout));
    let ended = poll_fn(|cx| {
        if !told && told_to_close.as_mut().poll(cx).is_ready() {
            told = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        let poll = connection.poll_without_shutdown(cx);
        if poll.is_ready() {
            return poll;
        }
        // The timer is looked at when it fires and not moved with every request: it may be early, never late.
        while timer.as_mut().poll(cx).is_ready() {
            let (now, deadline) = (Instant::now(), place.timing.deadline(limits));
            if deadline.is_some_and(|deadline| deadline <= now) {
                tracing::debug!(peer = %place.ip, "connection too slow or idle");
                return std::task::Poll::Ready(Ok(()));
            }
            let look_again = now + limits.head_timeout;
            timer
                .as_mut()
                .reset(deadline.map_or(look_again, |deadline| deadline.min(look_again)));
        }
        std::task::Poll::Pending
    });
    if let Err(error) = ended.await {
        tracing::debug!(peer = %place.ip, "connection ended: {error}");
    }
    connection.into_parts().io.into_inner().linger().await;
}

fn asked(request: Request<Incoming>, place: &Arc<Place>) -> Box<Asked> {
    let (parts, body) = request.into_parts();
    let (first_byte, serving) = place.timing.serve();
    Box::new(Asked {
        parts,
        body,
        place: place.clone(),
        serving: Some(serving),
        first_byte,
        began: Instant::now(),
        familiar: false,
        endpoint: None,
        head: None,
        bytes: Bytes::new(),
        share: None,
        verified: false,
        ready: None,
        permit: None,
    })
}
