//! Bodies that are not the synapse, or not the one that was signed.

use serde_json::{Value, json};

use super::once;
use crate::case::{Case, Expect};

/// Not what was signed, or not what the synapse is.
const BAD: Expect = Expect::Refused(&[400, 422]);

pub(super) const CASES: &[Case] = &[
    once!("tampered", Body, "a hash field changed after signing", BAD, |session| {
        let mut body = session.synapse.body.clone();
        for field in &session.synapse.hash_fields {
            if let Some(value) = body.get_mut(field) {
                *value = changed(value);
            }
        }
        session.draft().body(Value::from(body).to_string()).bytes()
    }),
    once!("truncated", Body, "JSON that ends early", BAD, |session| {
        let whole = Value::from(session.synapse.body.clone()).to_string();
        session.draft().body(&whole.as_bytes()[..whole.len() / 2]).bytes()
    }),
    once!("empty", Body, "no body", BAD, |session| session
        .draft()
        .body(Vec::new())
        .bytes()),
    once!("not-json", Body, "a body that is a word", BAD, |session| session
        .draft()
        .body("hello")
        .bytes()),
    once!("array", Body, "a body that is a list", BAD, |session| session
        .draft()
        .body("[]")
        .bytes()),
    once!("null-body", Body, "a body that is null", BAD, |session| session
        .draft()
        .body("null")
        .bytes()),
    once!("missing", Body, "a body without any field", BAD, |session| session
        .draft()
        .body("{}")
        .bytes()),
    once!("nulls", Body, "every field null", BAD, |session| {
        let nulls: serde_json::Map<_, _> = session
            .synapse
            .body
            .keys()
            .map(|key| (key.clone(), Value::Null))
            .collect();
        session.draft().body(Value::from(nulls).to_string()).bytes()
    }),
    once!("types", Body, "every field of another type", BAD, |session| {
        let wrong: serde_json::Map<_, _> = session
            .synapse
            .body
            .keys()
            .map(|key| (key.clone(), json!({"a": 1})))
            .collect();
        session.draft().body(Value::from(wrong).to_string()).bytes()
    }),
    once!("utf8", Body, "bytes that are not UTF-8", BAD, |session| {
        session
            .draft()
            .body([b"{\"x\": \"".as_slice(), b"\xff\xfe", b"\"}"].concat())
            .bytes()
    }),
    once!(
        "utf8-extra",
        Body,
        "bytes that are not UTF-8 in a member that nobody knows",
        BAD,
        |session| {
            let mut body = serde_json::to_vec(&session.synapse.body).unwrap_or_default();
            body.pop();
            body.extend_from_slice(b", \"x\": \"\xc3\x28\"}");
            session.draft().body(body).bytes()
        }
    ),
    once!("surrogate", Body, "half of a surrogate pair, escaped", BAD, |session| {
        let body = Value::from(session.synapse.body.clone()).to_string();
        session
            .draft()
            .body(body.replacen('{', "{\"x\": \"\\ud800\", ", 1))
            .bytes()
    }),
    once!("nan", Body, "NaN as a number", BAD, |session| {
        let body = Value::from(session.synapse.body.clone()).to_string();
        session.draft().body(body.replacen('{', "{\"x\": NaN, ", 1)).bytes()
    }),
    once!("deep", Body, "lists nested 100,000 deep", BAD, |session| {
        session
            .draft()
            .body(format!("{{\"x\": {}", "[".repeat(100_000)))
            .bytes()
    }),
    once!("trailing", Body, "something after the JSON", BAD, |session| {
        let body = Value::from(session.synapse.body.clone()).to_string();
        session.draft().body(format!("{body} trailing")).bytes()
    }),
    once!("content-type", Body, "text/plain as content type", BAD, |session| {
        session.draft().http().set("Content-Type", "text/plain").bytes()
    }),
    once!("no-content-type", Body, "no content type", BAD, |session| session
        .draft()
        .http()
        .without("Content-Type")
        .bytes()),
    once!(
        "compressed",
        Body,
        "a body that says it is compressed",
        Expect::Refused(&[400, 415, 422]),
        |session| {
            session
                .draft()
                .body([0x1f, 0x8b, 8, 0])
                .http()
                .plus("Content-Encoding", "gzip")
                .bytes()
        }
    ),
    once!(
        "number",
        Body,
        "a number of 500,000 digits in a member that nobody knows",
        Expect::Anything,
        |session| {
            let body = Value::from(session.synapse.body.clone()).to_string();
            session
                .draft()
                .body(body.replacen('{', &format!("{{\"x\": {}, ", "9".repeat(500_000)), 1))
                .bytes()
        }
    ),
];

/// Another value of the same type.
fn changed(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(format!("{text}!")),
        Value::Number(_) => json!(-1),
        Value::Bool(bit) => json!(!bit),
        Value::Array(items) => match items.split_first() {
            Some((first, rest)) => Value::Array(std::iter::once(changed(first)).chain(rest.iter().cloned()).collect()),
            None => json!(["!"]),
        },
        Value::Object(_) | Value::Null => json!({"!": 1}),
    }
}
