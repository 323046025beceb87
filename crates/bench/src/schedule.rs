//! Which request goes out when, signed for that moment.

use std::time::{Duration, SystemTime};

use axoneme_wallet::{AccountId, Keypair};

use crate::error::BenchError;
use crate::requests::{Shot, Template, Wire};

/// Requests of a closed loop are dated in steps of this length. Below the shortest window in which a nonce is fresh.
pub const STEP: Duration = Duration::from_secs(3);

/// When requests are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Each connection sends as soon as it has its answer; `expected` requests per second are signed for it.
    Closed {
        /// Requests per second to have ready.
        expected: f64,
    },
    /// So many per second whatever the answers do. Latencies count from the moment a request was due.
    Open {
        /// Requests per second.
        rate: f64,
    },
}

/// One connection: a lane of its own with the requests it will send, in order.
#[derive(Debug)]
pub struct Lane {
    /// What all its requests have in common.
    pub template: Template,
    /// What each adds.
    pub shots: Vec<Shot>,
}

/// All the requests of a run.
#[derive(Debug)]
pub struct Schedule {
    /// The moment all nonces are dated from, nanoseconds since 1970.
    pub begins: u64,
    /// Open or closed loop.
    pub pace: Pace,
    /// How long the run takes.
    pub length: Duration,
    /// The connections.
    pub lanes: Vec<Lane>,
}

/// What a load consists of.
#[derive(Debug, Clone)]
pub struct Load {
    /// The protocol.
    pub wire: Wire,
    /// The axon.
    pub target: std::net::SocketAddr,
    /// Its hotkey.
    pub receiver: AccountId,
    /// Who asks: the connections take turns among them. At least one.
    pub signers: Vec<Keypair>,
    /// Connections.
    pub connections: usize,
    /// Bytes of each body.
    pub body_bytes: usize,
}

impl Schedule {
    /// Signs all requests of a run, on all cores. Comes back shortly before the run should begin.
    pub fn sign(load: &Load, pace: Pace, length: Duration) -> Result<Self, BenchError> {
        let callers: Vec<&Keypair> = load.signers.iter().cycle().take(load.connections).collect();
        let templates = callers
            .iter()
            .map(|signer| Template::new(load.wire, load.target, signer, load.receiver, load.body_bytes))
            .collect::<Result<Vec<_>, _>>()?;
        let (Some(template), Some(signer)) = (templates.first(), callers.first()) else {
            return Err(BenchError::Options("a load needs a connection and a key".into()));
        };
        let nonces = offsets(pace, length, load.connections);
        let total: usize = nonces.iter().map(Vec::len).sum();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let begins = unix_ns() + nanoseconds(signing_time(template, signer, total, threads));
        let shots = sign_all(&templates, &callers, &nonces, begins, threads);
        let lanes = templates
            .into_iter()
            .zip(shots)
            .map(|(template, shots)| Lane { template, shots })
            .collect();
        Ok(Self {
            begins,
            pace,
            length,
            lanes,
        })
    }

    /// When a request is due (open loop) or may be sent at the earliest (closed loop), after the beginning.
    pub fn due(&self, shot: &Shot) -> Duration {
        let offset = Duration::from_nanos(shot.nonce.saturating_sub(self.begins));
        match self.pace {
            Pace::Open { .. } => offset,
            Pace::Closed { .. } => STEP * step_of(offset),
        }
    }

    /// When a request of a closed loop is too old to be sent. Those of an open loop are sent however late it is.
    pub fn expires(&self, shot: &Shot) -> Option<Duration> {
        match self.pace {
            Pace::Open { .. } => None,
            Pace::Closed { .. } => Some(self.due(shot) + STEP),
        }
    }
}

fn step_of(offset: Duration) -> u32 {
    u32::try_from(offset.as_nanos() / STEP.as_nanos()).unwrap_or(u32::MAX)
}

/// The nonces of every lane, as nanoseconds after the beginning. No two are the same: one key may use a nonce once.
fn offsets(pace: Pace, length: Duration, lanes: usize) -> Vec<Vec<u64>> {
    let count = |rate: f64, time: Duration| (rate * time.as_secs_f64()).ceil() as u64;
    match pace {
        Pace::Open { rate } => {
            let mut offsets = vec![Vec::new(); lanes];
            for (index, lane) in (0..count(rate, length)).zip((0..lanes).cycle()) {
                offsets[lane].push((index as f64 * 1e9 / rate) as u64);
            }
            offsets
        }
        Pace::Closed { expected } => {
            let steps = length.as_nanos().div_ceil(STEP.as_nanos()) as u64;
            let per_step = count(expected, STEP.min(length)).div_ceil(lanes as u64) + 2;
            let of_lane = |lane: u64| {
                let in_step = move |step: u64| {
                    (0..per_step).map(move |index| step * nanoseconds(STEP) + index * lanes as u64 + lane)
                };
                (0..steps).flat_map(in_step).collect()
            };
            (0..lanes as u64).map(of_lane).collect()
        }
    }
}

/// How long it will take to sign everything, and a little more.
fn signing_time(template: &Template, signer: &Keypair, total: usize, threads: usize) -> Duration {
    const TRIES: u32 = 64;
    let began = std::time::Instant::now();
    for nonce in 0..TRIES {
        std::hint::black_box(template.sign(signer, nonce.into()));
    }
    let each = began.elapsed() / TRIES;
    let all = each.as_secs_f64() * total as f64 / threads as f64;
    Duration::from_secs_f64(all * 1.3 + 0.1)
}

fn sign_all(
    templates: &[Template],
    callers: &[&Keypair],
    nonces: &[Vec<u64>],
    begins: u64,
    threads: usize,
) -> Vec<Vec<Shot>> {
    let lanes: Vec<_> = templates.iter().zip(callers).zip(nonces).collect();
    let sign_lane = |((template, signer), nonces): &((&Template, &&Keypair), &Vec<u64>)| -> Vec<Shot> {
        let shots = nonces.iter().map(|offset| template.sign(signer, begins + offset));
        shots.collect()
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = lanes
            .chunks(lanes.len().div_ceil(threads).max(1))
            .map(|chunk| scope.spawn(move || chunk.iter().map(sign_lane).collect::<Vec<_>>()))
            .collect();
        // A worker that panicked leaves lanes without requests; the report then shows that nothing was sent.
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_default())
            .collect()
    })
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The machine's clock, nanoseconds since 1970.
pub fn unix_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    nanoseconds(since.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn assert_unique(offsets: &[Vec<u64>]) {
        let all: Vec<u64> = offsets.iter().flatten().copied().collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert!(offsets.iter().all(|lane| lane.is_sorted()));
    }

    #[test]
    fn an_open_loop_is_due_evenly_and_takes_turns_among_the_lanes() {
        let offsets = offsets(Pace::Open { rate: 100.0 }, Duration::from_secs(1), 3);
        assert_unique(&offsets);
        assert_eq!(offsets.iter().map(Vec::len).sum::<usize>(), 100);
        assert_eq!(offsets[1][..2], [10_000_000, 40_000_000]);
    }

    #[test]
    fn a_closed_loop_has_its_share_ready_in_every_step() {
        let offsets = offsets(Pace::Closed { expected: 1000.0 }, Duration::from_secs(7), 8);
        assert_unique(&offsets);
        for lane in &offsets {
            for step in 0..3 {
                let ready = lane
                    .iter()
                    .filter(|&&at| step_of(Duration::from_nanos(at)) == step)
                    .count();
                assert!(ready * 8 >= 3000, "{ready}");
            }
        }
    }
}
