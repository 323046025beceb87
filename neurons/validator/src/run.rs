//! The life of a validator: check, load, then its duties: connection, metagraph, forward passes, weights.

use std::sync::Arc;
use std::time::Duration;

use axoneme_dendrite::{BtauthConfig, Dendrite, DendriteConfig, TlsPolicy};
use axoneme_llm::{Embedder, Engine};
use axoneme_neuron::metagraph::{keep_fresh, watch_connection};
use axoneme_neuron::preflight::WithoutChain;
use axoneme_neuron::preflight::{self, Identity};
use axoneme_neuron::{Duties, ExitCode, Failure, Readiness, StateStore, admin};
use rand::RngCore;
use serde_json::Map;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use crate::book::{Book, Scale, ScoreRule};
use crate::config::ValidatorConfig;
use crate::dataset;
use crate::events::{self, RunFacts};
use crate::forward::ForwardConfig;
use crate::models;
use crate::passes::{PassSettings, Passes, stream};
use crate::reward::pipeline;
use crate::scores::Unasked;
use crate::stats::ValidatorStats;
use crate::step::{PromptRun, StepConfig};
use crate::tls_keys;
use crate::weights::{LEDGER, WeightSetter, WeightsConfig, beacon, check_subnet, own_version_key};

/// Time for duties to end; less than the five seconds an operator waits.
const DRAIN: Duration = Duration::from_secs(3);
/// Longest time without progress in setting weights: several deadlines of the chain.
const WEIGHTS_STUCK: Duration = Duration::from_secs(600);

/// Longest answer that is read, bytes: some hundred times what is asked for. What is longer would only keep the judge
/// busy.
const MAX_ANSWER: usize = 256 * 1024;

/// What a host program shares between several neurons of one process.
#[derive(Default)]
pub struct Host {
    /// A loaded language model; a validator alone loads its own.
    pub engine: Option<Engine>,
    /// A loaded embedding model; a validator alone loads its own.
    pub embedder: Option<Embedder>,
    /// Where figures for people go after every prompt run.
    pub stats: Option<watch::Sender<ValidatorStats>>,
}

/// Runs a validator until `cancel`.
///
/// # Errors
/// With the exit code of what could not be started; once it runs, only the loss of the registration ends it.
pub async fn run(config: ValidatorConfig, host: Host, cancel: CancellationToken) -> Result<(), Failure> {
    let started = tokio::select! {
        started = start(config, host, cancel.clone()) => started?,
        () = cancel.cancelled() => return Ok(()),
    };
    let result = started.duties.run(DRAIN).await;
    // The runs in memory were saved one by one; this catches the count of the pass that was cut short.
    if let Err(error) = started.book.save_now() {
        tracing::error!("the state was not saved: {error}");
    }
    tracing::info!("validator stopped");
    result
}

struct Started {
    duties: Duties,
    book: Book,
}

async fn start(config: ValidatorConfig, host: Host, cancel: CancellationToken) -> Result<Started, Failure> {
    config.check().map_err(|error| Failure::new(ExitCode::Config, &error))?;
    let readiness = Readiness::waiting_for(&["models", "metagraph", "forward"]);
    admin::serve(config.admin.port, readiness.clone(), cancel.clone()).await?;
    let folder = config
        .logging
        .data_dir(&config.wallet, config.netuid, &config.neuron.name);
    let identity = preflight::identify(
        &config.wallet,
        &config.subtensor,
        config.netuid,
        &folder,
        WithoutChain::Wait,
        &readiness,
    )
    .await?;
    let weights = weights_config(&config, &identity).await?;

    let store = StateStore::open(folder.join("state.json"))?;
    let stats = host
        .stats
        .clone()
        .unwrap_or_else(|| watch::Sender::new(ValidatorStats::default()));
    let genesis = hex::encode(identity.chain.genesis_hash());
    let book = Book::open(store, &genesis, stats).map_err(|error| Failure::new(ExitCode::State, &error))?;

    let parts = models::load(&config, &host).await?;
    let mut judge = pipeline(&config, parts).map_err(|error| Failure::new(ExitCode::Config, &error))?;
    let state = book.state();
    judge.restore(state.pipeline.clone());
    readiness.set("models", Ok(()));

    let seed = config.seed.unwrap_or_else(rand::random);
    // Each start reads the dataset in an order of its own, and each pass draws from a stream of its own.
    let order = stream(seed, u64::MAX - state.forwards).next_u64();
    let dataset =
        dataset::open(&config.dataset, order, None).map_err(|error| Failure::new(ExitCode::Config, &error))?;
    let transport = DendriteConfig {
        answer_bytes: MAX_ANSWER,
        // The miners of a chain on this machine are on this machine too.
        allow_private: config.neuron.allow_private_axons || identity.chain.config().is_local(),
        tls: config.dendrite.tls.policy(),
        btauth: BtauthConfig {
            require_signature: config.dendrite.require_signature,
            ..BtauthConfig::default()
        },
        ..DendriteConfig::default()
    };
    let dendrite =
        Dendrite::new(identity.hotkey.clone(), transport).map_err(|error| Failure::new(ExitCode::Failure, &error))?;
    let facts = RunFacts {
        hotkey: identity.hotkey.account_id(),
        netuid: identity.netuid,
        seed,
        version_key: config.neuron.weights_version_key.unwrap_or_else(own_version_key),
        judges: judge.names().into_iter().map(Into::into).collect(),
    };
    let events = Arc::new(events::recorder(&config, &folder, facts, Map::new));
    tracing::info!(
        netuid = identity.netuid, uid = identity.uid, hotkey = %identity.hotkey.account_id(),
        chain = %identity.endpoint, seed, prompt_runs = 1 + 2 * config.neuron.num_followup_steps,
        judges = judge.names().join(", "), step = state.steps, data = %folder.display(), "validator started"
    );

    let mut duties = Duties::new(cancel);
    let refresh = config.neuron.checkpoint_block_length;
    watch_connection(&mut duties, &identity.chain, &readiness);
    let metagraph = keep_fresh(
        &mut duties,
        &identity.chain,
        identity.snapshot.clone(),
        refresh,
        &readiness,
        identity.file.clone(),
    )
    .newest;
    let tls_keys = match config.dendrite.tls.policy() {
        TlsPolicy::Http => tls_keys::none(),
        TlsPolicy::Https | TlsPolicy::HttpsIfPublished => {
            let (chain, graph) = (&identity.chain, metagraph.clone());
            tls_keys::keep_read(&mut duties, chain, identity.netuid, graph)
                .await
                .map_err(|error| preflight::chain_failure(&error))?
        }
    };
    if let Some(weights) = weights {
        let setter = WeightSetter {
            chain: identity.chain.clone(),
            hotkey: identity.hotkey.clone(),
            book: book.clone(),
            readiness: readiness.clone(),
            config: weights,
            ledger: folder.join(LEDGER),
        };
        duties.spawn("weights", WEIGHTS_STUCK, move |heart, cancel| {
            let setter = setter.clone();
            async move { setter.run(heart, cancel).await }
        });
    }
    let step = PromptRun {
        ask: Arc::new(dendrite),
        metagraph,
        tls_keys,
        blocks: identity.chain.blocks(),
        own: identity.hotkey.account_id(),
        pipeline: Arc::new(Mutex::new(judge)),
        book: book.clone(),
        events: events.clone(),
        config: step_config(&config),
    };
    let registered = registration(&config, &step);
    let passes = Arc::new(Passes {
        step,
        dataset,
        seed,
        book: book.clone(),
        events,
        readiness,
        registered,
        settings: pass_settings(&config),
    });
    duties.spawn("forward", longest_run(&config), move |heart, cancel| {
        passes.clone().run(heart, cancel)
    });
    Ok(Started { duties, book })
}

/// Settings of the weights duty, or `None` when weights are switched off; an error when this subnet would refuse them.
async fn weights_config(config: &ValidatorConfig, identity: &Identity) -> Result<Option<WeightsConfig>, Failure> {
    if config.neuron.disable_set_weights {
        tracing::warn!("--neuron.disable_set_weights: this validator sets no weights");
        return Ok(None);
    }
    let netuid = identity.netuid;
    let version_key = config.neuron.weights_version_key.unwrap_or_else(own_version_key);
    let settings = identity
        .chain
        .hyperparameters(netuid)
        .await
        .map_err(|error| preflight::chain_failure(&error))?;
    check_subnet(netuid, &settings, version_key).map_err(|error| Failure::new(ExitCode::Config, &error))?;
    let view = identity
        .chain
        .weights_view(netuid, 0, &identity.hotkey.account_id())
        .await;
    let announced = view
        .map_err(|error| preflight::chain_failure(&error))?
        .beacon_public_key;
    let local = identity.chain.config().is_local();
    let beacon = beacon(&config.neuron.drand_beacon, local, announced.as_deref())
        .map_err(|error| Failure::new(ExitCode::Config, &error))?;
    Ok(Some(WeightsConfig {
        netuid,
        epoch_length: config.neuron.epoch_length(),
        version_key,
        method: config.neuron.commit_reveal,
        beacon,
    }))
}

fn step_config(config: &ValidatorConfig) -> StepConfig {
    let neuron = &config.neuron;
    StepConfig {
        vpermit_tao_limit: neuron.vpermit_tao_limit,
        rule: ScoreRule {
            alpha: neuron.moving_average_alpha,
            unasked: if neuron.decay_unasked {
                Unasked::Decay
            } else {
                Unasked::Keep
            },
            scale: Scale::Rewards,
        },
        scoring_timeout: Duration::from_secs_f64(neuron.scoring_timeout),
        log_rewards: !neuron.disable_log_rewards,
    }
}

fn pass_settings(config: &ValidatorConfig) -> PassSettings {
    let neuron = &config.neuron;
    let forward = ForwardConfig {
        rounds: neuron.num_followup_steps,
        followup_sample_size: neuron.followup_sample_size,
        followup_timeout: Duration::from_secs_f64(neuron.followup_timeout),
        answer_sample_size: neuron.answer_sample_size,
        answer_timeout: Duration::from_secs_f64(neuron.answer_timeout),
    };
    PassSettings {
        forward,
        concurrent: neuron.num_concurrent_forwards,
        max_words: config.dataset.max_words,
    }
}

/// The longest a single prompt run can take while all is well, with a margin.
fn longest_run(config: &ValidatorConfig) -> Duration {
    let neuron = &config.neuron;
    let run = neuron.followup_timeout.max(neuron.answer_timeout) + neuron.scoring_timeout;
    // Passes under way at the same time wait for each other's judging.
    Duration::from_secs_f64((run * neuron.num_concurrent_forwards as f64).min(1e9) + 60.0)
}

/// Says, from the newest metagraph, whether this validator still has its place in the subnet.
fn registration(config: &ValidatorConfig, step: &PromptRun) -> Box<dyn Fn() -> Result<(), Failure> + Send + Sync> {
    let (metagraph, own) = (step.metagraph.clone(), step.own);
    let failure = preflight::not_registered(&config.wallet, &config.subtensor, config.netuid, &own.to_string());
    let (code, message) = (failure.code, failure.message);
    Box::new(move || match metagraph.borrow().find(&own) {
        Some(_) => Ok(()),
        None => Err(Failure::message(code, message.clone())),
    })
}
