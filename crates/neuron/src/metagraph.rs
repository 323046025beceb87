//! What a neuron knows of the chain at any time: whether it answers, and one metagraph snapshot for
//! all readers of a process.

use std::sync::Arc;
use std::time::Duration;

use axoneme_chain::{Chain, ConnectionState, Metagraph};
use tokio::sync::watch;

use crate::duties::{Duties, DutyError};
use crate::readiness::Readiness;

/// The newest snapshot. A reader borrows it without waiting; an update swaps it.
pub type MetagraphWatch = watch::Receiver<Arc<Metagraph>>;

/// Longest time without a finished refresh before the duty is restarted.
const STUCK: Duration = Duration::from_secs(300);
/// Readers go on with the old snapshot while the chain is away, but say so after this long.
const STALE: Duration = Duration::from_secs(120);

/// Time between two looks when nothing changes.
const LOOK: Duration = Duration::from_secs(60);

/// Adds a duty that fetches the metagraph at most once every `blocks` new blocks and at least
/// every ten minutes, and at once when the chain comes back. The old snapshot stays while the
/// chain cannot be reached; readiness part `metagraph` says so when it gets old.
pub fn keep_fresh(
    duties: &mut Duties,
    chain: &Chain,
    first: Arc<Metagraph>,
    blocks: u64,
    readiness: &Readiness,
) -> MetagraphWatch {
    let netuid = first.netuid;
    let (sender, receiver) = watch::channel(first);
    let sender = Arc::new(sender);
    let (chain, readiness) = (chain.clone(), readiness.clone());
    readiness.set("metagraph", Ok(()));
    duties.spawn("metagraph", STUCK, move |heart, cancel| {
        let (chain, sender, readiness) = (chain.clone(), sender.clone(), readiness.clone());
        async move {
            let mut heads = chain.blocks();
            let mut fetched_at = sender.borrow().block;
            let mut fetched = tokio::time::Instant::now();
            loop {
                tokio::select! {
                    () = cancel.cancelled() => return Ok(()),
                    changed = heads.changed() => changed.map_err(DutyError::from)?,
                    () = tokio::time::sleep(Duration::from_secs(30)) => {}
                }
                heart.beat();
                let head = *heads.borrow_and_update();
                // A chain that was reset starts again from a lower block.
                if head < fetched_at.saturating_add(blocks) && head >= fetched_at {
                    if fetched.elapsed() > STALE && fetched_at != head {
                        readiness.set("metagraph", Err(format!("last refreshed {:?} ago", fetched.elapsed())));
                    }
                    continue;
                }
                let started = std::time::Instant::now();
                match chain.metagraph(netuid).await {
                    Ok(metagraph) => {
                        fetched_at = metagraph.block;
                        fetched = tokio::time::Instant::now();
                        sender.send_replace(Arc::new(metagraph));
                        readiness.set("metagraph", Ok(()));
                        metrics::histogram!("neuron_metagraph_refresh_seconds").record(started.elapsed().as_secs_f64());
                    }
                    Err(error) => {
                        if fetched.elapsed() > STALE {
                            readiness.set("metagraph", Err(error.to_string()));
                        }
                        return Err(error.into());
                    }
                }
            }
        }
    });
    receiver
}

/// Adds a duty that keeps readiness part `chain` true to the connection's state.
pub fn watch_connection(duties: &mut Duties, chain: &Chain, readiness: &Readiness) {
    let (chain, readiness) = (chain.clone(), readiness.clone());
    duties.spawn("connection", STUCK, move |heart, cancel| {
        let (mut states, readiness) = (chain.connected(), readiness.clone());
        async move {
            loop {
                let state = match &*states.borrow_and_update() {
                    ConnectionState::Connected { .. } => Ok(()),
                    ConnectionState::Disconnected { reason } => Err(format!("not connected: {reason}")),
                };
                metrics::gauge!("neuron_chain_connected").set(f64::from(u8::from(state.is_ok())));
                readiness.set("chain", state);
                heart.beat();
                tokio::select! {
                    () = cancel.cancelled() => return Ok(()),
                    changed = states.changed() => changed?,
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        }
    });
}
