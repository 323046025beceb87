//! The life of a miner: check, load, listen, publish, serve, drain.

use std::sync::Arc;
use std::time::Duration;

use axoneme_axon::{Axon, AxonError, Limits, TlsIdentity};
use axoneme_llm::{
    DeviceChoice, Engine, EngineConfig, GenerateError, Generator, ModelError, ModelRef, ModelStore, OpenAi,
    OpenAiConfig, SMOLLM2_135M, StderrProgress,
};
use axoneme_neuron::announce::{self, Published};
use axoneme_neuron::metagraph::{keep_fresh, watch_connection};
use axoneme_neuron::preflight::WithoutChain;
use axoneme_neuron::{Duties, ExitCode, Failure, Readiness, admin, preflight};
use axoneme_protocol::nonce::NonceStore;
use axoneme_protocol::{Prompting, PromptingReward, StreamPrompting, SystemClock};
use axoneme_replay::{ReplayConfig, ReplayError, Scope};
use axoneme_wallet::AccountId;
use tokio_util::sync::CancellationToken;

use crate::canned::Canned;
use crate::config::{MinerConfig, MinerKind};
use crate::forward::PromptingForward;
use crate::policy::MinerPolicy;
use crate::rewards::RewardsHeard;
use crate::{self_weights, standing};

/// Name of the TLS key in the data directory.
const TLS_KEY: &str = "axon_tls.key";
/// Time for requests in flight at the end; less than the five seconds an operator waits.
const DRAIN: Duration = Duration::from_secs(3);
/// Time between two looks at whether a server that answers for us is there.
const CHECK: Duration = Duration::from_secs(30);

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
pub async fn run(mut config: MinerConfig, host: Host, cancel: CancellationToken) -> Result<(), Failure> {
    for notice in config.notices() {
        tracing::warn!("{notice}");
    }
    let serves = !config.miner.no_start_axon;
    let published = serves && !config.miner.no_serve;
    let readiness = Readiness::waiting_for(match (serves, published) {
        (true, true) => &["axon", "axon published"],
        (true, false) => &["axon"],
        (false, _) => &[],
    });
    let folder = config.logging.data_dir(&config.wallet, config.netuid, config.name());
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
    let generator = generator(&config, host).await?;
    tracing::info!(kind = ?config.miner.kind, "answers come from {}", generator.describe());
    let local_chain = identity.chain.config().is_local();
    if local_chain && config.miner.blacklist.min_request_period > 0.0 {
        tracing::info!("the chain is on this machine, so miner.blacklist.min_request_period does not apply");
        config.miner.blacklist.min_request_period = 0.0;
    }

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
    let hotkey = identity.hotkey.account_id();
    let recorder = standing::recorder(&config, &folder, &hotkey, identity.netuid);
    standing::keep_told(&mut duties, &metagraph, hotkey, &policy, recorder);
    if config.miner.kind == MinerKind::OpenAi {
        keep_checked(&mut duties, generator.clone(), &readiness);
    }
    if config.weighs_itself() {
        self_weights::keep_set(
            &mut duties,
            &identity.chain,
            &identity.hotkey,
            metagraph.clone(),
            refresh,
        );
    }
    let forward = Arc::new(PromptingForward::new(&config, generator, identity.chain.blocks()));
    let axon = if serves {
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
            .route::<PromptingReward>(Arc::new(RewardsHeard))
            .start()
            .await
            .map_err(|error| axon_failure(&error))?;
        readiness.set("axon", Ok(()));
        Some(axon)
    } else {
        tracing::warn!("miner.no_start_axon: nobody is served");
        None
    };
    admin::serve(config.admin.port, readiness.clone(), cancel.clone()).await?;

    let listen = axon
        .as_ref()
        .map_or_else(|| "nowhere".to_owned(), |axon| axon.local_addr().to_string());
    tracing::info!(
        netuid = identity.netuid, uid = identity.uid, hotkey = %identity.hotkey.account_id(),
        %listen, chain = %identity.endpoint, "miner started"
    );
    if let Some(axon) = axon.as_ref().filter(|_| published) {
        let protocol = config.miner.wire.protocol();
        let endpoint = announce::endpoint(&config.axon, axon.local_addr(), local_chain, protocol)?;
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
    }
    let result = duties.run(DRAIN).await;
    if let Some(axon) = axon {
        axon.shutdown(DRAIN).await;
    }
    tracing::info!(uid = identity.uid, "miner stopped");
    result
}

/// What answers, by `miner.type`.
async fn generator(config: &MinerConfig, host: Host) -> Result<Arc<dyn Generator>, Failure> {
    let (_, _, style) = config.model();
    Ok(match (config.miner.kind, host.engine) {
        (MinerKind::Template, _) => Arc::new(Canned::Fixed(config.miner.template.clone())),
        (MinerKind::Echo, _) => Arc::new(Canned::Echo),
        (MinerKind::StreamingTemplate, _) => Arc::new(Canned::EchoFirst),
        (MinerKind::OpenAi, _) => Arc::new(open_ai(config)?),
        // A host's model writes conversations its own way; another way needs another one.
        (_, Some(engine)) if style.template().is_none() => Arc::new(engine),
        _ => Arc::new(load(config).await?),
    })
}

/// The server of `openai.*`. It need not be there yet: readiness tells.
fn open_ai(config: &MinerConfig) -> Result<OpenAi, Failure> {
    let settings = &config.openai;
    let api_key = std::env::var(&settings.api_key_env)
        .ok()
        .filter(|key| !key.trim().is_empty());
    let here = |host: &str| settings.base_url.starts_with(host);
    if api_key.is_none() && here("https://api.openai.com") {
        let message = format!(
            "the environment variable {} holds no key, and {} needs one; set it, or name another server with \
             --openai.base_url",
            settings.api_key_env, settings.base_url
        );
        return Err(Failure::message(ExitCode::Config, message));
    }
    let server = OpenAi::new(OpenAiConfig {
        base_url: settings.base_url.clone(),
        model: settings.model_name.clone(),
        api_key,
        presence_penalty: settings.presence_penalty,
        frequency_penalty: settings.frequency_penalty,
        concurrent: settings.concurrent,
    });
    let server = server.map_err(|error: GenerateError| Failure::new(ExitCode::Config, &error))?;
    if server.exposes_key() {
        tracing::warn!(
            "{} is not https: the key crosses the network in clear text",
            settings.base_url
        );
    }
    Ok(server)
}

/// Adds a duty that keeps readiness part `answers` true to whether the generator could answer.
fn keep_checked(duties: &mut Duties, generator: Arc<dyn Generator>, readiness: &Readiness) {
    let readiness = readiness.clone();
    duties.spawn("answers", CHECK * 10, move |heart, cancel| {
        let (generator, readiness) = (generator.clone(), readiness.clone());
        async move {
            loop {
                let checked = generator.check().await.map_err(|error| error.to_string());
                if let Err(problem) = &checked {
                    tracing::warn!("{problem}");
                }
                readiness.set("answers", checked);
                heart.beat();
                tokio::select! {
                    () = cancel.cancelled() => return Ok(()),
                    () = tokio::time::sleep(CHECK) => {}
                }
            }
        }
    });
}

/// Loads the configured model, fetching the default one if it is not there yet.
async fn load(config: &MinerConfig) -> Result<Engine, Failure> {
    let settings = &config.miner;
    let (model, device, style) = config.model();
    let device: DeviceChoice = device.parse().map_err(|error| model_failure(&error))?;
    let reference: ModelRef = model.parse().map_err(|error| model_failure(&error))?;
    let progress = Arc::new(StderrProgress::new());
    let path = ModelStore::new(None).ensure(&reference, &SMOLLM2_135M, progress).await;
    let path = path.map_err(|error| model_failure(&error))?;
    let engine = EngineConfig {
        threads: settings.threads,
        max_slots: settings.slots,
        chat_template: style.template().map(str::to_owned),
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
    let name = config.name();
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
