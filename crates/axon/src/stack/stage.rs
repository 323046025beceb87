//! What travels down the stack, and the small frame every layer is built on.
//!
//! A request goes down as [`Asked`], in a box that is made once. What comes back up is a [`Reply`] or a [`Refused`],
//! and both bring the request along: whoever writes the answer has to know whom it is for.

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::{Either, Ready as Immediate, ready};
use http::request::Parts;
use hyper::body::Incoming;
use tokio::time::Instant;
use tower::{Layer, Service};

use crate::budget::Share;
use crate::connection::{Place, Serving};
use crate::head::Head;
use crate::queue::Permit;
use crate::refusal::Refusal;
use crate::route::{Endpoint, Output, Ready};

/// One request on its way down. What a layer found out is for the layers below it.
pub(crate) struct Asked {
    pub(crate) parts: Parts,
    pub(crate) body: Incoming,
    pub(crate) place: Arc<Place>,
    /// Holds the connection's clock until the answer is complete.
    pub(crate) serving: Option<Serving>,
    /// When the first byte came in.
    pub(crate) first_byte: Instant,
    /// When the head was complete.
    pub(crate) began: Instant,
    /// Whether this address and hotkey were served together not long ago. Nothing may be granted for it but capacity.
    pub(crate) familiar: bool,
    pub(crate) endpoint: Option<Arc<Endpoint>>,
    pub(crate) head: Option<Head>,
    pub(crate) bytes: Bytes,
    /// Memory that the body of a stranger takes from what all strangers have together.
    pub(crate) share: Option<Share>,
    pub(crate) verified: bool,
    pub(crate) ready: Option<Ready>,
    pub(crate) permit: Option<Permit>,
}

impl Asked {
    /// The route. A layer that asks before it was found sits in the wrong place: the caller gets a 500, not a panic.
    pub(crate) fn endpoint(&self) -> Result<&Arc<Endpoint>, Refusal> {
        let found = self.endpoint.as_ref();
        found.ok_or_else(|| Refusal::internal(&"the stack asks for the route before it is known"))
    }

    /// Who asks, verified or not. As [`endpoint`](Self::endpoint).
    pub(crate) fn head(&self) -> Result<&Head, Refusal> {
        let found = self.head.as_ref();
        found.ok_or_else(|| Refusal::internal(&"the stack asks for the caller before it is known"))
    }
}

/// A request that was served.
pub(crate) struct Reply {
    pub(crate) asked: Box<Asked>,
    pub(crate) output: Output,
}

/// A request that was not.
pub(crate) struct Refused {
    pub(crate) asked: Box<Asked>,
    pub(crate) refusal: Refusal,
}

/// A part of the stack: every layer and the handler at the bottom.
///
/// All of them are always ready. Backpressure has no place between HTTP and an answer: who is too much is told so.
pub(crate) trait Stage:
    Service<Box<Asked>, Response = Reply, Error = Refused, Future: Send + 'static> + Clone + Send + Sync + 'static
{
}

impl<S> Stage for S where
    S: Service<Box<Asked>, Response = Reply, Error = Refused, Future: Send + 'static> + Clone + Send + Sync + 'static
{
}

/// The future of a stage that waits for something.
pub(crate) type Waiting = futures::future::BoxFuture<'static, Result<Reply, Refused>>;

/// A check that is decided on the spot.
pub(crate) trait Check: Clone + Send + Sync + 'static {
    /// Lets the request pass, or says why not.
    fn check(&self, asked: &mut Asked) -> Result<(), Refusal>;
}

/// Puts a [`Check`] above the rest of the stack.
#[derive(Clone)]
pub(crate) struct Checking<C>(pub(crate) C);

impl<C: Check, S> Layer<S> for Checking<C> {
    type Service = Checked<C, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Checked {
            check: self.0.clone(),
            inner,
        }
    }
}

/// A stage behind a check.
#[derive(Clone)]
pub(crate) struct Checked<C, S> {
    check: C,
    inner: S,
}

impl<C: Check, S: Stage> Service<Box<Asked>> for Checked<C, S> {
    type Response = Reply;
    type Error = Refused;
    type Future = Either<S::Future, Immediate<Result<Reply, Refused>>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut asked: Box<Asked>) -> Self::Future {
        match self.check.check(&mut asked) {
            Ok(()) => Either::Left(self.inner.call(asked)),
            Err(refusal) => Either::Right(ready(Err(Refused { asked, refusal }))),
        }
    }
}

/// Something done to a request that may have to wait, before the rest of the stack sees it.
pub(crate) trait Step: Clone + Send + Sync + 'static {
    /// Lets the request pass, or says why not.
    fn take(&self, asked: &mut Asked) -> impl Future<Output = Result<(), Refusal>> + Send;
}

/// Puts a [`Step`] above the rest of the stack.
#[derive(Clone)]
pub(crate) struct Stepping<T>(pub(crate) T);

impl<T: Step, S> Layer<S> for Stepping<T> {
    type Service = Stepped<T, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Stepped {
            step: self.0.clone(),
            inner,
        }
    }
}

/// A stage behind a step.
#[derive(Clone)]
pub(crate) struct Stepped<T, S> {
    step: T,
    inner: S,
}

impl<T: Step, S: Stage> Service<Box<Asked>> for Stepped<T, S> {
    type Response = Reply;
    type Error = Refused;
    type Future = Waiting;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut asked: Box<Asked>) -> Waiting {
        let (step, mut inner) = (self.step.clone(), self.inner.clone());
        Box::pin(async move {
            match step.take(&mut asked).await {
                Ok(()) => inner.call(asked).await,
                Err(refusal) => Err(Refused { asked, refusal }),
            }
        })
    }
}
