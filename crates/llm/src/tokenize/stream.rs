//! Turning tokens into text while they arrive.

use super::TextTokenizer;
use crate::EngineError;

/// What a decoder writes for bytes that are not yet, or never will be, a character.
const INCOMPLETE: char = '\u{FFFD}';
/// So many tokens are held back at most: a character has four bytes, so what is longer is not going to become one.
const MOST_HELD_BACK: usize = 8;

/// The text of a growing answer, handed out in pieces that are always whole characters.
///
/// A token may be a part of a character or of a run whose text depends on its neighbours, so tokens are decoded together
/// with those since the last piece, and a piece that ends in the middle of a character waits for the next token.
#[derive(Default)]
pub(crate) struct TextStream {
    tokens: Vec<u32>,
    /// From here on tokens are decoded again, as context for the new ones.
    context: usize,
    /// Up to here tokens have been handed out.
    given: usize,
}

impl TextStream {
    /// Takes one more token; returns the text that became certain, possibly empty.
    pub(crate) fn push(&mut self, token: u32, tokenizer: &TextTokenizer) -> Result<String, EngineError> {
        self.tokens.push(token);
        let (piece, complete) = self.pending(tokenizer)?;
        if !complete || piece.is_empty() {
            return Ok(String::new());
        }
        self.context = self.given;
        self.given = self.tokens.len();
        Ok(piece)
    }

    /// What was held back, when no more tokens will come.
    pub(crate) fn finish(&mut self, tokenizer: &TextTokenizer) -> Result<String, EngineError> {
        let (piece, _) = self.pending(tokenizer)?;
        self.context = self.tokens.len();
        self.given = self.tokens.len();
        Ok(piece)
    }

    fn pending(&self, tokenizer: &TextTokenizer) -> Result<(String, bool), EngineError> {
        let before = tokenizer.decode(&self.tokens[self.context..self.given])?;
        let after = tokenizer.decode(&self.tokens[self.context..])?;
        let held_back = self.tokens.len() - self.given;
        let complete = !after.ends_with(INCOMPLETE) || held_back >= MOST_HELD_BACK;
        match after.strip_prefix(before.as_str()) {
            Some(piece) => Ok((piece.to_owned(), complete)),
            // The new tokens changed the text of the old ones; only happens after a broken character was handed out.
            None => Ok((tokenizer.decode(&self.tokens[self.given..])?, complete)),
        }
    }
}
