//! One HTTP/1.1 connection without a library in between: bytes out, status and body back.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr};

use mio::net::TcpStream;
use socket2::{Domain, Protocol, Socket, Type};

/// The largest answer the load reads. Echoes are a few times as long as their questions.
const MAX_ANSWER: usize = 8 << 20;

/// Most header fields of an answer.
const MAX_FIELDS: usize = 96;

/// A connection that is being made, as Linux says it.
const EINPROGRESS: i32 = 115;

/// A request on its way, or the answer to it.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    sent: usize,
    received: Vec<u8>,
}

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More has to be sent or to arrive.
    Pending,
    /// The whole answer is here.
    Answered {
        status: u16,
        /// Where in the received bytes the body begins.
        body: usize,
        /// Whether the server ends the connection.
        closes: bool,
    },
    /// The connection ended before the answer did.
    Closed,
    /// It never came to be.
    Refused,
    /// Not an answer this client understands.
    Malformed,
}

impl Connection {
    /// Begins to connect, from an address of our own choice if `source` is given.
    pub(crate) fn open(target: SocketAddr, source: Option<IpAddr>) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(target), Type::STREAM, Some(Protocol::TCP))?;
        if let Some(source) = source {
            socket.bind(&SocketAddr::new(source, 0).into())?;
        }
        socket.set_tcp_nodelay(true)?;
        socket.set_nonblocking(true)?;
        match socket.connect(&target.into()) {
            Err(error) if error.raw_os_error() != Some(EINPROGRESS) => return Err(error),
            _ => {}
        }
        Ok(Self {
            stream: TcpStream::from_std(socket.into()),
            sent: 0,
            received: Vec::with_capacity(8192),
        })
    }

    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Begins with another request.
    pub(crate) fn reset(&mut self) {
        self.sent = 0;
        self.received.clear();
    }

    /// What has been received of the answer.
    pub(crate) fn received(&self) -> &[u8] {
        &self.received
    }

    /// Sends as much as goes without waiting. Only then is there anything to receive.
    pub(crate) fn send(&mut self, request: &[u8]) -> Progress {
        while self.sent < request.len() {
            match self.stream.write(&request[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) if self.sent == 0 && self.received.is_empty() => return Progress::Refused,
                // The server may have answered and closed before it read everything.
                Err(_) => break,
            }
        }
        Progress::Pending
    }

    /// Receives as much as goes without waiting.
    pub(crate) fn receive(&mut self) -> Progress {
        let mut buffer = [0; 16 << 10];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return self.look(true),
                Ok(count) => {
                    self.received.extend_from_slice(&buffer[..count]);
                    match self.look(false) {
                        // Less than asked for: there is no more at the moment.
                        Progress::Pending if count < buffer.len() => return Progress::Pending,
                        Progress::Pending => {}
                        other => return other,
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Progress::Pending,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Progress::Closed,
            }
        }
    }

    fn look(&self, ended: bool) -> Progress {
        match answer(&self.received) {
            Progress::Pending if ended => Progress::Closed,
            other => other,
        }
    }
}

/// Reads an answer as far as it has come.
fn answer(received: &[u8]) -> Progress {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut head = httparse::Response::new(&mut fields);
    let body = match head.parse(received) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if received.len() < MAX_ANSWER => return Progress::Pending,
        _ => return Progress::Malformed,
    };
    let (Some(status), Some(length)) = (head.code, content_length(head.headers)) else {
        return Progress::Malformed;
    };
    if length > MAX_ANSWER {
        return Progress::Malformed;
    }
    if received.len() < body + length {
        return Progress::Pending;
    }
    Progress::Answered {
        status,
        body,
        closes: head.version == Some(0) || says_close(head.headers),
    }
}

/// The length of the body; answers of other framings are not for this client.
fn content_length(headers: &[httparse::Header<'_>]) -> Option<usize> {
    let header = headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))?;
    std::str::from_utf8(header.value).ok()?.trim().parse().ok()
}

fn says_close(headers: &[httparse::Header<'_>]) -> bool {
    headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case("connection"))
        .any(|header| header.value.eq_ignore_ascii_case(b"close"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_with_its_last_byte_and_not_before() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        for end in 0..text.len() {
            assert_eq!(answer(&text[..end]), Progress::Pending, "{end}");
        }
        let body = text.len() - 5;
        let whole = Progress::Answered {
            status: 200,
            body,
            closes: false,
        };
        assert_eq!(answer(text), whole);
    }

    #[test]
    fn a_closing_answer_is_noticed_and_unknown_framings_are_malformed() {
        let text = b"HTTP/1.1 401 Unauthorized\r\nconnection: Close\r\ncontent-length: 0\r\n\r\n";
        assert!(matches!(
            answer(text),
            Progress::Answered {
                status: 401,
                closes: true,
                ..
            }
        ));
        assert_eq!(
            answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Progress::Malformed
        );
        assert_eq!(answer(b"SSH-2.0-OpenSSH\r\n\r\n"), Progress::Malformed);
    }
}
