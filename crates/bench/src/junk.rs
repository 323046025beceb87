//! A flood of junk from loopback: what an axon on the open internet has to withstand.
//!
//! Unsigned requests, wrong signatures that name a permitted caller (the costliest: they are checked to the end), bytes
//! that are not HTTP, wrong routes, bodies announced far too large, and connections that send one byte a second.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use axoneme_wallet::Keypair;
use mio::{Events, Interest, Poll, Token};
use serde::Serialize;

use crate::connection::{Connection, Progress};
use crate::error::BenchError;
use crate::process::is_here;
use crate::report::Latency;
use crate::requests::{Shot, Template};
use crate::schedule::{Load, unix_ns};

/// What to throw.
#[derive(Debug, Clone)]
pub struct Junk {
    /// The honest load, whose target and key the junk abuses.
    pub load: Load,
    /// Pieces per second.
    pub rate: f64,
    /// Addresses from 127.0.0.2 on that it comes from.
    pub sources: u8,
    /// Slow connections kept open.
    pub slow: usize,
    /// How long.
    pub length: Duration,
}

/// What became of the junk.
#[derive(Debug, Clone, Default, Serialize)]
pub struct JunkReport {
    /// Pieces per second that were wanted.
    pub wanted_per_second: f64,
    /// Pieces per second that were really sent.
    pub sent_per_second: f64,
    /// Answers and failures by class.
    pub outcomes: BTreeMap<String, u64>,
    /// Slow connections that were opened.
    pub slow_opened: usize,
    /// Of these, turned away without a byte.
    pub slow_refused: usize,
    /// The longest time from the first byte of a slow connection to its end, seconds; also of those still open.
    pub slow_longest_seconds: f64,
    /// Slow connections open at the end.
    pub slow_open: usize,
    /// How much the memory of the axon grew, MiB.
    pub resident_growth_mib: Option<f64>,
    /// The honest caller before the flood, milliseconds.
    pub alone_ms: Option<Latency>,
}

impl fmt::Display for JunkReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "junk       {:.0} per second of {:.0} wanted: {:?}",
            self.sent_per_second, self.wanted_per_second, self.outcomes
        )?;
        write!(
            f,
            "slow       {} opened, {} refused, {} open at the end, none longer than {:.1} s",
            self.slow_opened, self.slow_refused, self.slow_open, self.slow_longest_seconds
        )?;
        if let Some(growth) = self.resident_growth_mib {
            write!(f, "\nmemory     grew by {growth:.1} MiB")?;
        }
        if let Some(alone) = &self.alone_ms {
            write!(f, "\nno junk    {alone}")?;
        }
        Ok(())
    }
}

/// Connections the junk is sent over, of each address.
const LANES_PER_SOURCE: usize = 2;

/// Slow connections get their next byte this often.
const DRIP: Duration = Duration::from_secs(1);

/// A connection without an answer for so long is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Throws junk until the time is over. Refuses targets that are not on loopback.
pub fn flood(junk: &Junk) -> Result<JunkReport, BenchError> {
    let target = junk.load.target;
    if !is_here(target.ip()) || !target.is_ipv4() {
        return Err(BenchError::NotLoopback { target });
    }
    Flood::new(junk)?.run().map_err(BenchError::system("wait for sockets"))
}

struct Flood<'a> {
    junk: &'a Junk,
    pieces: Pieces,
    poll: Poll,
    lanes: Vec<Lane>,
    idle: VecDeque<usize>,
    slow: Vec<Slow>,
    sent: u64,
    report: JunkReport,
}

#[derive(Default)]
struct Lane {
    connection: Option<Connection>,
    piece: Vec<u8>,
    since: Option<Instant>,
}

#[derive(Default)]
struct Slow {
    connection: Option<Connection>,
    first_byte: Option<Instant>,
    bytes: usize,
}

impl<'a> Flood<'a> {
    fn new(junk: &'a Junk) -> Result<Self, BenchError> {
        let lanes = usize::from(junk.sources) * LANES_PER_SOURCE;
        Ok(Self {
            junk,
            pieces: Pieces::new(&junk.load)?,
            poll: Poll::new().map_err(BenchError::system("watch sockets"))?,
            lanes: (0..lanes).map(|_| Lane::default()).collect(),
            idle: (0..lanes).collect(),
            slow: (0..junk.slow).map(|_| Slow::default()).collect(),
            sent: 0,
            report: JunkReport {
                wanted_per_second: junk.rate,
                ..JunkReport::default()
            },
        })
    }

    fn run(mut self) -> std::io::Result<JunkReport> {
        let mut events = Events::with_capacity(1024);
        let start = Instant::now();
        let mut next_drip = start;
        while start.elapsed() < self.junk.length {
            let now = Instant::now();
            let due = (now - start).as_secs_f64() * self.junk.rate;
            while (self.sent as f64) < due {
                let Some(lane) = self.idle.pop_front() else {
                    break;
                };
                self.throw(lane, now);
            }
            if now >= next_drip {
                next_drip += DRIP;
                self.drip(now);
                self.give_up_late(now);
            }
            // At thousands a second the next piece is due within the millisecond that a sleep takes.
            self.poll.poll(&mut events, Some(Duration::from_millis(1)))?;
            for event in &events {
                match event.token().0.checked_sub(self.lanes.len()) {
                    None => self.drive(event.token().0),
                    Some(slow) => self.look_at_slow(slow),
                }
            }
        }
        self.report.sent_per_second = self.sent as f64 / start.elapsed().as_secs_f64();
        self.count_open_slow();
        Ok(self.report)
    }

    fn source(&self, index: usize) -> Option<IpAddr> {
        // From 127.0.0.2 on: the honest caller has 127.0.0.1 for itself.
        let last = 2 + u8::try_from(index % usize::from(self.junk.sources)).unwrap_or_default();
        Some(Ipv4Addr::new(127, 0, 0, last).into())
    }

    fn connect(&self, token: usize) -> Option<Connection> {
        let mut connection = Connection::open(self.junk.load.target, self.source(token)).ok()?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(connection.stream(), Token(token), interest)
            .ok()?;
        Some(connection)
    }

    fn throw(&mut self, index: usize, now: Instant) {
        self.pieces.write(self.sent, &mut self.lanes[index].piece);
        self.sent += 1;
        if self.lanes[index].connection.is_none() {
            self.lanes[index].connection = self.connect(index);
        }
        let lane = &mut self.lanes[index];
        let Some(connection) = &mut lane.connection else {
            return self.finish(index, "connect", true);
        };
        connection.reset();
        lane.since = Some(now);
        if connection.send(&lane.piece) == Progress::Refused {
            self.finish(index, "connect", true);
        }
    }

    fn drive(&mut self, index: usize) {
        let lane = &mut self.lanes[index];
        let Some(connection) = &mut lane.connection else {
            return;
        };
        if lane.since.is_none() {
            if connection.receive() != Progress::Pending {
                lane.connection = None;
            }
            return;
        }
        if connection.send(&lane.piece) == Progress::Refused {
            return self.finish(index, "connect", true);
        }
        match connection.receive() {
            Progress::Pending => {}
            Progress::Answered { status, closes, .. } => self.finish(index, &status.to_string(), closes),
            Progress::Refused => self.finish(index, "connect", true),
            Progress::Closed => self.finish(index, "closed", true),
            Progress::Malformed => self.finish(index, "malformed", true),
        }
    }

    fn finish(&mut self, index: usize, class: &str, ends: bool) {
        let lane = &mut self.lanes[index];
        lane.since = None;
        if ends {
            lane.connection = None;
        }
        *self.report.outcomes.entry(class.to_owned()).or_default() += 1;
        self.idle.push_back(index);
    }

    fn give_up_late(&mut self, now: Instant) {
        for index in 0..self.lanes.len() {
            if self.lanes[index].since.is_some_and(|since| now - since > PATIENCE) {
                self.finish(index, "timeout", true);
            }
        }
    }

    /// One byte more on every slow connection, and a new one where one ended.
    fn drip(&mut self, now: Instant) {
        for index in 0..self.slow.len() {
            if self.slow[index].connection.is_none() {
                let connection = self.connect(self.lanes.len() + index);
                self.report.slow_opened += usize::from(connection.is_some());
                self.slow[index] = Slow {
                    connection,
                    ..Slow::default()
                };
            }
            let slow = &mut self.slow[index];
            if let Some(connection) = &mut slow.connection {
                slow.bytes += 1;
                let end = slow.bytes.min(SLOW_HEAD.len());
                slow.first_byte.get_or_insert(now);
                // A connection that is gone is noticed by its event.
                let _ = connection.send(&SLOW_HEAD[..end]);
            }
            self.look_at_slow(index);
        }
    }

    fn look_at_slow(&mut self, index: usize) {
        let slow = &mut self.slow[index];
        let Some(connection) = &mut slow.connection else {
            return;
        };
        if connection.receive() == Progress::Pending {
            return;
        }
        slow.connection = None;
        let lasted = slow.first_byte.map_or(0.0, |first| first.elapsed().as_secs_f64());
        self.report.slow_refused += usize::from(slow.bytes <= 1);
        self.report.slow_longest_seconds = self.report.slow_longest_seconds.max(lasted);
    }

    fn count_open_slow(&mut self) {
        for slow in &self.slow {
            if let Some(first) = slow.first_byte.filter(|_| slow.connection.is_some()) {
                self.report.slow_open += 1;
                let lasted = first.elapsed().as_secs_f64();
                self.report.slow_longest_seconds = self.report.slow_longest_seconds.max(lasted);
            }
        }
    }
}

/// What slow connections send, byte by byte; longer than any flood lasts.
const SLOW_HEAD: &[u8] = b"POST /Prompting HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Slow: \
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// The kinds of junk, made ready.
struct Pieces {
    claims_permitted: Template,
    stranger: Template,
    /// Good signatures of other requests: valid points, so that a check runs to its end.
    signature: [u8; 64],
    strange_signature: [u8; 64],
    unsigned: Vec<u8>,
}

impl Pieces {
    fn new(load: &Load) -> Result<Self, BenchError> {
        let template = |signer| Template::new(load.wire, load.target, signer, load.receiver, load.body_bytes);
        let Some(permitted) = load.signers.first() else {
            return Err(BenchError::Options("a flood needs a key to abuse".into()));
        };
        let mallory = Keypair::from_uri("//Mallory")?;
        let (claims_permitted, stranger) = (template(permitted)?, template(&mallory)?);
        Ok(Self {
            signature: claims_permitted.sign(permitted, 1).signature,
            strange_signature: stranger.sign(&mallory, 1).signature,
            unsigned: claims_permitted.unsigned(load.target),
            claims_permitted,
            stranger,
        })
    }

    fn write(&self, number: u64, out: &mut Vec<u8>) {
        let shot = |signature| Shot {
            // Fresh and never used before, so that the signature is what is wrong with it.
            nonce: unix_ns() + number % 1000,
            signature,
        };
        out.clear();
        match number % 6 {
            0 => out.extend_from_slice(&self.unsigned),
            1 | 2 => self.claims_permitted.write(&shot(self.signature), out),
            3 => self.stranger.write(&shot(self.strange_signature), out),
            4 => garbage(number, out),
            _ => {
                // Writing into memory does not fail.
                let _ = match number % 12 {
                    5 => write!(out, "GET /{number} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                    _ => write!(
                        out,
                        "POST /Prompting HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n"
                    ),
                };
            }
        }
    }
}

/// Bytes that are not HTTP, others every time.
fn garbage(seed: u64, out: &mut Vec<u8>) {
    let mut state = seed | 1;
    for _ in 0..32 {
        // Knuth's linear congruential generator: chance enough for garbage.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        out.extend_from_slice(&state.to_be_bytes());
    }
    out.extend_from_slice(b"\r\n\r\n");
}
