//! Prompts seen before, so that a validator that asks the same again is refused.

use std::collections::{HashMap, VecDeque};

use sha2::{Digest, Sha256};

/// Prompts remembered; older ones are forgotten before their time when there are more.
const MAX_PROMPTS: usize = 65_536;

/// The prompts of the last so many blocks, by hash.
#[derive(Debug)]
pub struct PromptCache {
    /// Blocks for which a prompt is remembered.
    span: u64,
    first_seen: HashMap<[u8; 32], u64>,
    /// The same in the order they came.
    order: VecDeque<[u8; 32]>,
}

impl PromptCache {
    /// Remembers prompts for `span` blocks.
    pub fn new(span: u64) -> Self {
        Self {
            span,
            first_seen: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// Whether these messages were seen before; if not, they are from now on. What is too old goes after the look, so a
    /// prompt that comes back just after its time is refused once more.
    pub fn seen(&mut self, messages: &[String], block: u64) -> bool {
        let key = key(messages);
        let seen = self.first_seen.contains_key(&key);
        if !seen {
            self.first_seen.insert(key, block);
            self.order.push_back(key);
        }
        while let Some(oldest) = self.order.front() {
            let first = self.first_seen.get(oldest).copied();
            let old = first.is_none_or(|first| first.saturating_add(self.span) < block);
            if !old && self.order.len() <= MAX_PROMPTS {
                break;
            }
            self.first_seen.remove(oldest);
            self.order.pop_front();
        }
        seen
    }

    /// Prompts remembered now.
    pub fn len(&self) -> usize {
        self.first_seen.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.first_seen.is_empty()
    }
}

/// SHA-256 of [`canonical`].
pub fn key(messages: &[String]) -> [u8; 32] {
    Sha256::digest(canonical(messages)).into()
}

/// The messages as Python writes a list of texts in JSON: a space after each comma, and nothing but ASCII.
pub fn canonical(messages: &[String]) -> String {
    let quoted: Vec<String> = messages.iter().map(|message| quote(message)).collect();
    format!("[{}]", quoted.join(", "))
}

fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for unit in text.chars() {
        match unit {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            ' '..='\u{7f}' => quoted.push(unit),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    quoted.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    quoted.push('"');
    quoted
}
