//! What answers have to look like, and must not give away.

use axoneme_protocol::twresp::{self, Exchange};
use serde_json::{Value, json};

use super::course;
use crate::case::{Case, Expect};
use crate::session::Session;
use crate::socket::{Seen, Socket};

const SIGNATURE: &str = "bt_header_dendrite_signature";
/// Longest header line that Python's client reads.
const LONGEST_LINE: usize = 8190;
/// Headers that Python reads as numbers; one that is none spoils the whole answer.
const NUMBERS: [&str; 9] = [
    "timeout",
    "header_size",
    "total_size",
    "bt_header_axon_status_code",
    "bt_header_axon_process_time",
    "bt_header_axon_port",
    "bt_header_axon_version",
    "bt_header_axon_nonce",
    "bt_header_dendrite_nonce",
];

pub(super) const CASES: &[Case] = &[
    course!(
        "answer",
        Answers,
        "whether a Python client understands the answer to an honest request",
        Expect::Served,
        whole
    ),
    course!(
        "answer-caller",
        Answers,
        "whose name the answer bears when the body names another caller",
        Expect::Served,
        caller
    ),
    course!(
        "refusal",
        Answers,
        "whether a Python client understands a refusal",
        Expect::Refused(&[401]),
        refusal
    ),
    course!(
        "refusal-echo",
        Answers,
        "whether a refusal repeats the signature or the signed text",
        Expect::Refused(&[401]),
        echo
    ),
    course!(
        "oracle",
        Answers,
        "whether the axon signs for somebody who has not proved who he is",
        Expect::Refused(&[401]),
        oracle
    ),
    course!(
        "injection",
        Answers,
        "whether line breaks in a name end up as a header of the answer",
        Expect::Refused(&[400, 404]),
        injection
    ),
    course!(
        "long-name",
        Answers,
        "whether a name of 7000 characters makes a header that no client reads",
        Expect::Refused(&[400, 404, 414, 431]),
        long_name
    ),
    course!(
        "bt-answer",
        Btauth,
        "whether the signature of the answer holds, when it has one",
        Expect::Served,
        signed_answer
    ),
    course!(
        "bt-refusal",
        Btauth,
        "whether a refusal says its code and the request's id",
        Expect::Refused(&[401]),
        signed_refusal
    ),
];

/// An answer taken apart.
struct Parts<'a> {
    status: u16,
    headers: &'a [(String, Vec<u8>)],
    body: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(seen: &'a Seen) -> Option<Self> {
        match seen {
            Seen::Answer {
                status, headers, body, ..
            } => Some(Self {
                status: *status,
                headers,
                body,
            }),
            _ => None,
        }
    }

    fn header(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(self.body).unwrap_or_default()
    }

    /// What every v10 answer has to be; nothing when it is.
    fn flaw(&self) -> Option<String> {
        let kind = self.header("content-type").unwrap_or_default();
        if !kind.starts_with("application/") || !kind.contains("json") {
            return Some(format!("{} with content type `{kind}` instead of JSON", self.status));
        }
        if !self.json().is_object() {
            return Some(format!("{} with a body that is no JSON object", self.status));
        }
        let said = self.header("bt_header_axon_status_code");
        if said.as_ref().is_some_and(|said| *said != self.status.to_string()) {
            return Some(format!("HTTP {} but bt_header_axon_status_code {said:?}", self.status));
        }
        for (name, value) in self.headers {
            if name.len() + value.len() + 4 > LONGEST_LINE {
                return Some(format!(
                    "a line of {} bytes: header {name}",
                    name.len() + value.len() + 4
                ));
            }
            let text = String::from_utf8_lossy(value);
            if NUMBERS.contains(&name.as_str()) && text.trim().parse::<f64>().is_err() {
                return Some(format!("header {name} is no number"));
            }
            if name.starts_with("x-tw-resp") {
                return Some("a signature of the other wire".into());
            }
        }
        None
    }
}

/// The answer, or what is wrong with it.
fn judged(seen: Seen, wrong: Option<String>, odd: Option<String>) -> Seen {
    match (wrong, odd) {
        (Some(what), _) => Seen::Wrong { what },
        (None, Some(what)) => Seen::Odd { what },
        (None, None) => seen,
    }
}

async fn whole(session: &Session) -> Result<Seen, String> {
    let seen = session.send(&session.draft().bytes()).await?;
    let Some(parts) = Parts::of(&seen).filter(|_| seen.is_served()) else {
        return Ok(seen);
    };
    let json = parts.json();
    let changed = session.synapse.hash_fields.iter().find(|field| {
        let field = field.as_str();
        session.synapse.body.get(field) != json.get(field)
    });
    let unread = || {
        let said = &json["axon"]["status_code"];
        (parts.header("bt_header_axon_status_code").is_none() && *said != json!(200))
            .then(|| "no status in header or body: a Python client counts it as a failure".to_owned())
    };
    let wrong = parts
        .flaw()
        .or_else(|| changed.map(|field| format!("`{field}` came back changed")))
        .or_else(unread);
    Ok(judged(seen, wrong, None))
}

async fn caller(session: &Session) -> Result<Seen, String> {
    let mut body = session.synapse.body.clone();
    let other = session.hotkey.to_string();
    body.insert("dendrite".into(), json!({"hotkey": other}));
    let seen = session
        .send(&session.draft().body(Value::from(body).to_string()).bytes())
        .await?;
    let Some(parts) = Parts::of(&seen).filter(|_| seen.is_served()) else {
        return Ok(seen);
    };
    let named = parts.json()["dendrite"]["hotkey"] == json!(other)
        || parts
            .header("bt_header_dendrite_hotkey")
            .is_some_and(|name| name == other);
    let wrong = named.then(|| "200 in the name of the caller that only the body names".to_owned());
    Ok(judged(seen, wrong, None))
}

/// A request with a signature that does not hold, and that signature.
async fn refused(session: &Session) -> Result<(Seen, String), String> {
    let signature = format!("0x{}", "1e".repeat(64));
    let http = session.draft().http().set(SIGNATURE, &signature);
    Ok((session.send(&http.bytes()).await?, signature))
}

async fn refusal(session: &Session) -> Result<Seen, String> {
    let (seen, _) = refused(session).await?;
    let Some(parts) = Parts::of(&seen) else {
        return Ok(seen);
    };
    let wrong = parts
        .flaw()
        .or_else(|| (!parts.json()["message"].is_string()).then(|| "a refusal without `message`".to_owned()));
    let odd = parts
        .header("bt_header_axon_status_code")
        .is_none()
        .then(|| format!("{} without bt_header_axon_status_code", parts.status));
    Ok(judged(seen, wrong, odd))
}

async fn echo(session: &Session) -> Result<Seen, String> {
    let (seen, signature) = refused(session).await?;
    let Some(parts) = Parts::of(&seen) else {
        return Ok(seen);
    };
    let body = String::from_utf8_lossy(parts.body).into_owned();
    let status = parts.header("bt_header_axon_status_message").unwrap_or_default();
    let odd = [body, status]
        .iter()
        .any(|text| text.contains(&signature[2..]))
        .then(|| format!("{} that repeats the signature", parts.status));
    Ok(judged(seen, None, odd))
}

async fn oracle(session: &Session) -> Result<Seen, String> {
    let (seen, _) = refused(session).await?;
    let odd = Parts::of(&seen)
        .and_then(|parts| parts.header("bt_header_axon_signature").map(|_| parts.status))
        .map(|status| format!("{status} that the axon signed, over text of the caller's choice"));
    Ok(judged(seen, None, odd))
}

async fn injection(session: &Session) -> Result<Seen, String> {
    let path = "/x%0d%0aX-Probe:%201%0d%0a";
    let http = session.draft().http().with(|http| http.path = path.into());
    let seen = session.send(&http.bytes()).await?;
    let wrong = Parts::of(&seen)
        .and_then(|parts| parts.header("x-probe"))
        .map(|_| "the answer has a header that the request wrote".to_owned());
    Ok(judged(seen, wrong, None))
}

async fn long_name(session: &Session) -> Result<Seen, String> {
    let path = format!("/{}", "n".repeat(7000));
    let http = session.draft().http().with(|http| http.path = path);
    let seen = session.send(&http.bytes()).await?;
    let longest = Parts::of(&seen).map_or(0, |parts| {
        let lines = parts.headers.iter().map(|(name, value)| name.len() + value.len() + 4);
        lines.max().unwrap_or(0)
    });
    let wrong = (longest > LONGEST_LINE).then(|| format!("a header line of {longest} bytes"));
    let odd = (longest > 4096).then(|| format!("a header line of {longest} bytes"));
    Ok(judged(seen, wrong, odd))
}

async fn signed_answer(session: &Session) -> Result<Seen, String> {
    let signed = session.signed();
    let nonce = signed.nonce;
    let seen = session.send(&signed.bytes()).await?;
    let Some(parts) = Parts::of(&seen).filter(|_| seen.is_served()) else {
        return Ok(seen);
    };
    let headers = || {
        parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
    };
    if !twresp::is_signed(headers()) {
        return Ok(Seen::NotOffered);
    }
    let sender = session.signer.account_id();
    let exchange = Exchange {
        nonce,
        sender: &sender,
        responder: &session.hotkey,
    };
    let wrong = twresp::verify_response(headers(), &exchange, parts.status, parts.body).err();
    let wrong = wrong.map(|error| format!("an answer whose signature does not hold: {error}"));
    Ok(judged(seen, wrong, None))
}

async fn signed_refusal(session: &Session) -> Result<Seen, String> {
    let mut socket = Socket::open(session.target).await?;
    let http = session.signed().with(|signed| signed.nonce -= 60_000_000_000).http();
    socket.write(&http.bytes(), session.patience).await;
    let seen = socket.read(session.patience).await;
    let Some(parts) = Parts::of(&seen) else {
        return Ok(seen);
    };
    let code = parts.json()["error"]["code"].as_str().map(str::to_owned);
    let odd = match (code.as_deref(), parts.header("x-tw-request-id")) {
        (Some("tw.auth_stale"), Some(_)) => None,
        (Some("tw.auth_stale"), None) => Some(format!("{} without X-TW-Request-Id", parts.status)),
        (code, _) => Some(format!("{} with code {code:?} instead of tw.auth_stale", parts.status)),
    };
    Ok(judged(seen, None, odd))
}
