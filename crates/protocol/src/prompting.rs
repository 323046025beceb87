//! The synapses of the text-prompting subnet. A fork edits this file.

use serde::{Deserialize, Serialize};

use crate::streaming::StreamingSynapse;
use crate::synapse::{EmptyValue, Synapse};

/// A chat so far, and the miner's continuation.
///
/// `roles` and `messages` have the same length and belong together by position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompting {
    /// Who said each message: `system`, `user` or `assistant`.
    pub roles: Vec<String>,
    /// What was said.
    pub messages: Vec<String>,
    /// The answer; empty in a request.
    #[serde(default)]
    pub completion: String,
}

impl Prompting {
    /// A question with nothing before it.
    pub fn ask(question: impl Into<String>) -> Self {
        Self {
            roles: vec!["user".into()],
            messages: vec![question.into()],
            completion: String::new(),
        }
    }
}

impl Synapse for Prompting {
    const NAME: &'static str = "Prompting";
    /// Only the messages are hashed; this is what deployed Python peers do, so `roles` can be changed on the way.
    const HASH_FIELDS: &'static [&'static str] = &["messages"];
    const REQUIRED_FIELDS: &'static [(&'static str, EmptyValue)] =
        &[("roles", EmptyValue::List), ("messages", EmptyValue::List)];

    fn take_answer(&mut self, answer: Self) {
        self.completion = answer.completion;
    }
}

/// [`Prompting`] with the continuation sent while it is made. A name and route of its own in Python, with the same
/// fields and the same hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamPrompting {
    /// Who said each message: `system`, `user` or `assistant`.
    pub roles: Vec<String>,
    /// What was said.
    pub messages: Vec<String>,
    /// The answer as far as it arrived; empty in a request.
    #[serde(default)]
    pub completion: String,
}

impl Synapse for StreamPrompting {
    const NAME: &'static str = "StreamPrompting";
    const HASH_FIELDS: &'static [&'static str] = Prompting::HASH_FIELDS;
    const REQUIRED_FIELDS: &'static [(&'static str, EmptyValue)] = Prompting::REQUIRED_FIELDS;

    fn take_answer(&mut self, answer: Self) {
        self.completion = answer.completion;
    }
}

impl StreamingSynapse for StreamPrompting {
    fn push(&mut self, text: &str) {
        self.completion.push_str(text);
    }
}

impl From<Prompting> for StreamPrompting {
    fn from(
        Prompting {
            roles,
            messages,
            completion,
        }: Prompting,
    ) -> Self {
        Self {
            roles,
            messages,
            completion,
        }
    }
}

impl From<StreamPrompting> for Prompting {
    fn from(
        StreamPrompting {
            roles,
            messages,
            completion,
        }: StreamPrompting,
    ) -> Self {
        Self {
            roles,
            messages,
            completion,
        }
    }
}
