//! One connection: the handshake, then frames both ways, and what a fault makes of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::fault::Fault;
use crate::frames::{Frame, FrameReader};
use crate::head::{self, Head};
use crate::http;
use crate::proxy::Shared;
use crate::report::count;
use crate::rewrite::{Versions, errors_for};
use crate::upstream::Stream;

/// Longest time for a client to say what it wants, and for the endpoint to agree.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Frames on their way in one direction; a slow reader holds back the writer beyond that.
const IN_FLIGHT: usize = 256;

/// The fault going on, as a connection follows it.
pub(crate) type Faults = watch::Receiver<Option<Fault>>;

/// How a connection ended.
enum End {
    /// By one of the peers.
    Closed,
    /// By a fault.
    Fault(Fault),
}

/// Serves a client until it or the endpoint closes, or a fault does.
pub(crate) async fn serve(client: TcpStream, shared: Arc<Shared>) {
    let mut faults = shared.faults();
    // Whether it can be set changes only how fast small frames travel.
    let _ = client.set_nodelay(true);
    let fault = *faults.borrow_and_update();
    if let Some(fault) = fault.filter(|fault| ends_handshake(*fault)) {
        count(&shared.tally.new_connections_hit);
        return fail(fault, client).await;
    }
    stalled(&mut faults).await;
    let (mut read, write) = client.into_split();
    let mut watched = faults.clone();
    let head = tokio::select! {
        fault = ending(&mut watched, ends_handshake) => {
            count(&shared.tally.new_connections_hit);
            return fail_halves(fault, read, write).await;
        }
        head = tokio::time::timeout(HANDSHAKE, Head::of_request(&mut read)) => head,
    };
    let Ok(Some(head)) = head else {
        return;
    };
    let fault = *faults.borrow();
    if let Some(Fault::Refuse(refusal)) = fault {
        count(&shared.tally.refused);
        return answer(read, write, &head::refusal(refusal)).await;
    }
    if let Some(by) = delay(&faults) {
        tokio::time::sleep(by).await;
    }
    if head.wants_websocket() {
        websocket(head, read, write, faults, &shared).await;
    } else {
        http::serve(head, read, write, faults, &shared).await;
    }
}

/// Writes a last answer and waits until the client has it.
pub(crate) async fn answer(mut read: OwnedReadHalf, mut write: OwnedWriteHalf, bytes: &[u8]) {
    let send = async {
        if write.write_all(bytes).await.is_ok() && write.shutdown().await.is_ok() {
            // Closing with unread bytes would reset the connection before the answer is read.
            swallow(&mut read).await;
        }
    };
    // A client that neither reads nor closes is left.
    let _ = tokio::time::timeout(HANDSHAKE, send).await;
}

/// Sends the request's head on and gives the connection to the endpoint, if it takes one.
pub(crate) async fn reach(head: &mut Head, shared: &Shared) -> Option<Box<dyn Stream>> {
    head.set("Host", &shared.upstream.authority());
    head.under(shared.upstream.path());
    let mut endpoint = match shared.upstream.connect().await {
        Ok(endpoint) => endpoint,
        Err(error) => {
            count(&shared.tally.endpoint_failures);
            tracing::debug!(%error, "the endpoint does not take a connection");
            return None;
        }
    };
    let bytes = [head.bytes(), std::mem::take(&mut head.rest)].concat();
    endpoint.write_all(&bytes).await.ok()?;
    add(&shared.tally.bytes_to_endpoint, bytes.len());
    Some(endpoint)
}

async fn websocket(mut request: Head, read: OwnedReadHalf, mut write: OwnedWriteHalf, faults: Faults, shared: &Shared) {
    // Frames that were compressed could not be read here.
    request.remove("Sec-WebSocket-Extensions");
    let handshake = async {
        let mut endpoint = reach(&mut request, shared).await?;
        let head = Head::of_answer(&mut endpoint).await?;
        Some((endpoint, head))
    };
    let mut watched = faults.clone();
    let agreed = tokio::select! {
        fault = ending(&mut watched, ends_connection) => {
            count(&shared.tally.new_connections_hit);
            return fail_halves(fault, read, write).await;
        }
        agreed = tokio::time::timeout(HANDSHAKE, handshake) => agreed,
    };
    let Ok(Some((mut endpoint, mut head))) = agreed else {
        return answer(read, write, &head::bad_gateway()).await;
    };
    let fault = *faults.borrow();
    if fault == Some(Fault::CutAnswers) {
        count(&shared.tally.new_connections_hit);
        return fail_halves(Fault::CutAnswers, read, write).await;
    }
    let rest = std::mem::take(&mut head.rest);
    if write.write_all(&head.bytes()).await.is_err() {
        return;
    }
    if !head.switches() {
        // The endpoint's own refusal: the client gets all of it.
        let _ = write.write_all(&rest).await;
        let _ = tokio::time::timeout(HANDSHAKE, tokio::io::copy(&mut endpoint, &mut write)).await;
        return answer(read, write, &[]).await;
    }
    count(&shared.tally.websockets);
    let (from_endpoint, to_endpoint) = tokio::io::split(endpoint);
    let client = FrameReader::new(read, &[]);
    let endpoint = FrameReader::new(from_endpoint, &rest);
    relay(client, write, endpoint, to_endpoint, faults, shared).await;
}

/// Passes frames on until something ends it, and makes that end look as it should.
async fn relay(
    mut client: FrameReader<OwnedReadHalf>,
    mut to_client: OwnedWriteHalf,
    mut endpoint: FrameReader<impl AsyncRead + Unpin>,
    mut to_endpoint: impl AsyncWrite + Unpin,
    mut faults: Faults,
    shared: &Shared,
) {
    let (client_queue, client_waiting) = mpsc::channel(IN_FLIGHT);
    let (endpoint_queue, endpoint_waiting) = mpsc::channel(IN_FLIGHT);
    let versions = Mutex::new(Versions::default());
    let relay = Relay {
        shared,
        versions: &versions,
    };
    let end = tokio::select! {
        fault = ending(&mut faults, ends_connection) => End::Fault(fault),
        end = relay.requests(&mut client, endpoint_queue, client_queue.clone()) => end,
        end = relay.answers(&mut endpoint, client_queue) => end,
        end = write_out(client_waiting, &mut to_client, &shared.tally.bytes_to_clients) => end,
        end = write_out(endpoint_waiting, &mut to_endpoint, &shared.tally.bytes_to_endpoint) => end,
    };
    let End::Fault(fault) = end else {
        return;
    };
    count(&shared.tally.open_connections_hit);
    // The endpoint's side is of no more use, whatever becomes of the client's.
    drop((endpoint, to_endpoint));
    match fault {
        Fault::HalfOpen => client.swallow().await,
        Fault::HalfClose => {
            let _ = to_client.shutdown().await;
            client.swallow().await;
        }
        Fault::Cut | Fault::CutAnswers => reset(client.get_ref()),
        _ => {}
    }
}

/// Both directions of one WebSocket.
struct Relay<'a> {
    shared: &'a Shared,
    versions: &'a Mutex<Versions>,
}

impl Relay<'_> {
    /// From the client to the endpoint.
    async fn requests(
        &self,
        client: &mut FrameReader<OwnedReadHalf>,
        endpoint: mpsc::Sender<Out>,
        back: mpsc::Sender<Out>,
    ) -> End {
        let mut faults = self.shared.faults();
        loop {
            let Ok(frame) = client.next().await else {
                return close(&endpoint, End::Closed).await;
            };
            stalled(&mut faults).await;
            let text = frame.message();
            let fault = *faults.borrow();
            if let (Some(Fault::RpcError(code)), Some(text)) = (fault, &text) {
                if let Some((answer, requests)) = errors_for(text, code) {
                    self.shared.tally.rpc_errors.fetch_add(requests, Ordering::Relaxed);
                    if back.send(Out::now(Frame::text(&answer).raw)).await.is_err() {
                        return End::Closed;
                    }
                }
                continue;
            }
            if let Some(text) = &text {
                self.versions.lock().request(text);
            }
            if endpoint.send(Out::after(delay(&faults), frame.raw)).await.is_err() {
                return End::Closed;
            }
        }
    }

    /// From the endpoint to the client.
    async fn answers(&self, endpoint: &mut FrameReader<impl AsyncRead + Unpin>, client: mpsc::Sender<Out>) -> End {
        let mut faults = self.shared.faults();
        let mut served = None;
        loop {
            let frame = tokio::select! {
                changed = faults.changed() => {
                    if changed.is_err() {
                        return End::Closed;
                    }
                    let version = version(&faults);
                    if version != served {
                        served = version;
                        let told = self.versions.lock().notifications(version);
                        for message in told {
                            count(&self.shared.tally.versions_changed);
                            if client.send(Out::now(Frame::text(&message).raw)).await.is_err() {
                                return End::Closed;
                            }
                        }
                    }
                    continue;
                }
                frame = endpoint.next() => frame,
            };
            let Ok(frame) = frame else {
                return close(&client, End::Closed).await;
            };
            stalled(&mut faults).await;
            let fault = *faults.borrow();
            match fault {
                Some(Fault::CutAnswers) => return End::Fault(Fault::CutAnswers),
                Some(Fault::Truncate) => {
                    count(&self.shared.tally.frames_torn);
                    let torn = Out {
                        due: None,
                        bytes: frame.half().to_vec(),
                        end: Some(End::Fault(Fault::Truncate)),
                    };
                    return last(&client, torn).await;
                }
                _ => {}
            }
            let changed = frame
                .message()
                .and_then(|text| self.versions.lock().answer(&text, version(&faults)));
            let bytes = match changed {
                Some(text) => {
                    count(&self.shared.tally.versions_changed);
                    Frame::text(&text).raw
                }
                None => frame.raw,
            };
            if client.send(Out::after(delay(&faults), bytes)).await.is_err() {
                return End::Closed;
            }
        }
    }
}

/// Bytes on their way to a peer.
struct Out {
    due: Option<Instant>,
    bytes: Vec<u8>,
    /// What the connection ends with, once the bytes are written.
    end: Option<End>,
}

impl Out {
    fn now(bytes: Vec<u8>) -> Self {
        Self::after(None, bytes)
    }

    fn after(delay: Option<Duration>, bytes: Vec<u8>) -> Self {
        Self {
            due: delay.map(|delay| Instant::now() + delay),
            bytes,
            end: None,
        }
    }
}

/// Ends a direction once everything before is written.
async fn close(queue: &mpsc::Sender<Out>, end: End) -> End {
    last(
        queue,
        Out {
            due: None,
            bytes: Vec::new(),
            end: Some(end),
        },
    )
    .await
}

/// Hands in the last bytes; the writer ends the connection.
async fn last(queue: &mpsc::Sender<Out>, out: Out) -> End {
    match queue.send(out).await {
        Ok(()) => std::future::pending().await,
        Err(_) => End::Closed,
    }
}

async fn write_out(mut waiting: mpsc::Receiver<Out>, to: &mut (impl AsyncWrite + Unpin), bytes: &AtomicU64) -> End {
    while let Some(out) = waiting.recv().await {
        if let Some(due) = out.due {
            tokio::time::sleep_until(due).await;
        }
        if to.write_all(&out.bytes).await.is_err() || to.flush().await.is_err() {
            return End::Closed;
        }
        add(bytes, out.bytes.len());
        if let Some(end) = out.end {
            return end;
        }
    }
    End::Closed
}

/// Faults that a new connection meets at once.
fn ends_handshake(fault: Fault) -> bool {
    matches!(fault, Fault::Cut | Fault::HalfOpen | Fault::HalfClose)
}

/// Faults that end an open connection as they begin.
fn ends_connection(fault: Fault) -> bool {
    ends_handshake(fault) || matches!(fault, Fault::Refuse(_))
}

/// Waits for a fault that `ends` a connection.
async fn ending(faults: &mut Faults, ends: fn(Fault) -> bool) -> Fault {
    loop {
        match faults
            .wait_for(|fault| fault.is_some_and(ends))
            .await
            .map(|fault| *fault)
        {
            Ok(Some(fault)) => return fault,
            Ok(None) => {}
            // The drill itself is over, and this task with it.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Waits while nothing may pass.
pub(crate) async fn stalled(faults: &mut Faults) {
    // An error means that the drill is over.
    let _ = faults.wait_for(|fault| *fault != Some(Fault::Stall)).await;
}

pub(crate) fn delay(faults: &Faults) -> Option<Duration> {
    match *faults.borrow() {
        Some(Fault::Delay(by)) => Some(by),
        _ => None,
    }
}

pub(crate) fn version(faults: &Faults) -> Option<u32> {
    match *faults.borrow() {
        Some(Fault::RuntimeVersion(version)) => Some(version),
        _ => None,
    }
}

/// Does to a connection that has no endpoint yet what the fault does to all.
async fn fail(fault: Fault, client: TcpStream) {
    let (read, write) = client.into_split();
    fail_halves(fault, read, write).await;
}

pub(crate) async fn fail_halves(fault: Fault, mut read: OwnedReadHalf, mut write: OwnedWriteHalf) {
    match fault {
        Fault::HalfOpen => swallow(&mut read).await,
        Fault::HalfClose => {
            let _ = write.shutdown().await;
            swallow(&mut read).await;
        }
        Fault::Cut | Fault::CutAnswers => reset(&read),
        _ => {}
    }
}

/// Makes the close that follows a reset, as of a process that was killed.
fn reset(client: &OwnedReadHalf) {
    // Where it cannot be set the close is an ordinary one.
    let _ = SockRef::from(client.as_ref()).set_linger(Some(Duration::ZERO));
}

/// Reads and forgets until the client closes.
async fn swallow(read: &mut OwnedReadHalf) {
    let mut buffer = [0; 4096];
    while read.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
}

pub(crate) fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::Relaxed);
}
