//! The sentence penalty: openings that show a miner's model talking about its prompt instead of answering it.

use std::sync::LazyLock;

use async_trait::async_trait;
use regex::Regex;

use super::Patterns;
use crate::error::RewardError;
use crate::pipeline::Penalty;
use crate::task::Task;
use crate::text::{SPACE_CLASS, first_chars, trim};

/// What each matching pattern adds.
const STEP: f64 = 0.1;

/// So many characters from the start are looked at.
const LOOKED_AT: usize = 200;

/// In every edition. A blank stands for any run of whitespace; matched without regard to case.
const PATTERNS: [&str; 14] = [
    r"here( is|_'s) a task",
    r"here( is|_'s) the solution",
    r"here( is|_'s) my question",
    r"what have we learned from this task\?|what did i learn today_\?|what is the main point of the passage",
    r"what is the correct order of the key points",
    r"use complete sentences",
    r"use proper grammar",
    r"the question was",
    r"sure! her.",
    r"solution \(in \w+\)",
    r"great job! here( is|_'s)",
    r"keep it clear and concise. use complete sentences.",
    r"paraphrase_:",
    r"write a tweet about the previous text",
];

/// Two patterns the network glued together by a missing comma.
const GLUED: [&str; 1] = [r"task_:i can help you with"];
const APART: [&str; 2] = [r"task_:", r"i can help you with"];

/// `sentence_match_penalty`: a tenth for each pattern found near the start of the completion.
#[derive(Debug, Clone, Copy)]
pub struct SentenceMatch {
    max: f64,
    edition: Patterns,
}

impl SentenceMatch {
    /// The share it may take on the running network.
    pub const DEFAULT_MAX: f64 = 0.2;

    /// Takes at most `max` of a reward.
    pub fn new(max: f64, edition: Patterns) -> Self {
        Self { max, edition }
    }

    fn of(&self, completion: &str) -> f64 {
        static COMMON: LazyLock<Vec<Regex>> = LazyLock::new(|| compile(&PATTERNS));
        static REFERENCE: LazyLock<Vec<Regex>> = LazyLock::new(|| compile(&GLUED));
        static REPAIRED: LazyLock<Vec<Regex>> = LazyLock::new(|| compile(&APART));
        let start = first_chars(trim(completion), LOOKED_AT);
        let edition = match self.edition {
            Patterns::Reference => &REFERENCE,
            Patterns::Repaired => &REPAIRED,
        };
        STEP * COMMON
            .iter()
            .chain(edition.iter())
            .filter(|pattern| pattern.is_match(start))
            .count() as f64
    }
}

/// In the patterns above a blank means some whitespace, an underscore means perhaps some.
fn compile(patterns: &[&str]) -> Vec<Regex> {
    let expand = |pattern: &str| {
        let spaced = pattern
            .replace('_', &format!("{SPACE_CLASS}*"))
            .replace(' ', &format!("{SPACE_CLASS}+"));
        Regex::new(&format!("(?i){spaced}")).expect("a constant pattern")
    };
    patterns.iter().copied().map(expand).collect()
}

#[async_trait]
impl Penalty for SentenceMatch {
    fn name(&self) -> &'static str {
        "sentence_match_penalty"
    }

    fn max(&self) -> f64 {
        self.max
    }

    async fn raw(&self, _task: &Task, completions: &[String]) -> Result<Vec<f64>, RewardError> {
        Ok(completions.iter().map(|completion| self.of(completion)).collect())
    }
}
