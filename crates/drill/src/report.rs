//! What was done to the connections.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Serialize;

use crate::fault::Fault;

/// Outages listed one by one; later ones are only counted.
const MAX_OUTAGES: usize = 10_000;

/// One outage as it happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outage {
    /// What went wrong, as flags name it.
    pub fault: String,
    /// Seconds after the start of the drill.
    pub at: f64,
    /// Seconds it lasted; up to now if it still does.
    pub lasted: f64,
    /// Connections that were open when it began.
    pub connections: u64,
}

/// What happened to connections and messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Connections from clients.
    pub accepted: u64,
    /// Connections turned away because too many were open.
    pub over_limit: u64,
    /// Most connections open at one time.
    pub most_open: u64,
    /// WebSockets established with the endpoint.
    pub websockets: u64,
    /// Plain HTTP requests passed on.
    pub http_requests: u64,
    /// New connections reset, swallowed or half-closed by a fault before they reached the endpoint.
    pub new_connections_hit: u64,
    /// Open connections that a fault ended or left dead.
    pub open_connections_hit: u64,
    /// Handshakes and requests answered with 429 or 503.
    pub refused: u64,
    /// Requests answered with a JSON-RPC error in the endpoint's place.
    pub rpc_errors: u64,
    /// Frames of which half arrived.
    pub frames_torn: u64,
    /// Messages that were given another runtime version.
    pub versions_changed: u64,
    /// Times the endpoint itself did not take a connection.
    pub endpoint_failures: u64,
    /// Bytes passed on to the endpoint.
    pub bytes_to_endpoint: u64,
    /// Bytes passed on to clients.
    pub bytes_to_clients: u64,
}

macro_rules! tally {
    ($($name:ident),*) => {
        /// [`Counts`] while they grow.
        #[derive(Debug, Default)]
        pub(crate) struct Tally { $(pub(crate) $name: AtomicU64),* }

        impl Tally {
            pub(crate) fn counts(&self) -> Counts {
                Counts { $($name: self.$name.load(Ordering::Relaxed)),* }
            }
        }
    };
}

tally!(
    accepted,
    over_limit,
    most_open,
    websockets,
    http_requests,
    new_connections_hit,
    open_connections_hit,
    refused,
    rpc_errors,
    frames_torn,
    versions_changed,
    endpoint_failures,
    bytes_to_endpoint,
    bytes_to_clients
);

/// One more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Outages in order; the last may be going on.
#[derive(Debug)]
pub(crate) struct Diary {
    started: Instant,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    over: Vec<Outage>,
    left_out: u64,
    now: Option<(Fault, Instant, u64)>,
}

impl Diary {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            entries: Mutex::default(),
        }
    }

    /// The fault is `fault` from now on.
    pub(crate) fn turn(&self, fault: Option<Fault>, connections: u64) {
        let mut entries = self.entries.lock();
        let ended = entries.now.take().map(|now| self.outage(&now));
        match ended {
            Some(outage) if entries.over.len() < MAX_OUTAGES => entries.over.push(outage),
            Some(_) => entries.left_out += 1,
            None => {}
        }
        entries.now = fault.map(|fault| (fault, Instant::now(), connections));
    }

    fn outage(&self, (fault, since, connections): &(Fault, Instant, u64)) -> Outage {
        Outage {
            fault: fault.to_string(),
            at: seconds(since.duration_since(self.started)),
            lasted: seconds(since.elapsed()),
            connections: *connections,
        }
    }

    pub(crate) fn report(&self, listen: String, upstream: String, seed: Option<u64>, counts: Counts) -> DrillReport {
        let entries = self.entries.lock();
        let mut outages = entries.over.clone();
        outages.extend(entries.now.as_ref().map(|now| self.outage(now)));
        DrillReport {
            listen,
            upstream,
            seed,
            seconds: seconds(self.started.elapsed()),
            outages,
            outages_left_out: entries.left_out,
            counts,
        }
    }
}

fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e3).round() / 1e3
}

/// What was done, for people ([`DrillReport::table`]) and programs (serde).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DrillReport {
    /// Where the drill listened.
    pub listen: String,
    /// The endpoint behind it.
    pub upstream: String,
    /// Seed of a random schedule.
    pub seed: Option<u64>,
    /// Seconds since the start.
    pub seconds: f64,
    /// What went wrong, in order.
    pub outages: Vec<Outage>,
    /// Outages beyond those listed.
    pub outages_left_out: u64,
    /// What became of connections and messages.
    pub counts: Counts,
}

impl DrillReport {
    /// For people: outages by kind, then the counts that are not zero.
    pub fn table(&self) -> String {
        let mut kinds: BTreeMap<&str, (u64, f64, u64)> = BTreeMap::new();
        for outage in &self.outages {
            let kind = kinds.entry(&outage.fault).or_default();
            kind.0 += 1;
            kind.1 += outage.lasted;
            kind.2 += outage.connections;
        }
        let mut table = format!("{} before {}, {:.1} s", self.listen, self.upstream, self.seconds);
        if let Some(seed) = self.seed {
            table += &format!(", seed {seed}");
        }
        table += &format!(
            "\n\n{:<24} {:>6} {:>10} {:>12}\n",
            "fault", "times", "seconds", "connections"
        );
        for (fault, (times, seconds, connections)) in kinds {
            table += &format!("{fault:<24} {times:>6} {seconds:>10.1} {connections:>12}\n");
        }
        if self.outages_left_out > 0 {
            table += &format!("({} more outages are not listed)\n", self.outages_left_out);
        }
        table.push('\n');
        if let Ok(serde_json::Value::Object(counts)) = serde_json::to_value(self.counts) {
            for (name, value) in counts.iter().filter(|(_, value)| value.as_u64() != Some(0)) {
                table += &format!("{:<24} {value:>17}\n", name.replace('_', " "));
            }
        }
        table.truncate(table.trim_end().len());
        table
    }

    /// For programs.
    pub fn json(&self) -> String {
        // A report holds nothing that JSON cannot: strings, integers, finite numbers.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_lists_outages_in_order_and_sums_them_by_kind() {
        let diary = Diary::new();
        diary.turn(Some(Fault::Cut), 3);
        diary.turn(None, 0);
        diary.turn(Some(Fault::HalfOpen), 1);
        diary.turn(Some(Fault::Cut), 2);
        let counts = Counts {
            accepted: 9,
            ..Counts::default()
        };
        let report = diary.report("127.0.0.1:1".into(), "ws://127.0.0.1:2/".into(), Some(7), counts);
        let faults: Vec<&str> = report.outages.iter().map(|outage| &outage.fault[..]).collect();
        assert_eq!(faults, ["cut", "half-open", "cut"], "the one going on is among them");
        let table = report.table();
        let cut = table.lines().find(|line| line.starts_with("cut ")).expect("a row");
        assert!(cut.split_whitespace().eq(["cut", "2", "0.0", "5"]), "{table}");
        assert!(
            table.contains("seed 7") && table.contains("accepted") && !table.contains("refused"),
            "{table}"
        );
        let json: serde_json::Value = serde_json::from_str(&report.json()).expect("json");
        assert_eq!(json["counts"]["accepted"], 9);
        assert_eq!(json["outages"][1]["fault"], "half-open");
    }

    #[test]
    fn the_list_of_outages_is_bounded() {
        let diary = Diary::new();
        for _ in 0..MAX_OUTAGES + 5 {
            diary.turn(Some(Fault::Cut), 0);
        }
        let report = diary.report(String::new(), String::new(), None, Counts::default());
        assert_eq!((report.outages.len(), report.outages_left_out), (MAX_OUTAGES + 1, 4));
    }
}
