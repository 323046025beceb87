//! `bench axon`: one load, with what stands beside it.

use std::net::SocketAddr;
use std::time::Duration;

use axoneme_protocol::Prompting;
use axoneme_wallet::{AccountId, Keypair};

use crate::args::{AxonArgs, LimitSet, ServeKind};
use crate::child::{ChildOptions, Relaunch, ServingChild};
use crate::engine::{self, Counted, Measure};
use crate::error::BenchError;
use crate::junk::{self, Junk};
use crate::process::{self, Usage};
use crate::report::{AddedLatency, AxonReport, Latency, LoadReport, mib};
use crate::schedule::{Load, Pace, Schedule};

/// How long one answer may take before it counts as none.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Times that axon and bare HTTP take turns.
const TURNS: u32 = 3;

/// The honest caller beside the junk, unless told otherwise.
const HONEST_RATE: f64 = 50.0;

/// Measures one axon.
pub fn run(args: &AxonArgs, relaunch: &Relaunch) -> Result<AxonReport, BenchError> {
    check(args)?;
    let signers = signers(args)?;
    let child = match args.target {
        Some(_) => None,
        None => Some(ServingChild::start(
            relaunch,
            &child_options(args, ServeKind::Axon, &signers),
        )?),
    };
    let (target, receiver) = target(args, child.as_ref())?;
    let subject = Subject {
        load: load(args, &signers, target, receiver),
        server: args.pid.or(child.as_ref().map(|child| child.ready.pid)).or_else(|| {
            process::is_here(target.ip())
                .then(|| process::listening_on(target))
                .flatten()
        }),
    };
    if let Some(rate) = args.junk_rate {
        return subject.under_junk(args, rate);
    }
    let mut report = subject.report(args, &subject.measure(args)?)?;
    let added = args
        .added_latency
        .then(|| added_latency(args, relaunch, &subject))
        .transpose()?;
    if let Some(added) = &added {
        report.latency_ms = added.axon_ms;
    }
    Ok(AxonReport {
        load: report,
        added,
        junk: None,
    })
}

fn check(args: &AxonArgs) -> Result<(), BenchError> {
    let bad = |text: &str| Err(BenchError::Options(text.into()));
    match (args.target, args.junk_rate) {
        (Some(target), Some(_)) if !process::is_here(target.ip()) => return Err(BenchError::NotLoopback { target }),
        _ => {}
    }
    if args
        .rate
        .into_iter()
        .chain(args.junk_rate)
        .any(|rate| !(rate > 0.0 && rate <= 1e6))
    {
        return bad("a rate is above 0 and at most 1000000 per second");
    }
    if args.seconds + args.warmup > Duration::from_secs(600) || args.seconds.is_zero() {
        return bad("--seconds is above 0, and with --warmup at most 600");
    }
    Ok(())
}

/// The keys that ask: the named one, and others derived from it.
fn signers(args: &AxonArgs) -> Result<Vec<Keypair>, BenchError> {
    let uri = |index: u16| match index {
        0 => args.uri.clone(),
        _ => format!("{}//{index}", args.uri),
    };
    let keys = (0..args.callers).map(|index| Keypair::from_uri(&uri(index)));
    Ok(keys.collect::<Result<_, _>>()?)
}

fn child_options(args: &AxonArgs, kind: ServeKind, signers: &[Keypair]) -> ChildOptions {
    let junk = args.junk_rate.is_some();
    let usual = if junk { LimitSet::Default } else { LimitSet::Open };
    ChildOptions {
        kind,
        count: 1,
        limits: args.limits.unwrap_or(usual),
        permit: signers.iter().filter(|_| junk).map(Keypair::account_id).collect(),
        cpu: args.server_cpu,
    }
}

fn target(args: &AxonArgs, child: Option<&ServingChild>) -> Result<(SocketAddr, AccountId), BenchError> {
    let served = child.and_then(|child| child.ready.axons.first());
    args.target
        .zip(args.hotkey)
        .or(served.map(|served| (served.address, served.hotkey)))
        .ok_or_else(|| BenchError::Options("--target needs --hotkey".into()))
}

fn load(args: &AxonArgs, signers: &[Keypair], target: SocketAddr, receiver: AccountId) -> Load {
    Load {
        wire: args.wire,
        target,
        receiver,
        signers: signers.to_vec(),
        connections: args.connections.into(),
        body_bytes: args.body_bytes,
    }
}

/// An axon, the load for it, and the process behind it.
struct Subject {
    load: Load,
    server: Option<u32>,
}

impl Subject {
    fn measure(&self, args: &AxonArgs) -> Result<Counted, BenchError> {
        let pace = match args.rate {
            Some(rate) => Pace::Open { rate },
            None => Pace::Closed {
                expected: self.expected_rate()? * 1.6 + 50.0,
            },
        };
        self.run(args, pace, args.warmup, args.seconds)
    }

    fn run(&self, args: &AxonArgs, pace: Pace, warmup: Duration, seconds: Duration) -> Result<Counted, BenchError> {
        let schedule = Schedule::sign(&self.load, pace, warmup + seconds)?;
        let measure = Measure {
            target: self.load.target,
            source: None,
            warmup,
            timeout: TIMEOUT,
            server: self.server,
            requests: args.requests,
            reconnect: args.reconnect,
        };
        engine::run(&schedule, &measure)
    }

    /// A first burst, so that neither too few requests are signed nor many times too many.
    fn expected_rate(&self) -> Result<f64, BenchError> {
        const FASTEST: f64 = 30_000.0;
        let short = Duration::from_millis(600);
        let schedule = Schedule::sign(&self.load, Pace::Closed { expected: FASTEST }, short)?;
        let measure = Measure {
            target: self.load.target,
            source: None,
            warmup: Duration::from_millis(200),
            timeout: TIMEOUT,
            server: None,
            requests: None,
            reconnect: false,
        };
        let counted = engine::run(&schedule, &measure)?;
        if counted.good() == 0 {
            return Err(BenchError::Target {
                target: self.load.target,
                what: format!("no answer with status 200: {:?}", counted.outcomes),
            });
        }
        Ok(counted.total() as f64 / counted.elapsed.as_secs_f64())
    }

    fn report(&self, args: &AxonArgs, counted: &Counted) -> Result<LoadReport, BenchError> {
        let template = crate::requests::Template::new(
            self.load.wire,
            self.load.target,
            &self.load.signers[0],
            self.load.receiver,
            self.load.body_bytes,
        )?;
        let answer = counted
            .sample
            .as_deref()
            .and_then(|body| serde_json::from_slice::<Prompting>(body).ok());
        Ok(LoadReport {
            rate: args.rate.or(args.junk_rate.map(|_| HONEST_RATE)),
            echoed: answer.is_some_and(|answer| answer.completion.ends_with(template.text())),
            ..LoadReport::of(&self.load, counted, self.server)
        })
    }

    /// The honest caller alone, and then with the junk beside it.
    fn under_junk(&self, args: &AxonArgs, junk_rate: f64) -> Result<AxonReport, BenchError> {
        let pace = Pace::Open {
            rate: args.rate.unwrap_or(HONEST_RATE),
        };
        let alone = self.run(args, pace, Duration::ZERO, args.warmup.max(Duration::from_millis(500)))?;
        let before = self.server.and_then(Usage::of);
        let flood = Junk {
            load: self.load.clone(),
            rate: junk_rate,
            sources: args.junk_sources,
            slow: args.slow_connections,
            length: args.warmup + args.seconds,
        };
        let (counted, flooded) = std::thread::scope(|scope| {
            let flood = scope.spawn(|| junk::flood(&flood));
            let counted = self.run(args, pace, args.warmup, args.seconds);
            (counted, flood.join())
        });
        let counted = counted?;
        let mut junk = flooded.map_err(|_| BenchError::Build("the junk thread panicked".into()))??;
        junk.alone_ms = Some(Latency::of(&alone.latency));
        let after = counted.server.map(|(_, after)| after);
        junk.resident_growth_mib = before
            .zip(after)
            .map(|(before, after)| mib(after.resident) - mib(before.resident));
        Ok(AxonReport {
            load: self.report(args, &counted)?,
            added: None,
            junk: Some(junk),
        })
    }
}

/// The same open loop on the axon and on bare HTTP, in turns.
fn added_latency(args: &AxonArgs, relaunch: &Relaunch, axon: &Subject) -> Result<AddedLatency, BenchError> {
    let options = child_options(args, ServeKind::Bare, &axon.load.signers);
    let child = ServingChild::start(relaunch, &options)?;
    let (target, receiver) = target(args, Some(&child))?;
    let bare = Subject {
        load: load(args, &axon.load.signers, target, receiver),
        server: None,
    };
    let mut histograms = [engine::histogram()?, engine::histogram()?];
    for _ in 0..TURNS {
        for (subject, histogram) in [axon, &bare].into_iter().zip(&mut histograms) {
            let counted = subject.measure(args)?;
            histogram
                .add(&counted.latency)
                .map_err(|error| BenchError::Build(error.to_string()))?;
        }
    }
    let [axon_ms, bare_ms] = histograms.map(|histogram| Latency::of(&histogram));
    Ok(AddedLatency {
        axon_ms,
        bare_ms,
        p50_ms: axon_ms.p50 - bare_ms.p50,
        p99_ms: axon_ms.p99 - bare_ms.p99,
    })
}
