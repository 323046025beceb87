//! What a synapse is: one question and its answer, as a plain struct.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A request and its answer in one struct, as both ends of the wire see it.
///
/// Implement it on a struct with the fields of the Python synapse class, in the same order. Fields that have a default
/// in Python get `#[serde(default)]`; the others are listed in [`REQUIRED_FIELDS`](Synapse::REQUIRED_FIELDS). Unknown
/// members are ignored by serde unless told otherwise; keep it so. The names `name`, `timeout`, `total_size`,
/// `header_size`, `dendrite`, `axon` and `computed_body_hash` are taken by the wire.
///
/// ```
/// use axoneme_protocol::{EmptyValue, Synapse};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Clone, Serialize, Deserialize)]
/// struct Translate {
///     text: String,
///     #[serde(default)]
///     translation: Option<String>,
/// }
///
/// impl Synapse for Translate {
///     const NAME: &'static str = "Translate";
///     const HASH_FIELDS: &'static [&'static str] = &["text"];
///     const REQUIRED_FIELDS: &'static [(&'static str, EmptyValue)] = &[("text", EmptyValue::Str)];
///
///     fn take_answer(&mut self, answer: Self) {
///         self.translation = answer.translation;
///     }
/// }
/// ```
pub trait Synapse: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// Class name in Python and path on the wire; case sensitive.
    const NAME: &'static str;

    /// Fields under the body hash, in the order Python hashes them: as declared for a `ClassVar`, in model order for
    /// the older style where `required_hash_fields` is a field. What is not listed can be changed on the way unnoticed.
    const HASH_FIELDS: &'static [&'static str];

    /// Fields without a default in Python. A Python axon cannot build its placeholder without them.
    const REQUIRED_FIELDS: &'static [(&'static str, EmptyValue)];

    /// Takes over the output fields of a peer's answer, and nothing else.
    ///
    /// An answer is not bound to its question: whatever else the peer wrote must not reach the caller.
    fn take_answer(&mut self, answer: Self);
}

/// The type of a required field, sent to Python axons as an empty value of that type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmptyValue {
    /// A list or tuple.
    List,
    /// A dict or nested model.
    Dict,
    /// A text.
    Str,
    /// An integer.
    Int,
    /// A floating point number.
    Float,
    /// A truth value.
    Bool,
}

impl EmptyValue {
    /// Base64 of the JSON of the empty value, as `bt_header_input_obj_*` carries it.
    pub const fn header_value(self) -> &'static str {
        match self {
            Self::List => "W10=",
            Self::Dict => "e30=",
            Self::Str => "IiI=",
            Self::Int => "MA==",
            Self::Float => "MC4w",
            Self::Bool => "ZmFsc2U=",
        }
    }
}

/// The base class `Synapse` of the SDK: no fields, answered by every axon as a ping.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {}

impl Synapse for Ping {
    const NAME: &'static str = "Synapse";
    const HASH_FIELDS: &'static [&'static str] = &[];
    const REQUIRED_FIELDS: &'static [(&'static str, EmptyValue)] = &[];

    fn take_answer(&mut self, _answer: Self) {}
}
