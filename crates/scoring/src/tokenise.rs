//! From texts to tokens, cut to what the model takes.

use std::path::Path;

use tokenizers::{Encoding, Tokenizer};

use crate::nets::Encoded;
use crate::weights::read_json;
use crate::{Input, LongInputs, ScoringError};

/// A model's tokenizer, with what the model itself adds to its rules.
pub(crate) struct Tokens {
    tokenizer: Tokenizer,
    vocabulary: usize,
}

/// What to do with an input that is too long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    pub limit: usize,
    pub long: LongInputs,
    /// Windows instead of an end.
    pub windows: bool,
}

impl Tokens {
    pub(crate) fn load(folder: &Path, vocabulary: usize) -> Result<Self, ScoringError> {
        let path = folder.join("tokenizer.json");
        let mut tokenizer = Tokenizer::from_file(&path).map_err(|error| ScoringError::damaged(&path, error))?;
        // Files carry the padding and the cut of the training run.
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(None)
            .map_err(|error| ScoringError::damaged(&path, error))?;
        Ok(Self { tokenizer, vocabulary })
    }

    pub(crate) fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// One or, with windows, several sequences for an input.
    pub(crate) fn encode(&self, index: usize, input: &Input, cut: Cut) -> Result<Vec<Encoded>, ScoringError> {
        let sequences = match input {
            Input::Text(text) => self.text(index, text, cut)?,
            Input::Pair(first, second) => self.pair(index, first, second, cut)?,
            Input::Ids(ids) => ids_in(index, ids, cut)?,
        };
        for sequence in &sequences {
            if sequence.tokens.is_empty() {
                return Err(wrong(index, "it has no tokens"));
            }
            if let Some(token) = sequence.tokens.iter().find(|token| **token as usize >= self.vocabulary) {
                return Err(wrong(index, format!("the model has no token {token}")));
            }
        }
        Ok(sequences)
    }

    fn plain(&self, index: usize, text: &str) -> Result<Encoding, ScoringError> {
        self.tokenizer
            .encode_fast(text, false)
            .map_err(|error| wrong(index, error))
    }

    /// Tokens that the model can have besides those the tokenizer adds.
    fn room(&self, pair: bool, limit: usize) -> usize {
        let processor = self.tokenizer.get_post_processor();
        let added = processor.map_or(0, |processor| tokenizers::PostProcessor::added_tokens(processor, pair));
        limit.saturating_sub(added)
    }

    fn finish(&self, index: usize, first: Encoding, second: Option<Encoding>) -> Result<Encoded, ScoringError> {
        let encoding = self
            .tokenizer
            .post_process(first, second, true)
            .map_err(|error| wrong(index, error))?;
        Ok(Encoded {
            tokens: encoding.get_ids().to_vec(),
            types: encoding.get_type_ids().to_vec(),
        })
    }

    fn text(&self, index: usize, text: &str, cut: Cut) -> Result<Vec<Encoded>, ScoringError> {
        let mut encoding = self.plain(index, text)?;
        let room = self.room(false, cut.limit);
        if encoding.len() <= room {
            return Ok(vec![self.finish(index, encoding, None)?]);
        }
        refuse(index, cut)?;
        encoding.truncate(room, 0, tokenizers::TruncationDirection::Right);
        let further = encoding.take_overflowing();
        let mut sequences = vec![self.finish(index, encoding, None)?];
        if cut.windows {
            for window in further {
                sequences.push(self.finish(index, window, None)?);
            }
        }
        Ok(sequences)
    }

    fn pair(&self, index: usize, first: &str, second: &str, cut: Cut) -> Result<Vec<Encoded>, ScoringError> {
        let (mut first, mut second) = (self.plain(index, first)?, self.plain(index, second)?);
        let room = self.room(true, cut.limit);
        if first.len() + second.len() > room {
            refuse(index, cut)?;
            let (left, right) = shares(first.len(), second.len(), room);
            first.truncate(left, 0, tokenizers::TruncationDirection::Right);
            second.truncate(right, 0, tokenizers::TruncationDirection::Right);
            first.take_overflowing();
            second.take_overflowing();
        }
        Ok(vec![self.finish(index, first, Some(second))?])
    }
}

/// How much of each text of a pair stays: the longer one is cut first.
fn shares(first: usize, second: usize, room: usize) -> (usize, usize) {
    let half = room / 2;
    if first <= half {
        (first, room - first)
    } else if second <= half {
        (room - second, second)
    } else {
        (room - half, half)
    }
}

fn ids_in(index: usize, ids: &[u32], cut: Cut) -> Result<Vec<Encoded>, ScoringError> {
    let sequence = |tokens: &[u32]| Encoded {
        tokens: tokens.to_vec(),
        types: vec![0; tokens.len()],
    };
    if ids.len() <= cut.limit {
        return Ok(vec![sequence(ids)]);
    }
    refuse(index, cut)?;
    Ok(match cut.windows {
        true => ids.chunks(cut.limit.max(1)).map(sequence).collect(),
        false => vec![sequence(&ids[..cut.limit])],
    })
}

fn refuse(index: usize, cut: Cut) -> Result<(), ScoringError> {
    match cut.long {
        LongInputs::Truncate => Ok(()),
        LongInputs::Refuse => Err(ScoringError::TooLong {
            index,
            limit: cut.limit,
        }),
    }
}

fn wrong(index: usize, reason: impl ToString) -> ScoringError {
    ScoringError::Input {
        index,
        reason: reason.to_string(),
    }
}

/// The tokens a text may have by the files beside the weights, if they say so.
pub(crate) fn limit_of(folder: &Path) -> Result<Option<usize>, ScoringError> {
    for (file, field) in [
        ("tokenizer_config.json", "model_max_length"),
        ("sentence_bert_config.json", "max_seq_length"),
    ] {
        let path = folder.join(file);
        if !path.exists() {
            continue;
        }
        // A tokenizer without a limit carries a number with thirty digits.
        let limit = read_json(&path)?[field]
            .as_u64()
            .filter(|limit| (1..1 << 24).contains(limit));
        if let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) {
            return Ok(Some(limit));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_pair_the_longer_text_is_cut() {
        assert_eq!(shares(100, 10, 50), (40, 10));
        assert_eq!(shares(10, 100, 50), (10, 40));
        assert_eq!(shares(100, 100, 51), (26, 25));
        assert_eq!(shares(26, 100, 50), (25, 25));
    }
}
