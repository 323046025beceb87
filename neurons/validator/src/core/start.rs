//! A core validator as duties of the daemon.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axoneme_axon::{Axon, AxonHandle};
use axoneme_chain::Chain;
use axoneme_neuron::announce::{self, Published};
use axoneme_neuron::metagraph;
use axoneme_neuron::{Duties, ExitCode, Failure, Readiness};
use axoneme_protocol::{AXON_PROTOCOL, MultiPrompting, Prompting};
use axoneme_wallet::Keypair;
use tokio::sync::watch;

use super::CoreValidator;
use super::serve::{Callers, Gateway, Nominators};
use super::train::Training;
use crate::config::ValidatorConfig;
use crate::schedule::crossed;

/// Blocks between two looks of a gateway that only serves at what the training process wrote.
const RELOAD_BLOCKS: u64 = 100;
/// Longest time between two looks at the chain.
const LOOK: Duration = Duration::from_secs(60);
/// Longest time without progress in reloading and reading.
const STUCK: Duration = Duration::from_secs(600);

/// Adds the duty that trains.
pub fn train(duties: &mut Duties, training: Training) {
    let config = &training.core.config;
    // A step asks once and looks for the next question five times, and judges each.
    let longest = config.training_timeout + Duration::from_secs(5 * 12) + STUCK;
    let training = Arc::new(training);
    duties.spawn("forward", longest, move |heart, cancel| {
        training.clone().run(heart, cancel)
    });
}

/// Adds the duty that takes over what the training process in `folder` writes.
pub fn reload(duties: &mut Duties, core: &Arc<CoreValidator>, folder: PathBuf, readiness: &Readiness) {
    let (core, readiness) = (core.clone(), readiness.clone());
    duties.spawn("reload", STUCK, move |heart, cancel| {
        let (core, folder, readiness) = (core.clone(), folder.clone(), readiness.clone());
        async move {
            let mut blocks = core.blocks.clone();
            let mut taken: Option<u64> = None;
            loop {
                heart.beat();
                let now = *blocks.borrow_and_update();
                if taken.is_none_or(|at| crossed(at, now, RELOAD_BLOCKS)) {
                    match core.reload(&folder).await {
                        Ok(true) => readiness.set("forward", Ok(())),
                        Ok(false) => {
                            let nothing = format!("there is no training process's state in {} yet", folder.display());
                            readiness.set("forward", Err(nothing));
                        }
                        Err(error) => {
                            tracing::warn!("what the training process wrote was not taken over: {error}");
                            readiness.set("forward", Err(error.to_string()));
                        }
                    }
                    taken = Some(now);
                }
                tokio::select! {
                    () = cancel.cancelled() => return Ok(()),
                    changed = blocks.changed() => changed?,
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        }
    });
}

/// Serves applications on the validator's own axon, and keeps its address published.
///
/// # Errors
/// When the port is taken, or the address to publish is not known.
pub async fn serve(
    duties: &mut Duties,
    core: &Arc<CoreValidator>,
    config: &ValidatorConfig,
    chain: &Chain,
    hotkey: &Arc<Keypair>,
    readiness: &Readiness,
) -> Result<AxonHandle, Failure> {
    let nominators = keep_nominators(duties, core, config.netuid, chain);
    let gateway = Arc::new(Gateway(core.clone()));
    let axon = Axon::builder(hotkey.clone())
        .bind(config.axon.bind())
        .policy(Callers::new(core.own, core.metagraph.clone(), nominators))
        .route::<Prompting>(gateway.clone())
        .route::<MultiPrompting>(gateway)
        .start()
        .await
        .map_err(|error| match &error {
            axoneme_axon::AxonError::PortInUse { .. } => Failure::new(ExitCode::PortInUse, &error),
            _ => Failure::new(ExitCode::Failure, &error),
        })?;
    let bound = axon.local_addr();
    let endpoint = announce::endpoint(&config.axon, bound, chain.config().is_local(), AXON_PROTOCOL)?;
    tracing::info!(listen = %bound, published = %format!("{}:{}", endpoint.ip, endpoint.port), "serving applications");
    let ours = Published {
        endpoint,
        tls_key: None,
    };
    let metagraph = core.metagraph.clone();
    announce::keep_announced(duties, chain, hotkey, ours, metagraph, readiness);
    Ok(axon)
}

/// Adds the duty that reads who has staked to this validator, now and with every new metagraph.
fn keep_nominators(
    duties: &mut Duties,
    core: &Arc<CoreValidator>,
    netuid: u16,
    chain: &Chain,
) -> watch::Receiver<Arc<Nominators>> {
    let (sender, receiver) = watch::channel(Arc::default());
    let (core, chain) = (core.clone(), chain.clone());
    duties.spawn("nominators", STUCK, move |heart, cancel| {
        let (core, chain, sender) = (core.clone(), chain.clone(), sender.clone());
        async move {
            let mut newest = core.metagraph.clone();
            loop {
                newest.mark_unchanged();
                match chain.nominators(&core.own, netuid).await {
                    Ok(nominators) => {
                        metrics::gauge!("validator_nominators").set(nominators.len() as f64);
                        sender.send_replace(Arc::new(nominators));
                    }
                    // What was read before still says who comes first.
                    Err(error) => tracing::warn!("who has staked to this validator could not be read: {error}"),
                }
                if metagraph::next(&mut newest, &heart, &cancel).await?.is_none() {
                    return Ok(());
                }
            }
        }
    });
    receiver
}
