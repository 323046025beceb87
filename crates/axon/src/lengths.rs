//! Notices a head that says twice where its body ends.
//!
//! The HTTP library folds equal lengths into one, and drops a length beside chunks, before anybody can see it; another
//! program on the way may not, and what two readers understand differently can smuggle a request.

/// The names as they stand at the start of a line.
const NAMES: [&[u8]; 2] = [b"content-length:", b"transfer-encoding:"];
/// The longer of them.
const LONGEST: usize = 18;

/// Reads along with the bytes of a connection, head by head.
#[derive(Default)]
pub(crate) struct LengthLines {
    /// The first bytes of the line at hand.
    start: [u8; LONGEST],
    /// How many bytes of that line have come; counted up to one more than a name has.
    length: usize,
    /// Lengths and encodings in the head at hand.
    said: u8,
}

impl LengthLines {
    /// Takes what came in; true when a head has a second length, or an encoding beside it.
    ///
    /// Lines of a body count too, which harms nobody: no line of JSON begins with these names.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> bool {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            self.line(&rest[..end]);
            if self.end_line() {
                return true;
            }
            rest = &rest[end + 1..];
        }
        self.line(rest);
        false
    }

    fn line(&mut self, piece: &[u8]) {
        let room = LONGEST.saturating_sub(self.length);
        let taken = piece.len().min(room);
        self.start[LONGEST - room..][..taken].copy_from_slice(&piece[..taken]);
        self.length = (self.length + piece.len()).min(LONGEST + 1);
    }

    fn end_line(&mut self) -> bool {
        let line = &self.start[..self.length.min(LONGEST)];
        if line.is_empty() || line == b"\r" {
            self.said = 0;
        } else if NAMES.iter().any(|name| starts_with(line, name)) {
            self.said = self.said.saturating_add(1);
        }
        self.length = 0;
        self.said > 1
    }
}

fn starts_with(line: &[u8], name: &[u8]) -> bool {
    line.get(..name.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twice(bytes: &[u8]) -> bool {
        let whole = LengthLines::default().read(bytes);
        // However the bytes are cut, the outcome is the same.
        for size in 1..20 {
            let mut lines = LengthLines::default();
            let mut cut = false;
            for piece in bytes.chunks(size) {
                cut |= lines.read(piece);
            }
            assert_eq!(cut, whole, "in pieces of {size}");
        }
        whole
    }

    #[test]
    fn two_lengths_in_one_head_are_noticed() {
        assert!(twice(
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nhost: x\r\ncontent-length: 1\r\n\r\na"
        ));
        assert!(twice(b"POST / HTTP/1.1\nCONTENT-LENGTH:1\nContent-Length:1\n\n"));
    }

    #[test]
    fn a_length_beside_chunks_is_noticed_in_either_order() {
        assert!(twice(
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
        ));
        assert!(twice(
            b"POST / HTTP/1.1\r\ntransfer-encoding:chunked\r\nhost: x\r\ncontent-length: 1\r\n\r\n"
        ));
        let chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
        assert!(!twice(&chunked.repeat(2)));
    }

    #[test]
    fn one_length_per_head_is_fine() {
        let one = b"POST / HTTP/1.1\r\nContent-Length: 2\r\nX-Content-Length: 2\r\nContent-Lengths: 2\r\n\r\n{}";
        assert!(!twice(one));
        assert!(!twice(&one.repeat(3)));
        assert!(!twice(b"\n\n\r\n content-length: 1\r\ncontent-length: 1\r\n"));
    }
}
