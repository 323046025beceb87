//! A connection with every byte in our hands.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

/// Largest answer that is read.
const MAX_ANSWER: usize = 4 << 20;
/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Most header lines of an answer.
const MAX_FIELDS: usize = 200;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// An HTTP answer.
    Answer {
        status: u16,
        /// The answer's own words, shortened.
        message: String,
        /// Names in lower case.
        headers: Vec<(String, Vec<u8>)>,
        body: Vec<u8>,
    },
    /// An answer that breaks a rule for answers.
    Wrong { what: String },
    /// An answer that is not as it should be, but may be.
    Odd { what: String },
    /// The connection ended without an answer.
    Closed { after: Duration },
    /// Something that is not HTTP.
    NotHttp { bytes: usize },
    /// Nothing came and the connection is still open.
    Open { after: Duration },
    /// The axon does not offer what the case needs.
    NotOffered,
}

impl Seen {
    pub(crate) fn is_served(&self) -> bool {
        matches!(self, Self::Answer { status: 200, .. })
    }

    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Answer { status, .. } => Some(*status),
            _ => None,
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer { status, message, .. } if message.is_empty() => write!(f, "{status}"),
            Self::Answer { status, message, .. } => write!(f, "{status} {message}"),
            Self::Closed { after } => write!(f, "closed after {:.1} s", after.as_secs_f64()),
            Self::NotHttp { bytes } => write!(f, "{bytes} bytes that are not HTTP"),
            Self::Open { after } => write!(f, "still open after {:.0} s", after.as_secs_f64()),
            Self::Wrong { what } | Self::Odd { what } => write!(f, "{what}"),
            Self::NotOffered => write!(f, "not offered"),
        }
    }
}

/// One connection.
pub(crate) struct Socket {
    stream: TcpStream,
    opened: Instant,
    unread: Vec<u8>,
}

impl Socket {
    pub(crate) async fn open(target: SocketAddr) -> Result<Self, String> {
        let connecting = timeout(CONNECT, TcpStream::connect(target)).await;
        let stream = connecting
            .map_err(|_| "no connection within 5 s".to_owned())?
            .map_err(|error| error.to_string())?;
        // A request has to arrive in the pieces in which it is written.
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Self {
            stream,
            opened: Instant::now(),
            unread: Vec::new(),
        })
    }

    /// Writes what the other side takes within `limit`; false when it took less.
    pub(crate) async fn write(&mut self, bytes: &[u8], limit: Duration) -> bool {
        matches!(timeout(limit, self.stream.write_all(bytes)).await, Ok(Ok(())))
    }

    /// Says that nothing more will be written.
    pub(crate) async fn finish_writing(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Reads one answer.
    pub(crate) async fn read(&mut self, limit: Duration) -> Seen {
        self.read_until(Instant::now() + limit).await
    }

    pub(crate) async fn read_until(&mut self, deadline: Instant) -> Seen {
        loop {
            match parse(&self.unread) {
                Parsed::Whole { seen, length } => {
                    self.unread.drain(..length);
                    return seen;
                }
                Parsed::NotHttp => {
                    return Seen::NotHttp {
                        bytes: self.unread.len(),
                    };
                }
                Parsed::Partial if self.unread.len() > MAX_ANSWER => {
                    return Seen::NotHttp {
                        bytes: self.unread.len(),
                    };
                }
                Parsed::Partial => {}
            }
            let mut piece = [0; 16 << 10];
            match timeout_at(deadline, self.stream.read(&mut piece)).await {
                Ok(Ok(count)) if count > 0 => self.unread.extend_from_slice(&piece[..count]),
                Ok(_) => return self.ended(),
                Err(_) => {
                    return Seen::Open {
                        after: self.opened.elapsed(),
                    };
                }
            }
        }
    }

    /// What an end of the connection means: an answer without a length is complete only now.
    fn ended(&mut self) -> Seen {
        let after = self.opened.elapsed();
        match head(&self.unread) {
            Some(Ok(head)) if head.until_close => {
                let body = self.unread[head.length..].to_vec();
                answer(head, &body)
            }
            _ if self.unread.is_empty() => Seen::Closed { after },
            Some(Ok(_)) => Seen::Closed { after },
            _ => Seen::NotHttp {
                bytes: self.unread.len(),
            },
        }
    }

    /// Reads the head of an answer that has no body whatever its head says, as one to `HEAD`.
    pub(crate) async fn read_head(&mut self, limit: Duration) -> Seen {
        let deadline = Instant::now() + limit;
        loop {
            match head(&self.unread) {
                Some(Ok(head)) => return answer(head, b""),
                Some(Err(())) => break,
                None if self.unread.len() > MAX_ANSWER => break,
                None => {}
            }
            let mut piece = [0; 4 << 10];
            match timeout_at(deadline, self.stream.read(&mut piece)).await {
                Ok(Ok(count)) if count > 0 => self.unread.extend_from_slice(&piece[..count]),
                Ok(_) => return self.ended(),
                Err(_) => {
                    let after = self.opened.elapsed();
                    return Seen::Open { after };
                }
            }
        }
        let bytes = self.unread.len();
        Seen::NotHttp { bytes }
    }

    /// Waits for the other side to end the connection, whatever it says before.
    pub(crate) async fn wait_for_end(&mut self, limit: Duration) -> Seen {
        let deadline = Instant::now() + limit;
        self.read_until(deadline).await
    }
}

enum Parsed {
    Whole { seen: Seen, length: usize },
    Partial,
    NotHttp,
}

struct Head {
    status: u16,
    fields: Vec<(String, Vec<u8>)>,
    length: usize,
    content: Option<usize>,
    chunked: bool,
    until_close: bool,
}

/// None: not complete yet.
fn head(bytes: &[u8]) -> Option<Result<Head, ()>> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    match response.parse(bytes) {
        Ok(httparse::Status::Partial) => None,
        Err(_) => Some(Err(())),
        Ok(httparse::Status::Complete(length)) => {
            let status = response.code.unwrap_or(0);
            let field = |name: &str| {
                let found = response
                    .headers
                    .iter()
                    .find(|field| field.name.eq_ignore_ascii_case(name));
                found.and_then(|field| std::str::from_utf8(field.value).ok())
            };
            let content = field("content-length").and_then(|text| text.trim().parse().ok());
            let chunked = field("transfer-encoding").is_some_and(|text| text.eq_ignore_ascii_case("chunked"));
            let empty = status == 204 || status == 304 || (100..200).contains(&status);
            let fields = response.headers.iter();
            Some(Ok(Head {
                status,
                fields: fields
                    .map(|field| (field.name.to_ascii_lowercase(), field.value.to_vec()))
                    .collect(),
                length,
                content: if empty { Some(0) } else { content },
                chunked: chunked && !empty,
                until_close: !empty && !chunked && content.is_none(),
            }))
        }
    }
}

fn parse(bytes: &[u8]) -> Parsed {
    let head = match head(bytes) {
        None => return Parsed::Partial,
        Some(Err(())) => return Parsed::NotHttp,
        Some(Ok(head)) => head,
    };
    let rest = &bytes[head.length..];
    // "Go on" is no answer yet.
    if head.status == 100 {
        return match parse(rest) {
            Parsed::Whole { seen, length } => Parsed::Whole {
                seen,
                length: head.length + length,
            },
            other => other,
        };
    }
    let (body, length) = if head.chunked {
        match unchunk(rest) {
            Some(Ok((body, length))) => (body, length),
            Some(Err(())) => return Parsed::NotHttp,
            None => return Parsed::Partial,
        }
    } else {
        match head.content {
            Some(length) if rest.len() >= length => (rest[..length].to_vec(), length),
            _ => return Parsed::Partial,
        }
    };
    Parsed::Whole {
        length: head.length + length,
        seen: answer(head, &body),
    }
}

/// The body of a chunked answer and how many bytes it took; None when there is more to come.
fn unchunk(mut bytes: &[u8]) -> Option<Result<(Vec<u8>, usize), ()>> {
    let whole = bytes.len();
    let mut body = Vec::new();
    loop {
        let (start, size) = match httparse::parse_chunk_size(bytes) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return None,
            Err(_) => return Some(Err(())),
        };
        let Ok(size) = usize::try_from(size) else {
            return Some(Err(()));
        };
        let end = start.checked_add(size)?.checked_add(2)?;
        if bytes.len() < end {
            return None;
        }
        body.extend_from_slice(&bytes[start..start + size]);
        bytes = &bytes[end..];
        if size == 0 {
            return Some(Ok((body, whole - bytes.len())));
        }
    }
}

/// An answer with the words in which the axon explains it.
fn answer(head: Head, body: &[u8]) -> Seen {
    let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let words = json.as_ref().and_then(|json| {
        let error = &json["error"]["code"];
        [error, &json["message"], &json["detail"]]
            .into_iter()
            .find(|value| !value.is_null())
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    });
    let message = words
        .unwrap_or_default()
        .chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .take(100)
        .collect();
    Seen::Answer {
        status: head.status,
        message,
        headers: head.fields,
        body: body.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whole_or_not_at_all() {
        let whole = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 17\r\n\r\n{\"message\": \"no\"}HTTP/1.1 200 OK\r\n";
        for cut in 0..whole.len() - 17 {
            match parse(&whole[..cut]) {
                Parsed::Partial => assert!(cut < 63),
                Parsed::Whole { seen, length } => {
                    assert_eq!((seen.status(), length), (Some(403), 63));
                    assert!(seen.to_string().ends_with("403 no"));
                }
                Parsed::NotHttp => panic!("cut at {cut}"),
            }
        }
        assert!(matches!(parse(b"SSH-2.0-x\r\n\r\n"), Parsed::NotHttp));
    }

    #[test]
    fn chunked_answers_are_put_together() {
        let bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nrest";
        let Parsed::Whole { seen, length } = parse(bytes) else {
            panic!("complete");
        };
        assert_eq!(length, bytes.len() - 4);
        assert!(matches!(seen, Seen::Answer { status: 200, body, .. } if body == b"abcde"));
        assert!(matches!(parse(&bytes[..bytes.len() - 6]), Parsed::Partial));
    }
}
