//! A stream on its way out.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axoneme_protocol::twresp::sse::{SignedStreamWriter, StreamError, TokenChunk};
use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Aborted, AnswerBody};
use crate::connection::Serving;
use crate::route::Flow;
use crate::stack::{Asked, Shared};

/// How pieces become bytes.
pub(super) trait Form: Send + 'static {
    fn piece(&mut self, text: String) -> Result<Bytes, Aborted>;

    /// What follows the last piece, if anything.
    fn end(&mut self) -> Option<Bytes>;
}

/// Text as it is, a chunk of whole characters for each piece: the v10 wire.
pub(super) struct Raw;

impl Form for Raw {
    fn piece(&mut self, text: String) -> Result<Bytes, Aborted> {
        Ok(text.into())
    }

    fn end(&mut self) -> Option<Bytes> {
        None
    }
}

/// Server-sent events with a signed end: `btauth/1`.
pub(super) struct Events {
    writer: Option<SignedStreamWriter>,
    sign: bool,
}

impl Events {
    pub(super) fn new(writer: SignedStreamWriter, sign: bool) -> Self {
        Self {
            writer: Some(writer),
            sign,
        }
    }

    /// The end of a stream without pieces.
    pub(super) fn only_end(mut self) -> Bytes {
        self.end().unwrap_or_default()
    }
}

impl Form for Events {
    fn piece(&mut self, token: String) -> Result<Bytes, Aborted> {
        let Some(writer) = &mut self.writer else {
            return Err(Aborted::Failed);
        };
        let written = writer.chunk(&TokenChunk { token });
        written.map(Bytes::from).map_err(|error| match error {
            StreamError::TooLong { .. } => Aborted::TooLong,
            _ => Aborted::Failed,
        })
    }

    fn end(&mut self) -> Option<Bytes> {
        let writer = self.writer.take()?;
        self.sign.then(|| writer.end().into())
    }
}

/// A stream, what it may take, and what is given back when it is dropped.
pub(super) struct Running<F> {
    form: F,
    flow: Flow,
    ended: bool,
    written: usize,
    max_bytes: usize,
    max_idle: Duration,
    until: Instant,
    stop: CancellationToken,
    synapse: &'static str,
    /// The connection is busy until the last byte.
    _serving: Option<Serving>,
}

impl<F: Form> Running<F> {
    pub(super) fn new(shared: &Shared, asked: &mut Asked, flow: Flow, form: F) -> Self {
        let limits = shared.limits.streams;
        Self {
            form,
            ended: false,
            written: 0,
            max_bytes: limits.max_bytes,
            max_idle: limits.max_idle,
            until: flow.deadline.min(Instant::now() + limits.max_duration),
            flow,
            stop: shared.stop.clone(),
            synapse: asked.endpoint.as_ref().map_or("", |endpoint| endpoint.route.name()),
            _serving: asked.serving.take(),
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Aborted> {
        if self.ended {
            return Ok(None);
        }
        let piece = match self.flow.first.take() {
            Some(first) => Some(first),
            None => self.wait().await?,
        };
        let Some(piece) = piece else {
            self.ended = true;
            return Ok(self.form.end());
        };
        let bytes = self.form.piece(piece)?;
        self.written += bytes.len();
        if self.written > self.max_bytes {
            return Err(Aborted::TooLong);
        }
        Ok(Some(bytes))
    }

    /// The next piece that is not empty: an empty chunk would be the end.
    async fn wait(&mut self) -> Result<Option<String>, Aborted> {
        loop {
            let next = AssertUnwindSafe(self.flow.rest.next()).catch_unwind();
            let idle = Instant::now() + self.max_idle;
            let next = tokio::select! {
                biased;
                next = next => next,
                () = self.stop.cancelled() => return Err(Aborted::Stopping),
                () = tokio::time::sleep_until(self.until.min(idle)) => {
                    return Err(if self.until < idle { Aborted::Late } else { Aborted::Idle });
                }
            };
            match next {
                Ok(Some(Ok(text))) if text.is_empty() => {}
                Ok(Some(Ok(text))) => return Ok(Some(text)),
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => {
                    tracing::error!(synapse = self.synapse, "stream failed: {error}");
                    return Err(Aborted::Failed);
                }
                Err(_) => {
                    tracing::error!(synapse = self.synapse, "stream failed: the handler panicked");
                    return Err(Aborted::Failed);
                }
            }
        }
    }
}

impl<F: Form> From<Running<F>> for AnswerBody {
    fn from(running: Running<F>) -> Self {
        let pieces = futures::stream::unfold(Some(running), |running| async move {
            let mut running = running?;
            match running.next().await {
                Ok(Some(bytes)) => Some((Ok(bytes), Some(running))),
                Ok(None) => None,
                Err(aborted) => {
                    metrics::counter!("axon_streams_aborted_total", "synapse" => running.synapse).increment(1);
                    tracing::debug!(synapse = running.synapse, "stream aborted: {aborted}");
                    // An error ends the connection at once. What was written before goes out first, so that the reader
                    // sees a stream that broke and not a server that never answered.
                    tokio::task::yield_now().await;
                    Some((Err(aborted), None))
                }
            }
        });
        Self::Pieces(Box::pin(pieces))
    }
}
