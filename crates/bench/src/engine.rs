//! Sends a schedule over its connections on one thread, and measures.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::{Events, Interest, Poll, Token};

use crate::connection::{Connection, Progress};
use crate::error::BenchError;
use crate::process::Usage;
use crate::schedule::{Pace, Schedule, unix_ns};

/// What is counted.
#[derive(Debug, Clone)]
pub struct Measure {
    /// The axon.
    pub target: SocketAddr,
    /// The address to send from; the system's choice if none.
    pub source: Option<IpAddr>,
    /// The beginning of the run, which is not counted.
    pub warmup: Duration,
    /// How long one answer may take.
    pub timeout: Duration,
    /// The process that serves, when it is on this machine.
    pub server: Option<u32>,
    /// End after so many counted answers.
    pub requests: Option<u64>,
    /// A new connection for every request.
    pub reconnect: bool,
}

/// What was counted.
#[derive(Debug)]
pub struct Counted {
    /// Answers and failures by class: the status, or what went wrong.
    pub outcomes: BTreeMap<String, u64>,
    /// Microseconds until the whole answer was there, of answers with status 200.
    pub latency: Histogram<u64>,
    /// How long was counted.
    pub elapsed: Duration,
    /// Requests that could have been sent but for want of signed ones.
    pub starved: u64,
    /// The serving process at the beginning and the end of what was counted.
    pub server: Option<(Usage, Usage)>,
    /// This process likewise.
    pub client: Option<(Usage, Usage)>,
    /// The body of one good answer.
    pub sample: Option<Vec<u8>>,
}

impl Counted {
    /// Answers with status 200.
    pub fn good(&self) -> u64 {
        self.outcomes.get("200").copied().unwrap_or_default()
    }

    /// Everything that was sent and counted.
    pub fn total(&self) -> u64 {
        self.outcomes.values().sum()
    }
}

/// Latencies up to two minutes, in microseconds, exact to 0.1 %.
pub(crate) fn histogram() -> Result<Histogram<u64>, BenchError> {
    Histogram::new_with_bounds(1, 120_000_000, 3).map_err(|error| BenchError::Build(error.to_string()))
}

/// Below this the thread does not sleep until the next request is due: sleeps are whole milliseconds.
const SPIN: Duration = Duration::from_micros(1100);

/// How long after the end answers that are still due are waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs a schedule to its end.
pub fn run(schedule: &Schedule, measure: &Measure) -> Result<Counted, BenchError> {
    Engine::new(schedule, measure)?
        .run()
        .map_err(BenchError::system("wait for sockets"))
}

struct Engine<'a> {
    schedule: &'a Schedule,
    measure: &'a Measure,
    poll: Poll,
    lanes: Vec<Lane>,
    start: Instant,
    counting: bool,
    counted: Counted,
    busy: usize,
}

#[derive(Default)]
struct Lane {
    connection: Option<Connection>,
    next: usize,
    request: Vec<u8>,
    /// Since when the request counts, and since when it is really on its way.
    began: Option<(Instant, Instant)>,
    /// Waits for requests of the next step, having used up those of this one.
    starving: bool,
}

impl<'a> Engine<'a> {
    fn new(schedule: &'a Schedule, measure: &'a Measure) -> Result<Self, BenchError> {
        let early = Duration::from_nanos(schedule.begins.saturating_sub(unix_ns()));
        std::thread::sleep(early);
        Ok(Self {
            schedule,
            measure,
            poll: Poll::new().map_err(BenchError::system("watch sockets"))?,
            lanes: schedule.lanes.iter().map(|_| Lane::default()).collect(),
            start: Instant::now(),
            counting: false,
            counted: Counted {
                outcomes: BTreeMap::new(),
                latency: histogram()?,
                elapsed: Duration::ZERO,
                starved: 0,
                server: None,
                client: None,
                sample: None,
            },
            busy: 0,
        })
    }

    fn run(mut self) -> io::Result<Counted> {
        let mut events = Events::with_capacity(1024);
        let mut before = (None, None);
        let mut counting_from = self.start;
        let mut last_look = self.start;
        let end = self.start + self.schedule.length;
        loop {
            let now = Instant::now();
            if !self.counting && now >= self.start + self.measure.warmup {
                self.counting = true;
                counting_from = now;
                before = self.usage();
            }
            let enough = self
                .measure
                .requests
                .is_some_and(|enough| self.counted.total() >= enough);
            let over = now >= end || enough;
            if over && (self.busy == 0 || enough || now >= end + PATIENCE || self.is_closed()) {
                break;
            }
            let wait = if over { PATIENCE } else { self.send_due(now) };
            self.poll.poll(&mut events, Some(poll_time(wait)))?;
            for event in &events {
                self.drive(event.token().0);
            }
            if now - last_look > Duration::from_millis(100) {
                last_look = now;
                self.give_up_late(now);
            }
        }
        let after = self.usage();
        self.counted.elapsed = counting_from.elapsed();
        self.counted.server = before.0.zip(after.0);
        self.counted.client = before.1.zip(after.1);
        self.count_unanswered();
        Ok(self.counted)
    }

    fn usage(&self) -> (Option<Usage>, Option<Usage>) {
        (self.measure.server.and_then(Usage::of), Usage::of(std::process::id()))
    }

    fn is_closed(&self) -> bool {
        matches!(self.schedule.pace, Pace::Closed { .. })
    }

    /// Sends on every idle lane whose turn it is, and says how long nothing more is due.
    fn send_due(&mut self, now: Instant) -> Duration {
        let mut wait = PATIENCE;
        for lane in 0..self.lanes.len() {
            if self.lanes[lane].began.is_none() {
                wait = wait.min(self.send_next(lane, now));
            }
        }
        wait
    }

    /// Sends the next request of a lane if it is due; otherwise says in how long it will be.
    fn send_next(&mut self, index: usize, now: Instant) -> Duration {
        let since = now.saturating_duration_since(self.start);
        let shots = &self.schedule.lanes[index].shots;
        let lane = &mut self.lanes[index];
        let is_old = |shot| self.schedule.expires(shot).is_some_and(|end| end <= since);
        while shots.get(lane.next).is_some_and(is_old) {
            lane.next += 1;
        }
        let Some(shot) = shots.get(lane.next) else {
            return PATIENCE;
        };
        let due = self.schedule.due(shot);
        if due > since {
            if matches!(self.schedule.pace, Pace::Closed { .. }) && !lane.starving {
                lane.starving = true;
                self.counted.starved += 1;
            }
            return due - since;
        }
        lane.next += 1;
        lane.starving = false;
        self.schedule.lanes[index].template.write(shot, &mut lane.request);
        let counts_from = match self.schedule.pace {
            Pace::Open { .. } => self.start + due,
            Pace::Closed { .. } => now,
        };
        lane.began = Some((counts_from, now));
        self.busy += 1;
        self.begin(index);
        PATIENCE
    }

    fn begin(&mut self, index: usize) {
        if self.lanes[index].connection.is_none() && !self.connect(index) {
            self.finish(index, "connect", None);
            return;
        }
        let lane = &mut self.lanes[index];
        let Some(connection) = &mut lane.connection else {
            return;
        };
        connection.reset();
        if connection.send(&lane.request) == Progress::Refused {
            self.fail(index, "connect");
        }
    }

    fn connect(&mut self, index: usize) -> bool {
        let Ok(mut connection) = Connection::open(self.measure.target, self.measure.source) else {
            return false;
        };
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registered = self
            .poll
            .registry()
            .register(connection.stream(), Token(index), interest);
        self.lanes[index].connection = Some(connection);
        registered.is_ok()
    }

    fn drive(&mut self, index: usize) {
        let lane = &mut self.lanes[index];
        let Some(connection) = &mut lane.connection else {
            return;
        };
        if lane.began.is_none() {
            // Nothing was asked: the server closes an idle connection.
            if connection.receive() != Progress::Pending {
                lane.connection = None;
            }
            return;
        }
        if connection.send(&lane.request) == Progress::Refused {
            self.fail(index, "connect");
            return;
        }
        match connection.receive() {
            Progress::Pending => {}
            Progress::Answered { status, body, closes } => {
                if self.counted.sample.is_none() && status == 200 {
                    self.counted.sample = Some(connection.received()[body..].to_vec());
                }
                if closes || self.measure.reconnect {
                    lane.connection = None;
                }
                self.finish(index, "", Some(status));
            }
            Progress::Refused => self.fail(index, "connect"),
            Progress::Closed => self.fail(index, "closed"),
            Progress::Malformed => self.fail(index, "malformed"),
        }
    }

    fn fail(&mut self, index: usize, class: &str) {
        self.lanes[index].connection = None;
        self.finish(index, class, None);
    }

    fn finish(&mut self, index: usize, class: &str, status: Option<u16>) {
        let Some((counts_from, _)) = self.lanes[index].began.take() else {
            return;
        };
        self.busy -= 1;
        let took = counts_from.elapsed();
        if self.counting {
            if status == Some(200) {
                let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                self.counted.latency.saturating_record(micros.max(1));
            }
            self.count(&status.map_or_else(|| class.to_owned(), |status| status.to_string()));
        }
    }

    fn count(&mut self, class: &str) {
        match self.counted.outcomes.get_mut(class) {
            Some(count) => *count += 1,
            None => drop(self.counted.outcomes.insert(class.to_owned(), 1)),
        }
    }

    fn give_up_late(&mut self, now: Instant) {
        for index in 0..self.lanes.len() {
            let late = self.lanes[index]
                .began
                .is_some_and(|(_, sent)| now.saturating_duration_since(sent) > self.measure.timeout);
            if late {
                self.fail(index, "timeout");
            }
        }
    }

    /// What an open loop asked and got no answer to by the end, and what it could not even ask.
    fn count_unanswered(&mut self) {
        if self.is_closed() || self.measure.requests.is_some() {
            return;
        }
        let sent: usize = self.lanes.iter().map(|lane| lane.next).sum();
        let planned: usize = self.schedule.lanes.iter().map(|lane| lane.shots.len()).sum();
        for (class, count) in [("unanswered", self.busy), ("unsent", planned - sent)] {
            if count > 0 {
                self.counted.outcomes.insert(class.into(), count as u64);
            }
        }
    }
}

/// Sockets are watched with a resolution of a millisecond; what is due sooner is waited for without sleeping.
fn poll_time(wait: Duration) -> Duration {
    wait.checked_sub(SPIN)
        .unwrap_or_default()
        .min(Duration::from_millis(100))
}
