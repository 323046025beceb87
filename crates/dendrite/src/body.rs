//! The body of a request in two parts, so that what all axons get is written once.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};

/// What one axon gets alone, then what all get.
pub(crate) struct Body {
    own: Bytes,
    shared: Bytes,
}

impl Body {
    pub(crate) fn new(own: impl Into<Bytes>, shared: Bytes) -> Self {
        Self {
            own: own.into(),
            shared,
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let part = if this.own.is_empty() {
            &mut this.shared
        } else {
            &mut this.own
        };
        let next = Some(std::mem::take(part)).filter(|part| !part.is_empty());
        Poll::Ready(next.map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.own.is_empty() && self.shared.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact((self.own.len() + self.shared.len()) as u64)
    }
}
