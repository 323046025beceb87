//! The synapse of the subnet template: a number goes out, a number comes back.

use serde::{Deserialize, Serialize};

use crate::lax;
use crate::synapse::{EmptyValue, Synapse};

/// The smallest synapse with content, for tests, probes and first steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dummy {
    /// The question.
    #[serde(deserialize_with = "lax::integer")]
    pub dummy_input: i64,
    /// The answer.
    #[serde(default, deserialize_with = "lax::optional_integer")]
    pub dummy_output: Option<i64>,
}

impl Synapse for Dummy {
    const NAME: &'static str = "Dummy";
    const HASH_FIELDS: &'static [&'static str] = &[];
    const REQUIRED_FIELDS: &'static [(&'static str, EmptyValue)] = &[("dummy_input", EmptyValue::Int)];

    fn take_answer(&mut self, answer: Self) {
        self.dummy_output = answer.dummy_output;
    }
}
