//! The hash that binds a signature to the body.
//!
//! SHA3-256 over the joined hex SHA3-256 of each hash field's Python text. What is hashed are parsed, typed values, so
//! the formatting of the JSON does not matter.

use serde_json::Value;
use sha3::{Digest, Sha3_256};

use crate::python::{CaptureError, PyValue, UnicodeVersion, capture};
use crate::synapse::Synapse;

/// Why a synapse has no body hash. A mistake in the [`Synapse`] implementation, not in a message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// The type does not serialise as an object.
    #[error("{synapse} does not serialise as an object; make it a struct with named fields")]
    NotAnObject {
        /// Name of the synapse.
        synapse: &'static str,
    },
    /// A hash field is not among the serialised fields.
    #[error("{synapse} lists `{field}` in HASH_FIELDS but does not serialise it")]
    NoSuchField {
        /// Name of the synapse.
        synapse: &'static str,
        /// The field that is missing.
        field: &'static str,
    },
    /// A value that Python could not hold.
    #[error("{synapse} holds a value that cannot be hashed")]
    Value {
        /// Name of the synapse.
        synapse: &'static str,
        /// What is wrong with it.
        #[source]
        source: CaptureError,
    },
}

/// The values under the hash, in hash order.
pub fn hashed_values<S: Synapse>(synapse: &S) -> Result<Vec<PyValue>, HashError> {
    if S::HASH_FIELDS.is_empty() {
        return Ok(Vec::new());
    }
    let PyValue::Dict(mut members) = capture(synapse).map_err(|source| HashError::Value {
        synapse: S::NAME,
        source,
    })?
    else {
        return Err(HashError::NotAnObject { synapse: S::NAME });
    };
    let take = |field: &&'static str| {
        let place = members
            .iter()
            .position(|(key, _)| matches!(key, PyValue::Str(name) if name == field));
        let place = place.ok_or(HashError::NoSuchField {
            synapse: S::NAME,
            field,
        })?;
        Ok(members.swap_remove(place).1)
    };
    S::HASH_FIELDS.iter().map(take).collect()
}

/// The hash of values as Python with this Unicode version computes it: 64 lower-case hex digits.
pub fn hash_values(values: &[PyValue], unicode: UnicodeVersion) -> String {
    let mut outer = Sha3_256::new();
    for value in values {
        outer.update(hex::encode(Sha3_256::digest(value.str(unicode).as_bytes())));
    }
    hex::encode(outer.finalize())
}

/// The hash of a synapse as this side sends it.
pub fn body_hash<S: Synapse>(synapse: &S) -> Result<String, HashError> {
    Ok(hash_values(&hashed_values(synapse)?, UnicodeVersion::OURS))
}

/// Whether `claimed` is the hash of `values` under any Python release in use.
///
/// Unicode 14.0 first; the others only when a text holds characters they disagree about, so that an ordinary mismatch
/// costs one hash.
pub fn matches(values: &[PyValue], claimed: &str) -> bool {
    let [first, rest @ ..] = UnicodeVersion::ALL;
    hash_values(values, first) == claimed
        || (values.iter().any(PyValue::depends_on_unicode_version)
            && rest.into_iter().any(|version| hash_values(values, version) == claimed))
}

/// Whether `claimed` is the hash of a synapse that was read from `body`.
///
/// Floating point numbers are hashed as the body spells them: the JSON parser may be one unit in the last place off, and
/// then an honest peer's hash would not be found.
pub fn body_matches<S: Synapse>(synapse: &S, body: &[u8], claimed: &str) -> Result<bool, HashError> {
    let mut values = hashed_values(synapse)?;
    if matches(&values, claimed) {
        return Ok(true);
    }
    if !values.iter().any(holds_float) {
        return Ok(false);
    }
    // It was parsed once, so it parses again; what is not under a name here keeps its value.
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    for (field, value) in S::HASH_FIELDS.iter().zip(&mut values) {
        spell_floats(value, json.get(field).unwrap_or(&Value::Null));
    }
    Ok(matches(&values, claimed))
}

fn holds_float(value: &PyValue) -> bool {
    match value {
        PyValue::Float(_) => true,
        PyValue::List(items) | PyValue::Tuple(items) => items.iter().any(holds_float),
        PyValue::Dict(members) => members.iter().any(|(_, value)| holds_float(value)),
        _ => false,
    }
}

/// Reads the floats of `value` again from the digits in `json`, which this crate's serde_json keeps.
fn spell_floats(value: &mut PyValue, json: &Value) {
    match (value, json) {
        (PyValue::Float(float), Value::Number(number)) => {
            if let Ok(exact) = number.to_string().parse() {
                *float = exact;
            }
        }
        (PyValue::List(items) | PyValue::Tuple(items), Value::Array(array)) => {
            for (item, json) in items.iter_mut().zip(array) {
                spell_floats(item, json);
            }
        }
        (PyValue::Dict(members), Value::Object(object)) => {
            for (key, value) in members {
                if let Some(json) = object.get(&key.str(UnicodeVersion::OURS)) {
                    spell_floats(value, json);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};

    use super::{body_hash, body_matches};
    use crate::synapse::{EmptyValue, Synapse};

    #[derive(Debug, Clone, Serialize, Deserialize)]
    struct Measured {
        one: f64,
        many: Vec<f64>,
        named: BTreeMap<String, (f64, String)>,
    }

    impl Synapse for Measured {
        const NAME: &'static str = "Measured";
        const HASH_FIELDS: &'static [&'static str] = &["one", "many", "named"];
        const REQUIRED_FIELDS: &'static [(&'static str, EmptyValue)] = &[];

        fn take_answer(&mut self, _answer: Self) {}
    }

    /// The JSON parser reads many of these one unit in the last place off.
    #[test]
    fn floats_are_hashed_as_the_body_spells_them() {
        let mut seed = 1u64;
        for _ in 0..2000 {
            let mut any = || {
                seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                Some(f64::from_bits(seed))
                    .filter(|float| float.is_finite())
                    .unwrap_or(0.1)
            };
            let sent = Measured {
                one: any(),
                many: vec![any(), 1.0, any()],
                named: [("a".into(), (any(), "x".into())), ("b".into(), (2.0, String::new()))].into(),
            };
            let claimed = body_hash(&sent).expect("hash");
            let body = serde_json::to_vec(&sent).expect("json");
            let read: Measured = serde_json::from_slice(&body).expect("the same");
            assert!(body_matches(&read, &body, &claimed).expect("hash"), "{sent:?}");
            let other = String::from_utf8(body).expect("text").replace("1.0", "1.5");
            let read: Measured = serde_json::from_str(&other).expect("the same");
            assert!(
                !body_matches(&read, other.as_bytes(), &claimed).expect("hash"),
                "{other}"
            );
        }
    }
}
