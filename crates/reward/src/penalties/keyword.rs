//! The keyword penalty: labels that belong to another kind of task, and headings only the validator writes.

use std::sync::LazyLock;

use async_trait::async_trait;
use regex::Regex;

use super::Patterns;
use crate::error::RewardError;
use crate::pipeline::Penalty;
use crate::task::{Task, TaskKind};
use crate::text::SPACE_CLASS;

const SUMMARY: [&str; 4] = ["Summary:", "Paraphrase:", "Paraphrasing:", "Paraphrased:"];
const QUESTION: [&str; 3] = ["Question:", "Query:", "Q:"];
const ANSWER: [&str; 4] = ["Answer:", "Response:", "A:", "Completion:"];

/// `keyword_match_penalty`: all or nothing.
///
/// The reference edition finds `a:` inside "data:" and `q:` inside "FAQ:", as the network does; the repaired one asks
/// for whole words.
#[derive(Debug, Clone, Copy)]
pub struct KeywordMatch {
    max: f64,
    edition: Patterns,
}

impl KeywordMatch {
    /// The share it may take on the running network.
    pub const DEFAULT_MAX: f64 = 1.0;

    /// Takes at most `max` of a reward.
    pub fn new(max: f64, edition: Patterns) -> Self {
        Self { max, edition }
    }

    fn of(&self, kind: TaskKind, completion: &str) -> f64 {
        if self.sets().hit(kind, completion) { 1.0 } else { 0.0 }
    }

    /// Whether a label of another kind of task occurs; headings do not count here.
    pub(crate) fn has_foreign_label(&self, kind: TaskKind, completion: &str) -> bool {
        self.sets().foreign(kind, completion)
    }

    fn sets(&self) -> &'static Sets {
        static REFERENCE: LazyLock<Sets> = LazyLock::new(|| Sets::new(Patterns::Reference));
        static REPAIRED: LazyLock<Sets> = LazyLock::new(|| Sets::new(Patterns::Repaired));
        match self.edition {
            Patterns::Reference => &REFERENCE,
            Patterns::Repaired => &REPAIRED,
        }
    }
}

struct Sets {
    summary: Regex,
    question: Regex,
    answer: Regex,
    headings: Regex,
}

impl Sets {
    fn new(edition: Patterns) -> Self {
        let compile = |pattern: &str| Regex::new(&format!("(?i){pattern}")).expect("a constant pattern");
        let start = match edition {
            Patterns::Reference => "",
            Patterns::Repaired => r"\b",
        };
        let words = |words: &[&str]| compile(&format!("{start}({})", words.join("|")));
        let number = format!(r"(?:\d|{SPACE_CLASS})*");
        // The damaged edition of the third heading only finds a piece of source text.
        let answer = match edition {
            Patterns::Reference => r#"f"\\n#"#,
            Patterns::Repaired => "#",
        };
        let headings = compile(&format!(
            "#+{number}QUESTION{number}:|#+{number}SUMMARY{number}CONTEXT:|{answer}+{number}ANSWER{number}:"
        ));
        Self {
            summary: words(&SUMMARY),
            question: words(&QUESTION),
            answer: words(&ANSWER),
            headings,
        }
    }

    fn hit(&self, kind: TaskKind, completion: &str) -> bool {
        self.foreign(kind, completion) || self.headings.is_match(completion)
    }

    fn foreign(&self, kind: TaskKind, completion: &str) -> bool {
        let foreign_answer = matches!(kind, TaskKind::Summary | TaskKind::Question);
        let foreign_question = matches!(kind, TaskKind::Summary | TaskKind::Answer);
        (foreign_answer && self.answer.is_match(completion))
            || (foreign_question && self.question.is_match(completion))
            || (kind != TaskKind::Summary && self.summary.is_match(completion))
    }
}

#[async_trait]
impl Penalty for KeywordMatch {
    fn name(&self) -> &'static str {
        "keyword_match_penalty"
    }

    fn max(&self) -> f64 {
        self.max
    }

    async fn raw(&self, task: &Task, completions: &[String]) -> Result<Vec<f64>, RewardError> {
        Ok(completions
            .iter()
            .map(|completion| self.of(task.kind, completion))
            .collect())
    }
}
