//! WebSocket frames (RFC 6455), as far as a proxy has to know them: where each begins and ends, and what a text says.

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest frame that is passed on: the metadata of the main chain is 0.7 MB in hex, a full map a few.
const MAX_FRAME: usize = 64 << 20;

const TEXT: u8 = 1;

/// One frame as it stands on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Header and payload, unchanged.
    pub(crate) raw: Vec<u8>,
    header: usize,
    mask: Option<[u8; 4]>,
}

impl Frame {
    /// An unmasked text in one frame, as servers send it.
    pub(crate) fn text(text: &str) -> Self {
        let length = text.len();
        let mut raw = vec![0x80 | TEXT];
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short), _) if short < 126 => raw.push(short),
            (_, Ok(medium)) => {
                raw.push(126);
                raw.extend(medium.to_be_bytes());
            }
            _ => {
                raw.push(127);
                raw.extend((length as u64).to_be_bytes());
            }
        }
        let header = raw.len();
        raw.extend(text.as_bytes());
        Self {
            raw,
            header,
            mask: None,
        }
    }

    /// What a whole text message says; nothing for other frames and for parts of a message.
    pub(crate) fn message(&self) -> Option<String> {
        if self.raw.first() != Some(&(0x80 | TEXT)) {
            return None;
        }
        let mut payload = self.raw.get(self.header..)?.to_vec();
        if let Some(mask) = self.mask {
            for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
                *byte ^= mask;
            }
        }
        String::from_utf8(payload).ok()
    }

    /// The first half of the frame: its header and a part of what it announces.
    pub(crate) fn half(&self) -> &[u8] {
        let half = self.header + (self.raw.len() - self.header) / 2;
        // An empty payload has no half; then the header itself is torn.
        let end = if self.raw.len() == self.header { 1 } else { half };
        self.raw.get(..end).unwrap_or(&self.raw)
    }
}

/// Why there is no further frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The peer closed, or the connection broke.
    Closed,
    /// The frame is longer than [`MAX_FRAME`].
    TooLong,
}

/// Reads frames from a half of a connection.
#[derive(Debug)]
pub(crate) struct FrameReader<R> {
    from: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// `rest` came behind the HTTP head.
    pub(crate) fn new(from: R, rest: &[u8]) -> Self {
        Self {
            from,
            buffer: BytesMut::from(rest),
        }
    }

    /// The next frame. Safe to drop while it waits: what was read stays.
    pub(crate) async fn next(&mut self) -> Result<Frame, Ended> {
        loop {
            if let Some(frame) = take(&mut self.buffer)? {
                return Ok(frame);
            }
            match self.from.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return Err(Ended::Closed),
                Ok(_) => {}
            }
        }
    }

    /// Reads and forgets until the peer closes.
    pub(crate) async fn swallow(&mut self) {
        loop {
            self.buffer.clear();
            match self.from.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    /// The half itself.
    pub(crate) fn get_ref(&self) -> &R {
        &self.from
    }
}

/// Takes a whole frame off the front, if there is one.
fn take(buffer: &mut BytesMut) -> Result<Option<Frame>, Ended> {
    let Some(length_byte) = buffer.get(1).copied() else {
        return Ok(None);
    };
    let (extended, masked) = (length_byte & 0x7f, length_byte & 0x80 != 0);
    let extra = match extended {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let header = 2 + extra + if masked { 4 } else { 0 };
    let Some(head) = buffer.get(..header) else {
        return Ok(None);
    };
    let length = match extended {
        126 | 127 => head[2..2 + extra]
            .iter()
            .fold(0u64, |length, byte| length << 8 | u64::from(*byte)),
        short => u64::from(short),
    };
    let length = usize::try_from(length)
        .ok()
        .filter(|length| *length <= MAX_FRAME)
        .ok_or(Ended::TooLong)?;
    let mask = masked.then(|| [head[header - 4], head[header - 3], head[header - 2], head[header - 1]]);
    if buffer.len() < header + length {
        buffer.reserve(header + length - buffer.len());
        return Ok(None);
    }
    let raw = buffer[..header + length].to_vec();
    buffer.advance(header + length);
    Ok(Some(Frame { raw, header, mask }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> Vec<u8> {
        let key = [1u8, 2, 3, 4];
        let plain = Frame::text(text);
        let mut raw = plain.raw[..plain.header].to_vec();
        raw[1] |= 0x80;
        raw.extend(key);
        raw.extend(text.bytes().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        raw
    }

    #[tokio::test]
    async fn frames_of_every_length_are_read_back_however_they_are_cut() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let text = "x".repeat(length);
            let wire = [Frame::text(&text).raw, masked(&text)].concat();
            for piece in [1, 7, 4096] {
                if length > 1000 && piece < 4096 {
                    continue;
                }
                let (mut near, far) = tokio::io::duplex(piece);
                let sent = wire.clone();
                tokio::spawn(async move {
                    let _ = tokio::io::AsyncWriteExt::write_all(&mut near, &sent).await;
                });
                let mut reader = FrameReader::new(far, &[]);
                for _ in 0..2 {
                    let frame = reader.next().await.expect("a frame");
                    assert_eq!(frame.message().as_deref(), Some(&text[..]));
                }
                assert_eq!(reader.next().await, Err(Ended::Closed));
            }
        }
    }

    #[tokio::test]
    async fn a_frame_that_announces_too_much_ends_the_connection() {
        let mut wire = vec![0x81, 127];
        wire.extend(u64::MAX.to_be_bytes());
        assert_eq!(FrameReader::new(&wire[..], &[]).next().await, Err(Ended::TooLong));
    }

    #[test]
    fn half_a_frame_is_never_a_whole_one() {
        for length in [0, 1, 2, 200, 70_000] {
            let frame = Frame::text(&"x".repeat(length));
            assert!(
                !frame.half().is_empty() && frame.half().len() < frame.raw.len(),
                "{length}"
            );
        }
    }

    #[test]
    fn parts_and_other_kinds_are_no_messages() {
        for first in [0x01, 0x80, 0x82, 0x89] {
            let mut frame = Frame::text("hello");
            frame.raw[0] = first;
            assert_eq!(frame.message(), None);
        }
    }
}
