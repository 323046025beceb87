//! Server-sent events out of bytes, in pieces of any size.
//!
//! Lines end with LF, CR or CRLF; a line starting with a colon is a comment; an event is what stands before an empty
//! line. Memory is bounded by the bytes that were pushed, which the caller bounds.

/// One event: its type and its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LineEvent {
    /// The type; empty when none was given.
    pub(crate) name: Vec<u8>,
    /// The lines of data, joined with LF.
    pub(crate) data: Vec<u8>,
}

#[derive(Default)]
pub(crate) struct EventParser {
    line: Vec<u8>,
    /// The last byte was a CR: an LF right behind it belongs to it.
    after_cr: bool,
    name: Vec<u8>,
    data: Option<Vec<u8>>,
}

impl EventParser {
    /// Appends the events that `bytes` complete to `events`.
    pub(crate) fn push(&mut self, bytes: &[u8], events: &mut Vec<LineEvent>) {
        let mut rest = bytes;
        if self.after_cr && !rest.is_empty() {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            self.after_cr = false;
        }
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            self.line.extend_from_slice(&rest[..end]);
            let is_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
            if is_cr {
                self.after_cr = rest.is_empty();
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
            let line = std::mem::take(&mut self.line);
            events.extend(self.take_line(&line));
        }
        self.line.extend_from_slice(rest);
    }

    fn take_line(&mut self, line: &[u8]) -> Option<LineEvent> {
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            // An event without data is none.
            return self.data.take().map(|data| LineEvent { name, data });
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (field, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => self.name = value.to_vec(),
            b"data" => match &mut self.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                None => self.data = Some(value.to_vec()),
            },
            // Comments have an empty field name; `id`, `retry` and others mean nothing here.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(pieces: &[&[u8]]) -> Vec<(String, String)> {
        let (mut parser, mut events) = (EventParser::default(), Vec::new());
        for piece in pieces {
            parser.push(piece, &mut events);
        }
        let text = |bytes| String::from_utf8(bytes).expect("text");
        events
            .into_iter()
            .map(|event| (text(event.name), text(event.data)))
            .collect()
    }

    fn pair(name: &str, data: &str) -> (String, String) {
        (name.into(), data.into())
    }

    #[test]
    fn lines_end_with_lf_cr_or_crlf_wherever_the_bytes_are_cut() {
        for ending in ["\n", "\r", "\r\n"] {
            let wire = ["event: a", "data: 1", "", ": ping", "data:2", "data: 3", "", ""].join(ending);
            let expected = vec![pair("a", "1"), pair("", "2\n3")];
            for cut in 0..wire.len() {
                let (head, tail) = wire.as_bytes().split_at(cut);
                assert_eq!(events(&[head, tail]), expected, "{ending:?} cut at {cut}");
            }
            let bytes: Vec<&[u8]> = wire.as_bytes().chunks(1).collect();
            assert_eq!(events(&bytes), expected, "{ending:?} byte by byte");
        }
    }

    #[test]
    fn what_is_not_ended_by_an_empty_line_is_no_event() {
        assert_eq!(events(&[b"event: a\ndata: 1\n"]), vec![]);
        assert_eq!(events(&[b"event: a\n\n"]), vec![], "no data");
        assert_eq!(events(&[b"data\n\n"]), vec![pair("", "")]);
    }
}
