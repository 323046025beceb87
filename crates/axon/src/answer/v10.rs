//! Answers that a Python dendrite understands: JSON with `bt_header_*` headers, errors included.

use std::time::Duration;

use axoneme_protocol::envelope::header_safe;
use axoneme_protocol::python::py_float;
use axoneme_protocol::{Envelope, TerminalInfo, WIRE_VERSION};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Response};

use super::{Answer, AnswerBody, Face, flow, status};
use crate::connection::Place;
use crate::head::Head;
use crate::refusal::Refusal;
use crate::route::{Endpoint, Flow, Whole};
use crate::stack::{Asked, Shared};

const NAME: HeaderName = HeaderName::from_static("name");
const TIMEOUT: HeaderName = HeaderName::from_static("timeout");
const AXON_STATUS_CODE: HeaderName = HeaderName::from_static("bt_header_axon_status_code");
const AXON_STATUS_MESSAGE: HeaderName = HeaderName::from_static("bt_header_axon_status_message");
const AXON_PROCESS_TIME: HeaderName = HeaderName::from_static("bt_header_axon_process_time");
const AXON_IP: HeaderName = HeaderName::from_static("bt_header_axon_ip");
const AXON_PORT: HeaderName = HeaderName::from_static("bt_header_axon_port");
const AXON_VERSION: HeaderName = HeaderName::from_static("bt_header_axon_version");
const AXON_HOTKEY: HeaderName = HeaderName::from_static("bt_header_axon_hotkey");
const DENDRITE_IP: HeaderName = HeaderName::from_static("bt_header_dendrite_ip");
const DENDRITE_VERSION: HeaderName = HeaderName::from_static("bt_header_dendrite_version");
const DENDRITE_NONCE: HeaderName = HeaderName::from_static("bt_header_dendrite_nonce");
const DENDRITE_UUID: HeaderName = HeaderName::from_static("bt_header_dendrite_uuid");
const DENDRITE_HOTKEY: HeaderName = HeaderName::from_static("bt_header_dendrite_hotkey");
const HEADER_SIZE: HeaderName = HeaderName::from_static("header_size");
const TOTAL_SIZE: HeaderName = HeaderName::from_static("total_size");
const BODY_HASH: HeaderName = HeaderName::from_static("computed_body_hash");

const SUCCESS: &str = "Success";

/// 200 with the whole synapse.
pub(super) fn whole(shared: &Shared, asked: &Asked, answer: &dyn Whole, took: Duration) -> Result<Answer, Refusal> {
    let said = Said::about(asked);
    let mut envelope = envelope(&shared.face, asked, took);
    let body = answer
        .in_envelope(&mut envelope)
        .map_err(|error| Refusal::internal(&error))?;
    let mut response = Response::new(AnswerBody::Whole(Some(body.into())));
    write_head(
        response.headers_mut(),
        &shared.face,
        &asked.place,
        &said,
        200,
        SUCCESS,
        took,
    );
    insert_text(response.headers_mut(), BODY_HASH, envelope.body_hash);
    Ok(response)
}

/// 200 and then raw text, a chunk for each piece.
pub(super) fn pieces(
    shared: &Shared,
    asked: &mut Asked,
    flow: Option<Flow>,
    took: Duration,
) -> Result<Answer, Refusal> {
    let said = Said::about(asked);
    let mut response = Response::new(AnswerBody::Whole(None));
    let headers = response.headers_mut();
    write_head(headers, &shared.face, &asked.place, &said, 200, SUCCESS, took);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    if let Some(Head::V10(head)) = &asked.head {
        // The hash fields of the answer are those of the question: nothing else is known before the first byte.
        insert_text(headers, BODY_HASH, head.body_hash.clone());
    }
    let flow = flow.map(|flow| flow::Running::new(shared, asked, flow, flow::Raw));
    *response.body_mut() = flow.map_or_else(|| AnswerBody::Pieces(Box::pin(futures::stream::empty())), Into::into);
    Ok(response)
}

/// An error as JSON, with the same status in three places.
pub(super) fn refused(shared: &Shared, asked: &Asked, refusal: &Refusal, took: Duration) -> Answer {
    error(&shared.face, &asked.place, &Said::about(asked), refusal, took)
}

/// An error of a request of which nothing is known.
pub(super) fn nameless(face: &Face, place: &Place, refusal: &Refusal) -> Answer {
    error(face, place, &Said::default(), refusal, Duration::ZERO)
}

fn error(face: &Face, place: &Place, said: &Said<'_>, refusal: &Refusal, took: Duration) -> Answer {
    let message = refusal.to_string();
    let body = serde_json::json!({ "message": message }).to_string();
    let mut response = Response::new(AnswerBody::Whole(Some(Bytes::from(body))));
    let code = refusal.status();
    *response.status_mut() = status(code);
    write_head(response.headers_mut(), face, place, said, code, &message, took);
    response
}

/// What an answer says about the request. Of the caller only what it signed, and only once that is verified.
#[derive(Default)]
struct Said<'a> {
    endpoint: Option<&'a Endpoint>,
    head: Option<Verified<'a>>,
}

struct Verified<'a> {
    hotkey: HeaderValue,
    nonce: u64,
    uuid: &'a str,
    version: Option<u64>,
    timeout: Option<Duration>,
}

impl<'a> Said<'a> {
    fn about(asked: &'a Asked) -> Self {
        let head = match &asked.head {
            Some(Head::V10(head)) if asked.verified => Some(Verified {
                // An address has one spelling only, so the header's is as good as ours.
                hotkey: asked
                    .parts
                    .headers
                    .get(DENDRITE_HOTKEY)
                    .cloned()
                    .unwrap_or(HeaderValue::from_static("")),
                nonce: head.nonce,
                uuid: &head.uuid,
                version: head.version,
                timeout: head.timeout,
            }),
            _ => None,
        };
        Self {
            endpoint: asked.endpoint.as_deref(),
            head,
        }
    }
}

/// Writes the headers of an answer, in the order Python does.
fn write_head(
    headers: &mut HeaderMap,
    face: &Face,
    place: &Place,
    said: &Said<'_>,
    code: u16,
    message: &str,
    took: Duration,
) {
    headers.reserve(24);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let name = said.endpoint.map_or("Synapse", |endpoint| endpoint.route.name());
    headers.insert(NAME, HeaderValue::from_static(name));
    let head = said.head.as_ref();
    if let Some(timeout) = head.and_then(|head| head.timeout) {
        insert_text(headers, TIMEOUT, py_float(timeout.as_secs_f64()));
    }
    headers.insert(AXON_STATUS_CODE, code.into());
    if message == SUCCESS {
        headers.insert(AXON_STATUS_MESSAGE, HeaderValue::from_static(SUCCESS));
    } else {
        insert_text(headers, AXON_STATUS_MESSAGE, header_safe(message));
    }
    insert_text(headers, AXON_PROCESS_TIME, py_float(took.as_secs_f64()));
    headers.insert(AXON_IP, place.local_ip.header.clone());
    headers.insert(AXON_PORT, place.local.port().into());
    headers.insert(AXON_VERSION, WIRE_VERSION.into());
    headers.insert(AXON_HOTKEY, face.hotkey_header.clone());
    if let Some(head) = head {
        headers.insert(DENDRITE_IP, place.peer_ip.header.clone());
        if let Some(version) = head.version {
            headers.insert(DENDRITE_VERSION, version.into());
        }
        headers.insert(DENDRITE_NONCE, head.nonce.into());
        insert_text(headers, DENDRITE_UUID, head.uuid.to_owned());
        headers.insert(DENDRITE_HOTKEY, head.hotkey.clone());
    }
    for (name, value) in said.endpoint.map_or(&[][..], |endpoint| &endpoint.placeholders) {
        headers.insert(name.clone(), value.clone());
    }
    // Sizes of Python objects in Python; any integer will do, but it has to be one.
    headers.insert(HEADER_SIZE, HeaderValue::from_static("0"));
    headers.insert(TOTAL_SIZE, HeaderValue::from_static("0"));
}

/// Values are clean already; one that is not is left out.
fn insert_text(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(value)) {
        headers.insert(name, value);
    }
}

/// The body's view of both ends.
fn envelope(face: &Face, asked: &Asked, took: Duration) -> Envelope {
    let place = &asked.place;
    let (dendrite, timeout) = match &asked.head {
        Some(Head::V10(head)) => (
            TerminalInfo {
                ip: Some(place.peer_ip.text.clone()),
                version: head.version,
                nonce: Some(head.nonce),
                uuid: Some(head.uuid.clone()),
                hotkey: asked
                    .parts
                    .headers
                    .get(DENDRITE_HOTKEY)
                    .and_then(|hotkey| Some(hotkey.to_str().ok()?.to_owned())),
                ..TerminalInfo::default()
            },
            head.timeout,
        ),
        _ => (TerminalInfo::default(), None),
    };
    Envelope {
        name: asked
            .endpoint
            .as_ref()
            .map_or("Synapse", |endpoint| endpoint.route.name())
            .into(),
        timeout: timeout.map(|timeout| timeout.as_secs_f64()),
        axon: TerminalInfo {
            status_code: Some(200),
            status_message: Some(SUCCESS.into()),
            process_time: Some(took.as_secs_f64()),
            ip: Some(place.local_ip.text.clone()),
            port: Some(place.local.port()),
            version: Some(WIRE_VERSION),
            hotkey: Some(face.hotkey.clone()),
            ..TerminalInfo::default()
        },
        dendrite,
        body_hash: String::new(),
        required_fields: &[],
    }
}
