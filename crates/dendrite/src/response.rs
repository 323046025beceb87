//! What an answer means. Nothing in it is trusted: only the status and the output fields get out of here.

use axoneme_protocol::Synapse;
use axoneme_protocol::envelope::read_body;
use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::Deserialize;

use crate::answer::Failure;

/// The longest header line a Python client takes.
const MAX_HEADER_LINE: usize = 8190;

const STATUS_CODE: &str = "bt_header_axon_status_code";
const STATUS_MESSAGE: &str = "bt_header_axon_status_message";

/// Reads an answer to the end: the synapse it holds and what the axon says about it, or why it does not count.
pub(crate) async fn read<S: Synapse>(response: Response<Incoming>, limit: usize) -> Result<(S, String), Failure> {
    let (parts, body) = response.into_parts();
    check_lines(&parts.headers)?;
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
    if said.code.is_some() {
        return Ok((synapse, said.message.unwrap_or_default()));
    }
    // Without a header the body may say it; a Python dendrite counts an answer that says nothing as a failure.
    let axon = read_body::<SuccessBody>(&bytes)
        .ok()
        .and_then(|body| body.axon)
        .unwrap_or_default();
    match axon.status_code {
        Some(200) => Ok((synapse, axon.status_message.unwrap_or_default())),
        Some(code) => Err(Failure::refused(code, axon.status_message.unwrap_or_default())),
        None => Err(Failure::invalid("the answer does not say a status")),
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

fn check_lines(headers: &HeaderMap) -> Result<(), Failure> {
    let long = headers
        .iter()
        .any(|(name, value)| name.as_str().len() + value.len() + 2 > MAX_HEADER_LINE);
    if long {
        Err(Failure::not_http(format!(
            "a header line above {MAX_HEADER_LINE} bytes"
        )))
    } else {
        Ok(())
    }
}

/// `application/json`, any `application/*+json`, with or without parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let essence = value.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, Failure> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Failure::truncated("the answer ended early"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > limit {
            return Err(Failure::invalid(format!("the answer is larger than {limit} bytes")));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}
