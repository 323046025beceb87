//! Server-sent events, as far as chat completions use them: lines that begin with `data:`.

/// Longest line; a piece of an answer has some hundred bytes.
const MAX_LINE: usize = 256 * 1024;

/// Cuts a byte stream into the payloads of its `data:` lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    begun: Vec<u8>,
    ready: std::collections::VecDeque<String>,
}

impl Lines {
    /// Takes in what arrived. Characters and lines may be split anywhere.
    ///
    /// # Errors
    /// When a line does not end.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(&bytes[..end]);
            self.finish();
            bytes = &bytes[end + 1..];
        }
        if self.begun.len() + bytes.len() > MAX_LINE {
            return Err(format!("a line of more than {MAX_LINE} bytes"));
        }
        self.begun.extend_from_slice(bytes);
        Ok(())
    }

    /// The next payload.
    pub(super) fn next(&mut self) -> Option<String> {
        self.ready.pop_front()
    }

    /// Ends the line: a stream need not end with a line break.
    pub(super) fn finish(&mut self) {
        let line = std::mem::take(&mut self.begun);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        if let Some(data) = line.strip_prefix(b"data:") {
            let text = String::from_utf8_lossy(data);
            self.ready.push_back(text.trim().to_owned());
        }
    }
}
