//! The two text rules of a run: how a record becomes a base text, and how follow-up questions are cleaned.

use axoneme_reward::text::is_space;
use rand::Rng;

/// A cleaned question keeps so many of its last words.
const WORDS: usize = 40;

/// The number of dots after which a record is cut: drawn anew for every forward pass, both ends included.
pub fn draw_cutoff(rng: &mut impl Rng) -> usize {
    rng.random_range(15..=30)
}

/// The pieces of `text` between its first `cutoff` dots, without the one after the last of them. Empty for a text
/// without a dot.
pub fn base_text(text: &str, cutoff: usize) -> &str {
    match text.match_indices('.').take(cutoff).last() {
        Some((end, _)) => &text[..end],
        None => "",
    }
}

/// The first `words` words; 0 sets no limit. Ends at a sentence where one ends in the second half, so that miners do not get
/// half a thought.
pub fn limit_words(text: &str, words: usize) -> &str {
    if words == 0 {
        return text;
    }
    let mut count = 0;
    let mut in_word = false;
    for (position, character) in text.char_indices() {
        let space = is_space(character);
        if !space && !in_word {
            count += 1;
            if count > words {
                let cut = text[..position].trim_end_matches(is_space);
                return match cut.rfind(". ") {
                    Some(end) if end >= cut.len() / 2 => &cut[..end],
                    _ => cut,
                };
            }
        }
        in_word = !space;
    }
    text
}

/// Cleans the answer to a question task: the part that is a question, or else the last sentence, at most 40 words of it.
/// Other tasks' answers stay as they are.
pub fn clean(task_name: &str, completion: &str) -> String {
    let stripped = completion.trim_matches('.');
    if !task_name.contains("followup") || stripped.is_empty() {
        return completion.to_owned();
    }
    let (sentence, question) = match stripped.split_once('?') {
        Some((before, _)) => (before, true),
        None => (stripped, false),
    };
    let last = sentence.rsplit('.').next().unwrap_or(sentence);
    let words: Vec<&str> = last.split(' ').collect();
    let mut cleaned = words[words.len().saturating_sub(WORDS)..].join(" ");
    if question {
        cleaned.push('?');
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_in_words_prefers_the_end_of_a_sentence() {
        assert_eq!(limit_words("one two. three four", 3), "one two");
        assert_eq!(limit_words("one. two three four five", 4), "one. two three four");
        assert_eq!(limit_words("one two", 0), "one two");
        assert_eq!(limit_words("one two", 5), "one two");
    }
}
