//! JSON-RPC as a proxy sees it: errors made up in the endpoint's place, and runtime versions changed.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

/// Requests of one connection whose answers have yet to be looked at.
const MAX_PENDING: usize = 1_024;
/// Subscriptions of one connection that are told of another version.
const MAX_SUBSCRIPTIONS: usize = 64;

/// What error a code stands for.
fn words(code: i32) -> &'static str {
    match code {
        429 => "Too many requests, slow down",
        503 => "Service unavailable",
        _ => "Drill",
    }
}

/// The answer to `request` (one or a batch) that says only `code`; nothing where nothing asks for an answer.
pub(crate) fn errors_for(request: &str, code: i32) -> Option<(String, u64)> {
    let error = |request: &Value| {
        let id = request.get("id")?;
        let error = json!({ "code": code, "message": words(code) });
        Some(json!({ "jsonrpc": "2.0", "error": error, "id": id }))
    };
    match serde_json::from_str(request).ok()? {
        Value::Array(batch) => {
            let answers: Vec<Value> = batch.iter().filter_map(error).collect();
            let count = answers.len() as u64;
            (count > 0).then(|| (Value::Array(answers).to_string(), count))
        }
        single => error(&single).map(|answer| (answer.to_string(), 1)),
    }
}

/// What has to be remembered of a connection so that all it hears of the runtime's version can be changed.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    /// Ids of calls of `Core_version`, whose answers are SCALE in hex.
    scale: VecDeque<Value>,
    /// The last notification of each subscription, as the endpoint sent it.
    told: VecDeque<(Value, Value)>,
}

impl Versions {
    /// Takes note of a request.
    pub(crate) fn request(&mut self, text: &str) {
        if !text.contains("Core_version") {
            return;
        }
        let Ok(request) = serde_json::from_str::<Value>(text) else {
            return;
        };
        let batch = match request {
            Value::Array(batch) => batch,
            single => vec![single],
        };
        for mut request in batch {
            let params = request.get("params").and_then(Value::as_array);
            let called = params.is_some_and(|params| params.iter().take(2).any(|param| param == "Core_version"));
            if called && let Some(id) = request.get_mut("id") {
                self.scale.push_back(id.take());
                if self.scale.len() > MAX_PENDING {
                    self.scale.pop_front();
                }
            }
        }
    }

    /// Takes note of a message from the endpoint; gives it with `version` in it where it carries another.
    pub(crate) fn answer(&mut self, text: &str, version: Option<u32>) -> Option<String> {
        // Most messages have nothing to do with versions, and some are megabytes.
        if !text.contains("specVersion") && self.scale.is_empty() {
            return None;
        }
        let mut message: Value = serde_json::from_str(text).ok()?;
        let mut changed = false;
        match &mut message {
            Value::Array(batch) => batch.iter_mut().for_each(|one| changed |= self.one(one, version)),
            single => changed = self.one(single, version),
        }
        changed.then(|| message.to_string())
    }

    fn one(&mut self, message: &mut Value, version: Option<u32>) -> bool {
        if let Some(params) = message.get("params")
            && params.pointer("/result/specVersion").is_some()
            && let Some(subscription) = params.get("subscription").cloned()
        {
            self.told.retain(|(known, _)| *known != subscription);
            self.told.push_back((subscription, message.clone()));
            if self.told.len() > MAX_SUBSCRIPTIONS {
                self.told.pop_front();
            }
        }
        let asked = message
            .get("id")
            .and_then(|id| self.scale.iter().position(|known| known == id));
        let scale = asked.and_then(|place| self.scale.remove(place)).is_some();
        let Some(version) = version else {
            return false;
        };
        let Some(message) = message.as_object_mut() else {
            return false;
        };
        change_object(message.get_mut("result"), version)
            || change_object(
                message.get_mut("params").and_then(|params| params.get_mut("result")),
                version,
            )
            || (scale
                && message
                    .get_mut("result")
                    .is_some_and(|result| change_hex(result, version)))
    }

    /// What subscribers have to hear when the version changes, `None` being the endpoint's own again.
    pub(crate) fn notifications(&self, version: Option<u32>) -> Vec<String> {
        let mut messages = Vec::with_capacity(self.told.len());
        for (_, original) in &self.told {
            let mut message = original.clone();
            if let Some(version) = version {
                change_object(message.pointer_mut("/params/result"), version);
            }
            messages.push(message.to_string());
        }
        messages
    }
}

/// Changes `{"specVersion": …}`.
fn change_object(value: Option<&mut Value>, version: u32) -> bool {
    let Some(object) = value.and_then(Value::as_object_mut) else {
        return false;
    };
    set_version(object, version)
}

fn set_version(object: &mut Map<String, Value>, version: u32) -> bool {
    match object.get_mut("specVersion") {
        Some(spec) => {
            *spec = json!(version);
            true
        }
        None => false,
    }
}

/// Changes an answer of `Core_version`: hex, or the object that holds it in the newer methods.
fn change_hex(result: &mut Value, version: u32) -> bool {
    let text = match result {
        Value::Object(object) => object.get_mut("value"),
        other => Some(other),
    };
    let Some(Value::String(text)) = text else {
        return false;
    };
    let Ok(mut bytes) = hex::decode(text.trim_start_matches("0x")) else {
        return false;
    };
    let Some(place) = spec_version_at(&bytes) else {
        return false;
    };
    let Some(spec) = bytes.get_mut(place..place + 4) else {
        return false;
    };
    spec.copy_from_slice(&version.to_le_bytes());
    *text = format!("0x{}", hex::encode(bytes));
    true
}

/// Where `spec_version` stands in an encoded `RuntimeVersion`: behind two names and the authoring version.
fn spec_version_at(bytes: &[u8]) -> Option<usize> {
    let mut place = 0;
    for _ in 0..2 {
        // Lengths of names fit the first two forms of a compact integer.
        let first = *bytes.get(place)?;
        let (length, taken) = match first & 3 {
            0 => (usize::from(first >> 2), 1),
            1 => (usize::from(u16::from_le_bytes([first, *bytes.get(place + 1)?]) >> 2), 2),
            _ => return None,
        };
        place += taken + length;
    }
    Some(place + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_of_a_batch_is_refused_under_its_own_id() {
        let (text, count) = errors_for(r#"{"jsonrpc":"2.0","id":"aB17","method":"x"}"#, 429).expect("an answer");
        assert_eq!(count, 1);
        let answer: Value = serde_json::from_str(&text).expect("json");
        assert_eq!(
            (answer["id"].as_str(), answer["error"]["code"].as_i64()),
            (Some("aB17"), Some(429))
        );
        let (text, count) = errors_for(
            r#"[{"id":1,"method":"x"},{"method":"note"},{"id":2,"method":"y"}]"#,
            503,
        )
        .expect("an answer");
        assert_eq!(count, 2);
        assert!(text.contains(r#""id":2"#));
        assert_eq!(errors_for(r#"{"method":"note"}"#, 503), None);
        assert_eq!(errors_for("nonsense", 503), None);
    }

    #[test]
    fn the_version_is_changed_wherever_a_client_reads_it() {
        let mut versions = Versions::default();
        let plain = r#"{"jsonrpc":"2.0","id":1,"result":{"specName":"n","specVersion":393}}"#;
        assert!(
            versions
                .answer(plain, Some(470))
                .is_some_and(|text| text.contains("470") && !text.contains("393"))
        );
        assert_eq!(versions.answer(plain, None), None, "left alone without the fault");

        // spec_name "node", impl_name "node", authoring version 1, spec version 393, …
        let scale = format!(
            "0x{}{}{}{}{}",
            "106e6f6465", "106e6f6465", "01000000", "89010000", "01000000"
        );
        versions.request(r#"{"id":7,"method":"state_call","params":["Core_version","0x",null]}"#);
        let answer = format!(r#"{{"jsonrpc":"2.0","id":7,"result":"{scale}"}}"#);
        let text = versions.answer(&answer, Some(470)).expect("changed");
        assert!(text.contains("01000000d601000001000000"), "{text}");
        assert_eq!(versions.answer(&answer, Some(470)), None, "an answer is looked at once");
    }

    #[test]
    fn subscribers_hear_of_the_change_and_of_its_end() {
        let mut versions = Versions::default();
        assert!(versions.notifications(Some(470)).is_empty());
        let note = r#"{"jsonrpc":"2.0","method":"state_runtimeVersion","params":{"subscription":"s","result":{"specVersion":393}}}"#;
        assert_eq!(versions.answer(note, None), None);
        assert!(versions.notifications(Some(470))[0].contains("470"));
        assert!(versions.notifications(None)[0].contains("393"));
    }

    #[test]
    fn torn_encodings_and_endless_requests_do_no_harm() {
        for text in ["0x", "0x10", "0xffffffff", "0x106e6f6465106e6f646501", "zz"] {
            let mut value = json!(text);
            assert!(!change_hex(&mut value, 1), "{text}");
        }
        let mut versions = Versions::default();
        for id in 0..5_000 {
            versions.request(&format!(
                r#"{{"id":{id},"method":"state_call","params":["Core_version"]}}"#
            ));
        }
        assert_eq!(versions.scale.len(), MAX_PENDING);
    }
}
