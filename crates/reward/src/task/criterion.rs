//! One criterion: the sentence the miner reads and the penalty for not keeping to it.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::text::{SPACE_CLASS, is_space, trim};

/// What a length is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LengthUnit {
    /// Pieces between whitespace.
    Words,
    /// Code points.
    Characters,
    /// Ends of sentences: `.`, `?` or `!` not after a capital, followed by whitespace or the end.
    Sentences,
    /// Pieces between empty lines.
    Paragraphs,
}

impl LengthUnit {
    /// The length of `text` in this unit. An empty text has one word and one paragraph, as splitting leaves one piece.
    pub fn count(self, text: &str) -> usize {
        match self {
            Self::Characters => text.chars().count(),
            Self::Words => trim(text)
                .split(is_space)
                .filter(|word| !word.is_empty())
                .count()
                .max(1),
            Self::Paragraphs => {
                static EMPTY_LINES: LazyLock<Regex> =
                    LazyLock::new(|| Regex::new(r"\n\n+").expect("a constant pattern"));
                EMPTY_LINES.split(trim(text)).count()
            }
            Self::Sentences => sentence_ends(text),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Characters => "characters",
            Self::Sentences => "sentences",
            Self::Paragraphs => "paragraphs",
        }
    }
}

/// Checked by hand because the regex crate has no look-behind.
fn sentence_ends(text: &str) -> usize {
    let mut count = 0;
    let mut previous: Option<char> = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let ends = matches!(character, '.' | '?' | '!')
            && !previous.is_some_and(|previous| previous.is_ascii_uppercase())
            && characters.peek().is_none_or(|next| is_space(*next));
        count += usize::from(ends);
        previous = Some(character);
    }
    count
}

/// Where words must, or must not, occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentMatch {
    /// At the start, as whole words.
    StartsWith,
    /// At the end.
    EndsWith,
    /// Anywhere, also inside other words.
    Includes,
}

impl ContentMatch {
    fn phrase(self) -> &'static str {
        match self {
            Self::StartsWith => "start with",
            Self::EndsWith => "end with",
            Self::Includes => "include",
        }
    }
}

/// How the answer is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// No list of either kind. A bullet or number counts anywhere, also in the middle of a line.
    Plain,
    /// A bullet list. One bullet is enough.
    Bullets,
    /// A numbered list. One number is enough.
    Numbers,
}

/// One criterion of a task. Written into event records as what it was made from.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(into = "Written", from = "Written")]
pub struct Criterion {
    rule: Rule,
    penalty: f64,
}

/// A criterion as it is written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Written {
    Length {
        unit: LengthUnit,
        target: usize,
        penalty: f64,
    },
    Content {
        place: ContentMatch,
        words: Vec<String>,
        negate: bool,
        sentence: String,
        penalty: f64,
    },
    Layout {
        layout: Layout,
        penalty: f64,
    },
}

impl From<Written> for Criterion {
    fn from(written: Written) -> Self {
        match written {
            Written::Length { unit, target, penalty } => Self::length(unit, target, penalty),
            Written::Layout { layout, penalty } => Self::layout(layout, penalty),
            Written::Content {
                place,
                words,
                negate,
                sentence,
                penalty,
            } => {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                Self::content_saying(place, &words, negate, penalty, sentence)
            }
        }
    }
}

impl From<Criterion> for Written {
    fn from(criterion: Criterion) -> Self {
        let penalty = criterion.penalty;
        match criterion.rule {
            Rule::Length { unit, target } => Self::Length { unit, target, penalty },
            Rule::Layout(layout) => Self::Layout { layout, penalty },
            Rule::Content {
                place,
                words,
                negate,
                sentence,
                ..
            } => Self::Content {
                place,
                words,
                negate,
                sentence,
                penalty,
            },
        }
    }
}

#[derive(Debug, Clone)]
enum Rule {
    Length {
        unit: LengthUnit,
        target: usize,
    },
    Content {
        pattern: Option<Regex>,
        place: ContentMatch,
        words: Vec<String>,
        negate: bool,
        sentence: String,
    },
    Layout(Layout),
}

impl Criterion {
    /// A length to aim at. Missing it costs nearly all of `penalty` as soon as the length is off by half.
    pub fn length(unit: LengthUnit, target: usize, penalty: f64) -> Self {
        Self {
            rule: Rule::Length { unit, target },
            penalty,
        }
    }

    /// One of `words` must occur (or, with `negate`, none may). The sentence for the miner is made from the words.
    pub fn content(place: ContentMatch, words: &[&str], negate: bool, penalty: f64) -> Self {
        let should = if negate { "should not" } else { "should" };
        let which = if words.len() == 1 {
            "the following word"
        } else {
            "one of the following words"
        };
        let sentence = format!("Your reply {should} {} {which}: {}.", place.phrase(), words.join(", "));
        Self::content_saying(place, words, negate, penalty, sentence)
    }

    /// The same with a sentence of its own.
    pub fn content_saying(
        place: ContentMatch,
        words: &[&str],
        negate: bool,
        penalty: f64,
        sentence: impl Into<String>,
    ) -> Self {
        let any = words
            .iter()
            .map(|word| regex::escape(word))
            .collect::<Vec<_>>()
            .join("|");
        let pattern = match place {
            ContentMatch::StartsWith => format!(r"(?i)^{SPACE_CLASS}*({any})\b"),
            ContentMatch::EndsWith => format!(r"(?i)({any}){SPACE_CLASS}*$"),
            ContentMatch::Includes => format!(r"(?i)({any})"),
        };
        // Escaped words always compile; a list too long for the engine would leave the criterion without effect.
        let pattern = Regex::new(&pattern).ok();
        Self {
            rule: Rule::Content {
                pattern,
                place,
                words: words.iter().map(|word| (*word).to_owned()).collect(),
                negate,
                sentence: sentence.into(),
            },
            penalty,
        }
    }

    /// A layout to keep to.
    pub fn layout(layout: Layout, penalty: f64) -> Self {
        Self {
            rule: Rule::Layout(layout),
            penalty,
        }
    }

    /// The penalty `completion` earns, from 0 to the criterion's own.
    pub fn penalty(&self, completion: &str) -> f64 {
        match &self.rule {
            Rule::Length { unit, target } => {
                let miss = (*target as f64 - unit.count(completion) as f64) / (*target).max(1) as f64;
                self.penalty * (1.0 - (-10.0 * miss * miss).exp())
            }
            Rule::Content { pattern: None, .. } => 0.0,
            Rule::Content {
                pattern: Some(pattern),
                negate,
                ..
            } => {
                if pattern.is_match(completion) == *negate {
                    self.penalty
                } else {
                    0.0
                }
            }
            Rule::Layout(layout) => {
                let kept = match layout {
                    Layout::Plain => !has_bullet(completion) && !has_number(completion),
                    Layout::Bullets => has_bullet(completion),
                    Layout::Numbers => has_number(completion),
                };
                if kept { 0.0 } else { self.penalty }
            }
        }
    }

    /// Which rule it is, for tests of what is drawn: `length:words`, `layout:bullets`, `content`.
    pub fn label(&self) -> String {
        match &self.rule {
            Rule::Length { unit, .. } => format!("length:{}", unit.name()),
            Rule::Content { .. } => "content".to_owned(),
            Rule::Layout(layout) => format!("layout:{layout:?}").to_lowercase(),
        }
    }

    /// The length aimed at, where there is one.
    pub fn target(&self) -> Option<usize> {
        match self.rule {
            Rule::Length { target, .. } => Some(target),
            _ => None,
        }
    }

    /// The most this criterion can cost.
    pub fn max_penalty(&self) -> f64 {
        self.penalty
    }
}

impl fmt::Display for Criterion {
    /// The sentence the miner reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Rule::Length { unit, target } => {
                write!(f, "Your reply should be {target} {} long.", unit.name())
            }
            Rule::Content { sentence, .. } => f.write_str(sentence),
            Rule::Layout(Layout::Plain) => f.write_str("Do not use bullet points or numbered lists."),
            Rule::Layout(Layout::Bullets) => f.write_str("Lay your reply out as a list of bullet points."),
            Rule::Layout(Layout::Numbers) => f.write_str("Lay your reply out as a numbered list."),
        }
    }
}

fn has_bullet(text: &str) -> bool {
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let bullet = matches!(character, '*' | '-' | '+' | '•' | '‣' | '◦');
        if bullet && characters.peek().is_some_and(|next| is_space(*next)) {
            return true;
        }
    }
    false
}

/// Digits, a dot, whitespace.
fn has_number(text: &str) -> bool {
    static NUMBER: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(&format!(r"\d\.{SPACE_CLASS}")).expect("a constant pattern"));
    NUMBER.is_match(text)
}
