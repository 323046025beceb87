//! Reading an answer, as far as it may be believed.

use axoneme_protocol::Synapse;
use axoneme_protocol::envelope::header_safe;
use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, HeaderMap};

use crate::answer::Outcome;

/// What is wrong with an answer.
pub(crate) struct Bad {
    pub(crate) outcome: Outcome,
    pub(crate) status: u16,
    pub(crate) message: String,
}

fn unreadable(reason: impl std::fmt::Display) -> Bad {
    Bad {
        outcome: Outcome::Unreadable,
        status: 422,
        message: format!("Failed to parse response: {reason}"),
    }
}

/// The synapse of a good answer.
pub(crate) async fn answer<S: Synapse>(response: Response, limit: usize) -> Result<S, Bad> {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let body = body(response, limit).await?;
    if status != 200 {
        return Err(refusal(status, &headers, &body));
    }
    if let Some(claimed) = text(&headers, "bt_header_axon_status_code")
        && claimed != "200"
    {
        return Err(unreadable(format!(
            "HTTP status 200 and header status {} differ",
            header_safe(claimed)
        )));
    }
    let kind = text(&headers, CONTENT_TYPE.as_str()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if essence != "application/json" && !essence.ends_with("+json") {
        return Err(unreadable(format!("content type {}", header_safe(kind))));
    }
    // Reading a map first makes sure that it is an object, which a struct of defaults alone would not.
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&body).map_err(|error| unreadable(error.to_string()))?;
    S::deserialize(serde_json::Value::Object(object)).map_err(|error| unreadable(error.to_string()))
}

fn refusal(status: u16, headers: &HeaderMap, body: &[u8]) -> Bad {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let message = json.as_ref().and_then(|json| json.get("message")?.as_str());
    let message = message
        .or_else(|| text(headers, "bt_header_axon_status_message"))
        .unwrap_or("no message");
    Bad {
        outcome: Outcome::Refused,
        status,
        message: header_safe(message),
    }
}

async fn body(mut response: Response, limit: usize) -> Result<Vec<u8>, Bad> {
    let too_large = || Bad {
        outcome: Outcome::TooLarge,
        status: 422,
        message: format!("Failed to parse response: it is larger than {limit} bytes"),
    };
    if response
        .content_length()
        .is_some_and(|length| length > limit as u64)
    {
        return Err(too_large());
    }
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > limit => return Err(too_large()),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(_) => {
                let message = "Payload error: the answer broke off".to_owned();
                return Err(Bad {
                    outcome: Outcome::Truncated,
                    status: 400,
                    message,
                });
            }
        }
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
