//! A chat as text, for the gating model and for the judge.

use axoneme_protocol::Prompting;
use axoneme_reward::text::trim;
use serde::{Deserialize, Serialize};

/// One message of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `assistant` or `user`; messages of other roles are left out.
    pub role: String,
    /// What was said.
    pub content: String,
}

impl Message {
    /// A message.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self {
            role: role.into(),
            content: content.into(),
        }
    }
}

/// The messages of a synapse. Lists of different lengths end with the shorter one.
pub fn messages_of(roles: &[String], messages: &[String]) -> Vec<Message> {
    let pairs = roles.iter().zip(messages);
    pairs.map(|(role, content)| Message::new(role, content)).collect()
}

/// The synapse of some messages.
pub fn question_of(messages: &[Message]) -> Prompting {
    Prompting {
        roles: messages.iter().map(|message| message.role.clone()).collect(),
        messages: messages.iter().map(|message| message.content.clone()).collect(),
        completion: String::new(),
    }
}

/// What the gating model reads: every message behind its role, one per line.
pub fn gating_text(messages: &[Message]) -> String {
    let known = messages
        .iter()
        .filter(|message| matches!(message.role.as_str(), "system" | "assistant" | "user"));
    known
        .map(|Message { role, content }| format!("{role}: {content}\n"))
        .collect()
}

/// What the judge reads: all but the system's messages, trimmed, one per line.
pub fn question_text(messages: &[Message]) -> String {
    let said = messages.iter().filter(|message| message.role != "system");
    said.map(|message| format!("{}\n", trim(&message.content))).collect()
}

/// The last thing the user said.
pub fn last_user_message(messages: &[Message]) -> Option<&str> {
    let users = messages.iter().rev().find(|message| message.role == "user");
    users.map(|message| message.content.as_str())
}
