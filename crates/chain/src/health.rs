//! How each endpoint has been doing, and when it is worth another try.

use crate::config::ChainConfig;
use parking_lot::Mutex;
use rand::Rng;
use std::time::Duration;
use tokio::time::Instant;

/// First pause after an endpoint said that it is too busy.
const BUSY_FIRST: Duration = Duration::from_secs(1);
/// Longest pause of an endpoint that says so again and again. Duties have to go on within a minute of its recovery.
const BUSY_LONGEST: Duration = Duration::from_secs(30);
/// For how long the other endpoints come first after a connection was lost.
const AFTER_LOSS: Duration = Duration::from_secs(10);
/// Longest text kept of an error.
const REASON: usize = 300;

/// How an endpoint has been doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointHealth {
    /// Its address.
    pub endpoint: String,
    /// Whether it is the one in use.
    pub in_use: bool,
    /// How often it failed in a row; 0 for one that worked when it was last tried.
    pub failures: u32,
    /// Why it failed last.
    pub last_error: Option<String>,
    /// How long it is left alone, as long as another one works.
    pub retry_in: Option<Duration>,
}

#[derive(Debug, Clone, Default)]
struct Record {
    failures: u32,
    last_error: Option<String>,
    not_before: Option<Instant>,
}

/// The records of all endpoints, in the order of the configuration.
#[derive(Debug)]
pub(crate) struct Health {
    endpoints: Vec<String>,
    records: Mutex<Vec<Record>>,
    shortest: Duration,
    longest: Duration,
}

impl Health {
    pub(crate) fn of(config: &ChainConfig) -> Self {
        Health {
            endpoints: config.endpoints.clone(),
            records: Mutex::new(vec![Record::default(); config.endpoints.len()]),
            shortest: config.backoff_min,
            longest: config.backoff_max,
        }
    }

    /// The endpoints in the order in which they are worth a try: those that are left alone come last, so that one
    /// that fails all the time costs nothing while another works.
    pub(crate) fn order(&self) -> Vec<usize> {
        let (now, records) = (Instant::now(), self.records.lock());
        let mut order: Vec<usize> = (0..records.len()).collect();
        // Stable: among equals the order of the configuration holds.
        order.sort_by_key(|index| records[*index].not_before.filter(|until| *until > now));
        order
    }

    /// An endpoint worked.
    pub(crate) fn good(&self, index: usize) {
        if let Some(record) = self.records.lock().get_mut(index) {
            *record = Record::default();
        }
    }

    /// A connection that worked was lost: the other endpoints come first for a while, since this one may have died
    /// without saying so and would cost the time of another deadline.
    pub(crate) fn lost(&self, index: usize, reason: &str) {
        self.bad(index, reason);
        if let Some(record) = self.records.lock().get_mut(index) {
            let until = Instant::now() + AFTER_LOSS;
            record.not_before = Some(record.not_before.map_or(until, |before| before.max(until)));
        }
    }

    /// An endpoint failed; for how long it is left alone now.
    pub(crate) fn bad(&self, index: usize, reason: &str) -> Duration {
        let (first, longest) = match is_busy(reason) {
            true => (BUSY_FIRST, BUSY_LONGEST),
            false => (self.shortest, self.longest),
        };
        let mut records = self.records.lock();
        let Some(record) = records.get_mut(index) else {
            return first;
        };
        let doubled = first.saturating_mul(1 << record.failures.min(16)).min(longest);
        let pause = jittered(doubled);
        record.failures = record.failures.saturating_add(1);
        record.last_error = Some(reason.chars().take(REASON).collect());
        record.not_before = Some(Instant::now() + pause);
        metrics::counter!("chain_endpoint_failures_total").increment(1);
        pause
    }

    pub(crate) fn report(&self, in_use: Option<&str>) -> Vec<EndpointHealth> {
        let (now, records) = (Instant::now(), self.records.lock());
        let pairs = self.endpoints.iter().zip(records.iter());
        pairs
            .map(|(endpoint, record)| EndpointHealth {
                endpoint: endpoint.clone(),
                in_use: in_use == Some(endpoint),
                failures: record.failures,
                last_error: record.last_error.clone(),
                retry_in: record
                    .not_before
                    .map(|until| until.saturating_duration_since(now))
                    .filter(|left| !left.is_zero()),
            })
            .collect()
    }
}

/// Somewhere between half a pause and all of it, so that clients cut off together do not come back together.
pub(crate) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.5..=1.0))
}

/// Whether an error, of a handshake or of a request, says that there is too much to do rather than that something is
/// wrong.
pub(crate) fn is_busy(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    let words = [
        "too many requests",
        "rate limit",
        "ratelimit",
        "service unavailable",
        "limit exceeded",
        "too many connections",
        "server is busy",
    ];
    let number = |code: &str| {
        reason.match_indices(code).any(|(at, _)| {
            let digit = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
            !digit(reason[..at].chars().next_back()) && !digit(reason[at + code.len()..].chars().next())
        })
    };
    words.iter().any(|word| reason.contains(word)) || (reason.contains("status") && (number("429") || number("503")))
}

/// Codes of JSON-RPC errors that say the same. Nodes and the proxies before them have no common one.
pub(crate) fn is_busy_answer(code: i32, message: &str) -> bool {
    matches!(code, 429 | 503 | -429 | -503 | -32005 | -32029 | -32097 | -32999) || is_busy(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(count: usize) -> Health {
        let endpoints = (0..count).map(|index| format!("ws://10.0.0.{index}"));
        Health::of(&ChainConfig::new(endpoints))
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_fails_is_left_alone_while_others_work_and_comes_first_again() {
        let health = health(3);
        assert_eq!(health.order(), [0, 1, 2]);
        let pause = health.bad(0, "connection refused");
        assert!(pause <= Duration::from_millis(100));
        assert_eq!(health.order(), [1, 2, 0]);
        health.bad(1, "connection refused");
        health.bad(1, "connection refused");
        assert_eq!(health.order()[0], 2);
        tokio::time::advance(Duration::from_secs(11)).await;
        assert_eq!(health.order(), [0, 1, 2]);
        health.lost(2, "no heartbeat");
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(health.order(), [0, 1, 2]);
        health.lost(0, "no heartbeat");
        assert_eq!(health.order()[0], 1);
        health.good(2);
        tokio::time::advance(Duration::from_secs(11)).await;
        health.good(1);
        let report = health.report(Some("ws://10.0.0.1"));
        let brief: Vec<_> = report.iter().map(|one| (one.in_use, one.failures)).collect();
        assert_eq!(brief, [(false, 2), (true, 0), (false, 0)]);
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_with_jitter_up_to_a_bound_that_is_longer_for_the_busy() {
        let health = health(2);
        let pauses: Vec<Duration> = (0..12).map(|_| health.bad(0, "connection refused")).collect();
        assert!(pauses[5] > pauses[0] && pauses.iter().all(|pause| *pause <= Duration::from_secs(10)));
        let busy: Vec<Duration> = (0..12)
            .map(|_| health.bad(1, "server rejected: status code 429"))
            .collect();
        assert!(busy[0] >= Duration::from_millis(500) && busy[11] >= Duration::from_secs(15));
        assert!(busy.iter().all(|pause| *pause <= Duration::from_secs(30)));
    }

    #[test]
    fn busy_is_told_from_broken() {
        for busy in [
            "Connection rejected with status code: 429",
            "unexpected status code 503 in handshake",
            "Too Many Requests",
            "Rate limit exceeded, slow down",
        ] {
            assert!(is_busy(busy), "{busy}");
        }
        for broken in [
            "connection refused",
            "status code: 404",
            "status of block 14293",
            "wrong genesis 0x429503",
        ] {
            assert!(!is_busy(broken), "{broken}");
        }
        assert!(is_busy_answer(-32005, "x") && is_busy_answer(0, "rate limit") && !is_busy_answer(-32601, "method"));
    }
}
