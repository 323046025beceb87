//! Senders that take their time, or send too much.

use std::time::Duration;

use tokio::time::Instant;

use super::course;
use crate::case::{Case, Expect};
use crate::session::Session;
use crate::socket::{Seen, Socket};

/// A piece of a body that is too large; at most so much is sent altogether.
const PIECE: usize = 64 << 10;
const MOST: usize = 8 << 20;
/// Silent connections that must not keep others out.
const CROWD: usize = 64;

/// Too large.
const TOO_LARGE: Expect = Expect::Refused(&[413]);

pub(super) const CASES: &[Case] = &[
    course!("declared", Abuse, "a declared length of 1 GiB", TOO_LARGE, declared),
    course!("large", Abuse, "a body of 8 MiB", TOO_LARGE, large),
    course!(
        "large-chunks",
        Abuse,
        "a chunked body of 8 MiB",
        TOO_LARGE,
        large_chunks
    ),
    course!(
        "crowd",
        Abuse,
        "64 silent connections, then an honest request",
        Expect::Served,
        crowd
    ),
    course!(
        "reset",
        Abuse,
        "32 requests whose senders leave before the answer, then an honest one",
        Expect::Served,
        leave
    ),
    course!(
        "unread",
        Abuse,
        "honest requests without reading the answers",
        Expect::Anything,
        unread
    ),
    course!("silent", Abuse, "a connection that says nothing", Expect::Ended, silent),
    course!(
        "slow-head",
        Abuse,
        "a head at three bytes a second",
        Expect::Ended,
        slow_head
    ),
    course!(
        "stalled-head",
        Abuse,
        "a head that stops in the middle",
        Expect::Ended,
        stalled_head
    ),
    course!(
        "slow-body",
        Abuse,
        "a body at one byte a second",
        Expect::Ended,
        slow_body
    ),
    course!(
        "stalled-body",
        Abuse,
        "a body that stops in the middle",
        Expect::Ended,
        stalled_body
    ),
    course!(
        "slow-chunks",
        Abuse,
        "a chunked body at one byte a second",
        Expect::Ended,
        slow_chunks
    ),
    course!(
        "slow-stranger",
        Abuse,
        "a body at one byte a second, without any identity",
        Expect::Ended,
        slow_stranger
    ),
];

async fn declared(session: &Session) -> Result<Seen, String> {
    let http = session.draft().http().with(|http| http.length = false);
    session
        .send(&http.plus("Content-Length", (1 << 30).to_string()).head())
        .await
}

/// Sends until it is refused or enough.
async fn pour(session: &Session, head: Vec<u8>, piece: Vec<u8>, end: &[u8]) -> Result<Seen, String> {
    let mut socket = Socket::open(session.target).await?;
    socket.write(&head, session.patience).await;
    for _ in 0..MOST / PIECE {
        if !socket.write(&piece, session.patience).await {
            break;
        }
    }
    socket.write(end, session.patience).await;
    Ok(socket.read(session.patience).await)
}

async fn large(session: &Session) -> Result<Seen, String> {
    let http = session.draft().http().with(|http| http.length = false);
    let head = http.plus("Content-Length", MOST.to_string()).head();
    pour(session, head, vec![b' '; PIECE], b"").await
}

async fn large_chunks(session: &Session) -> Result<Seen, String> {
    let head = session.draft().http().plus_chunked().head();
    let piece = [
        format!("{PIECE:x}\r\n").as_bytes(),
        &vec![b' '; PIECE],
        b"\r\n".as_slice(),
    ]
    .concat();
    pour(session, head, piece, b"0\r\n\r\n").await
}

async fn crowd(session: &Session) -> Result<Seen, String> {
    let mut silent = Vec::new();
    for _ in 0..CROWD {
        silent.push(Socket::open(session.target).await?);
    }
    session.send(&session.draft().bytes()).await
}

async fn leave(session: &Session) -> Result<Seen, String> {
    for _ in 0..32 {
        let mut socket = Socket::open(session.target).await?;
        socket.write(&session.ping().bytes(), session.patience).await;
    }
    session.send(&session.draft().bytes()).await
}

async fn unread(session: &Session) -> Result<Seen, String> {
    let mut socket = Socket::open(session.target).await?;
    for _ in 0..32 {
        socket.write(&session.ping().bytes(), Duration::from_millis(200)).await;
    }
    Ok(socket.read(session.patience).await)
}

async fn silent(session: &Session) -> Result<Seen, String> {
    let mut socket = Socket::open(session.target).await?;
    Ok(socket.wait_for_end(session.slow_limit).await)
}

async fn slow_head(session: &Session) -> Result<Seen, String> {
    drip(session, &[], &session.draft().http().head(), 3).await
}

async fn stalled_head(session: &Session) -> Result<Seen, String> {
    let head = session.draft().http().head();
    drip(session, &head[..head.len() / 2], &[], 1).await
}

async fn slow_body(session: &Session) -> Result<Seen, String> {
    let http = session.draft().http();
    drip(session, &http.head(), &http.body, 1).await
}

async fn stalled_body(session: &Session) -> Result<Seen, String> {
    let bytes = session.draft().bytes();
    drip(session, &bytes[..bytes.len() - 5], &[], 1).await
}

async fn slow_chunks(session: &Session) -> Result<Seen, String> {
    let http = session.draft().http();
    let body: Vec<u8> = http
        .body
        .iter()
        .flat_map(|byte| format!("1\r\n{}\r\n", char::from(*byte)).into_bytes())
        .collect();
    drip(session, &http.plus_chunked().head(), &body, 6).await
}

async fn slow_stranger(session: &Session) -> Result<Seen, String> {
    let http = session.draft().http();
    let http = http.with(|http| http.fields.retain(|(name, _)| !name.starts_with("bt_header")));
    let http = http.with(|http| http.length = false).plus("Content-Length", "100000");
    drip(session, &http.head(), &[b' '; 1000], 1).await
}

/// Sends `first` at once and `rest` at so many bytes a second, until the other side ends it or time is up.
async fn drip(session: &Session, first: &[u8], rest: &[u8], per_second: usize) -> Result<Seen, String> {
    let deadline = Instant::now() + session.slow_limit;
    let mut socket = Socket::open(session.target).await?;
    socket.write(first, session.patience).await;
    let mut pieces = rest.chunks(per_second);
    loop {
        let second = (Instant::now() + Duration::from_secs(1)).min(deadline);
        match socket.read_until(second).await {
            Seen::Open { after } if Instant::now() >= deadline => return Ok(Seen::Open { after }),
            Seen::Open { .. } => {}
            ended => return Ok(ended),
        }
        if let Some(piece) = pieces.next() {
            socket.write(piece, Duration::from_secs(1)).await;
        }
    }
}
