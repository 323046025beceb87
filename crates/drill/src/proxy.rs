//! The listener, and what all connections share.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::connection;
use crate::error::DrillError;
use crate::fault::Fault;
use crate::report::{Diary, DrillReport, Tally, count};
use crate::schedule::Schedule;
use crate::upstream::Upstream;

/// Connections at one time; more are turned away. Each takes two descriptors, of which a process has 1024 by default.
pub const MAX_CONNECTIONS: usize = 256;

/// What a drill is started with.
#[derive(Debug, Clone)]
pub struct DrillConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The endpoint to pass traffic on to.
    pub upstream: Upstream,
    /// What goes wrong by itself; empty leaves it to [`Drill::inject`].
    pub schedule: Schedule,
    /// Seed the schedule was drawn from, for the report.
    pub seed: Option<u64>,
    /// Listen where other machines reach it, too.
    pub expose: bool,
}

impl DrillConfig {
    /// A drill before `endpoint` on a free port of this machine, with nothing scheduled.
    ///
    /// # Errors
    /// When `endpoint` is no `ws://` or `wss://` URL.
    pub fn before(endpoint: &str) -> Result<Self, DrillError> {
        Ok(Self {
            listen: ([127, 0, 0, 1], 0).into(),
            upstream: endpoint.parse()?,
            schedule: Schedule::default(),
            seed: None,
            expose: false,
        })
    }
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) upstream: Upstream,
    pub(crate) tally: Tally,
    fault: watch::Sender<Option<Fault>>,
    diary: Diary,
    open: AtomicU64,
}

impl Shared {
    /// The fault and its changes.
    pub(crate) fn faults(&self) -> watch::Receiver<Option<Fault>> {
        self.fault.subscribe()
    }

    fn turn(&self, fault: Option<Fault>) {
        let before = *self.fault.borrow();
        if before == fault {
            return;
        }
        self.diary.turn(fault, self.open.load(Ordering::Relaxed));
        match fault {
            Some(fault) => tracing::info!(%fault, "fault begins"),
            None => tracing::info!("fault over"),
        }
        self.fault.send_replace(fault);
    }
}

/// A running drill. Dropping it closes everything.
#[derive(Debug)]
pub struct Drill {
    address: SocketAddr,
    shared: Arc<Shared>,
    seed: Option<u64>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drill {
    /// Listens, and goes through the schedule.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(config: DrillConfig) -> Result<Self, DrillError> {
        let DrillConfig {
            listen,
            upstream,
            schedule,
            seed,
            expose,
        } = config;
        if !expose && !listen.ip().is_loopback() {
            return Err(DrillError::NotLoopback { address: listen });
        }
        let bind = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => DrillError::PortInUse { address: listen },
            _ => DrillError::Bind {
                address: listen,
                source,
            },
        };
        let listener = TcpListener::bind(listen).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let shared = Arc::new(Shared {
            upstream,
            tally: Tally::default(),
            fault: watch::Sender::new(None),
            diary: Diary::new(),
            open: AtomicU64::new(0),
        });
        let tasks = vec![
            tokio::spawn(accept(listener, shared.clone())),
            tokio::spawn(follow(schedule, shared.clone())),
        ];
        Ok(Self {
            address,
            shared,
            seed,
            tasks,
        })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What clients connect to instead of the endpoint.
    pub fn url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Begins a fault, instead of the one going on.
    pub fn inject(&self, fault: Fault) {
        self.shared.turn(Some(fault));
    }

    /// Ends the fault going on.
    pub fn clear(&self) {
        self.shared.turn(None);
    }

    /// The fault going on.
    pub fn fault(&self) -> Option<Fault> {
        *self.shared.fault.borrow()
    }

    /// Connections open now, dead ones included.
    pub fn open_connections(&self) -> u64 {
        self.shared.open.load(Ordering::Relaxed)
    }

    /// What was done until now.
    pub fn report(&self) -> DrillReport {
        self.shared.diary.report(
            self.address.to_string(),
            self.shared.upstream.url().to_string(),
            self.seed,
            self.shared.tally.counts(),
        )
    }

    /// Closes everything and says what was done.
    pub async fn shutdown(mut self) -> DrillReport {
        let report = self.report();
        for task in self.tasks.drain(..) {
            task.abort();
            // It was told to stop, so it ends with an error.
            let _ = task.await;
        }
        report
    }
}

impl Drop for Drill {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn follow(schedule: Schedule, shared: Arc<Shared>) {
    for step in schedule.iter() {
        tokio::time::sleep(step.after).await;
        shared.turn(Some(step.fault));
        tokio::time::sleep(step.lasts).await;
        shared.turn(None);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Aborting this task drops the set, which aborts every connection.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => take(client, &mut connections, &shared),
                // Out of descriptors, most likely: some are given back when connections end.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {
                shared.open.store(connections.len() as u64, Ordering::Relaxed);
            }
        }
    }
}

fn take(client: TcpStream, connections: &mut JoinSet<()>, shared: &Arc<Shared>) {
    count(&shared.tally.accepted);
    if connections.len() >= MAX_CONNECTIONS {
        count(&shared.tally.over_limit);
        return;
    }
    connections.spawn(connection::serve(client, shared.clone()));
    let open = connections.len() as u64;
    shared.open.store(open, Ordering::Relaxed);
    shared.tally.most_open.fetch_max(open, Ordering::Relaxed);
}
