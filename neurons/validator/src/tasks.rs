//! What miners are asked: the three tasks, their criteria and the words of the prompts.

use axoneme_reward::task::{ContentMatch, Criterion, Layout, LengthUnit, Task, TaskKind};
use rand::Rng;
use rand::seq::IndexedRandom;

/// Words a question may be asked to start with.
pub const START_WORDS: [&str; 26] = [
    "who", "what", "when", "where", "why", "how", "is", "are", "can", "do", "does", "did", "would", "could", "will",
    "shall", "may", "might", "am", "was", "were", "has", "have", "had", "been", "being",
];

/// Heading of the summary in a context. The keyword penalty looks for it in answers.
pub const SUMMARY_HEADING: &str = "### SUMMARY CONTEXT:\n";

/// The context of a question or answer: the best summary under its heading, and for an answer the best question under
/// that of its round.
pub fn context(summary: &str, question: Option<(u32, &str)>) -> String {
    match question {
        None => format!("{SUMMARY_HEADING}{summary}"),
        Some((round, question)) => {
            format!("{SUMMARY_HEADING}{summary}\n### QUESTION {round}:\n{question}")
        }
    }
}

/// Summarise `text`: as a list or not, of a given length.
pub fn summary(text: impl Into<String>, rng: &mut impl Rng) -> Task {
    let layout = [Layout::Bullets, Layout::Numbers, Layout::Plain][rng.random_range(0..3)];
    let (words, sentences) = match layout {
        Layout::Plain => (50..=200, 4..=8),
        Layout::Bullets | Layout::Numbers => (100..=200, 8..=12),
    };
    let length = if rng.random_bool(0.5) {
        Criterion::length(LengthUnit::Words, rng.random_range(words), 0.25)
    } else {
        Criterion::length(LengthUnit::Sentences, rng.random_range(sentences), 0.25)
    };
    Task::new("augment", text, vec![Criterion::layout(layout, 0.5), length])
}

/// Ask one question about `context`.
pub fn question(context: impl Into<String>, round: u32, rng: &mut impl Rng) -> Task {
    let words: Vec<&str> = START_WORDS.choose_multiple(rng, 3).copied().collect();
    let ends = "The last character must be a question mark.";
    let length = if rng.random_bool(0.5) {
        Criterion::length(LengthUnit::Words, rng.random_range(10..=40), 0.25)
    } else {
        Criterion::length(LengthUnit::Characters, rng.random_range(40..=150), 0.25)
    };
    let criteria = vec![
        Criterion::content(ContentMatch::StartsWith, &words, false, 0.25),
        Criterion::content_saying(ContentMatch::EndsWith, &["?"], false, 0.25, ends),
        length,
    ];
    Task::new(format!("followup{round}"), context, criteria)
}

/// Answer the last question in `context`.
pub fn answer(context: impl Into<String>, round: u32, rng: &mut impl Rng) -> Task {
    let no_question = "Do not use question marks.";
    let criteria = vec![
        Criterion::content_saying(ContentMatch::Includes, &["?"], true, 0.25, no_question),
        Criterion::layout(Layout::Plain, 0.25),
        Criterion::length(LengthUnit::Words, rng.random_range(50..=200), 0.25),
    ];
    Task::new(format!("answer{round}"), context, criteria)
}

/// The prompt a miner reads.
pub fn compose_prompt(task: &Task) -> String {
    // Small models follow the line next to the answer best, so it says once more what to write.
    let (instruction, criteria, closing): (&str, &str, &[&str]) = match task.kind {
        TaskKind::Summary => (
            "Summarize the text between the triple quotes in your own words.",
            "Write a summary that meets these criteria:",
            &["Write neither questions nor answers to them."],
        ),
        TaskKind::Question => (
            "Write a single relevant, insightful question about the context between the triple quotes.",
            "Write one question that meets these criteria:",
            &["Do not answer the question.", "Do not summarise the context."],
        ),
        TaskKind::Answer => (
            "Read the context between the triple quotes.\nAnswer the last question in it, clearly and directly.\nKeep a \
             neutral tone.",
            "Write an answer that meets these criteria:",
            &["Write no questions and no summary."],
        ),
        TaskKind::Other => (
            "Do what the text between the triple quotes asks.",
            "Meet these criteria:",
            &[],
        ),
    };
    let mut prompt = format!("{instruction}\n'''{}'''\n\n{criteria}\n", task.base_text);
    for criterion in &task.criteria {
        prompt.push_str(&format!("- {criterion}\n"));
    }
    for line in closing {
        prompt.push_str(&format!("- {line}\n"));
    }
    prompt
}
