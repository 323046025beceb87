//! The running validator and miners.

use std::time::Duration;

use axoneme_neuron::{ExitCode, Failure};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use validator::ValidatorStats;

use super::Models;
use super::plan::Plan;

/// Everything ends within five seconds of Ctrl-C; this much of it is for the neurons.
const STOP: Duration = Duration::from_millis(3500);

/// Tasks of the neurons, each the same entry point as its program's.
#[derive(Debug)]
pub(super) struct Neurons {
    cancel: CancellationToken,
    tasks: JoinSet<(&'static str, Result<(), Failure>)>,
    stats: watch::Receiver<ValidatorStats>,
}

impl Neurons {
    pub(super) fn start(plan: &Plan, endpoint: &str, netuid: u16, models: Models, cancel: &CancellationToken) -> Self {
        let cancel = cancel.child_token();
        let mut tasks = JoinSet::new();
        for member in plan.miners() {
            let config = plan.miner(member, endpoint, netuid);
            let host = miner::Host {
                engine: Some(models.engine.clone()),
            };
            let (name, cancel) = (member.name, cancel.clone());
            tasks.spawn(async move { (name, miner::run(config, host, cancel).await) });
        }
        let (sender, stats) = watch::channel(ValidatorStats::default());
        let config = plan.validator_config(endpoint, netuid);
        let host = validator::Host {
            engine: Some(models.engine),
            embedder: Some(models.embedder),
            stats: Some(sender),
        };
        let token = cancel.clone();
        tasks.spawn(async move { ("validator", validator::run(config, host, token).await) });
        Self { cancel, tasks, stats }
    }

    /// What the validator has counted so far.
    pub(super) fn validator_stats(&self) -> ValidatorStats {
        self.stats.borrow().clone()
    }

    /// Waits until a neuron ends by itself, which none should.
    pub(super) async fn failed(&mut self) -> Failure {
        match self.tasks.join_next().await {
            Some(Ok((name, Err(failure)))) => Failure::message(failure.code, format!("{name}: {failure}")),
            Some(Ok((name, Ok(())))) => Failure::message(ExitCode::Failure, format!("{name} ended by itself")),
            Some(Err(error)) => Failure::message(ExitCode::Failure, format!("a neuron broke: {error}")),
            None => std::future::pending().await,
        }
    }

    /// Ends all of them, in time.
    pub(super) async fn stop(mut self) {
        self.cancel.cancel();
        let drain = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP, drain).await.is_err() {
            tracing::warn!("some neurons did not end in time and were dropped");
        }
        self.tasks.shutdown().await;
    }
}
