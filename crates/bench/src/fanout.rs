//! `bench dendrite`: one question to many axons, round after round.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use axoneme_dendrite::{AxonTarget, Dendrite, DendriteConfig, Wire};
use axoneme_protocol::Prompting;
use axoneme_wallet::Keypair;
use serde::Serialize;

use crate::args::{DendriteArgs, LimitSet, ServeKind};
use crate::child::{ChildOptions, Relaunch, ServingChild};
use crate::engine;
use crate::error::BenchError;
use crate::process::Usage;
use crate::report::Latency;
use crate::serve::Ready;

/// What the rounds took.
#[derive(Debug, Clone, Serialize)]
pub struct FanoutReport {
    /// Axons asked in every round.
    pub axons: usize,
    /// Rounds measured.
    pub rounds: usize,
    /// Answers by status.
    pub outcomes: BTreeMap<u16, u64>,
    /// Time per round, milliseconds.
    pub round_ms: Latency,
    /// CPU of this process per round, milliseconds.
    pub cpu_ms_per_round: f64,
    /// CPU of the axons per round, milliseconds; null when they are not ours.
    pub axons_cpu_ms_per_round: Option<f64>,
}

impl fmt::Display for FanoutReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} axons, {} rounds: {:?}", self.axons, self.rounds, self.outcomes)?;
        writeln!(f, "round      {}", self.round_ms)?;
        write!(
            f,
            "CPU        {:.1} ms of the dendrite per round",
            self.cpu_ms_per_round
        )?;
        if let Some(axons) = self.axons_cpu_ms_per_round {
            write!(f, ", {axons:.1} ms of the axons")?;
        }
        Ok(())
    }
}

/// Measures the rounds.
pub async fn run(args: &DendriteArgs, relaunch: &Relaunch) -> Result<FanoutReport, BenchError> {
    let (_child, ready) = axons(args, relaunch)?;
    let wire = match args.wire {
        crate::Wire::V10 => Wire::V10,
        crate::Wire::Btauth => Wire::Btauth,
    };
    let targets: Vec<AxonTarget> = ready
        .axons
        .iter()
        .map(|axon| AxonTarget::new(axon.hotkey, axon.address.ip(), axon.address.port()).over(wire))
        .collect();
    let config = DendriteConfig {
        allow_private: true,
        ..DendriteConfig::default()
    };
    let dendrite = Dendrite::new(Arc::new(Keypair::from_uri("//Alice")?), config)?;
    let question = Prompting::ask("x".repeat(args.message_bytes));
    // The first round connects; a validator's later ones use the connections again.
    dendrite.query(&targets, &question, args.timeout).await;
    let mut rounds = engine::histogram()?;
    let mut outcomes = BTreeMap::new();
    let usage = || (Usage::of(std::process::id()), Usage::of(ready.pid));
    let before = usage();
    for _ in 0..args.rounds {
        let began = Instant::now();
        let answers = dendrite.query(&targets, &question, args.timeout).await;
        rounds.saturating_record(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
        for answer in answers {
            *outcomes.entry(answer.status).or_default() += 1;
        }
    }
    let after = usage();
    let per_round = |before: Option<Usage>, after: Option<Usage>| {
        let (before, after) = before.zip(after)?;
        Some(after.cpu().saturating_sub(before.cpu()).as_secs_f64() * 1e3 / args.rounds as f64)
    };
    Ok(FanoutReport {
        axons: targets.len(),
        rounds: args.rounds,
        outcomes,
        round_ms: Latency::of(&rounds),
        cpu_ms_per_round: per_round(before.0, after.0).unwrap_or_default(),
        axons_cpu_ms_per_round: per_round(before.1, after.1),
    })
}

fn axons(args: &DendriteArgs, relaunch: &Relaunch) -> Result<(Option<ServingChild>, Ready), BenchError> {
    if args.rounds == 0 || args.axons == 0 {
        return Err(BenchError::Options("--rounds and --axons are at least 1".into()));
    }
    if let Some(file) = &args.targets {
        let text = std::fs::read_to_string(file).map_err(BenchError::system("read --targets"))?;
        let ready = serde_json::from_str(&text)
            .map_err(|error| BenchError::Options(format!("--targets is not what `bench serve` prints: {error}")))?;
        return Ok((None, ready));
    }
    let options = ChildOptions {
        kind: ServeKind::Axon,
        count: args.axons,
        limits: LimitSet::Open,
        permit: Vec::new(),
        cpu: args.server_cpu,
    };
    let child = ServingChild::start(relaunch, &options)?;
    let ready = child.ready.clone();
    Ok((Some(child), ready))
}
