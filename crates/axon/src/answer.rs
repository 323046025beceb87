//! What is sent back, in the words of the wire it came on.

mod btauth;
mod flow;
mod v10;

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use futures::stream::BoxStream;
use http::header::{ALLOW, CONNECTION, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};

pub(crate) use self::btauth::RequestIds;
use crate::auth::AuthKind;
use crate::connection::Place;
use crate::head::{speaks_btauth, speaks_v10};
use crate::refusal::Refusal;
use crate::route::Output;
use crate::stack::{Asked, Reply, Shared};

/// An answer as HTTP knows it.
pub(crate) type Answer = Response<AnswerBody>;

/// A whole body, or one that comes in pieces.
pub(crate) enum AnswerBody {
    Whole(Option<Bytes>),
    Pieces(BoxStream<'static, Result<Bytes, Aborted>>),
}

/// A stream that cannot be finished. The connection ends without the last chunk, so that the client notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Aborted {
    #[error("the handler failed within the stream")]
    Failed,
    #[error("the stream took too long")]
    Late,
    #[error("the stream paused too long")]
    Idle,
    #[error("the stream is too long")]
    TooLong,
    #[error("the axon is shutting down")]
    Stopping,
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        match &mut *self {
            Self::Whole(body) => Poll::Ready(body.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Pieces(pieces) => Pin::new(pieces)
                .poll_next(cx)
                .map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => SizeHint::with_exact(body.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Pieces(_) => SizeHint::default(),
        }
    }
}

/// What every answer of an axon says about it.
pub(crate) struct Face {
    pub(crate) hotkey: String,
    pub(crate) hotkey_header: HeaderValue,
    pub(crate) request_ids: RequestIds,
}

impl Face {
    pub(crate) fn new(hotkey: String) -> Self {
        // An address is alphanumeric.
        let hotkey_header = HeaderValue::try_from(&hotkey).unwrap_or(HeaderValue::from_static(""));
        Self {
            hotkey,
            hotkey_header,
            request_ids: RequestIds::default(),
        }
    }
}

/// The answer to a request that was served.
pub(crate) fn served(shared: &Shared, reply: Reply, took: Duration) -> (Box<Asked>, Answer) {
    let Reply { mut asked, output } = reply;
    let written = match (wire(shared, &asked), output) {
        (AuthKind::Btauth, Output::Whole(whole)) => btauth::whole(shared, &asked, &*whole),
        (AuthKind::Btauth, Output::Pieces(flow)) => btauth::pieces(shared, &mut asked, flow),
        (AuthKind::V10, Output::Whole(whole)) => v10::whole(shared, &asked, &*whole, took),
        (AuthKind::V10, Output::Pieces(flow)) => v10::pieces(shared, &mut asked, flow, took),
    };
    let answer = written.unwrap_or_else(|refusal| refused(shared, &asked, &refusal, took));
    (asked, answer)
}

/// The answer to a request that was refused.
pub(crate) fn refused(shared: &Shared, asked: &Asked, refusal: &Refusal, took: Duration) -> Answer {
    let mut answer = match wire(shared, asked) {
        AuthKind::Btauth => btauth::refused(shared, asked, refusal),
        AuthKind::V10 => v10::refused(shared, asked, refusal, took),
    };
    complete(&mut answer, refusal);
    answer
}

/// The answer to a request of which nothing is left but where it came from.
pub(crate) fn anonymous(face: &Face, place: &Place, refusal: &Refusal) -> Answer {
    let mut answer = v10::nameless(face, place, refusal);
    complete(&mut answer, refusal);
    close(&mut answer);
    answer
}

fn complete(answer: &mut Answer, refusal: &Refusal) {
    let headers = answer.headers_mut();
    if let Some(seconds) = refusal.retry_after() {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if matches!(refusal, Refusal::Method) {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
}

/// Tells the client that this connection ends after this answer.
pub(crate) fn close(answer: &mut Answer) {
    answer
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
}

/// Which wire an answer is for: the one the request was accepted on, or else the one it seems to mean and may use.
fn wire(shared: &Shared, asked: &Asked) -> AuthKind {
    if let Some(head) = &asked.head {
        return head.kind();
    }
    let policy = asked.endpoint.as_ref().map_or(shared.auth, |endpoint| endpoint.auth);
    let headers = &asked.parts.headers;
    if policy.btauth && (speaks_btauth(headers) || (!policy.v10 && !speaks_v10(headers))) {
        AuthKind::Btauth
    } else {
        AuthKind::V10
    }
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
