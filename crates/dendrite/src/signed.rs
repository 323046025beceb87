//! What an answer on the btauth wire means. It counts once its signature holds.

use axoneme_protocol::Synapse;
use axoneme_protocol::envelope::read_body;
use axoneme_protocol::twresp::{self, Exchange};
use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, Response};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::answer::{Failure, Good};
use crate::response::{STATUS_CODE, check_head, collect, is_json, pairs};

/// What the reader of an answer knows about its question.
pub(crate) struct Asked<'a> {
    pub(crate) exchange: Exchange<'a>,
    /// The JSON that was sent.
    pub(crate) json: &'a [u8],
    /// Whether an answer without a signature is a failure.
    pub(crate) require_signature: bool,
}

/// Reads an answer to the end.
pub(crate) async fn read<S: Synapse>(
    response: Response<Incoming>,
    asked: &Asked<'_>,
    limit: usize,
) -> Result<Good<S>, Failure> {
    let (parts, body) = response.into_parts();
    check_head(&parts)?;
    let bytes = collect(body, limit).await?;
    if parts.status.as_u16() != 200 {
        return Err(refusal(&parts, &bytes, asked));
    }
    let signed = check_signature(&parts, &bytes, asked)?;
    if asked.require_signature && !signed {
        return Err(twresp::TwrespError::Unsigned.into());
    }
    let unusable = |why: String| Failure {
        signed,
        ..Failure::invalid(why)
    };
    if !is_json(&parts.headers) {
        return Err(unusable("the content is not declared as JSON".into()));
    }
    let synapse = read_fields(&bytes, asked.json).map_err(|error| unusable(error.to_string()))?;
    let message = "Success".into();
    Ok(Good {
        synapse,
        message,
        signed,
    })
}

/// Reads an error answer to its end. Errors from before the axon knew who asks carry no signature.
pub(crate) async fn read_refusal(parts: &Parts, body: Incoming, asked: &Asked<'_>, limit: usize) -> Failure {
    match collect(body, limit).await {
        Ok(bytes) => refusal(parts, &bytes, asked),
        Err(failure) => failure,
    }
}

fn refusal(parts: &Parts, bytes: &[u8], asked: &Asked<'_>) -> Failure {
    match check_signature(parts, bytes, asked) {
        Err(failure) => failure,
        Ok(signed) => {
            let mut message = error_text(bytes);
            if is_v10_marker(parts.status.as_u16(), &parts.headers) {
                message = format!("the axon seems to speak the v10 wire only: {message}");
            }
            Failure {
                signed,
                ..Failure::refused(parts.status.as_u16(), message)
            }
        }
    }
}

/// Whether the answer is signed; an error when it is and the signature does not hold.
fn check_signature(parts: &Parts, bytes: &[u8], asked: &Asked<'_>) -> Result<bool, Failure> {
    if !twresp::is_signed(pairs(&parts.headers)) {
        return Ok(false);
    }
    let status = parts.status.as_u16();
    twresp::verify_response(pairs(&parts.headers), &asked.exchange, status, bytes)?;
    Ok(true)
}

/// Reads the synapse of an answer. An axon may leave out what it was asked: those fields are then the question's.
fn read_fields<S: Synapse>(answer: &Bytes, question: &[u8]) -> Result<S, serde_json::Error> {
    let complete = read_body::<S>(answer);
    let Err(error) = complete else {
        return complete;
    };
    let given: Map<String, Value> = read_body(answer)?;
    let mut fields: Map<String, Value> = read_body(question)?;
    fields.extend(given);
    // The first error says more: it has a line and a column.
    serde_json::from_value(Value::Object(fields)).map_err(|_| error)
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ErrorBody {
    error: Option<ErrorParts>,
    /// Where v10 axons and others put it.
    message: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ErrorParts {
    code: Option<String>,
    message: Option<String>,
}

fn error_text(bytes: &[u8]) -> String {
    let body: ErrorBody = read_body(bytes).unwrap_or_default();
    let error = body.error.unwrap_or_default();
    let parts = [error.code, error.message, body.message];
    parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
}

/// Whether a head is what a v10 axon says to a request it does not understand.
pub(crate) fn is_v10_marker(status: u16, headers: &HeaderMap) -> bool {
    status == 500 && headers.contains_key(STATUS_CODE) && !twresp::is_signed(pairs(headers))
}
