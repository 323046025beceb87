//! Notices a head that says its content length twice.
//!
//! The HTTP library folds equal lengths into one before anybody can see them; another program on the way may not, and
//! what two readers understand differently can smuggle a request.

/// The name as it stands at the start of a line.
const NAME: &[u8; 15] = b"content-length:";

/// Reads along with the bytes of a connection, head by head.
#[derive(Default)]
pub(crate) struct LengthLines {
    /// The first bytes of the line at hand.
    start: [u8; NAME.len()],
    /// How many bytes of that line have come; counted up to one more than a name has.
    length: usize,
    /// Lengths in the head at hand.
    said: u8,
}

impl LengthLines {
    /// Takes what came in; true when a head has a second length.
    ///
    /// Lines of a body count too, which harms nobody: no line of JSON begins with this name.
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
        let room = NAME.len().saturating_sub(self.length);
        let taken = piece.len().min(room);
        self.start[NAME.len() - room..][..taken].copy_from_slice(&piece[..taken]);
        self.length = (self.length + piece.len()).min(NAME.len() + 1);
    }

    fn end_line(&mut self) -> bool {
        let line = &self.start[..self.length.min(NAME.len())];
        if line.is_empty() || line == b"\r" {
            self.said = 0;
        } else if line.eq_ignore_ascii_case(NAME) {
            self.said = self.said.saturating_add(1);
        }
        self.length = 0;
        self.said > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn twice(bytes: &[u8]) -> bool {
        let whole = LengthLines::default().read(bytes);
        // However the bytes are cut, the outcome is the same.
        for size in 1..20 {
            let mut lines = LengthLines::default();
            let cut = bytes
                .chunks(size)
                .fold(false, |found, piece| lines.read(piece) || found);
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
    fn one_length_per_head_is_fine() {
        let one = b"POST / HTTP/1.1\r\nContent-Length: 2\r\nX-Content-Length: 2\r\nContent-Lengths: 2\r\n\r\n{}";
        assert!(!twice(one));
        assert!(!twice(&one.repeat(3)));
        assert!(!twice(b"\n\n\r\n content-length: 1\r\ncontent-length: 1\r\n"));
    }
}
