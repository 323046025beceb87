//! Used nonces in a Redis server, shared by several axons behind one address.
//!
//! # What is promised
//!
//! Of all replicas exactly one gets a nonce (`SET key 1 NX PX …`). When the server cannot be asked in time, claims fail;
//! they never pass. A server can also lose what it was told, and each way is met:
//!
//! | loss | met by |
//! | --- | --- |
//! | restart without the newest data, failover to a lagging copy | every run of a server has its own marker key; who finds none writes one, and nonces up to that moment plus the allowed lead are refused by all |
//! | `FLUSHALL` | the marker is read with every claim; gone means the same as a restart |
//! | eviction under memory pressure | refused when connecting, and looked at again every half minute |
//! | its clock jumps, so that keys expire early | keys live twice as long as needed; larger jumps are seen, since every claim also reads that clock |
//!
//! A connection that fails is thrown away, and the checks are made again on the next one. That is why this is not the
//! reconnecting connection of the Redis crate: a claim must never run on a server that was not looked at.

mod line;
mod server;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use axoneme_guards::seen::STEP_MARGIN;
use axoneme_guards::{Horizon, Now, StepGuard};
use axoneme_protocol::clock::{self, Clock};
use axoneme_protocol::nonce::{Claim, NonceError, NonceStore, NonceUse, note_refusal, note_step};
use axoneme_wallet::AccountId;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use self::line::{Dialer, KEYS_GONE, Line};
use crate::config::RedisUrl;
use crate::error::ReplayError;

/// How often a quiet connection is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RedisTimes {
    /// One claim, 500 ms.
    pub claim: Duration,
    /// Connecting and looking at the server, 3 s.
    pub connect: Duration,
    /// Longest pause between two attempts to connect, 1 s.
    pub retry: Duration,
}

impl Default for RedisTimes {
    fn default() -> Self {
        Self {
            claim: Duration::from_millis(500),
            connect: Duration::from_secs(3),
            retry: Duration::from_secs(1),
        }
    }
}

/// A [`NonceStore`] in a Redis server. See the [module](self).
#[derive(Debug)]
pub struct RedisNonceStore(Arc<Shared>);

struct Shared {
    dialer: Dialer,
    line: Mutex<Option<Line>>,
    connecting: AtomicBool,
    /// Steps of this machine's clock.
    own_clock: Mutex<StepGuard>,
}

/// Answers to `SET`, `GET` of the marker, and `TIME`.
type Answers = (Option<String>, Option<u64>, (u64, u64));

impl RedisNonceStore {
    /// Connects, and refuses a server that cannot keep the promise. `hotkey` is the axon's: its replicas share what
    /// they know, and axons of other hotkeys can use the same server.
    ///
    /// # Errors
    /// When the server cannot be reached, evicts keys, or is a read-only copy; the message says what to do.
    pub async fn open(
        url: &RedisUrl,
        clock: Arc<dyn Clock>,
        horizon: impl Into<Horizon>,
        hotkey: &AccountId,
        times: RedisTimes,
    ) -> Result<Self, ReplayError> {
        let horizon = horizon.into();
        let server = url.to_string();
        let failed = |why: String| ReplayError::Redis {
            server: server.clone(),
            why,
        };
        let client = redis::Client::open(url.secret_url()).map_err(|error| failed(error.to_string()))?;
        let dialer = Dialer {
            client,
            server: server.clone(),
            // In braces, so that a cluster keeps all keys of an axon on one server.
            prefix: format!("axoneme:{{{hotkey}}}:"),
            clock,
            horizon,
            times,
        };
        let shared = Arc::new(Shared {
            dialer,
            line: Mutex::new(None),
            connecting: AtomicBool::new(false),
            own_clock: Mutex::new(StepGuard::new(STEP_MARGIN, horizon.retention())),
        });
        let line = shared.dialer.connect().await.map_err(failed)?;
        *shared.line.lock() = Some(line);
        tokio::spawn(keep_looking(Arc::downgrade(&shared)));
        Ok(Self(shared))
    }

    /// Whether a server is connected now.
    pub fn is_connected(&self) -> bool {
        self.0.line.lock().is_some()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Shared");
        fields
            .field("server", &self.dialer.server)
            .field("prefix", &self.dialer.prefix);
        fields.finish_non_exhaustive()
    }
}

impl NonceStore for RedisNonceStore {
    fn claim<'a>(&'a self, used: NonceUse<'a>) -> Claim<'a> {
        Box::pin(async move {
            let claimed = self.0.claim(used).await;
            claimed.inspect_err(|error| note_refusal(*error))
        })
    }
}

impl Shared {
    async fn claim(self: &Arc<Self>, used: NonceUse<'_>) -> Result<(), NonceError> {
        let now = self.now()?;
        let Some(line) = self.line.lock().clone() else {
            self.reconnect();
            return Err(NonceError::StoreUnavailable);
        };
        line.marker.judge(used.nonce, now)?;
        let mut commands = redis::pipe();
        let ttl = u64::try_from(self.dialer.horizon.retention().as_millis() * 2).unwrap_or(u64::MAX);
        let set = commands.cmd("SET").arg(self.key(used)).arg(1);
        set.arg("NX").arg("PX").arg(ttl);
        commands.cmd("GET").arg(&line.marker.key).cmd("TIME");
        let mut connection = line.connection.clone();
        let answers = timeout(
            self.dialer.times.claim,
            commands.query_async::<Answers>(&mut connection),
        )
        .await;
        let (set, since, (seconds, micros)) = match answers {
            Ok(Ok(answers)) => answers,
            Ok(Err(error)) if is_about_one_claim(&error) => {
                tracing::warn!(server = %self.dialer.server, "a claim failed: {error}");
                return Err(NonceError::StoreUnavailable);
            }
            Ok(Err(error)) => return Err(self.hang_up(&line, &error)),
            Err(_) => return Err(self.hang_up(&line, &"no answer in time")),
        };
        let Some(since) = since else {
            return Err(self.hang_up(&line, &KEYS_GONE));
        };
        line.marker.since.fetch_max(since, Ordering::SeqCst);
        let server_now = Now {
            wall: seconds
                .saturating_mul(1_000_000_000)
                .saturating_add(micros.saturating_mul(1000)),
            mono: now.mono,
        };
        if line.marker.clock_jumped(server_now) {
            // Everybody has to learn that keys may be missing: without its marker the server counts as restarted.
            let delete = redis::cmd("DEL").arg(&line.marker.key).to_owned();
            let _ = timeout(self.dialer.times.claim, delete.query_async::<u64>(&mut connection)).await;
            return Err(self.hang_up(&line, &"its clock jumped ahead, so keys may have expired early"));
        }
        line.marker.judge(used.nonce, now)?;
        match set {
            Some(_) => Ok(()),
            None => Err(NonceError::Replayed),
        }
    }

    fn now(&self) -> Result<Now, NonceError> {
        let mut own_clock = self.own_clock.lock();
        let now = clock::read(&*self.dialer.clock);
        let held = own_clock.observe(now);
        if let Some(step) = own_clock.take_noticed() {
            note_step(step, self.dialer.horizon);
        }
        held.map(|()| now).map_err(|wait| NonceError::ClockSetBack { wait })
    }

    /// Short, whatever the caller's uuid, and the same in every replica. Two uses with one key would refuse the second;
    /// finding two takes 2^96 hashes, and both would have to be signed by the same hotkey's owner.
    fn key(&self, used: NonceUse<'_>) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(used.hotkey.0);
        hash.update(used.nonce.to_le_bytes());
        hash.update(used.uuid);
        let mut key = self.dialer.prefix.clone().into_bytes();
        key.extend_from_slice(&hash.finalize()[..24]);
        key
    }

    /// Gives up a connection, and starts looking for the next one.
    fn hang_up(self: &Arc<Self>, line: &Line, why: &dyn fmt::Display) -> NonceError {
        let mut current = self.line.lock();
        if current
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(&current.marker, &line.marker))
        {
            *current = None;
            tracing::error!(server = %self.dialer.server, "the replay store is gone, signed requests are refused: {why}");
            metrics::gauge!("nonce_store_connected").set(0.0);
        }
        drop(current);
        self.reconnect();
        NonceError::StoreUnavailable
    }

    /// Connects in a task of its own; one at a time.
    fn reconnect(self: &Arc<Self>) {
        if self.connecting.swap(true, Ordering::SeqCst) {
            return;
        }
        let weak = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut pause = Duration::from_millis(50);
            let mut told = String::new();
            while let Some(shared) = weak.upgrade() {
                match shared.dialer.connect().await {
                    Ok(line) => {
                        *shared.line.lock() = Some(line);
                        shared.connecting.store(false, Ordering::SeqCst);
                        tracing::info!(server = %shared.dialer.server, "the replay store is back");
                        return;
                    }
                    Err(why) if why != told => {
                        tracing::warn!(server = %shared.dialer.server, "no replay store yet: {why}");
                        told = why;
                    }
                    Err(_) => {}
                }
                let longest = shared.dialer.times.retry;
                drop(shared);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(longest);
            }
        });
    }

    async fn look_again(self: &Arc<Self>) {
        let Some(mut line) = self.line.lock().clone() else {
            return;
        };
        if let Err(why) = self.dialer.look_again(&mut line).await {
            // The claim that this would fail is another's.
            let _ = self.hang_up(&line, &why);
        }
    }
}

async fn keep_looking(shared: Weak<Shared>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        match shared.upgrade() {
            Some(shared) => shared.look_again().await,
            None => return,
        }
    }
}

/// Whether an error says nothing about the connection: the server's memory is full, and it keeps what it has.
fn is_about_one_claim(error: &redis::RedisError) -> bool {
    let errors = error.clone().into_server_errors();
    errors.is_some_and(|errors| errors.iter().any(|(_, error)| error.code() == "OOM"))
}
