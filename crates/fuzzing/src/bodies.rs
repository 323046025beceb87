//! Bodies of the v10 wire: JSON becomes typed values, those become Python's text, that becomes a hash.

use std::collections::BTreeMap;

use axoneme_protocol::body_hash::{body_hash as hash, body_matches, hashed_values};
use axoneme_protocol::envelope::read_body;
use axoneme_protocol::python::{PyValue, capture, py_float};
use axoneme_protocol::{Envelope, Prompting, Synapse, UnicodeVersion, lax};
use serde::{Deserialize, Serialize};
use sha3::{Digest, Sha3_256};

/// Every type of field that a synapse may hash.
#[derive(Debug, Clone, Serialize, Deserialize, Synapse)]
struct Everything {
    #[serde(default)]
    #[synapse(hash)]
    text: String,
    #[serde(default)]
    #[synapse(hash)]
    texts: Vec<String>,
    #[serde(default)]
    #[synapse(hash)]
    floats: Vec<f64>,
    #[serde(default, deserialize_with = "lax::optional_integer")]
    #[synapse(hash)]
    integer: Option<i64>,
    #[serde(default, deserialize_with = "lax::optional_float")]
    #[synapse(hash)]
    float: Option<f64>,
    #[serde(default)]
    #[synapse(hash)]
    dict: BTreeMap<String, Vec<(bool, String)>>,
    #[serde(default)]
    #[synapse(hash)]
    model: Option<Box<Inner>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Inner {
    a: u8,
    #[serde(default)]
    b: Option<Vec<String>>,
}

/// Bytes as texts, so that strange ones are reached without passing through JSON first: what this side writes of them is
/// read by this side, and hashed as the rules say.
fn check_texts(data: &[u8]) {
    let messages: Vec<String> = data
        .split(|byte| *byte == 0x1e)
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect();
    let expected = sha3(&sha3(&python_list(&messages)));
    let roles = vec!["user".into(); messages.len()];
    let completion = String::new();
    let synapse = Prompting {
        roles,
        messages,
        completion,
    };
    assert_eq!(hash(&synapse).expect("a hash"), expected, "{:?}", synapse.messages);
    let body = Envelope::of::<Prompting>().body(&synapse).expect("JSON");
    let read: Prompting = read_body(&body).expect("own JSON");
    assert!(read == synapse && body_matches(&read, &body, &expected).expect("a hash"));
}

/// A body is refused, or its hash is the one an independent writing of Python's rules gives.
pub fn body_hash(data: &[u8]) {
    check_texts(data);
    if let Ok(synapse) = read_body::<Prompting>(data) {
        check(&synapse, data);
        let expected = sha3(&sha3(&python_list(&synapse.messages)));
        assert_eq!(hash(&synapse).expect("a hash"), expected, "{:?}", synapse.messages);
    }
    if let Ok(synapse) = read_body::<Everything>(data) {
        check(&synapse, data);
        let values = hashed_values(&synapse).expect("values");
        assert_eq!(values[0].str(UnicodeVersion::OURS), synapse.text);
        assert_eq!(values[1].str(UnicodeVersion::OURS), python_list(&synapse.texts));
        for float in &synapse.floats {
            let text = py_float(*float);
            assert_eq!(
                text.parse::<f64>().expect("a number").to_bits(),
                float.to_bits(),
                "{text}"
            );
            assert!(text.contains(['.', 'e']), "{text} would be an integer");
        }
    }
}

/// What holds for any synapse: hashing is repeatable, survives this side's own JSON, and an honest peer is believed.
fn check<S: Synapse>(synapse: &S, body: &[u8]) {
    let ours = hash(synapse).expect("a hash");
    assert!(body_matches(synapse, body, &ours).expect("a hash"));
    let written = serde_json::to_vec(synapse).expect("JSON");
    let read: S = read_body(&written).expect("own JSON");
    assert!(
        body_matches(&read, &written, &ours).expect("a hash"),
        "own JSON has the same hash"
    );
    assert!(!body_matches(synapse, body, &sha3(&ours)).expect("a hash"));
}

fn sha3(text: &str) -> String {
    hex::encode(Sha3_256::digest(text))
}

/// A list of texts as Python prints it, written again from the rules.
fn python_list(texts: &[String]) -> String {
    let mut list = String::from("[");
    for (place, text) in texts.iter().enumerate() {
        if place > 0 {
            list += ", ";
        }
        let quote = if text.contains('\'') && !text.contains('"') {
            '"'
        } else {
            '\''
        };
        list.push(quote);
        for c in text.chars() {
            let code = u32::from(c);
            match c {
                '\t' => list += "\\t",
                '\n' => list += "\\n",
                '\r' => list += "\\r",
                '\\' => list += "\\\\",
                _ if c == quote => {
                    list.push('\\');
                    list.push(c);
                }
                ' '..='~' => list.push(c),
                '\0'..='\u{a0}' | '\u{ad}' => list += &format!("\\x{code:02x}"),
                '\u{a1}'..='\u{ff}' => list.push(c),
                // Which of the others are printable is a table; that it is right is the vectors' business.
                _ if printable(c) => list.push(c),
                _ if code <= 0xffff => list += &format!("\\u{code:04x}"),
                _ => list += &format!("\\U{code:08x}"),
            }
        }
        list.push(quote);
    }
    list + "]"
}

fn printable(c: char) -> bool {
    let list = PyValue::List(vec![capture(&c.to_string()).expect("a text")]);
    list.str(UnicodeVersion::OURS).chars().nth(2) == Some(c)
}
