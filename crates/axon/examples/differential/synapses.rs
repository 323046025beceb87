//! The synapses of `scripts/differential/synapses.py`, field for field.

use axoneme_protocol::{EmptyValue, Prompting, StreamPrompting, Synapse, lax};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// What the handlers answer, on both sides.
pub(crate) trait Say {
    fn say(&mut self);
}

macro_rules! dialogue {
    ($name:ident) => {
        impl Say for $name {
            fn say(&mut self) {
                let pairs = self.roles.iter().zip(&self.messages);
                let pairs: Vec<_> = pairs.map(|(role, message)| format!("{role}:{message}")).collect();
                self.completion = pairs.join(" | ");
            }
        }
    };
}

dialogue!(Prompting);
dialogue!(StreamPrompting);

/// A field of every kind, all under the hash.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Zoo {
    text: String,
    #[serde(deserialize_with = "lax::integer")]
    count: i64,
    #[serde(deserialize_with = "lax::float")]
    ratio: f64,
    #[serde(deserialize_with = "lax::boolean")]
    flag: bool,
    tags: Vec<String>,
    table: IndexMap<String, i64>,
    #[serde(default)]
    pair: (String, i64),
    #[serde(default)]
    inner: Inner,
    #[serde(default)]
    scores: Vec<f64>,
    #[serde(default)]
    nested: IndexMap<String, Vec<String>>,
    #[serde(default)]
    maybe: Option<String>,
    #[serde(default, deserialize_with = "lax::optional_float")]
    limit: Option<f64>,
    #[serde(default)]
    completion: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Inner {
    label: String,
    #[serde(default = "half", deserialize_with = "lax::float")]
    weight: f64,
}

fn half() -> f64 {
    0.5
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            label: String::new(),
            weight: half(),
        }
    }
}

impl Synapse for Zoo {
    const NAME: &'static str = "Zoo";
    const HASH_FIELDS: &'static [&'static str] = &[
        "text", "count", "ratio", "flag", "tags", "table", "pair", "inner", "scores", "nested", "maybe", "limit",
    ];
    const REQUIRED_FIELDS: &'static [(&'static str, EmptyValue)] = &[
        ("text", EmptyValue::Str),
        ("count", EmptyValue::Int),
        ("ratio", EmptyValue::Float),
        ("flag", EmptyValue::Bool),
        ("tags", EmptyValue::List),
        ("table", EmptyValue::Dict),
    ];

    fn take_answer(&mut self, answer: Self) {
        self.completion = answer.completion;
    }
}

impl Say for Zoo {
    fn say(&mut self) {
        self.completion.clone_from(&self.text);
    }
}

/// Hashed in the order of a class variable.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ordered {
    first: String,
    second: String,
    #[serde(default)]
    completion: String,
}

/// Hashed in the order of the model, as for the older declaration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Older {
    first: String,
    second: String,
    #[serde(default)]
    completion: String,
}

macro_rules! two_texts {
    ($name:ident, $text:literal, $hashed:expr) => {
        impl Synapse for $name {
            const NAME: &'static str = $text;
            const HASH_FIELDS: &'static [&'static str] = &$hashed;
            const REQUIRED_FIELDS: &'static [(&'static str, EmptyValue)] =
                &[("first", EmptyValue::Str), ("second", EmptyValue::Str)];

            fn take_answer(&mut self, answer: Self) {
                self.completion = answer.completion;
            }
        }

        impl Say for $name {
            fn say(&mut self) {
                self.completion = format!("{}/{}", self.first, self.second);
            }
        }
    };
}

two_texts!(Ordered, "Ordered", ["second", "first"]);
two_texts!(Older, "Older", ["first", "second"]);
