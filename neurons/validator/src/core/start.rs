//! A core validator as duties of the daemon.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axoneme_axon::{Axon, AxonHandle};
use axoneme_chain::{AxonEndpoint, Chain};
use axoneme_neuron::metagraph::MetagraphWatch;
use axoneme_neuron::{Duties, ExitCode, Failure, Readiness};
use axoneme_protocol::{MultiPrompting, Prompting};
use axoneme_wallet::Keypair;

use super::CoreValidator;
use super::serve::{Callers, Gateway};
use super::train::Training;
use crate::config::ValidatorConfig;
use crate::schedule::crossed;

/// Blocks between two looks of a gateway that only serves at what the training process wrote.
const RELOAD_BLOCKS: u64 = 100;
/// Longest time between two looks at the chain.
const LOOK: Duration = Duration::from_secs(60);
/// Longest time without progress in announcing and reloading.
const STUCK: Duration = Duration::from_secs(600);
/// Published as the axon's software version: SDK 10's form of a version number.
const VERSION: u32 = 10_005_000;
/// The chain refuses 127.0.0.1 as an axon's address, but on Linux all of 127.0.0.0/8 is this machine.
const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

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
    let gateway = Arc::new(Gateway(core.clone()));
    let axon = Axon::builder(hotkey.clone())
        .bind(config.axon.bind())
        .policy(Callers::new(core.own, core.metagraph.clone()))
        .route::<Prompting>(gateway.clone())
        .route::<MultiPrompting>(gateway)
        .start()
        .await
        .map_err(|error| match &error {
            axoneme_axon::AxonError::PortInUse { .. } => Failure::new(ExitCode::PortInUse, &error),
            _ => Failure::new(ExitCode::Failure, &error),
        })?;
    let bound = axon.local_addr();
    let ip = match config.axon.external_ip {
        Some(ip) => ip,
        None if !config.axon.ip.is_unspecified() && !config.axon.ip.is_loopback() => config.axon.ip,
        None if chain.config().is_local() => LOCAL,
        None => {
            return Err(Failure::message(
                ExitCode::Config,
                "the address to publish is not known; give this machine's public address with --axon.external_ip, or serve \
                 nothing with --neuron.axon_off",
            ));
        }
    };
    let port = config.axon.external_port.unwrap_or(bound.port());
    let endpoint = AxonEndpoint::new(ip, port, VERSION);
    tracing::info!(listen = %bound, published = %format!("{ip}:{port}"), "serving applications");
    keep_announced(duties, chain, hotkey, endpoint, core.metagraph.clone(), readiness);
    Ok(axon)
}

fn keep_announced(
    duties: &mut Duties,
    chain: &Chain,
    hotkey: &Arc<Keypair>,
    endpoint: AxonEndpoint,
    metagraph: MetagraphWatch,
    readiness: &Readiness,
) {
    let (chain, hotkey, readiness) = (chain.clone(), hotkey.clone(), readiness.clone());
    duties.spawn("announce", STUCK, move |heart, cancel| {
        let (chain, hotkey, readiness) = (chain.clone(), hotkey.clone(), readiness.clone());
        let mut metagraph = metagraph.clone();
        async move {
            loop {
                let (netuid, there) = {
                    let now = metagraph.borrow_and_update();
                    let own = now.find(&hotkey.account_id()).and_then(|neuron| neuron.axon);
                    let there = own.is_some_and(|axon| (axon.ip, axon.port) == (endpoint.ip, endpoint.port));
                    (now.netuid, there)
                };
                if !there {
                    let announced = chain.serve_axon(&hotkey, netuid, &endpoint).await;
                    announced.inspect_err(|error| readiness.set("axon published", Err(error.to_string())))?;
                    tracing::info!("axon published on chain as {}:{}", endpoint.ip, endpoint.port);
                }
                readiness.set("axon published", Ok(()));
                heart.beat();
                tokio::select! {
                    () = cancel.cancelled() => return Ok(()),
                    changed = metagraph.changed() => changed?,
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        }
    });
}
