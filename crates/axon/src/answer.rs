//! Answers that a Python dendrite understands: JSON with `bt_header_*` headers, errors included.

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;

use axoneme_protocol::Envelope;

use crate::refusal::Refusal;

pub(crate) type Answer = Response<Full<Bytes>>;

/// An answer of `status` with a JSON body and the headers of the envelope.
pub(crate) fn json(status: u16, envelope: &Envelope, body: Vec<u8>) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, value) in envelope.headers() {
        // Names come from this program and values are cleaned, so nothing is lost here.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_ref()), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    response
}

/// The answer to a refused request.
pub(crate) fn refused(refusal: &Refusal, envelope: &Envelope) -> Answer {
    let body = serde_json::json!({ "message": refusal.to_string() }).to_string();
    let mut response = json(refusal.status(), envelope, body.into_bytes());
    let headers = response.headers_mut();
    if let Some(seconds) = refusal.retry_after() {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    if matches!(refusal, Refusal::Method) {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

/// Tells the client that this connection ends after this answer.
pub(crate) fn close(response: &mut Answer) {
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
}
