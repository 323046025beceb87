//! What a neuron knows of the chain at any time: whether it answers, and one metagraph snapshot for
//! all readers of a process.

use std::sync::Arc;
use std::time::Duration;

use axoneme_chain::{Chain, ConnectionState, Metagraph};
use axoneme_metagraph::{MetagraphSyncer, Pace, Snapshot, SnapshotFile, Stage, Stages, SyncerConfig};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::duties::{Duties, DutyError, Heart};
use crate::readiness::Readiness;

/// The newest metagraph. A reader borrows it without waiting; an update swaps it.
pub type MetagraphWatch = watch::Receiver<Arc<Metagraph>>;

/// Longest time without a finished refresh before the duty is restarted.
const STUCK: Duration = Duration::from_secs(300);
/// Longest time between two refreshes, however slow the blocks are.
const LONGEST: Duration = Duration::from_secs(600);
/// Time between two looks when nothing changes.
const LOOK: Duration = Duration::from_secs(60);
/// A refresh is due every ten minutes at the latest; from then on it gets old.
const STAGES: Stages = Stages {
    late: Duration::from_secs(12 * 60),
    stale: Duration::from_secs(30 * 60),
    expired: Duration::from_secs(24 * 3600),
};

/// What all parts of a neuron know of the subnet.
#[derive(Debug, Clone)]
pub struct Metagraphs {
    /// The newest metagraph.
    pub newest: MetagraphWatch,
    /// The refresh behind it: listeners, changes one by one, age.
    pub syncer: MetagraphSyncer,
}

/// Waits for the next metagraph, with signs of life for the duty that waits; `None` when that is to end.
///
/// # Errors
/// When nobody refreshes the metagraph any more.
pub async fn next(
    newest: &mut MetagraphWatch,
    heart: &Heart,
    cancel: &CancellationToken,
) -> Result<Option<Arc<Metagraph>>, DutyError> {
    loop {
        heart.beat();
        tokio::select! {
            () = cancel.cancelled() => return Ok(None),
            changed = newest.changed() => {
                changed?;
                return Ok(Some(newest.borrow_and_update().clone()));
            }
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Adds a duty that fetches the metagraph at most once every `blocks` new blocks and at least
/// every ten minutes, and at once when the chain comes back. The old one stays while the chain
/// cannot be reached; readiness part `metagraph` says so when it gets old, or came from disk.
/// Each good one is kept in `file` for the next start.
pub fn keep_fresh(
    duties: &mut Duties,
    chain: &Chain,
    first: Snapshot,
    blocks: u64,
    readiness: &Readiness,
    file: SnapshotFile,
) -> Metagraphs {
    let netuid = first.metagraph.netuid;
    let (sender, newest) = watch::channel(Arc::clone(&first.metagraph));
    let config = SyncerConfig {
        stages: STAGES,
        ..SyncerConfig::default()
    };
    let syncer = MetagraphSyncer::new(chain.clone(), [(netuid, Pace::OnDemand)], config);
    if !first.from_disk {
        save(file.clone(), first.clone());
    }
    // The only subnet there is, so none of these can fail.
    let told = syncer.register_listener(&[netuid], move |snapshot, changed| {
        sender.send_replace(Arc::clone(&snapshot.metagraph));
        for change in changed {
            tracing::debug!(netuid, ?change, "the metagraph changed");
        }
        metrics::counter!("neuron_metagraph_changes_total").increment(changed.len() as u64);
    });
    let prepared = told
        .and_then(|()| syncer.keep_on_disk(netuid, file))
        .and_then(|()| syncer.begin_with(first));
    debug_assert!(prepared.is_ok());
    complain(&syncer, netuid, readiness);
    let (refresh, chain, readiness) = (syncer.clone(), chain.clone(), readiness.clone());
    duties.spawn("metagraph", STUCK, move |heart, cancel| {
        let (syncer, chain, readiness) = (refresh.clone(), chain.clone(), readiness.clone());
        async move {
            let (mut heads, mut states) = (chain.blocks(), chain.connected());
            loop {
                heart.beat();
                let head = *heads.borrow_and_update();
                let connected = states.borrow_and_update().is_connected();
                let newest = syncer.newest(netuid).ok().flatten();
                if connected && is_due(newest.as_deref(), head, blocks) {
                    let started = std::time::Instant::now();
                    let fetched = syncer.refresh(netuid).await;
                    complain(&syncer, netuid, &readiness);
                    fetched?;
                    metrics::histogram!("neuron_metagraph_refresh_seconds").record(started.elapsed().as_secs_f64());
                } else {
                    complain(&syncer, netuid, &readiness);
                }
                tokio::select! {
                    () = cancel.cancelled() => return Ok(()),
                    changed = heads.changed() => changed.map_err(DutyError::from)?,
                    changed = states.changed() => changed.map_err(DutyError::from)?,
                    () = tokio::time::sleep(Duration::from_secs(30)) => {}
                }
            }
        }
    });
    Metagraphs { newest, syncer }
}

/// Counted from the block of the last refresh, and from nothing that the chain says about this neuron.
fn is_due(newest: Option<&Snapshot>, head: u64, blocks: u64) -> bool {
    let Some(snapshot) = newest else {
        return true;
    };
    let fetched_at = snapshot.metagraph.block;
    // A chain that was reset starts again from a lower block.
    snapshot.from_disk
        || snapshot.age() >= LONGEST
        || head >= fetched_at.saturating_add(blocks)
        || (head < fetched_at && head > 0)
}

/// Says in readiness, metrics and the log how old the newest snapshot is.
fn complain(syncer: &MetagraphSyncer, netuid: u16, readiness: &Readiness) {
    let Ok(Some(snapshot)) = syncer.newest(netuid) else {
        return;
    };
    let (age, stage) = (snapshot.age(), STAGES.of(snapshot.age()));
    metrics::gauge!("neuron_metagraph_age_seconds").set(age.as_secs_f64());
    let complaint = STAGES.complaint(&snapshot);
    // Late is a matter of a slow node; what is stale or from disk may be about neurons that are gone.
    let ready = match complaint {
        Some(text) if snapshot.from_disk || stage >= Stage::Stale => Err(text),
        _ => Ok(()),
    };
    if let Err(text) = &ready {
        tracing::warn!(netuid, "metagraph {text}");
    }
    readiness.set("metagraph", ready);
}

/// Saves the snapshot of the start beside everything else.
fn save(file: SnapshotFile, first: Snapshot) {
    tokio::task::spawn_blocking(move || {
        if let Err(error) = file.save(&first) {
            tracing::warn!("{error}");
        }
    });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_is_due_so_many_blocks_after_the_last_one() {
        let empty = Metagraph {
            netuid: 1,
            block: 1000,
            tempo: 360,
            last_step: 0,
            neurons: Vec::new(),
        };
        // No neuron is in it at all: when one last set weights cannot matter.
        let fresh = Snapshot::fetched_now(empty, [0; 32]);
        let due = |head| is_due(Some(&fresh), head, 100);
        assert_eq!(
            [1000, 1001, 1099, 1100, 5000].map(due),
            [false, false, false, true, true]
        );
        assert!(due(3), "the chain started over");
        assert!(!due(0), "no block is known yet");
        assert!(is_due(None, 1000, 100));
    }
}
