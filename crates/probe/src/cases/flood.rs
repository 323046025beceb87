//! Junk beside honest requests, on this machine only, and only when asked for.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::course;
use crate::case::{Case, Expect};
use crate::session::Session;
use crate::socket::{Seen, Socket};

/// How long it lasts.
const LASTS: Duration = Duration::from_secs(5);
/// Connections that junk comes on.
const CONNECTIONS: u32 = 32;
/// Pause between two honest requests.
const HONEST_PAUSE: Duration = Duration::from_millis(50);
/// Longest wait for an answer to junk.
const JUNK_PATIENCE: Duration = Duration::from_millis(500);

pub(super) const CASES: &[Case] = &[course!(
    "flood",
    Abuse,
    "junk from many connections for five seconds, and an honest request every 50 ms",
    Expect::Served,
    flood
)];

/// Counts of one flood.
#[derive(Default)]
struct Tally {
    over: AtomicBool,
    junk: AtomicU64,
}

async fn flood(session: &Session) -> Result<Seen, String> {
    let Some(rate) = session.flood else {
        return Ok(Seen::NotOffered);
    };
    let tally = Tally::default();
    let junk = junk(session);
    // Whoever is served once is known to the axon from then on, as a validator would be.
    session.send(&session.ping().bytes()).await?;
    let senders = (0..CONNECTIONS).map(|_| pour(session, &junk, rate, &tally));
    let (honest, _) = tokio::join!(honest(session, &tally), futures::future::join_all(senders));
    let (waits, lost) = honest;
    let sent = tally.junk.load(Ordering::Relaxed);
    let summary = format!(
        "{} of {} honest requests served, p99 {:.1} ms, beside {} junk requests a second",
        waits.len(),
        waits.len() + lost.len(),
        percentile(&waits, 0.99).as_secs_f64() * 1e3,
        sent / LASTS.as_secs(),
    );
    Ok(match lost.first() {
        Some(reason) => Seen::Wrong {
            what: format!("{summary}; the first that was not: {reason}"),
        },
        None => Seen::Answer {
            status: 200,
            message: summary,
            headers: Vec::new(),
            body: Vec::new(),
        },
    })
}

/// What nobody honest sends; no signature has to be made for it.
fn junk(session: &Session) -> Vec<Vec<u8>> {
    let http = session.ping().http();
    let signature = format!("0x{}", "5a".repeat(64));
    vec![
        http.clone().set("bt_header_dendrite_signature", signature).bytes(),
        http.clone().without("bt_header_dendrite_signature").bytes(),
        http.clone().with(|http| http.path = "/Junk".into()).bytes(),
        http.set("bt_header_dendrite_nonce", "1").bytes(),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
    ]
}

/// Sends this connection's share of the junk, reading what comes back.
async fn pour(session: &Session, junk: &[Vec<u8>], rate: u32, tally: &Tally) {
    let mut ticks = interval(Duration::from_secs(1) * CONNECTIONS / rate.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut socket = None;
    for bytes in junk.iter().cycle() {
        ticks.tick().await;
        if tally.over.load(Ordering::Relaxed) {
            return;
        }
        if socket.is_none() {
            socket = Socket::open(session.target).await.ok();
        }
        let Some(open) = socket.as_mut() else {
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let sent = open.write(bytes, JUNK_PATIENCE).await;
        tally.junk.fetch_add(u64::from(sent), Ordering::Relaxed);
        if !sent || open.read(JUNK_PATIENCE).await.status().is_none() {
            socket = None;
        }
    }
}

/// How long the honest caller waited each time, and why it was not served where it was not.
async fn honest(session: &Session, tally: &Tally) -> (Vec<Duration>, Vec<String>) {
    let (mut waits, mut lost) = (Vec::new(), Vec::new());
    let until = Instant::now() + LASTS;
    while Instant::now() < until {
        let began = Instant::now();
        match session.send(&session.ping().bytes()).await {
            Ok(seen) if seen.is_served() => waits.push(began.elapsed()),
            Ok(seen) => lost.push(seen.to_string()),
            Err(reason) => lost.push(reason),
        }
        sleep(HONEST_PAUSE).await;
    }
    tally.over.store(true, Ordering::Relaxed);
    waits.sort();
    (waits, lost)
}

fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let place = (sorted.len() as f64 * share) as usize;
    let last = sorted.len().saturating_sub(1);
    sorted.get(place.min(last)).copied().unwrap_or_default()
}
