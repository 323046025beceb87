//! One refresh for all readers.

use crate::changes::{Change, changes};
use crate::disk::SnapshotFile;
use crate::snapshot::{Snapshot, Stages};
use crate::source::{FetchError, Source};
use parking_lot::{Mutex, RwLock};
use rand::Rng;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, broadcast, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Changes kept for a subscriber that is slow. One that falls further behind looks at the snapshot instead.
const BACKLOG: usize = 1024;
/// First pause of the initial sync after a failure; it doubles up to [`SyncerConfig::retry`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// When a subnet is fetched again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// This long after the last fetch was done.
    Every(Duration),
    /// Only when [`MetagraphSyncer::refresh`] is called.
    OnDemand,
}

/// Settings of a [`MetagraphSyncer`].
#[derive(Debug, Clone)]
pub struct SyncerConfig {
    /// Longest time for one fetch. Too short fails on big subnets, too long lets a dead connection hold the others up.
    pub fetch_timeout: Duration,
    /// Longest pause after a failure; shorter where the subnet's own pace is.
    pub retry: Duration,
    /// How many subnets are fetched at the same time.
    pub at_once: usize,
    /// When a snapshot is too old.
    pub stages: Stages,
}

impl Default for SyncerConfig {
    fn default() -> Self {
        SyncerConfig {
            fetch_timeout: Duration::from_secs(120),
            retry: Duration::from_secs(60),
            at_once: 1,
            stages: Stages::default(),
        }
    }
}

/// Why a syncer cannot do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// The subnet is not one of those that are synced.
    #[error("subnet {netuid} is not synced; name it when the syncer is made")]
    UnknownSubnet {
        /// The subnet.
        netuid: u16,
    },
    /// A listener for nothing.
    #[error("a listener needs at least one subnet")]
    NoSubnets,
    /// Not all subnets could be fetched in time; those that could are there.
    #[error("no metagraph of {} within {within:?}; the first reason: {reason}", list(.netuids))]
    Incomplete {
        /// The subnets that are missing.
        netuids: Vec<u16>,
        /// The bound.
        within: Duration,
        /// What went wrong with the first of them.
        reason: String,
    },
    /// The fetch failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

fn list(netuids: &[u16]) -> String {
    let names: Vec<String> = netuids.iter().map(|netuid| format!("subnet {netuid}")).collect();
    names.join(", ")
}

type Listener = Arc<dyn Fn(&Snapshot, &[Change]) + Send + Sync>;

struct Subnet {
    netuid: u16,
    pace: Pace,
    newest: watch::Sender<Option<Arc<Snapshot>>>,
    events: broadcast::Sender<(u16, Change)>,
    listeners: RwLock<Vec<Listener>>,
    file: Mutex<Option<SnapshotFile>>,
    /// Keeps fetches of one subnet in order, so that an older answer never replaces a newer one.
    turn: tokio::sync::Mutex<()>,
}

/// Keeps the metagraphs of some subnets fresh.
///
/// Clones share everything. Nothing is fetched before [`initial_sync`](Self::initial_sync), [`start`](Self::start) or
/// [`refresh`](Self::refresh) is called, and the periodic fetches end with [`stop`](Self::stop).
#[derive(Clone)]
pub struct MetagraphSyncer {
    inner: Arc<Inner>,
}

struct Inner {
    source: Arc<dyn Source>,
    config: SyncerConfig,
    subnets: BTreeMap<u16, Subnet>,
    fetching: Semaphore,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl std::fmt::Debug for MetagraphSyncer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let subnets: Vec<&u16> = self.inner.subnets.keys().collect();
        f.debug_struct("MetagraphSyncer")
            .field("subnets", &subnets)
            .finish_non_exhaustive()
    }
}

impl MetagraphSyncer {
    /// A syncer of these subnets, each with its pace.
    pub fn new(
        source: impl Source,
        subnets: impl IntoIterator<Item = (u16, Pace)>,
        config: SyncerConfig,
    ) -> MetagraphSyncer {
        let subnet = |(netuid, pace)| {
            let subnet = Subnet {
                netuid,
                pace,
                newest: watch::Sender::new(None),
                events: broadcast::Sender::new(BACKLOG),
                listeners: RwLock::default(),
                file: Mutex::default(),
                turn: tokio::sync::Mutex::default(),
            };
            (netuid, subnet)
        };
        MetagraphSyncer {
            inner: Arc::new(Inner {
                source: Arc::new(source),
                subnets: subnets.into_iter().map(subnet).collect(),
                fetching: Semaphore::new(config.at_once.max(1)),
                config,
                cancel: CancellationToken::new(),
                tasks: TaskTracker::new(),
            }),
        }
    }

    fn subnet(&self, netuid: u16) -> Result<&Subnet, SyncError> {
        self.inner
            .subnets
            .get(&netuid)
            .ok_or(SyncError::UnknownSubnet { netuid })
    }

    /// Keeps each good snapshot in a file, too.
    ///
    /// # Errors
    /// [`SyncError::UnknownSubnet`].
    pub fn keep_on_disk(&self, netuid: u16, file: SnapshotFile) -> Result<(), SyncError> {
        *self.subnet(netuid)?.file.lock() = Some(file);
        Ok(())
    }

    /// Begins with a snapshot that was fetched before, by this process or an earlier one. A newer one stays.
    ///
    /// # Errors
    /// [`SyncError::UnknownSubnet`].
    pub fn begin_with(&self, snapshot: Snapshot) -> Result<(), SyncError> {
        let subnet = self.subnet(snapshot.metagraph.netuid)?;
        subnet.newest.send_if_modified(|newest| {
            let take = newest.is_none();
            if take {
                *newest = Some(Arc::new(snapshot));
            }
            take
        });
        Ok(())
    }

    /// Adds a function that is called after each fetch, with the new snapshot and what changed since the one before.
    /// Listeners are called one after another in the order in which they came; one that panics does not keep the
    /// others from theirs. Either it listens to all of the subnets or, after an error, to none.
    ///
    /// # Errors
    /// [`SyncError::NoSubnets`], [`SyncError::UnknownSubnet`].
    pub fn register_listener(
        &self,
        netuids: &[u16],
        listener: impl Fn(&Snapshot, &[Change]) + Send + Sync + 'static,
    ) -> Result<(), SyncError> {
        if netuids.is_empty() {
            return Err(SyncError::NoSubnets);
        }
        let subnets: Vec<&Subnet> = netuids
            .iter()
            .map(|netuid| self.subnet(*netuid))
            .collect::<Result<_, _>>()?;
        let listener: Listener = Arc::new(listener);
        for subnet in subnets {
            subnet.listeners.write().push(Arc::clone(&listener));
        }
        Ok(())
    }

    /// The newest snapshot; `None` before the first.
    ///
    /// # Errors
    /// [`SyncError::UnknownSubnet`].
    pub fn newest(&self, netuid: u16) -> Result<Option<Arc<Snapshot>>, SyncError> {
        Ok(self.subnet(netuid)?.newest.borrow().clone())
    }

    /// The newest snapshot as it is replaced. A slow reader sees the newest, not all of them.
    ///
    /// # Errors
    /// [`SyncError::UnknownSubnet`].
    pub fn watch(&self, netuid: u16) -> Result<watch::Receiver<Option<Arc<Snapshot>>>, SyncError> {
        Ok(self.subnet(netuid)?.newest.subscribe())
    }

    /// What changes, one by one, with the subnet. A subscriber that is told that it lagged behind goes on from the
    /// newest snapshot.
    ///
    /// # Errors
    /// [`SyncError::UnknownSubnet`].
    pub fn events(&self, netuid: u16) -> Result<broadcast::Receiver<(u16, Change)>, SyncError> {
        Ok(self.subnet(netuid)?.events.subscribe())
    }

    /// What is wrong with the age of a subnet's snapshot; `None` while it is fresh.
    ///
    /// # Errors
    /// [`SyncError::UnknownSubnet`].
    pub fn complaint(&self, netuid: u16) -> Result<Option<String>, SyncError> {
        let newest = self.newest(netuid)?;
        Ok(match newest {
            None => Some("nothing fetched yet".to_owned()),
            Some(snapshot) => self.inner.config.stages.complaint(&snapshot),
        })
    }

    /// Fetches all subnets, each until it succeeds, for at most `within`. All of them are tried, whatever happens to
    /// the first. Listeners are not called, as there is nothing to compare with.
    ///
    /// # Errors
    /// [`SyncError::Incomplete`] naming the subnets that are missing; the others can be read.
    pub async fn initial_sync(&self, within: Duration) -> Result<(), SyncError> {
        let deadline = Instant::now() + within;
        let one = |subnet| async move {
            let mut pause = FIRST_PAUSE;
            loop {
                let error = match tokio::time::timeout_at(deadline, self.fetch(subnet, false)).await {
                    Ok(Ok(_)) => return None,
                    Ok(Err(error)) => error.to_string(),
                    Err(_) => format!("no answer within {within:?}"),
                };
                if Instant::now() + pause >= deadline {
                    return Some((subnet.netuid, error));
                }
                tracing::warn!(
                    netuid = subnet.netuid,
                    error,
                    "the first metagraph cannot be fetched yet"
                );
                tokio::time::sleep(jittered(pause)).await;
                pause = (pause * 2).min(self.inner.config.retry);
            }
        };
        let failed = futures::future::join_all(self.inner.subnets.values().map(one)).await;
        let failed: Vec<(u16, String)> = failed.into_iter().flatten().collect();
        let Some((_, reason)) = failed.first().cloned() else {
            return Ok(());
        };
        Err(SyncError::Incomplete {
            netuids: failed.into_iter().map(|(netuid, _)| netuid).collect(),
            within,
            reason,
        })
    }

    /// Fetches one subnet now, publishes it and calls the listeners.
    ///
    /// # Errors
    /// [`SyncError::UnknownSubnet`]; [`SyncError::Fetch`], and the old snapshot stays.
    pub async fn refresh(&self, netuid: u16) -> Result<Arc<Snapshot>, SyncError> {
        self.fetch(self.subnet(netuid)?, true).await
    }

    /// Starts fetching each subnet at its pace: the first time one pace from now.
    pub fn start(&self) {
        for netuid in self.inner.subnets.keys().copied() {
            let Some(Pace::Every(cadence)) = self.inner.subnets.get(&netuid).map(|subnet| subnet.pace) else {
                continue;
            };
            let (syncer, cancel) = (self.clone(), self.inner.cancel.clone());
            self.inner
                .tasks
                .spawn(async move { cancel.run_until_cancelled_owned(syncer.keep_up(netuid, cadence)).await });
        }
    }

    /// Ends the periodic fetches and waits for what is under way.
    pub async fn stop(&self) {
        self.inner.cancel.cancel();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }

    async fn keep_up(&self, netuid: u16, cadence: Duration) {
        let mut pause = cadence;
        loop {
            tokio::time::sleep(pause).await;
            pause = match self.refresh(netuid).await {
                Ok(_) => cadence,
                Err(error) => {
                    // Not the cadence on top of it, which would leave everybody with old data for longer.
                    let retry = jittered(self.inner.config.retry.min(cadence));
                    tracing::warn!(netuid, %error, "the metagraph was not refreshed; again in {retry:?}");
                    retry
                }
            };
        }
    }

    async fn fetch(&self, subnet: &Subnet, tell: bool) -> Result<Arc<Snapshot>, SyncError> {
        let _turn = subnet.turn.lock().await;
        let after = self.inner.config.fetch_timeout;
        let fetched = {
            // Closed never: the semaphore lives as long as the syncer.
            let _permit = self.inner.fetching.acquire().await;
            let started = Instant::now();
            let fetched = timeout(after, self.inner.source.fetch(subnet.netuid)).await;
            metrics::histogram!("metagraph_fetch_seconds").record(started.elapsed().as_secs_f64());
            fetched
        };
        let netuid = subnet.netuid;
        let metagraph = fetched
            .map_err(|_| FetchError::Timeout { netuid, after })
            .and_then(|fetched| fetched)
            .inspect_err(|_| metrics::counter!("metagraph_fetch_failures_total").increment(1))?;
        let snapshot = Arc::new(Snapshot::fetched_now(metagraph, self.inner.source.genesis_hash()));
        let before = subnet.newest.send_replace(Some(Arc::clone(&snapshot)));
        metrics::gauge!("metagraph_block").set(snapshot.metagraph.block as f64);
        self.save(subnet, &snapshot).await;
        if tell {
            let changed = match before {
                Some(before) => changes(&before.metagraph, &snapshot.metagraph),
                None => Vec::new(),
            };
            subnet.tell(&snapshot, &changed);
        }
        Ok(snapshot)
    }

    /// A file that cannot be written costs the next start its head start, not this refresh.
    async fn save(&self, subnet: &Subnet, snapshot: &Arc<Snapshot>) {
        let Some(file) = subnet.file.lock().clone() else { return };
        let snapshot = Arc::clone(snapshot);
        let saved = tokio::task::spawn_blocking(move || file.save(&snapshot)).await;
        match saved {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(netuid = subnet.netuid, %error, "the metagraph was not saved"),
            Err(error) => tracing::warn!(netuid = subnet.netuid, %error, "the metagraph was not saved"),
        }
    }
}

impl Subnet {
    fn tell(&self, snapshot: &Snapshot, changed: &[Change]) {
        for change in changed {
            // Without subscribers there is nobody to tell.
            let _ = self.events.send((self.netuid, *change));
        }
        // A copy, so that a listener may add another.
        let listeners: Vec<Listener> = self.listeners.read().clone();
        for listener in listeners {
            let call = std::panic::AssertUnwindSafe(|| listener(snapshot, changed));
            if std::panic::catch_unwind(call).is_err() {
                tracing::error!(netuid = self.netuid, "a listener of the metagraph panicked");
            }
        }
    }
}

fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.75..=1.0))
}

#[cfg(test)]
mod tests;
