//! The bottom of the stack: the handler, in bounded time and on its own if it breaks.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::Service;

use super::shared::Shared;
use super::stage::{Asked, Refused, Reply, Waiting};
use crate::handler::{Caller, HandlerError};
use crate::head::Head;
use crate::refusal::Refusal;
use crate::route::{Flow, Handled, Output};

#[derive(Clone)]
pub(crate) struct Handle(pub(crate) Arc<Shared>);

impl Service<Box<Asked>> for Handle {
    type Response = Reply;
    type Error = Refused;
    type Future = Waiting;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Refused>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut asked: Box<Asked>) -> Waiting {
        let shared = self.0.clone();
        Box::pin(async move {
            match run(&shared, &mut asked).await {
                Ok(output) => Ok(Reply { asked, output }),
                Err(refusal) => Err(Refused { asked, refusal }),
            }
        })
    }
}

async fn run(shared: &Shared, asked: &mut Asked) -> Result<Output, Refusal> {
    let ready = asked.ready.take();
    let ready = ready.ok_or_else(|| Refusal::internal(&"the stack asks for an answer before the question is read"))?;
    let slot = if asked.endpoint()?.route.streams() {
        let slot = shared.streams.open(*asked.head()?.hotkey());
        Some(slot.ok_or(Refusal::TooManyStreams)?)
    } else {
        None
    };
    let deadline = asked.deadline(&shared.limits);
    let caller = caller(shared, asked)?;
    let cancel = CancellationToken::new();
    // Fires when this future is dropped, which is what happens when the client goes away.
    let gone = cancel.clone().drop_guard();
    let running = async move {
        let handled = ready(caller, cancel).await?;
        // A stream that fails before its first byte is an ordinary error.
        Ok::<_, HandlerError>(match handled {
            Handled::Whole(answer) => (Output::Whole(answer), None),
            Handled::Pieces(mut pieces) => {
                // An empty piece is none: as a chunk it would be the end.
                let first = loop {
                    match pieces.next().await.transpose()? {
                        Some(piece) if piece.is_empty() => {}
                        first => break first,
                    }
                };
                (Output::Pieces(None), first.map(|first| (first, pieces)))
            }
        })
    };
    let mut running = std::pin::pin!(AssertUnwindSafe(running).catch_unwind());
    // Most handlers of small things are done at once: no timer for those.
    let ended = match futures::poll!(&mut running) {
        Poll::Ready(ended) => ended,
        Poll::Pending => tokio::select! {
            ended = &mut running => ended,
            () = tokio::time::sleep_until(deadline) => {
                return Err(Refusal::HandlerTimeout { after: deadline - asked.began });
            }
            () = shared.stop.cancelled() => return Err(Refusal::ShuttingDown),
        },
    };
    let (output, pieces) = ended
        .map_err(|_| Refusal::handler_failed(&"it panicked"))?
        .map_err(refuse)?;
    Ok(match pieces {
        None => output,
        Some((first, rest)) => Output::Pieces(Some(Flow {
            first: Some(first),
            rest,
            deadline,
            _held: (gone, slot, asked.permit.take()),
        })),
    })
}

fn caller(shared: &Shared, asked: &Asked) -> Result<Caller, Refusal> {
    let head = asked.head()?;
    let (uuid, version) = match head {
        Head::V10(head) => (head.uuid.clone(), head.version),
        Head::Btauth(_) => (String::new(), None),
    };
    Ok(Caller {
        hotkey: *head.hotkey(),
        ip: asked.place.ip,
        timeout: head.timeout().map(|timeout| timeout.min(shared.limits.handler_timeout)),
        deadline: asked.deadline(&shared.limits).into_std(),
        synapse: asked.endpoint()?.route.name(),
        auth: head.kind(),
        nonce: head.nonce(),
        uuid,
        version,
    })
}

impl Asked {
    /// When the answer is of no use any more.
    pub(crate) fn deadline(&self, limits: &crate::limits::Limits) -> tokio::time::Instant {
        let asked_for = self.head.as_ref().and_then(Head::timeout);
        // Python clients mean "no limit" by zero. Whatever they mean, this side's limit holds.
        let patience = asked_for.filter(|timeout| !timeout.is_zero()).unwrap_or(Duration::MAX);
        self.began + patience.min(limits.handler_timeout)
    }
}

/// Cancels a handler when it is dropped.
pub(crate) type Gone = DropGuard;

fn refuse(error: HandlerError) -> Refusal {
    // The caller learns an id; the cause is for the operator.
    if error.status() == 500 {
        Refusal::handler_failed(&error)
    } else {
        Refusal::Handler(error)
    }
}
