//! The hash that binds a signature to the body.
//!
//! SHA3-256 over the joined hex SHA3-256 of each hash field's Python text. What is hashed are parsed, typed values, so
//! the formatting of the JSON does not matter.

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
