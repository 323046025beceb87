//! Synapses whose answer arrives piece by piece.

use crate::synapse::Synapse;

/// A synapse with an answer of text that grows while it arrives.
///
/// On the v10 wire a stream is the raw UTF-8 of the answer, in chunks; there is no framing within. A client appends what
/// arrived with [`push`](Self::push); a server sends what its handler yields.
pub trait StreamingSynapse: Synapse {
    /// Appends text that arrived to the output field.
    fn push(&mut self, text: &str);
}

/// Why bytes of a stream are not text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Utf8Error {
    /// Bytes that are UTF-8 in no continuation.
    #[error("the stream is not UTF-8")]
    Invalid,
    /// The stream ended within a character.
    #[error("the stream ended within a character")]
    Truncated,
}

/// Decodes UTF-8 that arrives in pieces, giving out whole characters only.
///
/// The Python client decodes each read on its own and fails on a character that two reads share.
#[derive(Debug, Clone, Default)]
pub struct Utf8Chunks {
    /// The beginning of a character: at most three bytes.
    kept: Vec<u8>,
}

impl Utf8Chunks {
    /// A decoder at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// The text that is complete with these bytes; may be empty. After an error the decoder is at a new start.
    pub fn push(&mut self, bytes: &[u8]) -> Result<String, Utf8Error> {
        let mut all = std::mem::take(&mut self.kept);
        all.extend_from_slice(bytes);
        match String::from_utf8(all) {
            Ok(text) => Ok(text),
            Err(error) if error.utf8_error().error_len().is_some() => Err(Utf8Error::Invalid),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let mut all = error.into_bytes();
                self.kept = all.split_off(valid);
                String::from_utf8(all).map_err(|_| Utf8Error::Invalid)
            }
        }
    }

    /// To be called at the end: an error when the last character is not complete.
    pub fn finish(self) -> Result<(), Utf8Error> {
        if self.kept.is_empty() {
            Ok(())
        } else {
            Err(Utf8Error::Truncated)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_come_whole_wherever_the_bytes_are_cut() {
        let text = "aé日🙂\u{10FFFF}\0z";
        for size in 1..=text.len() {
            let (mut decoder, mut read) = (Utf8Chunks::new(), String::new());
            for piece in text.as_bytes().chunks(size) {
                read.push_str(&decoder.push(piece).expect("valid"));
            }
            assert_eq!(decoder.finish(), Ok(()));
            assert_eq!(read, text, "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_not_utf8_is_refused_as_soon_as_it_is_certain() {
        for bytes in [
            &b"\xff"[..],
            b"\x80",
            b"a\xc3(",
            b"\xed\xa0\x80",
            b"\xf5\x80",
            b"\xc0\xaf",
        ] {
            assert_eq!(Utf8Chunks::new().push(bytes), Err(Utf8Error::Invalid), "{bytes:x?}");
        }
        let mut decoder = Utf8Chunks::new();
        assert_eq!(decoder.push(b"a\xf0\x9f\x99"), Ok("a".into()));
        assert_eq!(decoder.finish(), Err(Utf8Error::Truncated));
    }
}
