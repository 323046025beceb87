//! When blocks are made: one thread that makes them at intervals, when a transaction comes, or when told to.

use std::{
    io,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;
use sp_core::crypto::AccountId32;
use tokio::sync::oneshot;

use crate::{
    chain::Chain,
    faucet,
    pool::Pool,
    seal::{self, Order, SealError, Sealed, with_cause},
    store::Head,
    types::{BlockNumber, Change},
};

/// Longest time to go on taking transactions into one block; empty ones take under a millisecond.
const FILL_BUDGET: Duration = Duration::from_secs(2);
/// Requests that may wait for the author, so that a flood of `dev_newBlock` is held back, not stored.
const COMMANDS: usize = 1_024;

/// What makes a block be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sealing {
    /// One every block time, whether there are transactions or not.
    #[default]
    Interval,
    /// One as soon as a transaction can go into it.
    Instant,
    /// Only on `dev_newBlock`.
    Manual,
}

impl FromStr for Sealing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "interval" => Ok(Self::Interval),
            "instant" => Ok(Self::Instant),
            "manual" => Ok(Self::Manual),
            _ => Err("must be interval, instant or manual".to_owned()),
        }
    }
}

/// Milliseconds since 1970.
pub type Clock = Box<dyn Fn() -> u64 + Send>;

/// The machine's clock.
pub fn system_clock() -> Clock {
    Box::new(|| {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis() as u64)
    })
}

type Reply = oneshot::Sender<Result<Head, SealError>>;

enum Command {
    Seal {
        count: u32,
        reply: Reply,
    },
    Set {
        changes: Vec<Change>,
        reply: Reply,
    },
    Travel {
        to_ms: u64,
        reply: Reply,
    },
    Fund {
        account: AccountId32,
        rao: u64,
        reply: Reply,
    },
    TakeBack {
        last: BlockNumber,
        reply: Reply,
    },
    Submitted,
}

/// Talks to the author's thread.
#[derive(Clone)]
pub struct Author {
    commands: mpsc::SyncSender<Command>,
    stopped: Arc<AtomicBool>,
    sealing: Sealing,
}

impl Author {
    /// Starts the thread.
    pub fn start(
        chain: Arc<Chain>,
        pool: Arc<Mutex<Pool>>,
        sealing: Sealing,
        block_time: Duration,
        clock: Clock,
    ) -> io::Result<(Self, thread::JoinHandle<()>)> {
        let (commands, inbox) = mpsc::sync_channel(COMMANDS);
        let stopped = Arc::new(AtomicBool::new(false));
        let author = Self {
            commands,
            stopped: stopped.clone(),
            sealing,
        };
        let worker = Worker {
            chain,
            pool,
            sealing,
            block_time,
            clock,
            ahead_ms: 0,
            failures: 0,
            stopped,
        };
        let thread = thread::Builder::new()
            .name("localnet-author".to_owned())
            .spawn(move || worker.run(&inbox))?;
        Ok((author, thread))
    }

    /// Makes `count` blocks now and gives the last.
    pub async fn seal(&self, count: u32) -> Result<Head, SealError> {
        self.ask(|reply| Command::Seal { count, reply }).await
    }

    /// Makes a block that also writes `changes`.
    pub async fn set(&self, changes: Vec<Change>) -> Result<Head, SealError> {
        self.ask(|reply| Command::Set { changes, reply }).await
    }

    /// Sets the chain's clock and makes a block at that time. The clock runs on from there; it never runs backwards.
    pub async fn travel(&self, to_ms: u64) -> Result<Head, SealError> {
        self.ask(|reply| Command::Travel { to_ms, reply }).await
    }

    /// Makes a block in which `account` has `rao` more.
    pub async fn fund(&self, account: AccountId32, rao: u64) -> Result<Head, SealError> {
        self.ask(|reply| Command::Fund { account, rao, reply }).await
    }

    /// Takes back every block after `last`, and every transaction that waits.
    pub async fn take_back(&self, last: BlockNumber) -> Result<Head, SealError> {
        self.ask(|reply| Command::TakeBack { last, reply }).await
    }

    async fn ask(&self, command: impl FnOnce(Reply) -> Command) -> Result<Head, SealError> {
        let (reply, answer) = oneshot::channel();
        self.commands.try_send(command(reply)).map_err(|error| match error {
            mpsc::TrySendError::Full(_) => SealError::Busy,
            mpsc::TrySendError::Disconnected(_) => SealError::Stopped,
        })?;
        answer.await.map_err(|_| SealError::Stopped)?
    }

    /// Says that the pool has something new.
    pub fn submitted(&self) {
        if self.sealing == Sealing::Instant {
            // Full means that the author is busy and will look at the pool anyway.
            let _ = self.commands.try_send(Command::Submitted);
        }
    }

    /// Ends the thread after the block it is making.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes it; if the queue is full it is awake.
        let _ = self.commands.try_send(Command::Submitted);
    }
}

struct Worker {
    chain: Arc<Chain>,
    pool: Arc<Mutex<Pool>>,
    sealing: Sealing,
    block_time: Duration,
    clock: Clock,
    /// How far `dev_timeTravel` has put the chain's clock ahead, or behind.
    ahead_ms: i64,
    failures: u32,
    stopped: Arc<AtomicBool>,
}

impl Worker {
    fn run(mut self, inbox: &mpsc::Receiver<Command>) {
        let mut due = Instant::now() + self.block_time;
        while !self.stopped.load(Ordering::Relaxed) {
            let command = match self.sealing {
                Sealing::Interval => inbox.recv_timeout(due.saturating_duration_since(Instant::now())),
                Sealing::Instant | Sealing::Manual => inbox.recv().map_err(mpsc::RecvTimeoutError::from),
            };
            match command {
                Ok(command) => self.obey(command),
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    // Failures are in the log already, and the next interval tries again.
                    let _ = self.seal(&[]);
                    // A slow block delays the ones after it; it does not make them come in a burst.
                    due = (due + self.block_time).max(Instant::now());
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
    }

    fn obey(&mut self, command: Command) {
        // Whoever asked may have gone; then nobody needs the answer.
        let _ = match command {
            Command::Seal { count, reply } => reply.send(self.seal_many(count)),
            Command::Set { changes, reply } => reply.send(self.seal(&changes).map(|sealed| sealed.head)),
            Command::Travel { to_ms, reply } => {
                let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
                self.ahead_ms = signed(to_ms).saturating_sub(signed((self.clock)()));
                reply.send(self.seal(&[]).map(|sealed| sealed.head))
            }
            Command::Fund { account, rao, reply } => {
                let funded = faucet::changes(&self.chain, &account, rao);
                reply.send(funded.and_then(|changes| self.seal(&changes)).map(|sealed| sealed.head))
            }
            Command::TakeBack { last, reply } => reply.send(self.take_back(last)),
            Command::Submitted => {
                // Until the pool is empty, or holds only what does not go into a block.
                while self.sealing == Sealing::Instant
                    && !self.stopped.load(Ordering::Relaxed)
                    && !self.pool.lock().is_idle()
                    && self.seal(&[]).is_ok_and(|sealed| !sealed.included.is_empty())
                {}
                Ok(())
            }
        };
    }

    fn seal_many(&mut self, count: u32) -> Result<Head, SealError> {
        let mut last = self.chain.store().head();
        for _ in 0..count {
            if self.stopped.load(Ordering::Relaxed) {
                return Err(SealError::Stopped);
            }
            last = self.seal(&[])?.head;
        }
        Ok(last)
    }

    fn take_back(&mut self, last: BlockNumber) -> Result<Head, SealError> {
        let taken = self.chain.store().take_back(last);
        let head = taken.map_err(|error| SealError::TakeBack(Box::new(error)))?;
        // What waits was judged on a state that never was.
        let mut pool = self.pool.lock();
        let waiting: Vec<_> = pool.pending().iter().map(|entry| entry.hash).collect();
        pool.drop_entries(&waiting);
        drop(pool);
        self.chain.announce(head.clone());
        Ok(head)
    }

    fn seal(&mut self, changes: &[Change]) -> Result<Sealed, SealError> {
        let candidates = self.pool.lock().ready();
        let now_ms = (self.clock)().saturating_add_signed(self.ahead_ms);
        let order = Order {
            now_ms,
            candidates: &candidates,
            changes,
            budget: FILL_BUDGET,
        };
        match seal::seal(&self.chain, &order) {
            Ok(sealed) => {
                self.failures = 0;
                tracing::debug!(
                    number = sealed.head.number(),
                    hash = ?sealed.head.hash,
                    transactions = sealed.included.len(),
                    "block"
                );
                self.chain.announce(sealed.head.clone());
                self.pool.lock().on_block(
                    sealed.head.number(),
                    sealed.head.hash,
                    &sealed.included,
                    &sealed.refused,
                );
                Ok(sealed)
            }
            Err((error, taken)) => {
                self.failures += 1;
                // Every interval fails alike; the log needs to hear of it now and then.
                if self.failures.is_power_of_two() {
                    tracing::error!(failures = self.failures, error = %with_cause(&error), "no block was made");
                }
                if !matches!(error, SealError::Store(_)) {
                    self.pool.lock().drop_entries(&taken);
                }
                Err(error)
            }
        }
    }
}
