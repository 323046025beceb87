//! Processes that set weights on a development chain, behind a connection that fails, and die at chosen moments.

use async_trait::async_trait;
use axoneme_chain::ChainError;
use axoneme_neuron::{StateError, StateStore};
use axoneme_timelock::Beacon;
use axoneme_weights::{
    Call, Change, Intent, Ledger, LedgerStore, Method, Obstacle, OnChain, Settings, Signed, Stage, Tick, View,
    WeightsChain, WeightsError, WeightsSource, Worker,
};
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::subnet::{HOTKEY, PATIENCE, Subnet, key};

/// The same weights each time but for one number.
struct Fixed(u16);

#[async_trait]
impl WeightsSource for Fixed {
    async fn weights(&self, _: &View) -> Result<Option<Vec<(u16, u16)>>, String> {
        Ok(Some(vec![(1, u16::MAX), (2, self.0)]))
    }
}

/// What happens to a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No node ever gets it.
    Lost,
    /// It is included, and nobody tells.
    AnswerLost,
}

/// The chain behind a connection that fails.
#[derive(Clone)]
struct Faulty {
    inner: OnChain,
    faults: Arc<Mutex<VecDeque<Fault>>>,
    sent: Arc<Mutex<BTreeSet<[u8; 32]>>>,
}

#[async_trait]
impl WeightsChain for Faulty {
    async fn view(&self) -> Result<View, ChainError> {
        self.inner.view().await
    }

    async fn sign(&self, call: &Call, until: u64) -> Result<Signed, ChainError> {
        self.inner.sign(call, until).await
    }

    async fn submit(&self, call: &Call, signed: &Signed) -> Result<u64, ChainError> {
        self.sent.lock().expect("unpoisoned").insert(signed.hash);
        let fault = self.faults.lock().expect("unpoisoned").pop_front();
        if fault == Some(Fault::AnswerLost) {
            self.inner.submit(call, signed).await?;
        }
        match fault {
            None => self.inner.submit(call, signed).await,
            Some(fault) => Err(ChainError::Disconnected {
                what: "a submission",
                reason: format!("{fault:?}"),
            }),
        }
    }

    async fn find(&self, signed: &Signed, to: u64) -> Result<Option<(u64, bool)>, ChainError> {
        self.inner.find(signed, to).await
    }

    async fn revealed(&self, call: &Call, block: u64, to: u64) -> Result<bool, ChainError> {
        self.inner.revealed(call, block, to).await
    }

    async fn block_hash(&self, number: u64) -> Result<Option<[u8; 32]>, ChainError> {
        self.inner.block_hash(number).await
    }
}

/// A disk after whose first writing of each stage the process dies.
struct Deadly {
    store: StateStore<Ledger>,
    deaths: Arc<Mutex<Vec<String>>>,
    immortal: bool,
}

impl LedgerStore for Deadly {
    fn save(&mut self, ledger: &Ledger) -> Result<(), StateError> {
        self.store.save(ledger)?;
        let stage = ledger.intents.last().map(|intent| intent.stage.label().to_owned());
        let mut deaths = self.deaths.lock().expect("unpoisoned");
        match stage.filter(|stage| !self.immortal && !deaths.contains(stage)) {
            None => Ok(()),
            Some(stage) => {
                deaths.push(stage);
                Err(StateError::Io {
                    action: "live on after writing",
                    path: "the ledger".into(),
                    source: std::io::Error::other("killed"),
                })
            }
        }
    }
}

/// One process after the other, each of which goes on from what is on disk.
pub struct Process {
    chain: Faulty,
    settings: Settings,
    number: u16,
    path: PathBuf,
    genesis: [u8; 32],
    deaths: Arc<Mutex<Vec<String>>>,
    immortal: bool,
    /// Whether somebody has to act is no failure of the test.
    obstacles: bool,
    starts: u64,
    wake: u64,
}

impl Process {
    pub fn new(subnet: &Subnet, mecid: u8, method: Method, number: u16) -> Self {
        let inner = OnChain {
            chain: subnet.chain.clone(),
            hotkey: Arc::new(key(HOTKEY)),
            netuid: subnet.netuid,
            mecid,
        };
        Self {
            chain: Faulty {
                inner,
                faults: Arc::default(),
                sent: Arc::default(),
            },
            settings: Settings {
                netuid: subnet.netuid,
                mecid,
                version_key: 7,
                every: 0,
                method,
                beacon: Beacon::dev(),
            },
            number,
            path: subnet.folder().join(number.to_string()).join("ledger.json"),
            genesis: subnet.chain.genesis_hash(),
            deaths: Arc::default(),
            immortal: false,
            obstacles: false,
            starts: 0,
            wake: 0,
        }
    }

    /// It does not die while it writes, only after each step.
    pub fn immortal(&mut self) {
        self.immortal = true;
    }

    pub fn with_obstacles(&mut self) {
        self.obstacles = true;
    }

    pub fn beacon(&mut self, beacon: Beacon) {
        self.settings.beacon = beacon;
    }

    pub fn fails_with(&self, faults: impl IntoIterator<Item = Fault>) {
        self.chain.faults.lock().expect("unpoisoned").extend(faults);
    }

    /// Stages after whose writing a process died.
    pub fn deaths(&self) -> Vec<String> {
        self.deaths.lock().expect("unpoisoned").clone()
    }

    pub fn ledger(&self) -> Ledger {
        let store = StateStore::open(&self.path).expect("a folder");
        store.load().expect("a ledger").unwrap_or_default()
    }

    /// One step of a new process; `None` when it died.
    async fn step(&mut self) -> Option<Tick> {
        self.starts += 1;
        let store = StateStore::open(&self.path).expect("a folder");
        let ledger = store.load().expect("a ledger");
        let store = Deadly {
            store,
            deaths: Arc::clone(&self.deaths),
            immortal: self.immortal,
        };
        let rng = ChaCha20Rng::seed_from_u64(u64::from(self.number) << 32 | self.starts);
        let hotkey = key(HOTKEY).account_id().0;
        let chain = (self.chain.clone(), self.genesis);
        let machine = Worker::new(chain, (store, ledger), Fixed(self.number), rng, hotkey, self.settings);
        match machine.expect("a machine").tick().await {
            Ok(tick) => {
                self.wake = tick.wake;
                Some(tick)
            }
            Err(WeightsError::State(_)) => {
                self.wake = 0;
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Takes steps as blocks come, until `done` says so of one.
    async fn steps<T>(&mut self, what: &str, mut done: impl FnMut(&Tick, &Self) -> Option<T>) -> T {
        let mut blocks = self.chain.inner.chain.blocks();
        let waiting = async {
            loop {
                let now = *blocks.borrow_and_update();
                if now >= self.wake
                    && let Some(tick) = self.step().await
                    && let Some(found) = done(&tick, self)
                {
                    return found;
                }
                blocks.changed().await.expect("the chain lives");
            }
        };
        let outcome = tokio::time::timeout(PATIENCE, waiting).await;
        outcome.unwrap_or_else(|_| panic!("{what} did not happen within {PATIENCE:?}"))
    }

    /// Until an intent has changed as wanted. A process that dies after writing a change down tells nobody of it, so that
    /// intents are compared.
    pub async fn until(&mut self, wanted: impl Fn(&Change) -> bool) -> Change {
        let before: Vec<_> = self.ledger().intents;
        let path = self.path.clone();
        let mut blocks = self.chain.inner.chain.blocks();
        let waiting = async {
            loop {
                let now = *blocks.borrow_and_update();
                if now >= self.wake {
                    let tick = self.step().await;
                    if let Some(obstacle) = tick.and_then(|tick| tick.obstacle)
                        && !self.obstacles
                    {
                        panic!("{obstacle}");
                    }
                    let intents = self.ledger().intents;
                    let changed = intents.iter().filter(|intent| {
                        let same = |old: &&Intent| old.form == intent.form && old.window == intent.window;
                        let old = before.iter().find(same);
                        old.is_none_or(|old| old.stage != intent.stage)
                    });
                    let changes = changed.map(|intent| Change {
                        window: intent.window,
                        kind: intent.form.kind(),
                        from: Stage::Stored,
                        to: intent.stage.clone(),
                    });
                    if let Some(found) = changes.into_iter().find(&wanted) {
                        return found;
                    }
                }
                blocks.changed().await.expect("the chain lives");
            }
        };
        let outcome = tokio::time::timeout(PATIENCE, waiting).await;
        outcome.unwrap_or_else(|_| {
            let ledger = std::fs::read_to_string(&path).unwrap_or_default();
            panic!("nothing of the kind within {PATIENCE:?}: {ledger}")
        })
    }

    /// Until something was handed over, whatever became of it.
    pub async fn until_sent(&mut self) {
        self.steps("a submission", |_, process| {
            let sent = process.chain.sent.lock().expect("unpoisoned");
            (!sent.is_empty()).then_some(())
        })
        .await;
    }

    /// Until somebody has to act.
    pub async fn obstacle(&mut self) -> Obstacle {
        self.steps("an obstacle", |tick, _| tick.obstacle.clone()).await
    }
}
