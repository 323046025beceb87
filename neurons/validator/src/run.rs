//! The life of a validator: check, load, then three duties: metagraph, forward passes, weights.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axoneme_dendrite::{Dendrite, DendriteConfig};
use axoneme_llm::{Embedder, Engine};
use axoneme_neuron::metagraph::keep_fresh;
use axoneme_neuron::preflight::{self, Identity};
use axoneme_neuron::{Duties, DutyError, ExitCode, Failure, Heart, Readiness, StateStore, admin};
use axoneme_reward::Task;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use crate::book::{Book, ScoreRule};
use crate::completions::{base_text, draw_cutoff, limit_words};
use crate::config::ValidatorConfig;
use crate::dataset::Dataset;
use crate::error::ValidatorError;
use crate::events::{Recorder, parse_size};
use crate::forward::{Ended, ForwardConfig, ForwardOutcome, forward};
use crate::models;
use crate::reward::{Parts, pipeline};
use crate::scores::Unasked;
use crate::stats::ValidatorStats;
use crate::step::{PromptRun, QueryStep, StepConfig, StepOutcome};
use crate::weights::{WeightSetter, WeightsConfig, check_subnet, own_version_key};

/// Time for duties to end; less than the five seconds an operator waits.
const DRAIN: Duration = Duration::from_secs(3);
/// First pause after a forward pass that failed or came to nothing.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// Longest pause: about a block of the main chain, in which a miner may have come up.
const PAUSE_LONGEST: Duration = Duration::from_secs(12);
/// Longest time without progress in setting weights: several deadlines of the chain.
const WEIGHTS_STUCK: Duration = Duration::from_secs(600);

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
pub async fn run(
    config: ValidatorConfig,
    host: Host,
    cancel: CancellationToken,
) -> Result<(), Failure> {
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

async fn start(
    config: ValidatorConfig,
    host: Host,
    cancel: CancellationToken,
) -> Result<Started, Failure> {
    config
        .check()
        .map_err(|error| Failure::new(ExitCode::Config, &error))?;
    let readiness = Readiness::waiting_for(&["models", "metagraph", "forward"]);
    admin::serve(config.admin.port, readiness.clone(), cancel.clone()).await?;
    let identity = preflight::identify(&config.wallet, &config.subtensor, config.netuid).await?;
    let weights = weights_config(&config, &identity).await?;

    let folder = config
        .logging
        .data_dir(&config.wallet, config.netuid, &config.neuron.name);
    let store = StateStore::open(folder.join("state.json"))?;
    let stats = host
        .stats
        .clone()
        .unwrap_or_else(|| watch::Sender::new(ValidatorStats::default()));
    let genesis = hex::encode(identity.chain.genesis_hash());
    let book = Book::open(store, &genesis, stats)
        .map_err(|error| Failure::new(ExitCode::State, &error))?;

    let models = models::load(&config, &host).await?;
    let model_failure = |error: axoneme_reward::ModelFault| Failure::new(ExitCode::Model, &*error);
    let word_pieces = models
        .embedder
        .as_ref()
        .map(axoneme_reward::llm::word_pieces)
        .transpose();
    let parts = Parts {
        scorer: Arc::new(models.engine),
        word_pieces: word_pieces.map_err(model_failure)?,
        embedder: models.embedder.map(|embedder| Arc::new(embedder) as _),
    };
    let mut judge =
        pipeline(&config, parts).map_err(|error| Failure::new(ExitCode::Config, &error))?;
    let state = book.state();
    judge.restore(state.pipeline.clone());
    readiness.set("models", Ok(()));

    let seed = config.seed.unwrap_or_else(rand::random);
    // Each start reads the dataset in an order of its own, and each pass draws from a stream of its own.
    let dataset = Dataset::open(&config.dataset, stream(seed, u64::MAX - state.forwards))
        .map_err(|error| Failure::new(ExitCode::Config, &error))?;
    let dendrite = Dendrite::new(identity.hotkey.clone(), DendriteConfig::default())
        .map_err(|error| Failure::new(ExitCode::Failure, &error))?;
    let events = recorder(&config, &folder, &identity, seed);
    tracing::info!(
        netuid = identity.netuid, uid = identity.uid, hotkey = %identity.hotkey.account_id(),
        chain = %identity.endpoint, seed, prompt_runs = 1 + 2 * config.neuron.num_followup_steps,
        judges = judge.names().join(", "), step = state.steps, data = %folder.display(), "validator started"
    );

    let mut duties = Duties::new(cancel);
    let refresh = config.neuron.checkpoint_block_length;
    let metagraph = keep_fresh(
        &mut duties,
        &identity.chain,
        identity.metagraph.clone(),
        refresh,
        &readiness,
    );
    if let Some(weights) = weights {
        let setter = WeightSetter {
            chain: identity.chain.clone(),
            hotkey: identity.hotkey.clone(),
            book: book.clone(),
            readiness: readiness.clone(),
            config: weights,
        };
        duties.spawn("weights", WEIGHTS_STUCK, move |heart, cancel| {
            let setter = setter.clone();
            async move { setter.run(heart, cancel).await }
        });
    }
    let run = PromptRun {
        ask: Arc::new(dendrite),
        metagraph,
        blocks: identity.chain.blocks(),
        own: identity.hotkey.account_id(),
        pipeline: Arc::new(Mutex::new(judge)),
        book: book.clone(),
        events: Arc::new(events),
        config: step_config(&config),
    };
    let forwards = Arc::new(Forwards {
        run,
        dataset,
        seed,
        readiness,
        config,
    });
    let stuck = forwards.longest_run();
    duties.spawn("forward", stuck, move |heart, cancel| {
        forwards.clone().run(heart, cancel)
    });
    Ok(Started { duties, book })
}

/// Settings of the weights duty, or `None` when weights are switched off; an error when this subnet would refuse them.
async fn weights_config(
    config: &ValidatorConfig,
    identity: &Identity,
) -> Result<Option<WeightsConfig>, Failure> {
    if config.neuron.disable_set_weights {
        tracing::warn!("--neuron.disable_set_weights: this validator sets no weights");
        return Ok(None);
    }
    let netuid = identity.netuid;
    let version_key = config
        .neuron
        .weights_version_key
        .unwrap_or_else(own_version_key);
    let settings = identity
        .chain
        .hyperparameters(netuid)
        .await
        .map_err(|error| preflight::chain_failure(&error))?;
    check_subnet(netuid, &settings, version_key)
        .map_err(|error| Failure::new(ExitCode::Config, &error))?;
    Ok(Some(WeightsConfig {
        netuid,
        epoch_length: config.neuron.epoch_length(),
        version_key,
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
        },
        scoring_timeout: Duration::from_secs_f64(neuron.scoring_timeout),
        log_rewards: !neuron.disable_log_rewards,
    }
}

fn recorder(
    config: &ValidatorConfig,
    folder: &std::path::Path,
    identity: &Identity,
    seed: u64,
) -> Recorder {
    if config.neuron.dont_save_events {
        return Recorder::off();
    }
    let header = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "hotkey": identity.hotkey.account_id().to_string(),
        "netuid": identity.netuid,
        "seed": seed,
        "neuron": config.neuron,
        "reward": config.reward,
        "dataset": config.dataset,
    });
    // Checked with the other settings; the default stands in.
    let limit = parse_size(&config.neuron.events_retention_size).unwrap_or(2_000_000_000);
    Recorder::open(folder, limit, header)
}

fn stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(number);
    rng
}

/// The forward duty.
struct Forwards {
    run: PromptRun,
    dataset: Dataset,
    seed: u64,
    readiness: Readiness,
    config: ValidatorConfig,
}

impl Forwards {
    /// The longest a single prompt run can take while all is well, with a margin.
    fn longest_run(&self) -> Duration {
        let neuron = &self.config.neuron;
        let run = neuron.followup_timeout.max(neuron.answer_timeout) + neuron.scoring_timeout;
        let queue = neuron.num_concurrent_forwards as f64;
        Duration::from_secs_f64(run * queue + 60.0)
    }

    async fn run(
        self: Arc<Self>,
        heart: Heart,
        cancel: CancellationToken,
    ) -> Result<(), DutyError> {
        let mut pause = PAUSE_FIRST;
        loop {
            heart.beat();
            self.still_registered()?;
            let passes = (0..self.config.neuron.num_concurrent_forwards).map(|_| self.pass(&heart));
            let outcomes = tokio::select! {
                outcomes = futures::future::join_all(passes) => outcomes,
                () = cancel.cancelled() => return Ok(()),
            };
            // One pass that got anywhere is enough to go straight on.
            if outcomes
                .iter()
                .any(|outcome| outcome.as_ref().is_ok_and(got_somewhere))
            {
                self.readiness.set("forward", Ok(()));
                pause = PAUSE_FIRST;
                continue;
            }
            if let Some(reason) = outcomes
                .iter()
                .map(|outcome| describe(outcome.as_ref()))
                .next()
            {
                self.readiness.set("forward", Err(reason));
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = cancel.cancelled() => return Ok(()),
            }
            pause = (pause * 2).min(PAUSE_LONGEST);
        }
    }

    fn still_registered(&self) -> Result<(), DutyError> {
        let metagraph = self.run.metagraph.borrow().clone();
        if metagraph.find(&self.run.own).is_some() {
            return Ok(());
        }
        let ValidatorConfig {
            wallet,
            subtensor,
            netuid,
            ..
        } = &self.config;
        Err(DutyError::Fatal(preflight::not_registered(
            wallet,
            subtensor,
            *netuid,
            &self.run.own.to_string(),
        )))
    }

    /// One forward pass. Its errors are counted and logged here; they end nothing but the pass.
    async fn pass(&self, heart: &Heart) -> Result<ForwardOutcome, ValidatorError> {
        let number = self.run.book.begin_forward();
        let outcome = self.try_pass(number, heart).await;
        let result = match &outcome {
            Ok(ForwardOutcome {
                ended: Ended::Finished,
                ..
            }) => "finished",
            Ok(_) => "stopped",
            Err(_) => "failed",
        };
        metrics::counter!("validator_forwards_total", "result" => result).increment(1);
        let reason = describe(outcome.as_ref());
        match &outcome {
            Ok(done) => tracing::info!(
                forward = number,
                steps = done.steps,
                "forward pass ended: {reason}"
            ),
            Err(_) => tracing::error!(forward = number, "forward pass failed: {reason}"),
        }
        let steps = outcome.as_ref().map_or(0, |done| done.steps);
        let fields = [
            ("name", json!("forward")),
            ("forward", json!(number)),
            ("steps", json!(steps)),
            ("ended", json!(reason)),
        ];
        self.run.events.write(
            &fields
                .map(|(name, value)| (name.to_owned(), value))
                .into_iter()
                .collect(),
        );
        outcome
    }

    async fn try_pass(&self, number: u64, heart: &Heart) -> Result<ForwardOutcome, ValidatorError> {
        let mut rng = stream(self.seed, number);
        let text = self.dataset.next().await?;
        let base = limit_words(
            base_text(&text, draw_cutoff(&mut rng)),
            self.config.dataset.max_words,
        );
        let neuron = &self.config.neuron;
        let settings = ForwardConfig {
            rounds: neuron.num_followup_steps,
            followup_sample_size: neuron.followup_sample_size,
            followup_timeout: Duration::from_secs_f64(neuron.followup_timeout),
            answer_sample_size: neuron.answer_sample_size,
            answer_timeout: Duration::from_secs_f64(neuron.answer_timeout),
        };
        forward(
            &Beating {
                run: &self.run,
                heart,
            },
            settings,
            base,
            &mut rng,
        )
        .await
    }
}

fn got_somewhere(outcome: &ForwardOutcome) -> bool {
    outcome.ended == Ended::Finished || outcome.steps > 1
}

fn describe(outcome: Result<&ForwardOutcome, &ValidatorError>) -> String {
    match outcome {
        Ok(outcome) => outcome.ended.to_string(),
        Err(error) => axoneme_neuron::exit::with_causes(error),
    }
}

/// Shows the supervisor that runs are being finished.
struct Beating<'a> {
    run: &'a PromptRun,
    heart: &'a Heart,
}

#[async_trait]
impl QueryStep for Beating<'_> {
    async fn run(
        &self,
        task: &Task,
        count: usize,
        timeout: Duration,
        exclude: &std::collections::BTreeSet<u16>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Option<StepOutcome>, ValidatorError> {
        let outcome = self.run.run(task, count, timeout, exclude, rng).await;
        self.heart.beat();
        outcome
    }
}
