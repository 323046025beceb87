//! The synapse of the subnet template: a number goes out, a number comes back.

use serde::{Deserialize, Serialize};

use crate::lax;
use crate::synapse::Synapse;

/// The smallest synapse with content, for tests, probes and first steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Synapse)]
pub struct Dummy {
    /// The question.
    #[serde(deserialize_with = "lax::integer")]
    pub dummy_input: i64,
    /// The answer.
    #[serde(default, deserialize_with = "lax::optional_integer")]
    #[synapse(output)]
    pub dummy_output: Option<i64>,
}
