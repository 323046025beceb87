//! JSON arrays, element by element.

use std::io::{self, BufRead};

use crate::format::{Bytes, MAX_RECORD, Reader, Unit, text_of};

/// The elements of one array; every element is a unit. Only the element that is being read is in memory.
pub(crate) struct JsonArray {
    bytes: Bytes,
    field: String,
    element: Vec<u8>,
    state: State,
}

#[derive(PartialEq)]
enum State {
    Before,
    Inside,
    After,
}

impl JsonArray {
    /// Reads from the opening bracket on.
    pub(crate) fn new(bytes: Bytes, field: String) -> Self {
        Self {
            bytes,
            field,
            element: Vec::new(),
            state: State::Before,
        }
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.bytes.fill_buf()?.first().copied();
        if byte.is_some() {
            self.bytes.consume(1);
        }
        Ok(byte)
    }

    /// Collects the next element; whether there was one, and whether all of it was kept.
    fn collect(&mut self) -> io::Result<Option<bool>> {
        if self.state == State::Before {
            self.byte()?;
            self.state = State::Inside;
        }
        if self.state == State::After {
            return Ok(None);
        }
        self.element.clear();
        let (mut depth, mut quoted, mut escaped, mut kept) = (0u64, false, false, true);
        loop {
            let Some(byte) = self.byte()? else {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the array has no end"));
            };
            match (quoted, byte) {
                (true, _) if escaped => escaped = false,
                (true, b'\\') => escaped = true,
                (true, b'"') => quoted = false,
                (true, _) => {}
                (false, b'"') => quoted = true,
                (false, b'{' | b'[') => depth += 1,
                (false, b']') if depth == 0 => {
                    self.state = State::After;
                    let nothing = kept && self.element.trim_ascii().is_empty();
                    return Ok((!nothing).then_some(kept));
                }
                (false, b',') if depth == 0 => return Ok(Some(kept)),
                (false, b'}' | b']') => depth = depth.saturating_sub(1),
                _ => {}
            }
            if self.element.len() < MAX_RECORD {
                self.element.push(byte);
            } else {
                kept = false;
            }
        }
    }
}

impl Reader for JsonArray {
    fn next(&mut self) -> io::Result<Option<Unit>> {
        Ok(self.collect()?.map(|kept| match kept {
            true => text_of(&self.element, &self.field),
            false => Unit::Bad("is too long"),
        }))
    }

    fn skip(&mut self, count: u64) -> io::Result<()> {
        for _ in 0..count {
            if self.collect()?.is_none() {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<Unit>, Option<io::ErrorKind>) {
        let mut reader = JsonArray::new(Box::new(io::Cursor::new(text.as_bytes().to_vec())), "text".into());
        let mut units = Vec::new();
        loop {
            match reader.next() {
                Ok(Some(unit)) => units.push(unit),
                Ok(None) => return (units, None),
                Err(error) => return (units, Some(error.kind())),
            }
        }
    }

    #[test]
    fn elements_are_found_whatever_is_in_their_strings() {
        let text = r#"[ {"text":"a ] , \" } \\"}, {"x":[1,{"y":2}],"text":"b"} , 7,"bare", {"text":"c"}
        ] trailing"#;
        let (units, error) = read(text);
        assert_eq!(
            units,
            [
                Unit::Text("a ] , \" } \\".into()),
                Unit::Text("b".into()),
                Unit::Bad("has no text field"),
                Unit::Text("bare".into()),
                Unit::Text("c".into()),
            ]
        );
        assert_eq!(error, None);
        assert_eq!(read("[]"), (vec![], None));
        assert_eq!(read("[ \n ]"), (vec![], None));
    }

    #[test]
    fn a_torn_array_gives_what_was_whole_and_an_error() {
        let (units, error) = read(r#"[{"text":"a"},{"text":"b"#);
        assert_eq!(units, [Unit::Text("a".into())]);
        assert_eq!(error, Some(io::ErrorKind::UnexpectedEof));
    }

    #[test]
    fn an_element_of_any_length_is_passed_over() {
        let text = format!("[{{\"text\":\"{}\"}},{{\"text\":\"x\"}}]", "a".repeat(3 << 20));
        assert_eq!(read(&text).0, [Unit::Bad("is too long"), Unit::Text("x".into())]);
    }
}
