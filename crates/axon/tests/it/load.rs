//! Slow, large and too many.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axoneme_axon::{CallerPolicy, Limits, Verdict};
use axoneme_wallet::AccountId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::peer::{DEADLINE, Reply, Signed, asking, key, start};

/// Reads until the other side closes.
async fn until_closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset is a close too.
    let _ = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut bytes))
        .await
        .expect("closed in time");
    bytes
}

#[tokio::test]
async fn an_oversized_body_is_413_whether_declared_or_found_out() {
    let limits = Limits {
        body_bytes: 10_000,
        ..Limits::default()
    };
    let (axon, handler) = start(|axon| axon.limits(limits)).await;
    let to = axon.local_addr();
    let large = "x".repeat(20_000);
    let reply = asking(&large).send(to).await;
    assert_eq!((reply.status, reply.header("connection")), (413, Some("close")));

    // Declared only: nothing has to be sent to be refused.
    let mut stream = TcpStream::connect(to).await.expect("connected");
    let raw = asking("hello").set("Content-Length", "999999999999");
    stream.write_all(&raw.head()).await.expect("sent");
    assert_eq!(Reply::read(&mut stream).await.expect("an answer").status, 413);

    let raw = asking(&large);
    let mut framed = format!("{:x}\r\n", raw.body.len()).into_bytes();
    framed.extend_from_slice(&raw.body);
    framed.extend_from_slice(b"\r\n0\r\n\r\n");
    let reply = raw.set("Transfer-Encoding", "chunked").body(framed).send(to).await;
    assert_eq!(reply.status, 413);
    assert_eq!(handler.count(), 0);
    assert_eq!(asking("hello").send(to).await.status, 200);
}

#[tokio::test]
async fn a_route_can_take_larger_bodies_than_the_others() {
    let limits = Limits {
        body_bytes: 10_000,
        ..Limits::default()
    };
    let (axon, _) = start(|axon| axon.limits(limits).body_limit::<axoneme_protocol::Prompting>(100_000)).await;
    assert_eq!(asking(&"x".repeat(20_000)).send(axon.local_addr()).await.status, 200);
}

#[tokio::test]
async fn a_head_that_comes_slowly_or_not_at_all_is_closed() {
    let limits = Limits {
        head_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let (axon, handler) = start(|axon| axon.limits(limits)).await;
    let began = Instant::now();
    let mut silent = TcpStream::connect(axon.local_addr()).await.expect("connected");
    let mut slow = TcpStream::connect(axon.local_addr()).await.expect("connected");
    slow.write_all(b"POST /Prompting HTTP/1.1\r\nHost: ")
        .await
        .expect("sent");
    let drip = async {
        while slow.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, drip).await.expect("closed in time");
    until_closed(&mut silent).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(handler.count(), 0);
}

#[tokio::test]
async fn a_body_that_comes_slowly_is_closed() {
    let limits = Limits {
        request_timeout: Duration::from_millis(300),
        ..Limits::default()
    };
    let (axon, handler) = start(|axon| axon.limits(limits)).await;
    let raw = asking("hello");
    let mut stream = TcpStream::connect(axon.local_addr()).await.expect("connected");
    stream.write_all(&raw.head()).await.expect("sent");
    stream.write_all(&raw.body[..10]).await.expect("sent");
    let began = Instant::now();
    let reply = Reply::read(&mut stream).await.expect("an answer");
    assert_eq!((reply.status, reply.header("connection")), (408, Some("close")));
    until_closed(&mut stream).await;
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(handler.count(), 0);
}

#[tokio::test]
async fn the_time_of_a_request_counts_from_its_first_byte() {
    let limits = Limits {
        request_timeout: Duration::from_millis(600),
        ..Limits::default()
    };
    let (axon, _) = start(|axon| axon.limits(limits)).await;
    let mut stream = TcpStream::connect(axon.local_addr()).await.expect("connected");
    for pause in [Duration::ZERO, Duration::from_secs(1)] {
        // Being idle before a request costs nothing.
        tokio::time::sleep(pause).await;
        stream.write_all(&asking("hello").bytes()).await.expect("sent");
        assert_eq!(Reply::read(&mut stream).await.expect("an answer").status, 200);
    }
    // A head that took most of the time leaves little for the body.
    let (raw, began) = (asking("hello"), Instant::now());
    let head = raw.head();
    stream.write_all(&head[..20]).await.expect("sent");
    tokio::time::sleep(Duration::from_millis(400)).await;
    stream.write_all(&head[20..]).await.expect("sent");
    assert_eq!(Reply::read(&mut stream).await.expect("an answer").status, 408);
    assert!(began.elapsed() < Duration::from_millis(950), "{:?}", began.elapsed());
}

#[tokio::test]
async fn bad_framing_and_large_heads_are_refused_and_closed() {
    let (axon, handler) = start(|axon| axon).await;
    let to = axon.local_addr();
    let raw = asking("hello");
    let many = (0..120).fold(asking("hello"), |raw, n| raw.also(&format!("x-{n}"), "1"));
    for (bytes, what) in [
        (
            raw.clone()
                .also("Content-Length", "1")
                .also("Content-Length", "2")
                .bytes(),
            "two lengths",
        ),
        (raw.clone().also("Content-Length", "+5").bytes(), "a signed length"),
        (
            raw.clone().also("Content-Length", "abc").bytes(),
            "a length that is not a number",
        ),
        (
            raw.clone().also("Transfer-Encoding", "gzip, chunked").bytes(),
            "another transfer coding",
        ),
        (
            raw.clone().also("Transfer-Encoding", "identity").bytes(),
            "no transfer coding",
        ),
        (raw.clone().also("x", "a\r\n b").bytes(), "a folded line"),
        (raw.clone().also("x", "a\u{1}b").bytes(), "a control character"),
        (raw.clone().also("x", &"y".repeat(20_000)).bytes(), "a large head"),
        (many.bytes(), "many fields"),
        (b"hello world\r\n\r\n".to_vec(), "not HTTP"),
    ] {
        let mut stream = TcpStream::connect(to).await.expect("connected");
        stream.write_all(&bytes).await.expect("sent");
        let answer = until_closed(&mut stream).await;
        let status = answer.get(9..12).unwrap_or(b"000");
        assert!(
            [&b"400"[..], b"431"].contains(&status),
            "{what}: {}",
            String::from_utf8_lossy(&answer)
        );
    }
    assert_eq!(handler.count(), 0);
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_504_and_told_to_stop() {
    let (axon, handler) = start(|axon| axon).await;
    let raw = Signed {
        timeout: Some(0.3),
        synapse: axoneme_protocol::Prompting::ask("hang"),
        ..Signed::default()
    };
    let began = Instant::now();
    let reply = raw.raw().send(axon.local_addr()).await;
    assert_eq!(reply.status, 504);
    assert_eq!(reply.message(), "Response timeout after: 0.3s");
    assert!(began.elapsed() < Duration::from_secs(3));
    wait_for(|| handler.cancelled.load(Ordering::SeqCst) == 1).await;

    // A caller that says nothing, or no limit, is held to this side's.
    let limits = Limits {
        handler_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let (axon, _) = start(|axon| axon.limits(limits)).await;
    for timeout in [None, Some(0.0), Some(1e300)] {
        let raw = Signed {
            timeout,
            synapse: axoneme_protocol::Prompting::ask("hang"),
            ..Signed::default()
        };
        assert_eq!(raw.raw().send(axon.local_addr()).await.status, 504, "{timeout:?}");
    }
}

async fn wait_for(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.expect("in time");
}

#[tokio::test]
async fn a_client_that_leaves_cancels_its_request() {
    let (axon, handler) = start(|axon| axon).await;
    let mut stream = TcpStream::connect(axon.local_addr()).await.expect("connected");
    stream.write_all(&asking("hang").bytes()).await.expect("sent");
    wait_for(|| handler.count() == 1).await;
    assert_eq!(handler.cancelled.load(Ordering::SeqCst), 0);
    drop(stream);
    wait_for(|| handler.cancelled.load(Ordering::SeqCst) == 1).await;
}

/// //Charlie before everybody else.
struct CharlieFirst;

impl CallerPolicy for CharlieFirst {
    fn blacklist(&self, _caller: &AccountId, _synapse: &str) -> Verdict {
        Verdict::Allow
    }

    fn priority(&self, caller: &AccountId) -> f64 {
        f64::from(u8::from(*caller == key("//Charlie").account_id()))
    }
}

#[tokio::test]
async fn when_too_many_wait_the_least_important_get_503() {
    let limits = Limits {
        max_concurrent: 1,
        queue_len: 1,
        ..Limits::default()
    };
    let (axon, handler) = start(|axon| axon.limits(limits).policy(Arc::new(CharlieFirst))).await;
    let to = axon.local_addr();
    let mut running = TcpStream::connect(to).await.expect("connected");
    running.write_all(&asking("hang").bytes()).await.expect("sent");
    wait_for(|| handler.count() == 1).await;

    let mut waiting = TcpStream::connect(to).await.expect("connected");
    waiting.write_all(&asking("hello").bytes()).await.expect("sent");
    tokio::time::sleep(Duration::from_millis(200)).await;
    let reply = asking("hello").send(to).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));

    // One of higher priority takes the place of the one that waits.
    let charlie = tokio::spawn(async move {
        Signed {
            by: "//Charlie",
            ..Signed::default()
        }
        .raw()
        .send(to)
        .await
    });
    assert_eq!(Reply::read(&mut waiting).await.expect("an answer").status, 503);
    assert_eq!(handler.count(), 1);
    drop(running);
    assert_eq!(charlie.await.expect("no panic").status, 200);
    assert_eq!(handler.count(), 2);
}

#[tokio::test]
async fn waiting_for_a_turn_is_bounded() {
    let limits = Limits {
        max_concurrent: 1,
        queue_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    let (axon, handler) = start(|axon| axon.limits(limits)).await;
    let mut running = TcpStream::connect(axon.local_addr()).await.expect("connected");
    running.write_all(&asking("hang").bytes()).await.expect("sent");
    wait_for(|| handler.count() == 1).await;
    assert_eq!(asking("hello").send(axon.local_addr()).await.status, 503);
    let impatient = Signed {
        timeout: Some(0.1),
        ..Signed::default()
    }
    .raw();
    assert_eq!(impatient.send(axon.local_addr()).await.status, 504);
    assert_eq!(handler.count(), 1);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_closed_at_once() {
    let limits = Limits {
        max_connections_per_ip: 2,
        ..Limits::default()
    };
    let (axon, _) = start(|axon| axon.limits(limits)).await;
    let to = axon.local_addr();
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(to).await.expect("connected");
        stream.write_all(&asking("hello").bytes()).await.expect("sent");
        assert_eq!(Reply::read(&mut stream).await.expect("an answer").status, 200);
        held.push(stream);
    }
    let mut third = TcpStream::connect(to).await.expect("connected");
    assert_eq!(until_closed(&mut third).await, b"");
    drop(held);
    let mut served = false;
    for _ in 0..100 {
        let mut stream = TcpStream::connect(to).await.expect("connected");
        let _ = stream.write_all(&asking("hello").bytes()).await;
        if Reply::read(&mut stream).await.is_some_and(|reply| reply.status == 200) {
            served = true;
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(served, "places of closed connections are free again");
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_cut_off() {
    let limits = Limits {
        write_timeout: Duration::from_millis(300),
        body_bytes: 20 << 20,
        ..Limits::default()
    };
    let (axon, handler) = start(|axon| axon.limits(limits)).await;
    let mut stream = TcpStream::connect(axon.local_addr()).await.expect("connected");
    // Ten megabytes come back twice: more than the buffers of both sides take.
    stream
        .write_all(&asking(&"x".repeat(10 << 20)).bytes())
        .await
        .expect("sent");
    wait_for(|| handler.count() == 1).await;
    let began = Instant::now();
    axon.shutdown(Duration::from_secs(10)).await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
