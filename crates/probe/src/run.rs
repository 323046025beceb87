//! One run of the kit.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axoneme_wallet::{AccountId, Keypair};
use futures::stream::{self, StreamExt};

use crate::case::{Case, Expect, Group};
use crate::cases;
use crate::error::ProbeError;
use crate::report::{Finding, Report};
use crate::session::{Session, SynapseSpec};
use crate::socket::Seen;
use crate::verdict::Verdict;

/// Pause between two cases, so that a server's rate limits are not what is measured.
const PAUSE: Duration = Duration::from_millis(30);
/// How often an answer "not now" is waited out before it counts, and how long each time.
const WAITS: usize = 5;
const RATE_PAUSE: Duration = Duration::from_secs(1);
const RESTART_PAUSE: Duration = Duration::from_millis(2500);
/// After so many cases in a row that left the axon dead, the rest would say nothing.
const DOWN_FOR_GOOD: usize = 3;
/// Slow senders at the same time.
const SLOW_AT_ONCE: usize = 16;

/// What to probe, and how.
#[derive(Clone)]
pub struct ProbeConfig {
    /// Where the axon listens.
    pub target: SocketAddr,
    /// The axon's hotkey: what callers sign for.
    pub hotkey: AccountId,
    /// Who calls; has to be somebody whom the axon serves.
    pub signer: Keypair,
    /// What honest requests carry.
    pub synapse: SynapseSpec,
    /// Longest wait for an answer.
    pub patience: Duration,
    /// Longest time after which a slow sender's connection has to be gone; the wire's rule is 12 s from the first byte.
    pub slow_limit: Duration,
    /// Only cases whose id or group holds one of these; empty: all.
    pub only: Vec<String>,
    /// So many junk requests a second beside honest ones, for five seconds; nothing: no flood. Loopback only.
    pub flood: Option<u32>,
    /// When to stop, whatever is left.
    pub time_limit: Duration,
}

impl ProbeConfig {
    /// All cases but the flood, with the waits of the wire's rules.
    pub fn new(target: SocketAddr, hotkey: AccountId, signer: Keypair, synapse: SynapseSpec) -> Self {
        Self {
            target,
            hotkey,
            signer,
            synapse,
            patience: Duration::from_secs(12),
            slow_limit: Duration::from_secs(13),
            only: Vec::new(),
            flood: None,
            time_limit: Duration::from_secs(900),
        }
    }
}

/// Plays the cases and judges the outcomes.
///
/// # Errors
/// When the axon cannot be reached or does not serve an honest request, so that refusals mean nothing.
pub async fn run(config: ProbeConfig) -> Result<Report, ProbeError> {
    let began = Instant::now();
    if config.flood.is_some() && !config.target.ip().to_canonical().is_loopback() {
        return Err(ProbeError::NotLoopback { target: config.target });
    }
    let session = Session {
        target: config.target,
        hotkey: config.hotkey,
        signer: config.signer,
        synapse: config.synapse,
        patience: config.patience,
        slow_limit: config.slow_limit,
        flood: config.flood,
    };
    let served = Served::find(&session).await?;
    let chosen: Vec<Case> = cases::all()
        .into_iter()
        .filter(|case| {
            let named = |text: &String| case.id.contains(text) || case.group.label() == text;
            config.only.is_empty() || config.only.iter().any(named)
        })
        .collect();
    // Slow senders only wait, so they wait together.
    let (slow, quick): (Vec<Case>, Vec<Case>) = chosen.into_iter().partition(|case| case.expect == Expect::Ended);
    let mut findings = Vec::new();
    let mut down = 0;
    for case in quick {
        let over = if down >= DOWN_FOR_GOOD {
            Some("not played: the axon no longer serves anybody")
        } else if began.elapsed() > config.time_limit {
            Some("not played: the time for the whole run is up")
        } else {
            None
        };
        if let Some(why) = over {
            findings.push(Finding::new(&case, Verdict::Broken, why.into()));
            continue;
        }
        let served_here = if case.group == Group::Btauth {
            served.btauth
        } else {
            served.v10
        };
        if !served_here {
            findings.push(Finding::new(
                &case,
                Verdict::Skipped,
                "this axon does not serve this wire".into(),
            ));
            continue;
        }
        let finding = play(&session, &case, served).await;
        down = if finding.verdict == Verdict::Down { down + 1 } else { 0 };
        findings.push(finding);
        tokio::time::sleep(PAUSE).await;
    }
    let slow = stream::iter(slow)
        .map(|case| {
            let session = &session;
            async move { play(session, &case, served).await }
        })
        .buffer_unordered(SLOW_AT_ONCE)
        .collect::<Vec<_>>();
    findings.extend(slow.await);
    findings.sort_by_key(|finding| (finding.group, cases::place(&finding.id)));
    Ok(Report::new(config.target, config.hotkey, began.elapsed(), findings))
}

/// Which wires the axon serves. Honest requests have to work on one, or refusals would show nothing.
#[derive(Clone, Copy)]
struct Served {
    v10: bool,
    /// Whether there is the built-in route, which costs a model nothing.
    ping: bool,
    btauth: bool,
}

impl Served {
    async fn find(session: &Session) -> Result<Self, ProbeError> {
        let unreachable = |reason| ProbeError::Unreachable {
            target: session.target,
            reason,
        };
        let v10 = session.send(&session.draft().bytes()).await.map_err(unreachable)?;
        let btauth = session.send(&session.signed().bytes()).await.map_err(unreachable)?;
        let ping = session.send(&session.ping().bytes()).await.map_err(unreachable)?;
        if !v10.is_served() && !btauth.is_served() {
            return Err(ProbeError::NotServed {
                target: session.target,
                answer: v10.to_string(),
            });
        }
        Ok(Self {
            v10: v10.is_served(),
            ping: ping.is_served(),
            btauth: btauth.is_served(),
        })
    }
}

async fn play(session: &Session, case: &Case, served: Served) -> Finding {
    let mut seen = (case.play)(session).await;
    for _ in 0..WAITS {
        let pause = match (&seen, case.expect) {
            (Ok(Seen::Answer { status: 429, .. }), _) => RATE_PAUSE,
            // An axon that has just started may refuse, for a while, what was signed before.
            (Ok(Seen::Answer { status: 503, .. }), Expect::Served) => RESTART_PAUSE,
            _ => break,
        };
        tokio::time::sleep(pause).await;
        seen = (case.play)(session).await;
    }
    let (verdict, answer) = match seen {
        Ok(seen) => (Verdict::of(case.expect, &seen), seen.to_string()),
        Err(reason) => (Verdict::Broken, reason),
    };
    match still_serves(session, served).await {
        Ok(()) => Finding::new(case, verdict, answer),
        Err(after) => Finding::new(case, Verdict::Down, format!("{answer}; then a ping: {after}")),
    }
}

/// Whether an honest request is served, after a moment if need be: the ping where there is one, since it costs a model
/// nothing.
async fn still_serves(session: &Session, served: Served) -> Result<(), String> {
    let mut last = String::new();
    for pause in [0, 300, 1500] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let honest = if served.ping {
            session.ping().bytes()
        } else if served.v10 {
            session.draft().bytes()
        } else {
            session.signed().bytes()
        };
        match session.send(&honest).await {
            Ok(seen) if seen.is_served() => return Ok(()),
            Ok(seen) => last = seen.to_string(),
            Err(error) => last = error,
        }
    }
    Err(last)
}
