//! Answers to `btauth/1` callers: plain JSON, an error body with a code, and signatures of `twresp/1`.

use std::sync::atomic::{AtomicU64, Ordering};

use axoneme_protocol::twresp::sse::SignedStreamWriter;
use axoneme_protocol::twresp::{Exchange, sign_response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use serde::Serialize;

use super::{Answer, AnswerBody, flow, status};
use crate::refusal::Refusal;
use crate::route::{Flow, Whole};
use crate::stack::{Asked, Shared};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-tw-request-id");

/// Names for requests, to find them in logs: unique within this process, and not to be guessed from each other's start.
pub(crate) struct RequestIds {
    process: u64,
    next: AtomicU64,
}

impl Default for RequestIds {
    fn default() -> Self {
        Self {
            process: uuid::Uuid::new_v4().as_u64_pair().0,
            next: AtomicU64::new(1),
        }
    }
}

impl RequestIds {
    fn next(&self) -> String {
        format!(
            "{:016x}{:016x}",
            self.process,
            self.next.fetch_add(1, Ordering::Relaxed)
        )
    }
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: ErrorDetail<'a>,
}

#[derive(Serialize)]
struct ErrorDetail<'a> {
    code: &'static str,
    message: &'a str,
    request_id: &'a str,
}

/// 200 with the fields of the synapse.
pub(super) fn whole(shared: &Shared, asked: &Asked, answer: &dyn Whole) -> Result<Answer, Refusal> {
    let body = answer.plain().map_err(|error| Refusal::internal(&error))?;
    let mut response = json(200, body, shared.face.request_ids.next());
    sign(shared, asked, &mut response);
    Ok(response)
}

/// An error with its code.
pub(super) fn refused(shared: &Shared, asked: &Asked, refusal: &Refusal) -> Answer {
    let (code, id) = (refusal.code(), shared.face.request_ids.next());
    let body = ErrorBody {
        error: ErrorDetail {
            code: code.name,
            message: &refusal.to_string(),
            request_id: &id,
        },
    };
    // Three texts under names of ours: this cannot fail.
    let body = serde_json::to_vec(&body).unwrap_or_default();
    tracing::debug!(request_id = %id, code = code.name, "refused");
    let mut response = json(code.status, body, id);
    if code.signed && asked.verified {
        sign(shared, asked, &mut response);
    }
    response
}

/// 200 and then events, the last of which signs all before it.
pub(super) fn pieces(shared: &Shared, asked: &mut Asked, flow: Option<Flow>) -> Result<Answer, Refusal> {
    let mut response = Response::new(AnswerBody::Whole(None));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    append(headers, [("X-TW-Request-Id", shared.face.request_ids.next())]);
    let sign = asked.endpoint()?.auth.sign_responses;
    let (nonce, sender) = {
        let head = asked.head()?;
        (head.nonce(), *head.hotkey())
    };
    let exchange = Exchange {
        nonce,
        sender: &sender,
        responder: &shared.address,
    };
    let writer = SignedStreamWriter::new((*shared.hotkey).clone(), &exchange, shared.limits.streams);
    if sign {
        append(headers, writer.headers());
    }
    let form = flow::Events::new(writer, sign);
    *response.body_mut() = match flow {
        Some(flow) => flow::Running::new(shared, asked, flow, form).into(),
        None => AnswerBody::Whole(Some(form.only_end())),
    };
    Ok(response)
}

fn json(code: u16, body: Vec<u8>, request_id: String) -> Answer {
    let mut response = Response::new(AnswerBody::Whole(Some(Bytes::from(body))));
    *response.status_mut() = status(code);
    let headers = response.headers_mut();
    headers.reserve(12);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(id) = HeaderValue::from_maybe_shared(Bytes::from(request_id)) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// Signs status and body for the question they answer, where the route does so.
fn sign(shared: &Shared, asked: &Asked, response: &mut Answer) {
    let (Some(head), Some(endpoint)) = (&asked.head, &asked.endpoint) else {
        return;
    };
    if !endpoint.auth.sign_responses {
        return;
    }
    let exchange = Exchange {
        nonce: head.nonce(),
        sender: head.hotkey(),
        responder: &shared.address,
    };
    let AnswerBody::Whole(Some(body)) = response.body() else {
        return;
    };
    let signed = sign_response(&shared.hotkey, &exchange, response.status().as_u16(), body);
    append(response.headers_mut(), signed);
}

fn append(headers: &mut HeaderMap, more: impl IntoIterator<Item = (&'static str, String)>) {
    for (name, value) in more {
        // Names of ours and values in hex or base58: nothing is lost here.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
}
