//! Files of lines: JSON lines, paragraphs, whole texts.

use std::io::{BufRead, Read};

use crate::format::{Bytes, MAX_RECORD, Reader, Unit, text_of};

/// A line that was read, or that it was too long to be kept.
enum Line {
    Kept,
    TooLong,
    End,
}

/// Reads a line with its end. What is longer than a record may be is passed over without being kept.
fn read_line(bytes: &mut Bytes, line: &mut Vec<u8>) -> std::io::Result<Line> {
    line.clear();
    let most = MAX_RECORD as u64;
    if bytes.take(most).read_until(b'\n', line)? == 0 {
        return Ok(Line::End);
    }
    if line.len() < MAX_RECORD || line.ends_with(b"\n") {
        return Ok(Line::Kept);
    }
    line.clear();
    pass_line(bytes)?;
    Ok(Line::TooLong)
}

/// Passes over the rest of a line; whether there was one at all.
fn pass_line(bytes: &mut Bytes) -> std::io::Result<bool> {
    let mut any = false;
    loop {
        let piece = bytes.fill_buf()?;
        if piece.is_empty() {
            return Ok(any);
        }
        any = true;
        let end = piece.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(piece.len(), |at| at + 1);
        bytes.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// One JSON value per line; every line is a unit.
pub(crate) struct JsonLines {
    bytes: Bytes,
    field: String,
    line: Vec<u8>,
}

impl JsonLines {
    pub(crate) fn new(bytes: Bytes, field: String) -> Self {
        let line = Vec::new();
        Self { bytes, field, line }
    }
}

impl Reader for JsonLines {
    fn next(&mut self) -> std::io::Result<Option<Unit>> {
        Ok(Some(match read_line(&mut self.bytes, &mut self.line)? {
            Line::End => return Ok(None),
            Line::TooLong => Unit::Bad("is too long"),
            Line::Kept if self.line.trim_ascii().is_empty() => Unit::Blank,
            Line::Kept => text_of(
                self.line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&self.line),
                &self.field,
            ),
        }))
    }

    fn skip(&mut self, count: u64) -> std::io::Result<()> {
        for _ in 0..count {
            if !pass_line(&mut self.bytes)? {
                break;
            }
        }
        Ok(())
    }
}

/// Runs of lines between empty ones; every run is a unit.
pub(crate) struct Paragraphs {
    bytes: Bytes,
    line: Vec<u8>,
}

impl Paragraphs {
    pub(crate) fn new(bytes: Bytes) -> Self {
        let line = Vec::new();
        Self { bytes, line }
    }
}

impl Reader for Paragraphs {
    fn next(&mut self) -> std::io::Result<Option<Unit>> {
        let mut text = String::new();
        let mut too_long = false;
        loop {
            match read_line(&mut self.bytes, &mut self.line)? {
                Line::End => break,
                Line::TooLong => too_long = true,
                Line::Kept => {
                    let line = String::from_utf8_lossy(&self.line);
                    if !line.trim().is_empty() {
                        text.push_str(line.trim_end_matches(['\r', '\n']));
                        text.push('\n');
                    } else if !text.is_empty() || too_long {
                        break;
                    }
                }
            }
            if text.len() > MAX_RECORD {
                too_long = true;
                text.clear();
            }
        }
        Ok(match (too_long, text.is_empty()) {
            (true, _) => Some(Unit::Bad("is too long")),
            (false, true) => None,
            (false, false) => Some(Unit::Text(text.trim_end().to_owned())),
        })
    }
}

/// Everything is one unit, up to the longest record.
pub(crate) struct WholeFile {
    bytes: Option<Bytes>,
}

impl WholeFile {
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self { bytes: Some(bytes) }
    }
}

impl Reader for WholeFile {
    fn next(&mut self) -> std::io::Result<Option<Unit>> {
        let Some(bytes) = self.bytes.take() else {
            return Ok(None);
        };
        let mut start = Vec::new();
        bytes.take(MAX_RECORD as u64).read_to_end(&mut start)?;
        let text = String::from_utf8_lossy(&start).trim().to_owned();
        Ok(Some(if text.is_empty() { Unit::Blank } else { Unit::Text(text) }))
    }
}

/// A text that is in memory already.
pub(crate) struct OneText(pub(crate) Option<&'static str>);

impl Reader for OneText {
    fn next(&mut self) -> std::io::Result<Option<Unit>> {
        Ok(self.0.take().map(|text| Unit::Text(text.trim().to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Bytes {
        Box::new(std::io::Cursor::new(text.as_bytes().to_vec()))
    }

    fn all(mut reader: impl Reader) -> Vec<Unit> {
        std::iter::from_fn(|| reader.next().unwrap()).collect()
    }

    #[test]
    fn a_paragraph_that_is_too_long_is_one_bad_unit_and_the_next_is_read() {
        let long = "word. ".repeat(20_000) + "\n";
        let text = format!("A.\nb.\n\n{}last\n\n\nC.\r\n", long.repeat(12));
        let units = all(Paragraphs::new(bytes(&text)));
        assert_eq!(
            units,
            [
                Unit::Text("A.\nb.".into()),
                Unit::Bad("is too long"),
                Unit::Text("C.".into()),
            ]
        );
        let one_line = format!("{}\n\nD.", "x".repeat(3 << 20));
        assert_eq!(
            all(Paragraphs::new(bytes(&one_line))),
            [Unit::Bad("is too long"), Unit::Text("D.".into()),]
        );
    }

    #[test]
    fn skipping_lines_counts_them_as_reading_does() {
        let text = "{\"text\":\"a\"}\n\nbad\n{\"text\":\"b\"}";
        let units = all(JsonLines::new(bytes(text), "text".into()));
        assert_eq!(units.len(), 4);
        for skipped in 0..5 {
            let mut reader = JsonLines::new(bytes(text), "text".into());
            reader.skip(skipped).unwrap();
            assert_eq!(all(reader), units[skipped as usize..], "{skipped}");
        }
        let mut reader = JsonLines::new(bytes(text), "text".into());
        reader.skip(99).unwrap();
        assert_eq!(reader.next().unwrap(), None);
    }

    #[test]
    fn a_line_of_any_length_is_passed_over() {
        let text = format!("{}\n{{\"text\":\"x\"}}\n{}", "[".repeat(5 << 20), "y".repeat(3 << 20));
        let units = all(JsonLines::new(bytes(&text), "text".into()));
        assert_eq!(
            units,
            [
                Unit::Bad("is too long"),
                Unit::Text("x".into()),
                Unit::Bad("is too long")
            ]
        );
    }
}
