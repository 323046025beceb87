//! The reader's end of an answer that arrives piece by piece.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axoneme_protocol::{StreamingSynapse, Synapse};
use futures::Stream;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::answer::Answer;
use crate::dendrite::{Dendrite, panicked};
use crate::target::AxonTarget;

/// An answer that is arriving: its text in pieces, then the [`Answer`].
///
/// Reading goes on whether or not anybody takes the pieces; a slow reader gets larger ones, and the miner's time is not
/// measured by the reader's. Dropping this closes the connection, by which the axon notices that it can stop.
///
/// ```no_run
/// # use std::time::Duration;
/// # use axoneme_dendrite::{AxonTarget, Dendrite};
/// # use axoneme_protocol::{Prompting, StreamPrompting};
/// # async fn read(dendrite: Dendrite, miner: AxonTarget) {
/// let question = StreamPrompting::from(Prompting::ask("hello"));
/// let mut stream = dendrite.stream(&miner, question, Duration::from_secs(12));
/// while let Some(piece) = stream.next().await {
///     print!("{}", piece.unverified());
/// }
/// let answer = stream.finish().await;
/// println!(" [{} {}]", answer.status, answer.message);
/// # }
/// ```
#[must_use = "dropping a stream cancels it"]
#[derive(Debug)]
pub struct AnswerStream<S> {
    pipe: Arc<Pipe>,
    /// Taken when it has ended.
    task: Option<JoinHandle<Answer<S>>>,
    ended: Option<Answer<S>>,
    /// For an answer when the task fails.
    question: S,
}

/// Text of an answer that has not ended.
///
/// Nobody vouches for it yet: the answer may turn out to be cut off, too long, or signed by nobody. On the btauth wire
/// only the signature at the end covers what came before. Show it to people if you like; score, store and act on the
/// synapse of the final [`Answer`] only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Piece(String);

impl Piece {
    /// The text, which may still turn out to be worth nothing.
    pub fn unverified(&self) -> &str {
        &self.0
    }

    /// The text, which may still turn out to be worth nothing.
    pub fn into_unverified(self) -> String {
        self.0
    }
}

/// Text between the task that reads and whoever takes it. Bounded by the largest answer.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    inner: Mutex<(String, Option<Waker>)>,
}

impl Pipe {
    pub(crate) fn push(&self, text: &str) {
        if text.is_empty() {
            return;
        }
        let waker = {
            let mut inner = self.inner.lock();
            inner.0.push_str(text);
            inner.1.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    /// What has come since the last time; otherwise leaves word to be woken.
    fn take(&self, cx: &Context<'_>) -> Option<Piece> {
        let mut inner = self.inner.lock();
        if inner.0.is_empty() {
            inner.1 = Some(cx.waker().clone());
            return None;
        }
        Some(Piece(std::mem::take(&mut inner.0)))
    }
}

impl Dendrite {
    /// Asks one axon for an answer in pieces. The whole of it has to arrive within `timeout`.
    ///
    /// The status, and that the answer is text, are checked before the first piece is given out; an error answer is
    /// never one. Must be called within a Tokio runtime.
    pub fn stream<S: StreamingSynapse>(&self, target: &AxonTarget, synapse: S, timeout: Duration) -> AnswerStream<S> {
        let pipe = Arc::new(Pipe::default());
        let (dendrite, target, question, text) = (self.clone(), *target, synapse.clone(), pipe.clone());
        let task = tokio::spawn(async move { dendrite.read_stream(&target, synapse, timeout, &text).await });
        AnswerStream {
            pipe,
            task: Some(task),
            ended: None,
            question,
        }
    }
}

impl<S: Synapse> AnswerStream<S> {
    /// The next piece, `None` when the answer has ended, well or not. Loses nothing when dropped and called again.
    pub async fn next(&mut self) -> Option<Piece> {
        poll_fn(|cx| self.poll_piece(cx)).await
    }

    /// Waits for the end, and gives the whole answer. Pieces that nobody took are in it.
    pub async fn finish(mut self) -> Answer<S> {
        while self.next().await.is_some() {}
        let lost = || panicked(self.question.clone());
        self.ended.take().unwrap_or_else(lost)
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        if let Some(piece) = self.pipe.take(cx) {
            return Poll::Ready(Some(piece));
        }
        let Some(task) = &mut self.task else {
            return Poll::Ready(None);
        };
        let Poll::Ready(ended) = Pin::new(task).poll(cx) else {
            return Poll::Pending;
        };
        self.task = None;
        // It panics only in code of the synapse.
        self.ended = Some(ended.unwrap_or_else(|_| panicked(self.question.clone())));
        // The last piece may have come between the two looks.
        Poll::Ready(self.pipe.take(cx))
    }
}

impl<S: Synapse + Unpin> Stream for AnswerStream<S> {
    type Item = Piece;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        self.get_mut().poll_piece(cx)
    }
}

impl<S> Drop for AnswerStream<S> {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}
