//! The life of a miner: check, load, listen, publish, serve, drain.

use std::sync::Arc;
use std::time::Duration;

use axoneme_axon::{Axon, AxonError, Limits, TlsIdentity};
use axoneme_llm::{DeviceChoice, Engine, EngineConfig, ModelError, ModelRef, ModelStore, SMOLLM2_135M, StderrProgress};
use axoneme_neuron::metagraph::{keep_fresh, watch_connection};
use axoneme_neuron::preflight::WithoutChain;
use axoneme_neuron::{Duties, ExitCode, Failure, Readiness, admin, preflight};
use axoneme_protocol::nonce::NonceStore;
use axoneme_protocol::{Prompting, StreamPrompting, SystemClock};
use axoneme_replay::{ReplayConfig, ReplayError, Scope};
use axoneme_wallet::AccountId;
use tokio_util::sync::CancellationToken;

use crate::announce::{self, Published};
use crate::config::{MinerConfig, MinerKind};
use crate::forward::PromptingForward;
use crate::policy::MinerPolicy;

/// Name of the TLS key in the data directory.
const TLS_KEY: &str = "axon_tls.key";
/// Time for requests in flight at the end; less than the five seconds an operator waits.
const DRAIN: Duration = Duration::from_secs(3);

/// What a host program shares between several neurons of one process.
#[derive(Default)]
pub struct Host {
    /// A loaded model; a miner alone loads its own.
    pub engine: Option<Engine>,
}

/// Runs a miner until `cancel`.
///
/// # Errors
/// With the exit code of what could not be started; once it runs, only the loss of something that
/// no retry brings back ends it.
pub async fn run(config: MinerConfig, host: Host, cancel: CancellationToken) -> Result<(), Failure> {
    let readiness = Readiness::waiting_for(&["axon", "axon published"]);
    let folder = config
        .logging
        .data_dir(&config.wallet, config.netuid, &config.neuron.name);
    let identity = preflight::identify(
        &config.wallet,
        &config.subtensor,
        config.netuid,
        &folder,
        WithoutChain::StandBy,
        &readiness,
    )
    .await?;
    let limits = config.miner.limits.limits(config.axon.max_workers);
    // Before the model: what a store refuses after a start is past when that has loaded.
    let nonces = nonce_store(&config, &limits, &identity.hotkey.account_id()).await?;
    let engine = match (config.miner.kind, host.engine) {
        (MinerKind::Llm, Some(engine)) => Some(engine),
        (MinerKind::Llm, None) => Some(load(&config).await?),
        (MinerKind::Echo, _) => None,
    };

    let mut duties = Duties::new(cancel.clone());
    watch_connection(&mut duties, &identity.chain, &readiness);
    let refresh = config.miner.blocks_per_epoch;
    let metagraph = keep_fresh(
        &mut duties,
        &identity.chain,
        identity.snapshot.clone(),
        refresh,
        &readiness,
        identity.file.clone(),
    )
    .newest;
    let policy = MinerPolicy::new(
        &config.miner.blacklist,
        &config.miner.priority,
        &identity.metagraph,
        identity.snapshot.age(),
    )?;
    policy.keep_informed(&mut duties, &metagraph);
    let forward = Arc::new(match engine {
        Some(engine) => PromptingForward::model(config.miner.clone(), engine),
        None => PromptingForward::echo(config.miner.clone()),
    });
    let mut axon = Axon::builder(identity.hotkey.clone());
    if config.miner.wire.tls {
        let identity = TlsIdentity::load_or_create(&folder.join(TLS_KEY));
        axon = axon.tls(identity.map_err(|error| Failure::new(ExitCode::Config, &error))?);
    }
    let axon = axon
        .bind(config.axon.bind())
        .limits(limits)
        .auth(config.miner.wire.auth())
        .nonce_store(nonces)
        .policy(policy)
        .route::<Prompting>(forward.clone())
        .route_stream::<StreamPrompting>(forward)
        .start()
        .await
        .map_err(|error| axon_failure(&error))?;
    readiness.set("axon", Ok(()));
    admin::serve(config.admin.port, readiness.clone(), cancel.clone()).await?;

    let local_chain = identity.chain.config().is_local();
    let protocol = config.miner.wire.protocol();
    let endpoint = announce::endpoint(&config.axon, axon.local_addr(), local_chain, protocol)?;
    tracing::info!(
        netuid = identity.netuid, uid = identity.uid, hotkey = %identity.hotkey.account_id(),
        listen = %axon.local_addr(), chain = %identity.endpoint, "miner started"
    );
    announce::keep_announced(
        &mut duties,
        &identity.chain,
        &identity.hotkey,
        Published {
            endpoint,
            tls_key: axon.tls_key().map(<[u8]>::to_vec),
        },
        metagraph,
        &readiness,
    );
    let result = duties.run(DRAIN).await;
    axon.shutdown(DRAIN).await;
    tracing::info!(uid = identity.uid, "miner stopped");
    result
}

/// Loads the configured model, fetching the default one if it is not there yet.
async fn load(config: &MinerConfig) -> Result<Engine, Failure> {
    let settings = &config.miner;
    let device: DeviceChoice = config.neuron.device.parse().map_err(|error| model_failure(&error))?;
    let reference: ModelRef = settings.model.parse().map_err(|error| model_failure(&error))?;
    let progress = Arc::new(StderrProgress::new());
    let path = ModelStore::new(None).ensure(&reference, &SMOLLM2_135M, progress).await;
    let path = path.map_err(|error| model_failure(&error))?;
    let engine = EngineConfig {
        threads: settings.threads,
        max_slots: settings.slots,
        ..EngineConfig::default()
    };
    let loading = tokio::task::spawn_blocking(move || Engine::load(&path, device, engine));
    match loading.await {
        Ok(loaded) => loaded.map_err(|error| model_failure(&error)),
        Err(error) => Err(Failure::message(
            ExitCode::Model,
            format!("loading the model failed: {error}"),
        )),
    }
}

/// Opens the configured replay store.
async fn nonce_store(
    config: &MinerConfig,
    limits: &Limits,
    hotkey: &AccountId,
) -> Result<Arc<dyn NonceStore>, Failure> {
    let store: ReplayConfig = config
        .axon
        .replay_store
        .parse()
        .map_err(|error| replay_failure(&error))?;
    let name = &config.neuron.name;
    let scope = Scope {
        clock: Arc::new(SystemClock::default()),
        horizon: limits.horizon(),
        hotkey,
        capacity: limits.nonce_capacity,
        data_dir: &config.logging.data_dir(&config.wallet, config.netuid, name),
    };
    let opened = axoneme_replay::open(&store, scope).await;
    let opened = opened.map_err(|error| replay_failure(&error))?;
    tracing::info!(%store, "replay store open");
    Ok(opened)
}

fn replay_failure(error: &ReplayError) -> Failure {
    let code = match error {
        ReplayError::Setting { .. } => ExitCode::Config,
        _ => ExitCode::State,
    };
    Failure::new(code, error)
}

fn model_failure(error: &ModelError) -> Failure {
    Failure::new(ExitCode::Model, error)
}

fn axon_failure(error: &AxonError) -> Failure {
    let code = if matches!(error, AxonError::PortInUse { .. }) {
        ExitCode::PortInUse
    } else {
        ExitCode::Failure
    };
    Failure::new(code, error)
}
