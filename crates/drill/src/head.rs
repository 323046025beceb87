//! HTTP heads: read one, change what a proxy has to change, answer in the endpoint's place.

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::fault::Refusal;

/// The longest head that is read.
const MAX_HEAD: usize = 16 << 10;
const MAX_HEADERS: usize = 64;

/// A head and what came behind it.
#[derive(Debug)]
pub(crate) struct Head {
    start: String,
    headers: Vec<(String, Vec<u8>)>,
    /// Bytes that were read and belong to what follows.
    pub(crate) rest: Vec<u8>,
}

impl Head {
    /// Reads the head of a request.
    pub(crate) async fn of_request(from: &mut (impl AsyncRead + Unpin)) -> Option<Self> {
        read(from, |bytes| {
            let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut request = httparse::Request::new(&mut headers);
            match request.parse(bytes) {
                Ok(httparse::Status::Complete(length)) => {
                    let start = format!("{} {} HTTP/1.1", request.method?, request.path?);
                    Some(Some((length, start, owned(request.headers))))
                }
                Ok(httparse::Status::Partial) => Some(None),
                Err(_) => None,
            }
        })
        .await
    }

    /// Reads the head of an answer.
    pub(crate) async fn of_answer(from: &mut (impl AsyncRead + Unpin)) -> Option<Self> {
        read(from, |bytes| {
            let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            let mut answer = httparse::Response::new(&mut headers);
            match answer.parse(bytes) {
                Ok(httparse::Status::Complete(length)) => {
                    let start = format!("HTTP/1.1 {} {}", answer.code?, answer.reason.unwrap_or_default());
                    Some(Some((length, start, owned(answer.headers))))
                }
                Ok(httparse::Status::Partial) => Some(None),
                Err(_) => None,
            }
        })
        .await
    }

    /// A header's value, if it is there and is text.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self
            .headers
            .iter()
            .find(|(given, _)| given.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok().map(str::trim)
    }

    /// Replaces a header, or adds it.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
    }

    /// Takes a header out.
    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.retain(|(given, _)| !given.eq_ignore_ascii_case(name));
    }

    /// Whether a client asks for a WebSocket.
    pub(crate) fn wants_websocket(&self) -> bool {
        self.get("upgrade")
            .is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
    }

    /// Whether an endpoint agreed to one.
    pub(crate) fn switches(&self) -> bool {
        self.start.starts_with("HTTP/1.1 101 ")
    }

    /// Method and path, or status.
    #[cfg(test)]
    pub(crate) fn start(&self) -> &str {
        &self.start
    }

    /// Puts `path` before the path of a request, for endpoints that have one.
    pub(crate) fn under(&mut self, path: &str) {
        if let Some((method, rest)) = self.start.split_once(' ')
            && path != "/"
        {
            self.start = format!("{method} {}{rest}", path.trim_end_matches('/'));
        }
    }

    /// The head as it goes on the wire, without what came behind it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{}\r\n", self.start).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend(name.as_bytes());
            bytes.extend(b": ");
            bytes.extend(value);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"\r\n");
        bytes
    }
}

/// A whole answer that refuses.
pub(crate) fn refusal(refusal: Refusal) -> Vec<u8> {
    let (status, words) = refusal.status();
    answer(
        &format!("{status} {words}"),
        "text/plain",
        "drill\n",
        "Retry-After: 1\r\n",
    )
}

/// A whole answer to a request whose endpoint cannot be reached.
pub(crate) fn bad_gateway() -> Vec<u8> {
    answer("502 Bad Gateway", "text/plain", "the endpoint does not answer\n", "")
}

/// A whole answer with a JSON document.
pub(crate) fn json(body: &str) -> Vec<u8> {
    answer("200 OK", "application/json", body, "")
}

fn answer(status: &str, kind: &str, body: &str, more: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{more}Connection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

type Parsed = (usize, String, Vec<(String, Vec<u8>)>);

/// `parse` gives nothing for nonsense, and nothing inside for a head that is not complete yet.
async fn read(from: &mut (impl AsyncRead + Unpin), parse: impl Fn(&[u8]) -> Option<Option<Parsed>>) -> Option<Head> {
    let mut buffer = BytesMut::with_capacity(2048);
    loop {
        if let Some((length, start, headers)) = parse(&buffer)? {
            let rest = buffer[length..].to_vec();
            return Some(Head { start, headers, rest });
        }
        if buffer.len() >= MAX_HEAD || from.read_buf(&mut buffer).await.ok()? == 0 {
            return None;
        }
    }
}

fn owned(headers: &[httparse::Header<'_>]) -> Vec<(String, Vec<u8>)> {
    headers
        .iter()
        .map(|header| (header.name.to_owned(), header.value.to_vec()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_handshake_is_read_changed_and_written() {
        let mut wire =
            &b"GET / HTTP/1.1\r\nHost: here:1\r\nUPGRADE: WebSocket\r\nSec-WebSocket-Extensions: x\r\n\r\nmore"[..];
        let mut head = Head::of_request(&mut wire).await.expect("a head");
        assert!(head.wants_websocket());
        assert_eq!(head.rest, b"more");
        head.set("host", "there");
        head.remove("sec-websocket-extensions");
        head.under("/v1/key");
        assert_eq!(
            head.bytes(),
            b"GET /v1/key/ HTTP/1.1\r\nUPGRADE: WebSocket\r\nhost: there\r\n\r\n"
        );
    }

    #[tokio::test]
    async fn nonsense_an_endless_head_and_a_silent_end_give_nothing() {
        let mut nonsense = &b"\x00\x01\x02 what\r\n\r\n"[..];
        assert!(Head::of_request(&mut nonsense).await.is_none());
        let endless = [b"GET / HTTP/1.1\r\nA: ".to_vec(), vec![b'a'; 2 * MAX_HEAD]].concat();
        assert!(Head::of_request(&mut &endless[..]).await.is_none());
        assert!(Head::of_request(&mut &b"GET / HT"[..]).await.is_none());
    }

    #[tokio::test]
    async fn answers_in_the_endpoints_place_are_whole_http() {
        for (bytes, status) in [
            (refusal(Refusal::TooManyRequests), "HTTP/1.1 429 Too Many Requests"),
            (refusal(Refusal::Unavailable), "HTTP/1.1 503 Service Unavailable"),
            (bad_gateway(), "HTTP/1.1 502 Bad Gateway"),
            (json("{}"), "HTTP/1.1 200 OK"),
        ] {
            let head = Head::of_answer(&mut &bytes[..]).await.expect("a head");
            assert_eq!(head.start(), status);
            let length: Option<usize> = head.get("content-length").and_then(|text| text.parse().ok());
            assert_eq!(length, Some(head.rest.len()));
            assert!(!head.switches());
        }
    }
}
