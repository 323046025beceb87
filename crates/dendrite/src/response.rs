//! What an answer on the v10 wire means, and what both wires share. Nothing in an answer is trusted: only the status and
//! the output fields get out of here.

use axoneme_protocol::Synapse;
use axoneme_protocol::envelope::read_body;
use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::response::Parts;
use http::{HeaderMap, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Deserialize;

use crate::answer::{Failure, Good};

/// The longest header line a Python client takes.
const MAX_HEADER_LINE: usize = 8190;

pub(crate) const STATUS_CODE: &str = "bt_header_axon_status_code";
const STATUS_MESSAGE: &str = "bt_header_axon_status_message";

/// Reads an answer to the end.
pub(crate) async fn read<S: Synapse>(response: Response<Incoming>, limit: usize) -> Result<Good<S>, Failure> {
    let (parts, body) = response.into_parts();
    check_head(&parts)?;
    let http_status = parts.status.as_u16();
    let bytes = collect(body, limit).await?;
    if !is_json(&parts.headers) {
        return Err(Failure::invalid(format!(
            "status {http_status}, the content is not declared as JSON"
        )));
    }
    let said = Said::by(&parts.headers)?;
    if http_status != 200 {
        let error: ErrorBody = read_body(&bytes).map_err(Failure::invalid)?;
        let message = said
            .message
            .or_else(|| error.message?.as_str().map(Into::into))
            .unwrap_or_default();
        // A header that says otherwise cannot make a success of a failure.
        return Err(Failure::refused(http_status, message));
    }
    if let Some(code) = said.code.filter(|code| *code != 200) {
        return Err(Failure::refused(code, said.message.unwrap_or_default()));
    }
    let synapse = read_body::<S>(&bytes).map_err(Failure::invalid)?;
    let good = |message: Option<String>| Good {
        synapse,
        message: message.unwrap_or_default(),
        signed: false,
    };
    if said.code.is_some() {
        return Ok(good(said.message));
    }
    // Without a header the body may say it; a Python dendrite counts an answer that says nothing as a failure.
    let axon = read_body::<SuccessBody>(&bytes)
        .ok()
        .and_then(|body| body.axon)
        .unwrap_or_default();
    match axon.status_code {
        Some(200) => Ok(good(axon.status_message)),
        Some(code) => Err(Failure::refused(code, axon.status_message.unwrap_or_default())),
        None => Err(no_status()),
    }
}

/// An answer that says no status is a failure to a Python dendrite too.
fn no_status() -> Failure {
    Failure::invalid("the answer does not say a status")
}

/// What the headers of a v10 stream say, read before its first byte: the message, or why it does not count.
pub(crate) fn stream_head(headers: &HeaderMap) -> Result<String, Failure> {
    let said = Said::by(headers)?;
    match said.code {
        Some(200) => Ok(said.message.unwrap_or_default()),
        Some(code) => Err(Failure::refused(code, said.message.unwrap_or_default())),
        None => Err(no_status()),
    }
}

/// What the headers say about the answer.
#[derive(Default)]
struct Said {
    code: Option<u16>,
    message: Option<String>,
}

impl Said {
    fn by(headers: &HeaderMap) -> Result<Self, Failure> {
        let text = |name: &str| Some(String::from_utf8_lossy(headers.get(name)?.as_bytes()).into_owned());
        let code = match text(STATUS_CODE) {
            None => None,
            Some(text) => Some(
                text.parse()
                    .map_err(|_| Failure::invalid("the status header is not a number"))?,
            ),
        };
        Ok(Self {
            code,
            message: text(STATUS_MESSAGE),
        })
    }
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default)]
    message: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct SuccessBody {
    #[serde(default)]
    axon: Option<AxonStatus>,
}

#[derive(Deserialize, Default)]
struct AxonStatus {
    #[serde(default)]
    status_code: Option<u16>,
    #[serde(default)]
    status_message: Option<String>,
}

/// What no answer may be, whatever its wire.
pub(crate) fn check_head(parts: &Parts) -> Result<(), Failure> {
    let long = parts
        .headers
        .iter()
        .any(|(name, value)| name.as_str().len() + value.len() + 2 > MAX_HEADER_LINE);
    if long {
        return Err(Failure::not_http(format!(
            "a header line above {MAX_HEADER_LINE} bytes"
        )));
    }
    if parts.status.is_redirection() {
        return Err(Failure::redirected(parts.status.as_u16()));
    }
    Ok(())
}

/// The content type without parameters, in lower case; empty when there is none.
pub(crate) fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or("").split(';').next().unwrap_or("");
    essence.trim().to_ascii_lowercase()
}

/// `application/json`, any `application/*+json`, with or without parameters.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let essence = content_type(headers);
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// The headers as the protocol reads them.
pub(crate) fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
}

pub(crate) async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, Failure> {
    let mut bytes = BytesMut::new();
    while let Some(data) = next_data(&mut body).await? {
        if bytes.len() + data.len() > limit {
            return Err(Failure::too_large(limit));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// The next bytes of a body; `None` at its proper end.
pub(crate) async fn next_data(body: &mut Incoming) -> Result<Option<Bytes>, Failure> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Failure::truncated("the answer ended early"))?;
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
    Ok(None)
}
