//! The synapse of the text-prompting subnet. A fork edits this file.

use serde::{Deserialize, Serialize};

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
