//! Counters of one route, kept at hand: looking one up by its labels costs more than counting.

use std::time::Duration;

use metrics::{Counter, Histogram};
use parking_lot::Mutex;

/// Counters of one route.
pub(crate) struct Meters {
    synapse: &'static str,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    seconds: Option<Histogram>,
    /// One per status: there are not more than the statuses this crate and its handlers use.
    by_status: Vec<(u16, Counter)>,
}

impl Meters {
    pub(crate) fn new(synapse: &'static str) -> Self {
        Self {
            synapse,
            known: Mutex::default(),
        }
    }

    /// Counts one answered request.
    pub(crate) fn record(&self, status: u16, took: Duration) {
        let synapse = self.synapse;
        let mut known = self.known.lock();
        known
            .seconds
            .get_or_insert_with(|| metrics::histogram!("axon_request_seconds", "synapse" => synapse))
            .record(took.as_secs_f64());
        let place = known.by_status.iter().position(|(known, _)| *known == status);
        let place = place.unwrap_or_else(|| {
            let counter =
                metrics::counter!("axon_requests_total", "synapse" => synapse, "status" => status.to_string());
            known.by_status.push((status, counter));
            known.by_status.len() - 1
        });
        known.by_status[place].1.increment(1);
    }
}
