//! Servers with a fault each, which the kit has to find.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axoneme_probe::Verdict;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::{ended, probe};

/// What a bad server does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Serves whatever has a head and a body.
    Trusting,
    /// Stops for good after a body above 1 MiB.
    Fragile,
    /// Answers everything but an honest-looking name with 404, honest requests with 403.
    Closed,
}

/// A server that knows HTTP just well enough.
async fn serve(fault: Fault) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let dead = Arc::new(AtomicBool::new(false));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, fault, dead.clone()));
        }
    });
    address
}

async fn converse(mut stream: TcpStream, fault: Fault, dead: Arc<AtomicBool>) {
    let mut bytes = Vec::new();
    loop {
        let Some((name, length)) = take_head(&mut stream, &mut bytes).await else {
            return;
        };
        while bytes.len() < length {
            let mut piece = [0; 8192];
            match stream.read(&mut piece).await {
                Ok(count) if count > 0 => bytes.extend_from_slice(&piece[..count]),
                _ => return,
            }
            if fault == Fault::Fragile && bytes.len() > 1 << 20 {
                dead.store(true, Ordering::Relaxed);
            }
        }
        bytes.drain(..length);
        if dead.load(Ordering::Relaxed) {
            return;
        }
        let known = ["/Prompting", "/Synapse"].contains(&name.as_str());
        let status = match (fault, known) {
            (Fault::Closed, true) if name == "/Prompting" => "403 Forbidden",
            (_, true) => "200 OK",
            (_, false) => "404 Not Found",
        };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The path and the declared length of the next request.
async fn take_head(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<(String, usize)> {
    loop {
        let mut fields = [httparse::EMPTY_HEADER; 256];
        let mut request = httparse::Request::new(&mut fields);
        if let Ok(httparse::Status::Complete(end)) = request.parse(bytes) {
            let length = request
                .headers
                .iter()
                .find(|field| field.name.eq_ignore_ascii_case("content-length"));
            let length = length.and_then(|field| std::str::from_utf8(field.value).ok()?.parse().ok());
            let path = request.path.unwrap_or_default().to_owned();
            bytes.drain(..end);
            return Some((path, length.unwrap_or(0)));
        }
        let mut piece = [0; 8192];
        match stream.read(&mut piece).await {
            Ok(count) if count > 0 && bytes.len() < 1 << 20 => bytes.extend_from_slice(&piece[..count]),
            _ => return None,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_axon_that_trusts_everybody_is_found_lax() {
    let address = serve(Fault::Trusting).await;
    let report = probe(address, &["identity", "body", "slow-body", "silent"]).await;
    assert!(!report.passed);
    let lax = ended(&report, Verdict::Lax);
    for case in [
        "replay",
        "stale",
        "receiver",
        "no-signature",
        "zero-key",
        "tampered",
        "slow-body",
        "silent",
    ] {
        assert!(lax.contains(&case), "{case} was not found: {}", report.table());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_axon_that_dies_of_a_case_is_found_down() {
    let address = serve(Fault::Fragile).await;
    let report = probe(address, &["ping", "large"]).await;
    assert_eq!(ended(&report, Verdict::Pass), ["ping"], "{}", report.table());
    assert_eq!(
        ended(&report, Verdict::Down),
        ["large", "large-chunks"],
        "{}",
        report.table()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_axon_that_serves_nobody_is_no_subject() {
    let address = serve(Fault::Closed).await;
    let error = axoneme_probe::run(axoneme_probe::ProbeConfig {
        target: address,
        hotkey: crate::bob().account_id(),
        signer: crate::bob(),
        synapse: axoneme_probe::SynapseSpec::new("Prompting", "{}", &[]).expect("a synapse"),
        patience: std::time::Duration::from_secs(5),
        slow_limit: std::time::Duration::from_secs(5),
        only: Vec::new(),
        flood: None,
        time_limit: std::time::Duration::from_secs(600),
    })
    .await
    .expect_err("403");
    assert!(error.to_string().contains("403"), "{error}");
}
