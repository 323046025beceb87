//! What this side writes: `bt_header_*` headers and the JSON body around a synapse.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::python::py_float;
use crate::synapse::{EmptyValue, Synapse};

/// The longest value this side writes into one header. Python clients refuse lines above 8190 bytes.
pub const MAX_HEADER_VALUE: usize = 1024;

/// One end of an exchange, as headers and body describe it.
///
/// Fields that are not known are left out of headers and are null in bodies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TerminalInfo {
    /// HTTP status as the axon sees it.
    pub status_code: Option<u16>,
    /// A word or a sentence about it.
    pub status_message: Option<String>,
    /// Seconds spent.
    pub process_time: Option<f64>,
    /// Address, without port.
    pub ip: Option<String>,
    /// TCP port.
    pub port: Option<u16>,
    /// SDK version number.
    pub version: Option<u64>,
    /// Nanoseconds since 1970 at signing.
    pub nonce: Option<u64>,
    /// Identifies one lane of a client.
    pub uuid: Option<String>,
    /// Ss58 address.
    pub hotkey: Option<String>,
    /// `0x` and 128 hex digits.
    pub signature: Option<String>,
}

impl TerminalInfo {
    /// The known fields with their header suffixes, in the order Python writes them.
    fn fields(&self) -> impl Iterator<Item = (&'static str, String)> {
        [
            ("status_code", self.status_code.map(|v| v.to_string())),
            ("status_message", self.status_message.as_deref().map(header_safe)),
            ("process_time", self.process_time.map(py_float)),
            ("ip", self.ip.as_deref().map(header_safe)),
            ("port", self.port.map(|v| v.to_string())),
            ("version", self.version.map(|v| v.to_string())),
            ("nonce", self.nonce.map(|v| v.to_string())),
            ("uuid", self.uuid.as_deref().map(header_safe)),
            ("hotkey", self.hotkey.as_deref().map(header_safe)),
            ("signature", self.signature.as_deref().map(header_safe)),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}

/// Everything around the user fields of a synapse.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Envelope {
    /// Name of the synapse.
    pub name: Cow<'static, str>,
    /// Seconds the client waits.
    pub timeout: Option<f64>,
    /// The asking end.
    pub dendrite: TerminalInfo,
    /// The answering end.
    pub axon: TerminalInfo,
    /// Hash of the body beside these headers; empty when there is none.
    pub body_hash: String,
    /// The fields a Python peer needs placeholders for.
    pub required_fields: &'static [(&'static str, EmptyValue)],
}

/// A header as text: name and value.
pub type Header = (Cow<'static, str>, String);

impl Envelope {
    /// An envelope for `S` with nothing known about either end.
    pub fn of<S: Synapse>() -> Self {
        Self {
            name: S::NAME.into(),
            required_fields: S::REQUIRED_FIELDS,
            ..Self::default()
        }
    }

    /// The headers, in the order a Python dendrite writes them. Every value is printable ASCII of bounded length.
    pub fn headers(&self) -> Vec<Header> {
        let mut headers: Vec<Header> = vec![("name".into(), header_safe(&self.name))];
        // Python cannot parse `timeout: None` or `nan`; a client without one sends no header.
        if let Some(timeout) = self.timeout.filter(|t| t.is_finite()) {
            headers.push(("timeout".into(), py_float(timeout)));
        }
        headers.extend(
            self.axon
                .fields()
                .map(|(name, value)| (format!("bt_header_axon_{name}").into(), value)),
        );
        headers.extend(
            self.dendrite
                .fields()
                .map(|(name, value)| (format!("bt_header_dendrite_{name}").into(), value)),
        );
        headers.extend(self.required_fields.iter().map(|(name, empty)| {
            (
                format!("bt_header_input_obj_{name}").into(),
                empty.header_value().to_owned(),
            )
        }));
        // Sizes of Python objects in Python; any integer will do, but it has to be one.
        headers.push(("header_size".into(), "0".into()));
        headers.push(("total_size".into(), "0".into()));
        if !self.body_hash.is_empty() {
            headers.push(("computed_body_hash".into(), self.body_hash.clone()));
        }
        headers
    }

    /// The JSON body: the members of the SDK's base class, then the fields of the synapse.
    pub fn body<S: Synapse>(&self, synapse: &S) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&Body {
            name: &self.name,
            timeout: self.timeout,
            total_size: 0,
            header_size: 0,
            dendrite: &self.dendrite,
            axon: &self.axon,
            computed_body_hash: "",
            synapse,
        })
    }
}

#[derive(Serialize)]
struct Body<'a, S> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<f64>,
    total_size: u64,
    header_size: u64,
    dendrite: &'a TerminalInfo,
    axon: &'a TerminalInfo,
    computed_body_hash: &'static str,
    #[serde(flatten)]
    synapse: &'a S,
}

/// Reads a JSON body, of which only the outermost form is checked here: it has to be an object, and UTF-8 throughout.
///
/// serde would also take a list of the values in order, which no Python peer does, and does not look at the bytes of
/// members it skips, where half a surrogate pair would pass unseen.
pub fn read_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    let body = std::str::from_utf8(body).map_err(|_| serde::de::Error::custom("not UTF-8"))?;
    let first = body.bytes().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|byte| byte != b'{') {
        return Err(serde::de::Error::custom("not a JSON object"));
    }
    // Escapes of surrogates are rare, and only where there are some a second look is needed.
    if body.contains("\\ud") || body.contains("\\uD") {
        serde_json::from_str::<serde_json::Value>(body)?;
    }
    serde_json::from_str(body)
}

/// A text made safe for a header line: printable ASCII, at most [`MAX_HEADER_VALUE`] bytes.
///
/// What a stranger sent may end up in a status message; it must not be able to start another header.
pub fn header_safe(text: &str) -> String {
    text.chars()
        .take(MAX_HEADER_VALUE)
        .map(|c| match c {
            ' '..='~' => c,
            '\t' | '\n' | '\r' => ' ',
            _ => '?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::read_body;
    use crate::Prompting;

    #[test]
    fn half_a_surrogate_pair_is_refused_wherever_it_stands() {
        let body = |extra: &str| format!(r#"{{"x": "{extra}", "roles": [], "messages": []}}"#);
        for good in [r"\ud83d\ude00", r"\\ud800", "é"] {
            read_body::<Prompting>(body(good).as_bytes()).expect(good);
        }
        for bad in [r"\ud800", r"\uDC00", r"a\ud83d\u0041"] {
            read_body::<Prompting>(body(bad).as_bytes()).expect_err(bad);
        }
    }
}
