//! One plain request: JSON-RPC over HTTP POST, each on a connection of its own.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::connection::{Faults, add, answer, delay, fail_halves, reach, stalled, version};
use crate::fault::Fault;
use crate::head::{self, Head};
use crate::proxy::Shared;
use crate::report::count;
use crate::rewrite::{Versions, errors_for};

/// Longest time for a request and its answer.
const REQUEST: Duration = Duration::from_secs(60);
/// The longest request: a transaction of 5 MiB in hex, with room.
const MAX_REQUEST: usize = 16 << 20;
/// The longest answer.
const MAX_ANSWER: usize = 64 << 20;

/// Passes one request on and gives its answer back, as the fault will have it.
pub(crate) async fn serve(request: Head, read: OwnedReadHalf, write: OwnedWriteHalf, faults: Faults, shared: &Shared) {
    let (mut read, mut write) = (read, write);
    let mut watched = faults.clone();
    let whole = tokio::select! {
        _ = watched.wait_for(|fault| matches!(fault, Some(Fault::Cut | Fault::HalfOpen | Fault::HalfClose))) => None,
        whole = tokio::time::timeout(REQUEST, exchange(request, &mut read, faults.clone(), shared)) => {
            Some(whole.ok().flatten().unwrap_or_else(head::bad_gateway))
        }
    };
    let fault = *faults.borrow();
    match (whole, fault) {
        (None, Some(fault)) | (Some(_), Some(fault @ Fault::CutAnswers)) => {
            count(&shared.tally.open_connections_hit);
            fail_halves(fault, read, write).await;
        }
        (Some(whole), Some(Fault::Truncate)) => {
            count(&shared.tally.frames_torn);
            let _ = write.write_all(&whole[..whole.len() / 2]).await;
        }
        (Some(whole), _) => {
            add(&shared.tally.bytes_to_clients, whole.len());
            answer(read, write, &whole).await;
        }
        (None, None) => {}
    }
}

/// The whole answer, head included.
async fn exchange(mut request: Head, read: &mut OwnedReadHalf, mut faults: Faults, shared: &Shared) -> Option<Vec<u8>> {
    let length = request
        .get("content-length")
        .and_then(|text| text.parse::<usize>().ok())
        .unwrap_or(0);
    if length > MAX_REQUEST {
        return None;
    }
    let mut body = std::mem::take(&mut request.rest);
    body.truncate(length);
    let missing = length - body.len();
    read.take(missing as u64).read_to_end(&mut body).await.ok()?;
    stalled(&mut faults).await;
    let text = String::from_utf8_lossy(&body).into_owned();
    let fault = *faults.borrow();
    if let Some(Fault::RpcError(code)) = fault
        && let Some((errors, requests)) = errors_for(&text, code)
    {
        shared
            .tally
            .rpc_errors
            .fetch_add(requests, std::sync::atomic::Ordering::Relaxed);
        return Some(head::json(&errors));
    }
    // The end of the answer is the end of the connection, so no length has to be understood.
    request.set("Connection", "close");
    request.rest = body;
    let mut endpoint = reach(&mut request, shared).await?;
    count(&shared.tally.http_requests);
    let mut head = Head::of_answer(&mut endpoint).await?;
    let mut body = std::mem::take(&mut head.rest);
    read_all(&mut endpoint, &mut body).await?;
    stalled(&mut faults).await;
    if let Some(by) = delay(&faults) {
        tokio::time::sleep(by).await;
    }
    let mut versions = Versions::default();
    versions.request(&text);
    let plain = head.get("transfer-encoding").is_none();
    if plain && let Some(changed) = versions.answer(&String::from_utf8_lossy(&body), version(&faults)) {
        count(&shared.tally.versions_changed);
        head.set("Content-Length", &changed.len().to_string());
        body = changed.into_bytes();
    }
    Some([head.bytes(), body].concat())
}

async fn read_all(from: &mut (impl AsyncRead + Unpin), into: &mut Vec<u8>) -> Option<()> {
    let room = (MAX_ANSWER - into.len().min(MAX_ANSWER)) as u64;
    from.take(room).read_to_end(into).await.ok()?;
    (into.len() < MAX_ANSWER).then_some(())
}
