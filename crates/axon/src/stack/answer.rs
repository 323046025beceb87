//! The last step of every request: what came back up is written for the caller's wire, signed, and counted.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use hyper::body::Body;
use tower::{Layer, Service};

use super::arrive::drain;
use super::shared::Shared;
use super::stage::{Asked, Refused, Stage};
use crate::answer::{self, Answer};

#[derive(Clone)]
pub(crate) struct Answering(pub(crate) Arc<Shared>);

impl<S> Layer<S> for Answering {
    type Service = Answered<S>;

    fn layer(&self, inner: S) -> Answered<S> {
        Answered {
            shared: self.0.clone(),
            inner,
        }
    }
}

#[derive(Clone)]
pub(crate) struct Answered<S> {
    shared: Arc<Shared>,
    inner: S,
}

impl<S: Stage> Service<Box<Asked>> for Answered<S> {
    type Response = Answer;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Answer, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, asked: Box<Asked>) -> Self::Future {
        let shared = self.shared.clone();
        let outcome = self.inner.call(asked);
        Box::pin(async move {
            let (asked, answer) = match outcome.await {
                Ok(reply) => {
                    let took = reply.asked.began.elapsed();
                    answer::served(&shared, reply, took)
                }
                Err(Refused { mut asked, refusal }) => {
                    let took = asked.began.elapsed();
                    let mut answer = answer::refused(&shared, &asked, &refusal, took);
                    tracing::debug!(peer = %asked.place.ip, status = answer.status().as_u16(), "refused: {refusal}");
                    // Nothing is kept for a request that is over while the rest of its body is thrown away.
                    asked.share = None;
                    let rest_is_read = asked.body.is_end_stream() || drain(&mut asked.body).await;
                    if refusal.closes() || !rest_is_read {
                        answer::close(&mut answer);
                    }
                    (asked, answer)
                }
            };
            let endpoint = asked.endpoint.as_ref();
            let meters = endpoint.map_or(&shared.unknown, |endpoint| &endpoint.meters);
            meters.record(answer.status().as_u16(), asked.began.elapsed());
            Ok(answer)
        })
    }
}
