//! Whitespace as the existing network's programs see it, so that lengths and trims agree to the character.

/// The class of whitespace characters for use inside a regex.
pub const SPACE_CLASS: &str = r"[\s\x1c-\x1f]";

/// Whether Python's text methods treat `character` as whitespace: Unicode's, and the four separators U+001C to U+001F.
pub fn is_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

/// Without leading and trailing whitespace.
pub fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// The first `count` characters (code points).
pub fn first_chars(text: &str, count: usize) -> &str {
    match text.char_indices().nth(count) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_separators_are_whitespace() {
        assert_eq!(trim("\u{1c} a b \u{1f}\u{85}"), "a b");
        assert_eq!(first_chars("äöü", 2), "äö");
        assert_eq!(first_chars("äöü", 9), "äöü");
    }
}
