//! Which file is read how, told by its name.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use crate::array::JsonArray;
use crate::lines::{JsonLines, Paragraphs, WholeFile};
use crate::rows::Rows;

/// A record longer than this, bytes, is skipped; only its first sentences would be used anyway.
pub(crate) const MAX_RECORD: usize = 1 << 20;

/// One step of a reader.
#[derive(Debug, PartialEq)]
pub(crate) enum Unit {
    /// A record.
    Text(String),
    /// A line that holds nothing and means nothing.
    Blank,
    /// Something that should have been a record, and why it is none.
    Bad(&'static str),
}

/// Reads a file unit by unit. The number of units before a record is its address: it must not depend on what is skipped.
pub(crate) trait Reader: Send {
    /// The next unit, `None` at the end. After an error nothing more can be read.
    fn next(&mut self) -> std::io::Result<Option<Unit>>;

    /// Passes over units without looking into them.
    fn skip(&mut self, count: u64) -> std::io::Result<()> {
        for _ in 0..count {
            if self.next()?.is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// How the text of a file is found.
#[derive(Debug, Clone)]
pub(crate) struct ReadConfig {
    pub text_field: String,
    /// Whether text files are split at empty lines.
    pub paragraphs: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Text,
    /// One value per line.
    Lines,
    /// An array, or one value per line where it does not begin with a bracket.
    Json,
    Parquet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
    Zstd,
}

fn kind_of(name: &str) -> Option<(Shape, Packing)> {
    let name = name.to_ascii_lowercase();
    let (rest, packing) = match (name.strip_suffix(".gz"), name.strip_suffix(".zst")) {
        (Some(rest), _) => (rest, Packing::Gzip),
        (_, Some(rest)) => (rest, Packing::Zstd),
        _ => (name.as_str(), Packing::Plain),
    };
    let shape = match rest.rsplit_once('.')?.1 {
        "txt" => Shape::Text,
        "jsonl" | "ndjson" => Shape::Lines,
        "json" => Shape::Json,
        "parquet" if packing == Packing::Plain => Shape::Parquet,
        _ => return None,
    };
    Some((shape, packing))
}

/// Whether a file of this name can be read.
pub(crate) fn is_known(name: &str) -> bool {
    kind_of(name).is_some()
}

/// Opens a file. One whose name says nothing is taken for text.
pub(crate) fn open(path: &Path, name: &str, config: &ReadConfig) -> std::io::Result<Box<dyn Reader>> {
    let (shape, packing) = kind_of(name).unwrap_or((Shape::Text, Packing::Plain));
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    if shape == Shape::Parquet {
        return Ok(Box::new(Rows::open(file, &config.text_field)?));
    }
    let mut bytes: Bytes = match packing {
        Packing::Plain => Box::new(BufReader::with_capacity(1 << 16, file)),
        // Both kinds may be several streams one after another.
        Packing::Gzip => buffered(flate2::read::MultiGzDecoder::new(BufReader::new(file))),
        Packing::Zstd => buffered(zstd::stream::read::Decoder::new(file)?),
    };
    let field = config.text_field.clone();
    Ok(match shape {
        Shape::Text if config.paragraphs => Box::new(Paragraphs::new(bytes)),
        Shape::Text => Box::new(WholeFile::new(bytes)),
        Shape::Json if begins_with_bracket(&mut bytes)? => Box::new(JsonArray::new(bytes, field)),
        _ => Box::new(JsonLines::new(bytes, field)),
    })
}

/// Where bytes come from.
pub(crate) type Bytes = Box<dyn BufRead + Send>;

fn buffered(reader: impl Read + Send + 'static) -> Bytes {
    Box::new(BufReader::with_capacity(1 << 16, reader))
}

/// Passes over white space and a byte order mark.
fn begins_with_bracket(bytes: &mut Bytes) -> std::io::Result<bool> {
    loop {
        let piece = bytes.fill_buf()?;
        let blank = |byte: &u8| byte.is_ascii_whitespace() || [0xEF, 0xBB, 0xBF].contains(byte);
        match piece.iter().position(|byte| !blank(byte)) {
            Some(at) => {
                let bracket = piece[at] == b'[';
                bytes.consume(at);
                return Ok(bracket);
            }
            None if piece.is_empty() => return Ok(false),
            None => {
                let all = piece.len();
                bytes.consume(all);
            }
        }
    }
}

/// The text in a JSON record.
pub(crate) fn text_of(bytes: &[u8], field: &str) -> Unit {
    let mut value: serde_json::Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(_) => return Unit::Bad("is not JSON"),
    };
    if let serde_json::Value::String(text) = value {
        return Unit::Text(text);
    }
    let found = match value.get_mut(field) {
        Some(found) => Some(found.take()),
        None => field
            .split('.')
            .try_fold(&mut value, |value, part| value.get_mut(part))
            .map(serde_json::Value::take),
    };
    match found {
        Some(serde_json::Value::String(text)) => Unit::Text(text),
        Some(_) => Unit::Bad("has no text in the text field"),
        None => Unit::Bad("has no text field"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_format() {
        assert_eq!(kind_of("a.jsonl.zst"), Some((Shape::Lines, Packing::Zstd)));
        assert_eq!(kind_of("a.JSON.GZ"), Some((Shape::Json, Packing::Gzip)));
        assert_eq!(kind_of("train-0.parquet"), Some((Shape::Parquet, Packing::Plain)));
        assert_eq!(kind_of("b.txt"), Some((Shape::Text, Packing::Plain)));
        for name in ["a.md", "gz", "a.parquet.gz", "a.gz", ".gitattributes"] {
            assert!(!is_known(name), "{name}");
        }
    }

    #[test]
    fn text_is_found_in_fields_in_nested_fields_and_in_bare_strings() {
        let text = |json: &str, field| text_of(json.as_bytes(), field);
        assert_eq!(text(r#"{"text":"a"}"#, "text"), Unit::Text("a".into()));
        assert_eq!(text(r#"{"a":{"b":"c"}}"#, "a.b"), Unit::Text("c".into()));
        assert_eq!(text(r#"{"a.b":"d"}"#, "a.b"), Unit::Text("d".into()));
        assert_eq!(text(r#""bare""#, "text"), Unit::Text("bare".into()));
        for bad in [r#"{"text":1}"#, "{}", "[1]", "{", "nul", "\u{0}"] {
            assert!(matches!(text(bad, "text"), Unit::Bad(_)), "{bad}");
        }
    }
}
