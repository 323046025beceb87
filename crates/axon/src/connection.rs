//! One TCP connection with a sense of time: when its request began, how long it may be silent, and whether the other
//! side still reads.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::HeaderValue;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::lengths::LengthLines;
use crate::limits::Limits;
use crate::peers::{Peer, Slot};

/// Where requests come in, and what all requests of one connection share.
pub(crate) struct Place {
    pub(crate) local: SocketAddr,
    pub(crate) ip: IpAddr,
    pub(crate) peer: Peer,
    pub(crate) local_ip: IpText,
    pub(crate) peer_ip: IpText,
    pub(crate) timing: Arc<Timing>,
    slot: Slot,
}

/// An address as answers write it.
pub(crate) struct IpText {
    pub(crate) text: String,
    pub(crate) header: HeaderValue,
}

impl IpText {
    fn of(ip: IpAddr) -> Self {
        let text = ip.to_string();
        // An address is digits, letters, points and colons.
        let header = HeaderValue::try_from(&text).unwrap_or(HeaderValue::from_static(""));
        Self { text, header }
    }
}

impl Place {
    pub(crate) fn new(peer: SocketAddr, local: SocketAddr, slot: Slot, timing: Arc<Timing>) -> Self {
        let ip = peer.ip().to_canonical();
        Self {
            local,
            ip,
            peer: Peer::of(ip),
            local_ip: IpText::of(local.ip().to_canonical()),
            peer_ip: IpText::of(ip),
            timing,
            slot,
        }
    }

    /// A caller that is served came through here.
    pub(crate) fn vouch(&self) {
        self.slot.vouch();
    }

    /// Becomes ready when this connection has to make room for others.
    pub(crate) async fn evicted(&self) {
        self.slot.evicted().await;
    }
}

/// Where a connection stands in time.
///
/// HTTP libraries tell when a head is complete; by then a slow sender has had its time once already.
pub(crate) struct Timing {
    phase: Mutex<Phase>,
    /// Set for good by a head with two lengths.
    ambiguous: AtomicBool,
}

#[derive(Clone, Copy)]
enum Phase {
    /// Nothing has come yet.
    Fresh(Instant),
    /// The head of a request is on its way.
    Arriving {
        /// When its first byte came.
        first_byte: Instant,
        /// When it was due to begin: for the first request of a connection, when that was made.
        since: Instant,
    },
    /// A request is served. What may take how long is decided there.
    Serving,
    /// Between two requests, since the last byte of the answer.
    Idle(Instant),
}

impl Timing {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            phase: Mutex::new(Phase::Fresh(Instant::now())),
            ambiguous: AtomicBool::new(false),
        })
    }

    /// Whether a head on this connection said its length twice.
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.ambiguous.load(Ordering::Relaxed)
    }

    fn read(&self) {
        let mut phase = self.phase.lock();
        let (Phase::Fresh(_) | Phase::Idle(_)) = *phase else {
            return;
        };
        let first_byte = Instant::now();
        // Being silent at first and slow afterwards must not earn the time twice.
        let since = match *phase {
            Phase::Fresh(since) => since,
            _ => first_byte,
        };
        *phase = Phase::Arriving { first_byte, since };
    }

    fn wrote(&self) {
        let mut phase = self.phase.lock();
        if let Phase::Idle(since) = &mut *phase {
            *since = Instant::now();
        }
    }

    /// A head is complete. Gives the moment of its first byte, or now when it came along with the request before.
    pub(crate) fn serve(self: &Arc<Self>) -> (Instant, Serving) {
        let mut phase = self.phase.lock();
        let first_byte = match *phase {
            Phase::Arriving { first_byte, .. } => first_byte,
            _ => Instant::now(),
        };
        *phase = Phase::Serving;
        (first_byte, Serving(self.clone()))
    }

    /// When the connection has to be closed if nothing changes; nothing while a request is served.
    pub(crate) fn deadline(&self, limits: &Limits) -> Option<Instant> {
        match *self.phase.lock() {
            Phase::Fresh(since) | Phase::Arriving { since, .. } => Some(since + limits.head_timeout),
            Phase::Idle(since) => Some(since + limits.idle_timeout),
            Phase::Serving => None,
        }
    }
}

/// A request that is being served; the connection is idle again when this is dropped.
pub(crate) struct Serving(Arc<Timing>);

impl Drop for Serving {
    fn drop(&mut self) {
        *self.0.phase.lock() = Phase::Idle(Instant::now());
    }
}

/// Bytes that come and go, and when.
pub(crate) struct TimedStream<S> {
    stream: S,
    timing: Arc<Timing>,
    lengths: LengthLines,
    write_timeout: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TimedStream<S> {
    pub(crate) fn new(stream: S, timing: Arc<Timing>, write_timeout: Duration) -> Self {
        Self {
            stream,
            timing,
            lengths: LengthLines::default(),
            write_timeout,
            stalled: None,
        }
    }

    /// Turns a write that waits too long into an error.
    fn watch<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.stalled = None;
            self.timing.wrote();
            return poll;
        }
        let timeout = self.write_timeout;
        let timer = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Ends a connection so that the last answer arrives: closing with unread bytes would reset it, and the client
    /// could lose what was already on its way.
    pub(crate) async fn linger(mut self) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        const WAIT: Duration = Duration::from_millis(500);
        const ENOUGH: usize = 1 << 20;
        let _ = tokio::time::timeout(WAIT, async {
            self.stream.shutdown().await?;
            // Not within the future, where every connection would pay for it from its start.
            let mut scratch = vec![0; 4096];
            let mut seen = 0;
            while seen < ENOUGH {
                match self.stream.read(&mut scratch).await? {
                    0 => break,
                    count => seen += count,
                }
            }
            io::Result::Ok(())
        })
        .await;
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for TimedStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let poll = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.timing.read();
            if self.lengths.read(&buf.filled()[before..]) {
                self.timing.ambiguous.store(true, Ordering::Relaxed);
            }
        }
        poll
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TimedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watch(cx, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watch(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_flush(cx);
        if poll.is_ready() {
            // Flushing happens all the time; only what was written counts as progress.
            self.stalled = None;
            return poll;
        }
        self.watch(cx, poll)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
