//! `axoneme up`: a whole subnet in one process, over real sockets.

mod neurons;
mod plan;
mod progress;
mod report;
mod screen;
mod setup;

use std::sync::Arc;
use std::time::Duration;

use axoneme_chain::{Chain, ChainError};
use axoneme_drill::{Drill, DrillConfig, Schedule};
use axoneme_llm::{
    DeviceChoice, Embedder, Engine, EngineConfig, MINILM_L6, ModelError, ModelRef, ModelStore, SMOLLM2_135M,
    StderrProgress,
};
use axoneme_neuron::config::LoggingConfig;
use axoneme_neuron::{ExitCode, Failure, telemetry};
use localnet::{Localnet, LocalnetConfig, LocalnetError};
use tokio_util::sync::CancellationToken;

use crate::args::{Goal, UpArgs};
use neurons::Neurons;
use plan::Plan;
use progress::Progress;
use report::Report;
use screen::Screen;

/// Time between two looks at the chain for the table.
const LOOK: Duration = Duration::from_millis(1000);

/// Models shared by all neurons of the process.
#[derive(Clone)]
struct Models {
    engine: Engine,
    embedder: Embedder,
}

/// Starts the subnet and runs it until its goal is reached or `cancel`.
///
/// # Errors
/// [`ExitCode::Deadline`] when `--timeout` passes first; else the code of what failed.
pub async fn run(args: UpArgs, cancel: CancellationToken) -> Result<(), Failure> {
    let screen = Arc::new(Screen::new());
    let logging = LoggingConfig {
        debug: args.debug,
        ..LoggingConfig::default()
    };
    telemetry::init_logs_to(&logging, screen::LogTo(screen.clone()));
    let result = start(&args, &screen, &cancel).await;
    screen.clear();
    let report = result?;
    if let Some(report) = report {
        if args.json {
            println!("{}", report.json());
        } else {
            println!("{}", report.table());
        }
    }
    Ok(())
}

/// The final report when there was a goal, `None` when the operator stopped it.
async fn start(args: &UpArgs, screen: &Arc<Screen>, cancel: &CancellationToken) -> Result<Option<Report>, Failure> {
    let deadline = tokio::time::Instant::now() + args.timeout;
    let models = tokio::select! {
        models = load_models(args) => models?,
        () = cancel.cancelled() => return stopped(args),
    };
    let plan = Plan::new(args)?;
    let chain = Localnet::start(LocalnetConfig {
        rpc: ([127, 0, 0, 1], args.port).into(),
        block_time: Duration::from_millis(args.block_time),
        data_dir: plan.chain_dir(),
        ..LocalnetConfig::default()
    })
    .await
    .map_err(|error| localnet_failure(&error))?;
    tracing::info!("dev chain on {}, a block every {} ms", chain.ws_url(), args.block_time);

    let endpoint = chain.ws_url();
    let result = on_chain(args, &plan, &endpoint, models, screen, cancel, deadline).await;
    chain.shutdown().await;
    result
}

/// Everything that needs the chain; when it returns, no neuron is left running.
async fn on_chain(
    args: &UpArgs,
    plan: &Plan,
    endpoint: &str,
    models: Models,
    screen: &Arc<Screen>,
    cancel: &CancellationToken,
    deadline: tokio::time::Instant,
) -> Result<Option<Report>, Failure> {
    let (client, netuid) = tokio::select! {
        prepared = setup::prepare(plan, endpoint) => prepared?,
        () = cancel.cancelled() => return stopped(args),
    };
    let drill = start_drill(args, endpoint).await?;
    let endpoint = drill.as_ref().map_or_else(|| endpoint.to_owned(), Drill::url);
    let mut neurons = Neurons::start(plan, &endpoint, netuid, models, cancel);
    let mut goal = args.goal().map(Progress::new);
    let result = loop {
        tokio::select! {
            () = cancel.cancelled() => break stopped(args),
            // Ctrl-C reaches the neurons too, and one of them may end before this task hears of it.
            failure = neurons.failed() => {
                break if cancel.is_cancelled() { stopped(args) } else { Err(failure) };
            }
            () = tokio::time::sleep_until(deadline), if goal.is_some() => {
                let missing = goal.as_ref().map(Progress::missing).unwrap_or_default();
                let what = args.goal().map_or("", Goal::words);
                break Err(Failure::message(ExitCode::Deadline, format!(
                    "no {what} within {} s: {missing}", args.timeout.as_secs_f64()
                )));
            }
            () = tokio::time::sleep(LOOK) => {}
        }
        match Report::read(&client, netuid, plan, &neurons.validator_stats()).await {
            Ok(report) => {
                screen.show(&report.table());
                if let Some(progress) = &mut goal {
                    progress.update(&report);
                    if let (Some(block), Some(hidden)) = (progress.asks(), &report.hidden) {
                        match revealed(&client, netuid, plan, block, hidden.block).await {
                            Ok(revealed) => progress.learn(revealed),
                            Err(error) => tracing::warn!("cannot read what was revealed: {error}"),
                        }
                    }
                    if progress.reached() {
                        break Ok(None);
                    }
                }
            }
            Err(error) => tracing::warn!("cannot read the chain for the table: {error}"),
        }
    };
    // The figures of the report are read once nobody changes them any more.
    let stats = neurons.validator_stats();
    neurons.stop().await;
    if let Some(drill) = drill {
        let report = drill.shutdown().await;
        let (outages, hit) = (report.outages.len(), report.counts.open_connections_hit);
        tracing::info!(
            outages,
            connections_hit = hit,
            accepted = report.counts.accepted,
            "drill over"
        );
    }
    match result {
        Ok(None) if goal.as_ref().is_some_and(Progress::reached) => Report::read(&client, netuid, plan, &stats)
            .await
            .map(|report| Some(report.with_reveal(goal.as_ref().and_then(Progress::revealed))))
            .map_err(crate::local::chain),
        other => other,
    }
}

/// The proxy between the neurons and the chain, if one is asked for. The table's own look at the chain goes past it.
async fn start_drill(args: &UpArgs, endpoint: &str) -> Result<Option<Drill>, Failure> {
    let Some(fault) = args.drill else { return Ok(None) };
    let start = async {
        let mut config = DrillConfig::before(endpoint)?;
        config.schedule = Schedule::every(fault, args.drill_every, args.drill_for)?;
        Drill::start(config).await
    };
    let drill = start.await.map_err(|error| crate::drill::failure(&error))?;
    let (every, lasts) = (args.drill_every.as_secs_f64(), args.drill_for.as_secs_f64());
    tracing::info!(
        "the neurons reach the chain by {}: {fault} for {lasts} s of every {every} s",
        drill.url()
    );
    Ok(Some(drill))
}

/// The newest block after `block`, up to `to`, in which the chain revealed timelocked weights of the validator.
async fn revealed(chain: &Chain, netuid: u16, plan: &Plan, block: u64, to: u64) -> Result<Option<u64>, ChainError> {
    let hotkey = &plan.validator().hotkey;
    let reveals = chain.weights_revealed(netuid, 0, hotkey, block.saturating_add(1), to);
    let timelocked = reveals.await?.into_iter().find(|revealed| revealed.hash.is_none());
    Ok(timelocked.map(|revealed| revealed.block))
}

/// The end that an operator asked for: well, unless a goal was set and not reached.
fn stopped(args: &UpArgs) -> Result<Option<Report>, Failure> {
    match args.goal() {
        None => Ok(None),
        Some(goal) => Err(Failure::message(
            ExitCode::Failure,
            format!("interrupted before there was {}", goal.words()),
        )),
    }
}

/// Makes both models available and loads each once; all neurons share them.
async fn load_models(args: &UpArgs) -> Result<Models, Failure> {
    let failure = |error: ModelError| Failure::new(ExitCode::Model, &error);
    let store = ModelStore::new(None);
    let device: DeviceChoice = args.device.parse().map_err(failure)?;
    let (model, embedder): (ModelRef, ModelRef) = (
        args.model.parse().map_err(failure)?,
        args.embedding_model.parse().map_err(failure)?,
    );
    let progress = Arc::new(StderrProgress::new());
    let gguf = store
        .ensure(&model, &SMOLLM2_135M, progress.clone())
        .await
        .map_err(failure)?;
    let embedder = store.ensure(&embedder, &MINILM_L6, progress).await.map_err(failure)?;
    tracing::info!("loading {} and {}", gguf.display(), embedder.display());
    let config = EngineConfig {
        threads: args.threads,
        ..EngineConfig::default()
    };
    let loading = tokio::task::spawn_blocking(move || {
        Ok(Models {
            engine: Engine::load(&gguf, device, config)?,
            embedder: Embedder::load(&embedder, device)?,
        })
    });
    loading
        .await
        .map_err(|error| Failure::message(ExitCode::Model, format!("loading the models failed: {error}")))?
        .map_err(failure)
}

fn localnet_failure(error: &LocalnetError) -> Failure {
    let code = match error {
        LocalnetError::PortInUse { .. } => ExitCode::PortInUse,
        _ => ExitCode::Failure,
    };
    Failure::new(code, error)
}
