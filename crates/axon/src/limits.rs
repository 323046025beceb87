//! How much of this machine a stranger can use.

use std::time::Duration;

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
    /// Longest wait for a whole head, also on an idle connection, 10 s. Below 5 s Python clients that reuse
    /// connections see them closed under their hands.
    pub head_timeout: Duration,
    /// Longest time from the first byte of a request to its last, 12 s.
    pub request_timeout: Duration,
    /// Longest time without progress while sending an answer, 10 s.
    pub write_timeout: Duration,
    /// Longest time for queue and handler together, 60 s. A caller's own timeout cuts it shorter.
    pub handler_timeout: Duration,
    /// Open connections, 1024. More are closed at once.
    pub max_connections: usize,
    /// Open connections of one address (IPv6: one /64 network), 256. A Python dendrite opens up to 100.
    pub max_connections_per_ip: usize,
    /// Handlers that run at once, 64.
    pub max_concurrent: usize,
    /// Requests that wait for a handler, 256. More are answered with 503, lowest priority first. 0: nobody waits.
    pub queue_len: usize,
    /// Longest wait for a handler, 10 s; then 503.
    pub queue_timeout: Duration,
    /// Requests of one address. Bounds what signature checks for strangers cost: at 0.1 ms each, 5 % of a core.
    pub per_ip: Option<Rate>,
    /// Requests of one verified hotkey.
    pub per_hotkey: Option<Rate>,
    /// How far ahead of ours a caller's clock may be, 4 s; between 2 s and 60 s.
    pub clock_lead: Duration,
    /// The longest timeout that widens the freshness window, 60 s. Also how long nonces are remembered.
    pub timeout_cap: Duration,
    /// Nonces remembered, 262144. When full, requests are answered with 503 until old ones expire.
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

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            head_bytes: 16 << 10,
            head_fields: 100,
            head_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(12),
            write_timeout: Duration::from_secs(10),
            handler_timeout: Duration::from_secs(60),
            max_connections: 1024,
            max_connections_per_ip: 256,
            max_concurrent: 64,
            queue_len: 256,
            queue_timeout: Duration::from_secs(10),
            per_ip: Some(Rate {
                per_second: 500.0,
                burst: 2000.0,
            }),
            per_hotkey: Some(Rate {
                per_second: 200.0,
                burst: 1000.0,
            }),
            clock_lead: Duration::from_secs(4),
            timeout_cap: Duration::from_secs(60),
            nonce_capacity: axoneme_protocol::MemoryNonceStore::DEFAULT_CAPACITY,
        }
    }
}
