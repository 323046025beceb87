//! The outermost layer: whatever panics below costs one answer.
//!
//! A handler's panic is caught where the handler runs, with the caller still known. What arrives here is a fault in a
//! policy, a store, or this crate.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use tower::{Layer, Service};

use super::shared::Shared;
use super::stage::Asked;
use crate::answer::{self, Answer};
use crate::refusal::Refusal;

#[derive(Clone)]
pub(crate) struct Rescue(pub(crate) Arc<Shared>);

impl<S> Layer<S> for Rescue {
    type Service = Rescued<S>;

    fn layer(&self, inner: S) -> Rescued<S> {
        Rescued {
            shared: self.0.clone(),
            inner,
        }
    }
}

#[derive(Clone)]
pub(crate) struct Rescued<S> {
    shared: Arc<Shared>,
    inner: S,
}

impl<S> Service<Box<Asked>> for Rescued<S>
where
    S: Service<Box<Asked>, Response = Answer, Error = Infallible, Future: Send + 'static> + Clone + Send + 'static,
{
    type Response = Answer;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Answer, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, asked: Box<Asked>) -> Self::Future {
        let (shared, place) = (self.shared.clone(), asked.place.clone());
        let broken = move || {
            let refusal = Refusal::internal(&"a layer of the stack panicked");
            Ok(answer::anonymous(&shared.face, &place, &refusal))
        };
        // The checks at the top run in the call itself, the rest in its future.
        match catch_unwind(AssertUnwindSafe(|| self.inner.call(asked))) {
            Ok(answering) => {
                let answering = AssertUnwindSafe(answering).catch_unwind();
                Box::pin(async move { answering.await.unwrap_or_else(|_| broken()) })
            }
            Err(_) => Box::pin(std::future::ready(broken())),
        }
    }
}
