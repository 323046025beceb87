//! The synapses of the text-prompting subnet. A fork edits this file.

use serde::{Deserialize, Serialize};

use crate::synapse::Synapse;

/// A chat so far, and the miner's continuation.
///
/// `roles` and `messages` have the same length and belong together by position. Only the messages are hashed; this is
/// what deployed Python peers do, so `roles` can be changed on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Synapse)]
pub struct Prompting {
    /// Who said each message: `system`, `user` or `assistant`.
    pub roles: Vec<String>,
    /// What was said.
    #[synapse(hash)]
    pub messages: Vec<String>,
    /// The answer; empty in a request.
    #[serde(default)]
    #[synapse(output)]
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

/// [`Prompting`] with the continuation sent while it is made. A name and route of its own in Python, with the same
/// fields and the same hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Synapse)]
#[synapse(stream)]
pub struct StreamPrompting {
    /// Who said each message: `system`, `user` or `assistant`.
    pub roles: Vec<String>,
    /// What was said.
    #[synapse(hash)]
    pub messages: Vec<String>,
    /// The answer as far as it arrived; empty in a request.
    #[serde(default)]
    #[synapse(output)]
    pub completion: String,
}

impl From<Prompting> for StreamPrompting {
    fn from(asked: Prompting) -> Self {
        Self {
            roles: asked.roles,
            messages: asked.messages,
            completion: asked.completion,
        }
    }
}

impl From<StreamPrompting> for Prompting {
    fn from(asked: StreamPrompting) -> Self {
        Self {
            roles: asked.roles,
            messages: asked.messages,
            completion: asked.completion,
        }
    }
}

/// [`Prompting`] with every answer that can be passed on, the best first. A core validator serves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Synapse)]
pub struct MultiPrompting {
    /// Who said each message: `system`, `user` or `assistant`.
    pub roles: Vec<String>,
    /// What was said.
    #[synapse(hash)]
    pub messages: Vec<String>,
    /// The answers; empty in a request.
    #[serde(default)]
    #[synapse(output)]
    pub completions: Vec<String>,
}

/// What an answer earned, told to the miner that gave it: the *backward* message, for miners that learn. Nothing is
/// answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Synapse)]
pub struct PromptingReward {
    /// Who said each message of the chat that was answered.
    pub roles: Vec<String>,
    /// What was said.
    #[synapse(hash)]
    pub messages: Vec<String>,
    /// The miner's answer.
    #[synapse(hash)]
    pub completion: String,
    /// What it earned, on the scale of the validator that asked.
    #[synapse(hash)]
    pub reward: f64,
}
