//! Framing that two readers could understand differently, and things that are not HTTP.

use super::{course, once};
use crate::case::{Case, Expect};
use crate::draft::Http;
use crate::session::Session;
use crate::socket::{Seen, Socket};

/// Bad framing; closing without a word is as good.
const FRAMING: Expect = Expect::Refused(&[400, 411, 413, 501, 505]);

pub(super) const CASES: &[Case] = &[
    course!(
        "smuggle-cl-te",
        Framing,
        "Content-Length and Transfer-Encoding, a second request inside the first",
        FRAMING,
        content_and_chunks
    ),
    course!(
        "smuggle-te-cl",
        Framing,
        "Transfer-Encoding and Content-Length, the other way round",
        FRAMING,
        chunks_and_content
    ),
    once!("two-lengths", Framing, "two different lengths", FRAMING, |session| {
        unframed(session)
            .plus("Content-Length", length(session, 0))
            .plus("Content-Length", "1")
            .bytes()
    }),
    once!("same-lengths", Framing, "the same length twice", FRAMING, |session| {
        unframed(session)
            .plus("Content-Length", length(session, 0))
            .plus("Content-Length", length(session, 0))
            .bytes()
    }),
    once!(
        "listed-lengths",
        Framing,
        "two lengths in one header",
        FRAMING,
        |session| {
            unframed(session)
                .plus("Content-Length", format!("{0}, {0}", length(session, 0)))
                .bytes()
        }
    ),
    once!(
        "plus-length",
        Framing,
        "a length with a plus sign",
        FRAMING,
        |session| {
            unframed(session)
                .plus("Content-Length", format!("+{}", length(session, 0)))
                .bytes()
        }
    ),
    once!("negative-length", Framing, "a negative length", FRAMING, |session| {
        unframed(session).plus("Content-Length", "-1").bytes()
    }),
    once!("hex-length", Framing, "a length in hex", FRAMING, |session| unframed(
        session
    )
    .plus("Content-Length", "0x10")
    .bytes()),
    once!("huge-length", Framing, "a length beyond 64 bits", FRAMING, |session| {
        unframed(session).plus("Content-Length", "99999999999999999999").bytes()
    }),
    once!(
        "te-identity",
        Framing,
        "Transfer-Encoding: identity",
        FRAMING,
        |session| { session.draft().http().plus("Transfer-Encoding", "identity").bytes() }
    ),
    once!(
        "te-gzip",
        Framing,
        "Transfer-Encoding: gzip, chunked",
        FRAMING,
        |session| chunks(unframed(session).plus("Transfer-Encoding", "gzip, chunked"))
    ),
    once!(
        "te-twice",
        Framing,
        "Transfer-Encoding: chunked, twice",
        FRAMING,
        |session| {
            chunks(
                unframed(session)
                    .plus("Transfer-Encoding", "chunked")
                    .plus("Transfer-Encoding", "chunked"),
            )
        }
    ),
    once!(
        "te-odd",
        Framing,
        "Transfer-Encoding with a vertical tab before its value",
        FRAMING,
        |session| { chunks(unframed(session).plus("Transfer-Encoding", b"\x0bchunked")) }
    ),
    once!(
        "bad-chunk",
        Framing,
        "a chunk size that is a word",
        FRAMING,
        |session| {
            [
                unframed(session).plus("Transfer-Encoding", "chunked").head().as_slice(),
                b"zz\r\nabc\r\n0\r\n\r\n",
            ]
            .concat()
        }
    ),
    once!(
        "huge-chunk",
        Framing,
        "a chunk size beyond 64 bits",
        FRAMING,
        |session| {
            [
                unframed(session).plus("Transfer-Encoding", "chunked").head().as_slice(),
                b"fffffffffffffffff\r\n",
            ]
            .concat()
        }
    ),
    once!(
        "no-length",
        Framing,
        "no length at all",
        Expect::Refused(&[400, 411, 422]),
        |session| unframed(session).bytes()
    ),
    course!(
        "half",
        Framing,
        "half a request, then no more is written",
        FRAMING,
        half
    ),
    once!("http10", Framing, "HTTP/1.0", Expect::Anything, |session| session
        .draft()
        .http()
        .with(|http| http.version = "HTTP/1.0")
        .bytes()),
    once!("http09", Framing, "no version", FRAMING, |_| b"POST /\r\n\r\n".to_vec()),
    once!("http3", Framing, "HTTP/3.0", FRAMING, |session| session
        .draft()
        .http()
        .with(|http| http.version = "HTTP/3.0")
        .bytes()),
    once!("http2", Framing, "the beginning of HTTP/2", FRAMING, |_| {
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec()
    }),
    once!("tls", Framing, "the beginning of TLS", FRAMING, |_| {
        [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(),
            &[7; 500],
            b"\r\n\r\n",
        ]
        .concat()
    }),
    once!("random", Framing, "bytes without sense", FRAMING, |_| {
        (0..4096_u32)
            .map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8)
            .chain(*b"\r\n\r\n")
            .collect()
    }),
    once!(
        "blank-lines",
        Framing,
        "a thousand empty lines, and no request",
        Expect::Refused(&[]),
        |_| { ["\r\n".repeat(1000).as_bytes(), b"nothing\r\n\r\n"].concat() }
    ),
    once!(
        "bare-lf",
        Framing,
        "lines that end without a carriage return",
        Expect::Anything,
        |session| {
            let bytes = session.draft().bytes();
            bytes.into_iter().filter(|byte| *byte != b'\r').collect()
        }
    ),
    once!(
        "upgrade",
        Framing,
        "an upgrade to a websocket",
        Expect::Anything,
        |session| {
            session
                .draft()
                .http()
                .plus("Connection", "Upgrade")
                .plus("Upgrade", "websocket")
                .bytes()
        }
    ),
];

/// A request that does not say the length of its body.
fn unframed(session: &Session) -> Http {
    session.draft().http().with(|http| http.length = false)
}

fn length(session: &Session, more: usize) -> String {
    (session.draft().http().body.len() + more).to_string()
}

fn chunks(http: Http) -> Vec<u8> {
    let body = http.body.clone();
    [
        http.head().as_slice(),
        format!("{:x}\r\n", body.len()).as_bytes(),
        &body,
        b"\r\n0\r\n\r\n",
    ]
    .concat()
}

/// What a reader of lengths takes for one request, a reader of chunks takes for two.
async fn content_and_chunks(session: &Session) -> Result<Seen, String> {
    let inner = session.ping().bytes();
    let body = [b"0\r\n\r\n".as_slice(), &inner].concat();
    let http = unframed(session)
        .plus("Content-Length", body.len().to_string())
        .plus("Transfer-Encoding", "chunked");
    smuggled(session, [http.head(), body].concat()).await
}

async fn chunks_and_content(session: &Session) -> Result<Seen, String> {
    let inner = session.ping().bytes();
    let body = [
        format!("{:x}\r\n", inner.len()).as_bytes(),
        &inner,
        b"\r\n0\r\n\r\n".as_slice(),
    ]
    .concat();
    let http = unframed(session)
        .plus("Transfer-Encoding", "chunked")
        .plus("Content-Length", "4");
    smuggled(session, [http.head(), body].concat()).await
}

/// The worst answer of those that come.
async fn smuggled(session: &Session, bytes: Vec<u8>) -> Result<Seen, String> {
    let mut socket = Socket::open(session.target).await?;
    socket.write(&bytes, session.patience).await;
    let first = socket.read(session.patience).await;
    if first.is_served() || first.status().is_none() {
        return Ok(first);
    }
    // A second answer would mean that the inner request was read as one.
    let second = socket.read(std::time::Duration::from_millis(500)).await;
    Ok(if second.is_served() { second } else { first })
}

async fn half(session: &Session) -> Result<Seen, String> {
    let bytes = session.draft().bytes();
    let mut socket = Socket::open(session.target).await?;
    socket.write(&bytes[..bytes.len() - 5], session.patience).await;
    socket.finish_writing().await;
    Ok(socket.read(session.patience).await)
}
