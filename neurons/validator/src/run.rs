//! The life of a validator: check, load, then its duties: connection, metagraph, forward passes, weights.

use std::sync::Arc;
use std::time::Duration;

use axoneme_axon::AxonHandle;
use axoneme_dendrite::{BtauthConfig, Dendrite, DendriteConfig, TlsPolicy};
use axoneme_llm::{Embedder, Engine};
use axoneme_neuron::metagraph::{MetagraphWatch, keep_fresh, watch_connection};
use axoneme_neuron::preflight::WithoutChain;
use axoneme_neuron::preflight::{self, Identity};
use axoneme_neuron::{Duties, ExitCode, Failure, Readiness, StateStore, admin};
use axoneme_wallet::AccountId;
use rand::RngCore;
use serde_json::{Map, Value, json};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use crate::book::{Book, Scale, ScoreRule};
use crate::checkpoints::GatingTracker;
use crate::config::{Mode, ValidatorConfig};
use crate::core::history::History;
use crate::core::train::Training;
use crate::core::{self, CoreValidator, start as gateway};
use crate::dataset;
use crate::events::{self, RunFacts};
use crate::forward::ForwardConfig;
use crate::judges::{Judges, judges};
use crate::passes::{PassSettings, Passes, stream};
use crate::recall::recall;
use crate::replay::start::Start;
use crate::reward::left_out;
use crate::scores::Unasked;
use crate::stats::ValidatorStats;
use crate::step::{PromptRun, StepConfig};
use crate::tls_keys;
use crate::weights::{LEDGER, WeightSetter, WeightsConfig, beacon, check_mechanism, check_subnet, own_version_key};

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
    if let Some(tracker) = started.tracker {
        tracker.save();
    }
    if let Some(axon) = started.axon {
        axon.shutdown(DRAIN).await;
    }
    tracing::info!("validator stopped");
    result
}

struct Started {
    duties: Duties,
    book: Book,
    /// What a core validator serves applications on.
    axon: Option<AxonHandle>,
    /// Writes the gating model down a last time.
    tracker: Option<GatingTracker>,
}

async fn start(config: ValidatorConfig, host: Host, cancel: CancellationToken) -> Result<Started, Failure> {
    config.check().map_err(|error| Failure::new(ExitCode::Config, &error))?;
    let readiness = Readiness::waiting_for(&["models", "metagraph", "forward"]);
    admin::serve(config.admin.port, readiness.clone(), cancel.clone()).await?;
    let data = config
        .logging
        .data_dir(&config.wallet, config.netuid, &config.neuron.name);
    let is_core = config.neuron.mode == Mode::Core;
    let only_serves = is_core && config.neuron.inference_only;
    // The data directory itself is the training process's.
    let folder = if only_serves {
        data.join("inference")
    } else {
        data.clone()
    };
    let identity = preflight::identify(
        &config.wallet,
        &config.subtensor,
        config.netuid,
        &folder,
        WithoutChain::Wait,
        &readiness,
    )
    .await?;
    let weights = match only_serves {
        true => None,
        false => weights_config(&config, &identity).await?,
    };

    let store = StateStore::open(folder.join("state.json"))?;
    let stats = host
        .stats
        .clone()
        .unwrap_or_else(|| watch::Sender::new(ValidatorStats::default()));
    let genesis = hex::encode(identity.chain.genesis_hash());
    let book = Book::open(store, &genesis, stats).map_err(|error| Failure::new(ExitCode::State, &error))?;

    if let Some(left_out) = left_out(&config).filter(|_| !is_core) {
        tracing::warn!("{left_out}");
    }
    let seed = config.seed.unwrap_or_else(rand::random);
    let Judges {
        pipeline: mut judge,
        gating,
        answers,
        filter,
    } = judges(&config, &host, seed).await?;
    let state = book.state();
    let mut history = History::new(config.neuron.max_history);
    match (&gating, is_core) {
        (gating, false) => recall(&book, &mut judge, gating.as_deref()),
        // What the training process writes is taken over later.
        (Some(gating), true) if !only_serves => core::recall::recall(&book, gating, &mut history),
        _ => {}
    }
    readiness.set("models", Ok(()));

    // Each pass draws from a stream of its own; the dataset goes on where it stood.
    let order = stream(seed, u64::MAX - state.forwards).next_u64();
    let saved = state.dataset.as_deref();
    let dataset = dataset::open(&config.dataset, order, saved)
        .or_else(|error| match saved {
            None => Err(error),
            Some(_) => {
                tracing::warn!("the dataset cannot go on where it stood and starts over: {error}");
                dataset::open(&config.dataset, order, None)
            }
        })
        .map_err(|error| Failure::new(ExitCode::Config, &error))?;
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
    let begin = Start::write(&state, &mut judge, gating.as_deref(), &folder).unwrap_or_else(|error| {
        tracing::warn!("this run's records cannot be replayed: what is remembered now was not written down: {error}");
        Map::new()
    });
    let facts = RunFacts {
        hotkey: identity.hotkey.account_id(),
        netuid: identity.netuid,
        seed,
        version_key: config.neuron.weights_version_key.unwrap_or_else(own_version_key),
        judges: judge.names().into_iter().map(Into::into).collect(),
    };
    let events = Arc::new(events::recorder(&config, &folder, facts, header_fields(&config, begin)));
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
            events: events.clone(),
            readiness: readiness.clone(),
            config: weights,
            ledger: folder.join(LEDGER),
        };
        duties.spawn("weights", WEIGHTS_STUCK, move |heart, cancel| {
            let setter = setter.clone();
            async move { setter.run(heart, cancel).await }
        });
    }
    let tracker = GatingTracker::new(&config, gating.as_ref().filter(|_| !only_serves), &events);
    if let Some(tracker) = &tracker {
        tracker.keep_saved(&mut duties, &identity.chain.blocks());
    }
    let dendrite = Arc::new(dendrite);
    if is_core {
        let gating = gating.ok_or_else(|| {
            let why = "a core validator needs its gating model: without --neuron.mock_gating_model, and with one of the \
                       filters that need the embedding model";
            Failure::message(ExitCode::Config, why)
        })?;
        let core = Arc::new(CoreValidator {
            ask: dendrite.clone(),
            tell: dendrite,
            metagraph: metagraph.clone(),
            tls_keys,
            blocks: identity.chain.blocks(),
            own: identity.hotkey.account_id(),
            gating,
            seats: Default::default(),
            judge: answers,
            filter,
            book: book.clone(),
            history: Mutex::new(history),
            events,
            config: config.neuron.core(),
        });
        if only_serves {
            gateway::reload(&mut duties, &core, data, &readiness);
        } else {
            let training = Training {
                core: core.clone(),
                dataset,
                seed,
                readiness: readiness.clone(),
                registered: registration(&config, metagraph, core.own),
            };
            gateway::train(&mut duties, training);
        }
        let axon = match config.neuron.axon_off {
            true => None,
            false => {
                let (chain, hotkey) = (&identity.chain, &identity.hotkey);
                Some(gateway::serve(&mut duties, &core, &config, chain, hotkey, &readiness).await?)
            }
        };
        return Ok(Started {
            duties,
            book,
            axon,
            tracker,
        });
    }
    let step = PromptRun {
        ask: dendrite,
        metagraph,
        tls_keys,
        blocks: identity.chain.blocks(),
        own: identity.hotkey.account_id(),
        pipeline: Arc::new(Mutex::new(judge)),
        gating,
        book: book.clone(),
        events: events.clone(),
        config: step_config(&config),
    };
    let registered = registration(&config, step.metagraph.clone(), step.own);
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
    Ok(Started {
        duties,
        book,
        axon: None,
        tracker,
    })
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
    let mecid = config.neuron.mechanism;
    let count = identity.chain.mechanism_count(netuid).await;
    let count = count.map_err(|error| preflight::chain_failure(&error))?;
    check_mechanism(netuid, mecid, count).map_err(|error| Failure::new(ExitCode::Config, &error))?;
    let view = identity
        .chain
        .weights_view(netuid, mecid, &identity.hotkey.account_id())
        .await;
    let announced = view
        .map_err(|error| preflight::chain_failure(&error))?
        .beacon_public_key;
    let local = identity.chain.config().is_local();
    let beacon = beacon(&config.neuron.drand_beacon, local, announced.as_deref())
        .map_err(|error| Failure::new(ExitCode::Config, &error))?;
    Ok(Some(WeightsConfig {
        netuid,
        mecid,
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
        rule: score_rule(config),
        scoring_timeout: Duration::from_secs_f64(neuron.scoring_timeout),
        log_rewards: !neuron.disable_log_rewards,
    }
}

/// How a run moves the scores.
pub fn score_rule(config: &ValidatorConfig) -> ScoreRule {
    let neuron = &config.neuron;
    if neuron.mode == Mode::Core {
        return neuron.core().rule;
    }
    ScoreRule {
        alpha: neuron.moving_average_alpha,
        unasked: if neuron.decay_unasked {
            Unasked::Decay
        } else {
            Unasked::Keep
        },
        scale: Scale::Rewards,
    }
}

/// What replaying needs from the header of an event file: settings that judge, and in the first file of a run what was
/// remembered at its beginning. Further files of the run go on from there.
pub fn header_fields(
    config: &ValidatorConfig,
    begin: Map<String, Value>,
) -> impl Fn() -> Map<String, Value> + Send + Sync + 'static {
    let settings = [("blacklist", json!(config.blacklist)), ("gating", json!(config.gating))];
    let begin = parking_lot::Mutex::new(begin);
    move || {
        let mut fields = std::mem::take(&mut *begin.lock());
        fields.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        fields
    }
}

fn pass_settings(config: &ValidatorConfig) -> PassSettings {
    let neuron = &config.neuron;
    let forward = ForwardConfig {
        rounds: neuron.num_followup_steps,
        followup_sample_size: neuron.sample_size.unwrap_or(neuron.followup_sample_size),
        followup_timeout: Duration::from_secs_f64(neuron.timeout.unwrap_or(neuron.followup_timeout)),
        answer_sample_size: neuron.sample_size.unwrap_or(neuron.answer_sample_size),
        answer_timeout: Duration::from_secs_f64(neuron.timeout.unwrap_or(neuron.answer_timeout)),
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
    let asking = neuron
        .followup_timeout
        .max(neuron.answer_timeout)
        .max(neuron.timeout.unwrap_or(0.0));
    let run = asking + neuron.scoring_timeout;
    // Passes under way at the same time wait for each other's judging.
    Duration::from_secs_f64((run * neuron.num_concurrent_forwards as f64).min(1e9) + 60.0)
}

/// Says, from the newest metagraph, whether this validator still has its place in the subnet.
fn registration(
    config: &ValidatorConfig,
    metagraph: MetagraphWatch,
    own: AccountId,
) -> Box<dyn Fn() -> Result<(), Failure> + Send + Sync> {
    let failure = preflight::not_registered(&config.wallet, &config.subtensor, config.netuid, &own.to_string());
    let (code, message) = (failure.code, failure.message);
    Box::new(move || match metagraph.borrow().find(&own) {
        Some(_) => Ok(()),
        None => Err(Failure::message(code, message.clone())),
    })
}
