//! What a synapse is: one question and its answer, as a plain struct.

pub use axoneme_derive::Synapse;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A request and its answer in one struct, as both ends of the wire see it. This is what a subnet defines.
///
/// Derive it on a struct with the fields of the Python synapse class, in the same order:
///
/// ```
/// use axoneme_protocol::{EmptyValue, StreamingSynapse, Synapse};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Clone, Serialize, Deserialize, Synapse)]
/// #[synapse(stream)]
/// struct Translate {
///     #[synapse(hash)]
///     text: String,
///     #[serde(default)]
///     #[synapse(output)]
///     translation: Option<String>,
/// }
///
/// assert_eq!(Translate::NAME, "Translate");
/// assert_eq!(Translate::HASH_FIELDS, ["text"]);
/// assert_eq!(Translate::REQUIRED_FIELDS, [("text", EmptyValue::Str)]);
///
/// let mut asked = Translate { text: "hello".into(), translation: None };
/// asked.push("bon");
/// asked.push("jour");
/// assert_eq!(asked.translation.as_deref(), Some("bonjour"));
/// ```
///
/// - `#[serde(default)]`: the field has a default in Python too. All others are
///   [`REQUIRED_FIELDS`](Synapse::REQUIRED_FIELDS).
/// - `#[synapse(hash)]`: the field is under the body hash, in the order of the struct. Hash everything that an answer
///   depends on. Where the Python class has another order: `#[synapse(hash_fields("b", "a"))]` on the struct.
/// - `#[synapse(output)]`: the field is part of the answer. Nothing else is taken from a peer.
/// - `#[synapse(stream)]` on the struct: the answer arrives piece by piece in the output of type `String` or
///   `Option<String>`; this also implements [`StreamingSynapse`](crate::StreamingSynapse).
/// - `#[synapse(name = "...")]` on the struct: the name of the Python class, where it is not that of the struct.
/// - `#[synapse(empty = "dict")]`: what a required field is in Python (`list`, `dict`, `str`, `int`, `float`, `bool`),
///   where its Rust type does not tell.
///
/// Python converts scalars silently (`"42"` in an integer field is 42); [`lax`](crate::lax) does the same with
/// `#[serde(deserialize_with = "axoneme_protocol::lax::integer")]`. Unknown members are ignored by serde unless told
/// otherwise; keep it so. The names `name`, `timeout`, `total_size`, `header_size`, `dendrite`, `axon` and
/// `computed_body_hash` are taken by the wire.
///
/// A declaration that cannot work does not compile:
///
/// ```compile_fail
/// use axoneme_protocol::Synapse;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Serialize, Deserialize, Synapse)]
/// struct Translate {
///     // an output is not known when the request is signed
///     #[synapse(hash, output)]
///     translation: String,
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Synapse)]
#[synapse(name = "Synapse")]
pub struct Ping {}
