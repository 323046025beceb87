//! One TCP connection with a sense of time: when its request began, and whether the other side still reads.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// When the first byte of the request at hand came in.
///
/// HTTP libraries tell when the head is complete; by then a slow sender has had its time once already.
#[derive(Clone, Default)]
pub(crate) struct RequestStart(Arc<Mutex<Option<Instant>>>);

impl RequestStart {
    fn note(&self) {
        self.0.lock().get_or_insert_with(Instant::now);
    }

    /// The moment, or now when the whole request came along with the one before.
    pub(crate) fn get(&self) -> Instant {
        self.0.lock().unwrap_or_else(Instant::now)
    }

    /// The next byte belongs to another request.
    pub(crate) fn reset(&self) {
        *self.0.lock() = None;
    }
}

pub(crate) struct TimedStream {
    stream: TcpStream,
    start: RequestStart,
    write_timeout: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl TimedStream {
    pub(crate) fn new(stream: TcpStream, start: RequestStart, write_timeout: Duration) -> Self {
        Self {
            stream,
            start,
            write_timeout,
            stalled: None,
        }
    }

    /// Turns a write that waits too long into an error.
    fn watch<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.stalled = None;
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
        const WAIT: Duration = Duration::from_secs(1);
        const ENOUGH: usize = 1 << 20;
        let _ = tokio::time::timeout(WAIT, async {
            self.stream.shutdown().await?;
            let mut scratch = [0; 8192];
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

impl AsyncRead for TimedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let poll = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.start.note();
        }
        poll
    }
}

impl AsyncWrite for TimedStream {
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
        self.watch(cx, poll)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
