//! Reading a request body in bounded memory and time.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::Instant;

use crate::refusal::Refusal;

/// Refuses framing that HTTP allows but that another program on the way could read differently.
pub(crate) fn check_framing(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    if codings.next().is_some_and(|coding| coding != "chunked") || codings.next().is_some() {
        return Err(Refusal::BadRequest(
            "transfer encodings other than chunked are not accepted",
        ));
    }
    if headers.get_all(CONTENT_LENGTH).iter().count() > 1 {
        return Err(Refusal::BadRequest("more than one content length"));
    }
    if headers.contains_key(CONTENT_ENCODING) {
        return Err(Refusal::BadRequest("compressed bodies are not accepted"));
    }
    Ok(())
}

/// Refuses bodies that do not say they are JSON. An absent type is fine: Rust clients may leave it out.
pub(crate) fn check_content_type(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let essence = value
        .to_str()
        .unwrap_or("")
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    let json = essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    if json {
        Ok(())
    } else {
        Err(Refusal::BadRequest("the content type must be application/json"))
    }
}

/// Refuses a body whose declared length is too much, before a byte of it is read.
pub(crate) fn check_declared_length(body: &Incoming, limit: usize) -> Result<(), Refusal> {
    match body.size_hint().exact() {
        Some(length) if length > limit as u64 => Err(Refusal::TooLarge { limit }),
        _ => Ok(()),
    }
}

/// Reads a whole body, or says why not.
pub(crate) async fn read(body: &mut Incoming, limit: usize, until: Instant) -> Result<Bytes, Refusal> {
    let expected = body.size_hint().exact().unwrap_or(0).min(limit as u64) as usize;
    let reading = async {
        // The whole capacity only for what has a length: a chunked body has to earn its memory.
        let mut bytes = BytesMut::with_capacity(expected.min(64 << 10));
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Refusal::BadRequest("the body ended early or is badly framed"))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if bytes.len() + data.len() > limit {
                return Err(Refusal::TooLarge { limit });
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes.freeze())
    };
    tokio::time::timeout_at(until, reading)
        .await
        .unwrap_or(Err(Refusal::SlowRequest))
}

/// Throws away the rest of a small body so that the connection can be kept; false when it cannot.
pub(crate) async fn drain(body: &mut Incoming) -> bool {
    const WORTH_READING: usize = 64 << 10;
    const WORTH_WAITING: std::time::Duration = std::time::Duration::from_millis(200);
    match body.size_hint().exact() {
        Some(0) => true,
        Some(length) if length <= WORTH_READING as u64 => {
            read(body, WORTH_READING, Instant::now() + WORTH_WAITING).await.is_ok()
        }
        _ => body.is_end_stream(),
    }
}
