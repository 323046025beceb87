//! How much of this machine a stranger can use.

use std::time::Duration;

use axoneme_protocol::nonce::Horizon;
pub use axoneme_protocol::twresp::sse::StreamLimits;
use axoneme_protocol::{BtauthWindow, NonceWindow};

/// Limits of one axon. Each protects something; the comments say what happens at the extremes.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Largest body, 1 MiB. Larger ones are answered with 413. Too small refuses long chats; too large lets admitted
    /// callers fill the memory: up to this for every request that runs or waits.
    pub body_bytes: usize,
    /// Largest request head, 16 KiB. A Python dendrite sends about 1.5 KiB.
    pub head_bytes: usize,
    /// Most header fields, 100. A Python dendrite sends about 25.
    pub head_fields: usize,
    /// Longest wait for a whole head: from its first byte, or from the start of the connection for its first request.
    /// 4 s, so that slow and silent connections are gone within 5 s; honest peers send a head in one piece.
    pub head_timeout: Duration,
    /// Longest pause between two requests of a connection, 10 s. Below 5 s Python clients that reuse connections see
    /// them closed under their hands.
    pub idle_timeout: Duration,
    /// Longest time from the first byte of a request to its last, 12 s. A request gets there only if it makes progress:
    /// see [`body_bytes_per_second`](Self::body_bytes_per_second).
    pub request_timeout: Duration,
    /// The least speed of a body, 64 KiB per second. A request has the time of a head, and a second more for every so
    /// many bytes of its body that came: one that drips is answered with 408 when a silent one would be.
    pub body_bytes_per_second: usize,
    /// Longest time without progress while sending an answer, 10 s.
    pub write_timeout: Duration,
    /// Longest time for queue and handler together, 60 s. A caller's own timeout cuts it shorter.
    pub handler_timeout: Duration,
    /// Open connections, 1024. More are closed at once.
    pub max_connections: usize,
    /// How many of those are kept for callers that were served lately, 256; half at most.
    pub reserved_connections: usize,
    /// Open connections of one address (IPv6: one /64 network), 256. A Python dendrite opens up to 100.
    pub max_connections_per_ip: usize,
    /// Handlers that run at once, 64.
    pub max_concurrent: usize,
    /// How many of those are kept for callers that the policy [prefers](crate::CallerPolicy::preferred), 16; half at
    /// most. A policy that prefers nobody leaves them unused.
    pub reserved_concurrent: usize,
    /// Requests that wait for a handler, 256. More are answered with 503, lowest priority first. 0: nobody waits.
    pub queue_len: usize,
    /// Longest wait for a handler, 10 s; then 503.
    pub queue_timeout: Duration,
    /// Requests of one address. A caller that was served from an address lately has a bucket of its own there, of the
    /// same size, so that who floods from the same address does not lock it out.
    pub per_ip: Option<Rate>,
    /// Signature checks for callers that were not served lately, all of them together. At 0.05 ms each the 500 per
    /// second take 3 % of a core. More are answered with 503.
    pub stranger_checks: Option<Rate>,
    /// Memory for bodies of such callers, all of them together, 16 MiB; always enough for two of the largest. More
    /// are answered with 503.
    pub stranger_bytes: usize,
    /// Requests of one verified hotkey.
    pub per_hotkey: Option<Rate>,
    /// How old and how far ahead a `btauth/1` request may be: 10 s and 2 s.
    pub btauth_window: BtauthWindow,
    /// Limits of one stream and of the streams of one caller: 60 s, 4 MiB, 10 s between two pieces, 16 at once.
    pub streams: StreamLimits,
    /// How far ahead of ours a caller's clock may be, 4 s; between 2 s and 60 s.
    pub clock_lead: Duration,
    /// The longest timeout that widens the freshness window, 60 s. Also how long nonces are remembered.
    pub timeout_cap: Duration,
    /// Nonces remembered, 1048576, 34 bytes each. When full, requests are answered with 503 until old ones expire, so
    /// it has to be more than strangers can fill: twice `stranger_checks` in [`Limits::horizon`]'s retention.
    pub nonce_capacity: usize,
}

/// A token bucket: a steady rate and what may come at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Requests per second in the long run.
    pub per_second: f64,
    /// Requests at once after a pause.
    pub burst: f64,
}

impl Limits {
    /// How far from now a nonce that this axon accepts can be, on either wire; also what its nonce store has to cover.
    pub fn horizon(&self) -> Horizon {
        let v10 = NonceWindow::new(self.clock_lead, self.timeout_cap).horizon();
        v10.and(self.btauth_window.into())
    }

    /// How long after its first byte a request may still be arriving when so many bytes of its body came.
    pub(crate) fn time_for(&self, body_bytes: usize) -> Duration {
        let earned = Duration::from_secs_f64(body_bytes as f64 / self.body_bytes_per_second.max(1) as f64);
        (self.head_timeout + earned).min(self.request_timeout)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            head_bytes: 16 << 10,
            head_fields: 100,
            head_timeout: Duration::from_secs(4),
            idle_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(12),
            body_bytes_per_second: 64 << 10,
            write_timeout: Duration::from_secs(10),
            handler_timeout: Duration::from_secs(60),
            max_connections: 1024,
            reserved_connections: 256,
            max_connections_per_ip: 256,
            max_concurrent: 64,
            reserved_concurrent: 16,
            queue_len: 256,
            queue_timeout: Duration::from_secs(10),
            per_ip: Some(Rate {
                per_second: 500.0,
                burst: 2000.0,
            }),
            stranger_checks: Some(Rate {
                per_second: 500.0,
                burst: 1000.0,
            }),
            stranger_bytes: 16 << 20,
            per_hotkey: Some(Rate {
                per_second: 200.0,
                burst: 1000.0,
            }),
            btauth_window: BtauthWindow::default(),
            streams: StreamLimits::default(),
            clock_lead: Duration::from_secs(4),
            timeout_cap: Duration::from_secs(60),
            nonce_capacity: axoneme_protocol::MemoryNonceStore::DEFAULT_CAPACITY,
        }
    }
}
