//! Framing that a proxy in front of the axon could read differently: each of these carries a body that is fine by
//! itself, so that only the framing can be the reason for a refusal.

use std::time::Duration;

use super::{course, once};
use crate::case::{Case, Expect};
use crate::draft::Http;
use crate::session::Session;
use crate::socket::{Seen, Socket};

const FRAMING: Expect = Expect::Refused(&[400, 411, 413, 501]);
const TE: &str = "Transfer-Encoding";
const CL: &str = "Content-Length";

pub(super) const CASES: &[Case] = &[
    once!(
        "length-and-chunks",
        Framing,
        "an honest body in chunks that also says its length",
        FRAMING,
        |session| {
            let http = unframed(session);
            let length = http.body.len().to_string();
            chunks(http.plus(CL, length).plus(TE, "chunked"), "\r\n", "")
        }
    ),
    once!(
        "chunks-and-length",
        Framing,
        "the same with the two headers the other way round",
        FRAMING,
        |session| {
            let http = unframed(session);
            let length = http.body.len().to_string();
            chunks(http.plus(TE, "chunked").plus(CL, length), "\r\n", "")
        }
    ),
    once!("te-case", Framing, "Transfer-Encoding: xchunked", FRAMING, |session| {
        chunks(unframed(session).plus(TE, "xchunked"), "\r\n", "")
    }),
    once!(
        "te-list",
        Framing,
        "Transfer-Encoding: chunked, identity",
        FRAMING,
        |session| { chunks(unframed(session).plus(TE, "chunked, identity"), "\r\n", "") }
    ),
    once!(
        "te-name",
        Framing,
        "Transfer-Encoding before a space and its colon",
        FRAMING,
        |session| { chunks(unframed(session).plus("Transfer-Encoding ", "chunked"), "\r\n", "") }
    ),
    once!(
        "te-10",
        Framing,
        "chunks in HTTP/1.0, which has none",
        FRAMING,
        |session| {
            let http = unframed(session).with(|http| http.version = "HTTP/1.0");
            chunks(http.plus(TE, "chunked"), "\r\n", "")
        }
    ),
    once!(
        "chunk-lf",
        Framing,
        "chunk sizes that end in a bare line feed",
        FRAMING,
        |session| { chunks(unframed(session).plus(TE, "chunked"), "\n", "") }
    ),
    once!(
        "chunk-extension",
        Framing,
        "a chunk with an extension of 100 KiB; what is read must have an end",
        Expect::Anything,
        |session| {
            let extension = format!(";x={}", "y".repeat(100 << 10));
            chunks(unframed(session).plus(TE, "chunked"), "\r\n", &extension)
        }
    ),
    once!(
        "chunk-sign",
        Framing,
        "a chunk size with a plus sign",
        FRAMING,
        |session| {
            let http = unframed(session).plus(TE, "chunked");
            let size = format!("+{:x}\r\n", http.body.len());
            [http.head().as_slice(), size.as_bytes(), &http.body, b"\r\n0\r\n\r\n"].concat()
        }
    ),
    once!(
        "chunk-prefix",
        Framing,
        "a chunk size that begins with 0x",
        FRAMING,
        |session| {
            let http = unframed(session).plus(TE, "chunked");
            let size = format!("0x{:x}\r\n", http.body.len());
            [http.head().as_slice(), size.as_bytes(), &http.body, b"\r\n0\r\n\r\n"].concat()
        }
    ),
    once!(
        "chunk-long",
        Framing,
        "a chunk longer than it says",
        FRAMING,
        |session| {
            let http = unframed(session).plus(TE, "chunked");
            let size = format!("{:x}\r\n", http.body.len() - 1);
            [http.head().as_slice(), size.as_bytes(), &http.body, b"\r\n0\r\n\r\n"].concat()
        }
    ),
    once!(
        "trailers",
        Framing,
        "another caller in the trailers of a chunked body",
        Expect::Anything,
        |session| {
            let mut bytes = chunks(unframed(session).plus(TE, "chunked"), "\r\n", "");
            bytes.truncate(bytes.len() - 2);
            bytes.extend_from_slice(format!("bt_header_dendrite_hotkey: {}\r\n\r\n", session.hotkey).as_bytes());
            bytes
        }
    ),
    once!(
        "short-length",
        Framing,
        "a length shorter than the body",
        Expect::Refused(&[400, 422]),
        |session| {
            let http = unframed(session);
            let length = (http.body.len() - 3).to_string();
            http.plus(CL, length).bytes()
        }
    ),
    course!(
        "after-bad-framing",
        Framing,
        "an honest request on the connection of a badly framed one",
        Expect::Refused(&[]),
        after_bad_framing
    ),
    course!(
        "expect-other",
        Framing,
        "Expect: something that no server can do",
        Expect::Anything,
        expect_other
    ),
    once!("no-host", Framing, "no Host", Expect::Anything, |session| session
        .draft()
        .http()
        .without("Host")
        .bytes()),
    once!("two-hosts", Framing, "two Hosts", Expect::Refused(&[400]), |session| {
        session.draft().http().plus("Host", "elsewhere.example").bytes()
    }),
    course!("head", Routing, "HEAD", Expect::Refused(&[404, 405]), head),
];

fn unframed(session: &Session) -> Http {
    session.draft().http().with(|http| http.length = false)
}

/// The body as two chunks whose size lines end as told.
fn chunks(http: Http, line_end: &str, extension: &str) -> Vec<u8> {
    let (one, two) = http.body.split_at(http.body.len() / 2);
    let mut bytes = http.head();
    for piece in [one, two] {
        bytes.extend_from_slice(format!("{:x}{extension}{line_end}", piece.len()).as_bytes());
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("0{line_end}\r\n").as_bytes());
    bytes
}

async fn after_bad_framing(session: &Session) -> Result<Seen, String> {
    let mut socket = Socket::open(session.target).await?;
    let bad = unframed(session).plus(CL, "1").plus(CL, "2").bytes();
    socket.write(&bad, session.patience).await;
    let first = socket.read(session.patience).await;
    if first.is_served() {
        return Ok(first);
    }
    socket.write(&session.ping().bytes(), session.patience).await;
    let second = socket.read(Duration::from_secs(2)).await;
    // Another refusal on the same connection is read from bytes that nobody can be sure about.
    Ok(match second {
        Seen::Open { .. } => Seen::Odd {
            what: format!("{first}, and the connection stays open"),
        },
        second => second,
    })
}

async fn expect_other(session: &Session) -> Result<Seen, String> {
    session
        .send(&session.draft().http().plus("Expect", "200-maybe").bytes())
        .await
}

async fn head(session: &Session) -> Result<Seen, String> {
    let mut socket = Socket::open(session.target).await?;
    let http = session.draft().http().with(|http| http.method = "HEAD".into());
    socket.write(&http.bytes(), session.patience).await;
    Ok(socket.read_head(session.patience).await)
}
