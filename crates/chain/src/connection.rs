//! The shared connection: one supervisor task keeps it alive, everybody else borrows it.

use crate::config::ChainConfig;
use crate::error::ChainError;
use crate::health::{Health, is_busy, jittered};
use crate::wire::Live;
use axoneme_wallet::AccountId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use subxt::config::substrate::H256;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// Pause before the next try where all endpoints say that they are too busy.
const BUSY_PAUSE: Duration = Duration::from_secs(1);
/// By how many blocks two healthy nodes may differ.
const HEADS_APART: u64 = 3;

/// Whether the chain can be asked at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionState {
    /// Connected to this endpoint.
    Connected {
        /// The endpoint in use.
        endpoint: String,
    },
    /// Not connected; the supervisor is trying.
    Disconnected {
        /// Why.
        reason: String,
    },
}

impl ConnectionState {
    /// Whether there is a connection.
    pub fn is_connected(&self) -> bool {
        matches!(self, ConnectionState::Connected { .. })
    }
}

/// What all clones of a [`crate::Chain`] share.
pub(crate) struct Shared {
    pub(crate) config: ChainConfig,
    pub(crate) live: watch::Sender<Option<Arc<Live>>>,
    pub(crate) head: watch::Sender<u64>,
    pub(crate) state: watch::Sender<ConnectionState>,
    pub(crate) genesis: Mutex<H256>,
    head_moved: Mutex<Instant>,
    pub(crate) accounts: Mutex<HashMap<AccountId, Arc<crate::nonce::Account>>>,
    pub(crate) health: Health,
}

impl Shared {
    /// Connects within the configured bound.
    pub(crate) async fn connect(config: ChainConfig) -> Result<(Arc<Shared>, Arc<Live>), ChainError> {
        config.validate()?;
        let health = Health::of(&config);
        let live = Arc::new(
            first_that_answers(&config, &health, config.connect_timeout, None)
                .await
                .map_err(|tried| ChainError::Unreachable {
                    tried,
                    within: config.connect_timeout,
                })?,
        );
        let connected = ConnectionState::Connected {
            endpoint: live.endpoint.clone(),
        };
        let number = match timeout(config.request_timeout, live.head()).await {
            Ok(Ok((number, _))) => number,
            // The supervisor sees to it that the number gets right.
            _ => 0,
        };
        let shared = Shared {
            live: watch::Sender::new(Some(Arc::clone(&live))),
            head: watch::Sender::new(number),
            state: watch::Sender::new(connected),
            genesis: Mutex::new(live.genesis),
            head_moved: Mutex::new(Instant::now()),
            accounts: Mutex::new(HashMap::new()),
            health,
            config,
        };
        Ok((Arc::new(shared), live))
    }

    /// Not connected yet; the supervisor does it.
    pub(crate) fn unconnected(config: ChainConfig, genesis: H256) -> Result<Arc<Shared>, ChainError> {
        config.validate()?;
        let waiting = ConnectionState::Disconnected {
            reason: "no endpoint has answered yet".to_owned(),
        };
        Ok(Arc::new(Shared {
            live: watch::Sender::new(None),
            head: watch::Sender::new(0),
            state: watch::Sender::new(waiting),
            genesis: Mutex::new(genesis),
            head_moved: Mutex::new(Instant::now()),
            accounts: Mutex::new(HashMap::new()),
            health: Health::of(&config),
            config,
        }))
    }

    /// The current connection, waiting for one until the deadline.
    pub(crate) async fn live(&self, what: &'static str, deadline: Instant) -> Result<Arc<Live>, ChainError> {
        let mut watch = self.live.subscribe();
        let found = timeout_at(deadline, watch.wait_for(Option::is_some)).await;
        if let Ok(Ok(live)) = found
            && let Some(live) = live.as_ref()
        {
            return Ok(Arc::clone(live));
        }
        let reason = match &*self.state.borrow() {
            ConnectionState::Disconnected { reason } => reason.clone(),
            ConnectionState::Connected { endpoint } => format!("{endpoint} was lost"),
        };
        Err(ChainError::Disconnected { what, reason })
    }

    /// Waits until a broken connection has been taken away, so that its next user does not get it again.
    pub(crate) async fn replaced(&self, old: &Arc<Live>, deadline: Instant) {
        let mut watch = self.live.subscribe();
        let gone = watch.wait_for(|live| !live.as_ref().is_some_and(|live| Arc::ptr_eq(live, old)));
        // At the deadline the caller finds out by itself.
        let _ = timeout_at(deadline, gone).await;
    }

    /// Time since the head last moved. Long while connected means that the chain itself stands still.
    pub(crate) fn head_age(&self) -> Duration {
        self.head_moved.lock().elapsed()
    }

    /// Puts a new number into the head watch.
    pub(crate) fn head_is(&self, number: u64) {
        let moved = self
            .head
            .send_if_modified(|head| std::mem::replace(head, number) != number);
        if moved {
            *self.head_moved.lock() = Instant::now();
            metrics::gauge!("chain_head_block").set(number as f64);
        }
    }
}

/// What became of a connection.
enum End {
    /// It is of no more use.
    Lost(String),
    /// A better one has been opened.
    Better(Arc<Live>),
}

/// Keeps the connection alive until `stop` is cancelled.
pub(crate) async fn supervise(shared: Arc<Shared>, first: Option<Arc<Live>>, stop: CancellationToken) {
    let mut live = first;
    loop {
        let Some(current) = live.take() else {
            metrics::gauge!("chain_connected").set(0.0);
            let found = tokio::select! {
                () = stop.cancelled() => return,
                found = reconnect(&shared) => found,
            };
            metrics::counter!("chain_reconnects_total").increment(1);
            tracing::info!(endpoint = %found.endpoint, "connected to the chain");
            shared.state.send_replace(ConnectionState::Connected {
                endpoint: found.endpoint.clone(),
            });
            shared.live.send_replace(Some(Arc::clone(&found)));
            live = Some(found);
            continue;
        };
        metrics::gauge!("chain_connected").set(1.0);
        let end = tokio::select! {
            () = stop.cancelled() => return,
            reason = until_it_breaks(&shared, &current) => End::Lost(reason),
            better = better_endpoint(&shared, &current) => End::Better(better),
        };
        match end {
            End::Lost(reason) => {
                tracing::warn!(endpoint = %current.endpoint, reason, "connection to the chain lost");
                if let Some(index) = index_of(&shared.config, &current.endpoint) {
                    shared.health.lost(index, &reason);
                }
                current.broken.set();
                shared.state.send_replace(ConnectionState::Disconnected { reason });
                shared.live.send_replace(None);
            }
            // What is under way on the old connection ends there.
            End::Better(better) => {
                metrics::counter!("chain_endpoint_switches_total").increment(1);
                shared.state.send_replace(ConnectionState::Connected {
                    endpoint: better.endpoint.clone(),
                });
                shared.live.send_replace(Some(Arc::clone(&better)));
                live = Some(better);
            }
        }
    }
}

fn index_of(config: &ChainConfig, endpoint: &str) -> Option<usize> {
    config.endpoints.iter().position(|known| known == endpoint)
}

/// Looks for an endpoint to move to while the connection works: one that comes before the one in use and answers
/// again, or, when the head of this one stands still, any whose head is ahead.
async fn better_endpoint(shared: &Shared, live: &Live) -> Arc<Live> {
    let config = &shared.config;
    let current = index_of(config, &live.endpoint).unwrap_or(0);
    loop {
        tokio::time::sleep(jittered(config.look_around)).await;
        let stalled = shared.head_age() >= config.stall_after;
        let candidates = match stalled {
            true => 0..config.endpoints.len(),
            false => 0..current,
        };
        for index in candidates.filter(|index| *index != current) {
            let endpoint = &config.endpoints[index];
            let expected = *shared.genesis.lock();
            let opened = timeout(config.request_timeout, Live::open(endpoint, config.request_timeout)).await;
            let found = match opened {
                Ok(Ok(found)) if found.genesis == expected => found,
                Ok(Ok(_)) => {
                    shared.health.bad(index, "it serves another chain");
                    continue;
                }
                Ok(Err(reason)) => {
                    shared.health.bad(index, &reason);
                    continue;
                }
                Err(_) => {
                    shared.health.bad(index, "no answer");
                    continue;
                }
            };
            let ahead = found.recent().block_number();
            let (own, behind) = (*shared.head.borrow(), ahead.saturating_add(HEADS_APART));
            // One that fell behind is no better, wherever it stands in the list.
            let better = match stalled {
                true => ahead > own,
                false => behind >= own,
            };
            if better {
                shared.health.good(index);
                tracing::info!(from = %live.endpoint, to = %endpoint, stalled, "moving to a better chain endpoint");
                return Arc::new(found);
            }
        }
    }
}

/// Follows the head and the heartbeat; returns why the connection is of no more use.
///
/// A head that stands still is no reason: the chain may have stopped while the node answers well.
async fn until_it_breaks(shared: &Shared, live: &Live) -> String {
    let patience = shared.config.request_timeout;
    let mut heads = match timeout(patience, live.methods.chain_subscribe_new_heads()).await {
        Ok(Ok(heads)) => heads,
        Ok(Err(error)) => return format!("cannot follow the head: {error}"),
        Err(_) => return "no answer to the subscription of heads".to_owned(),
    };
    let mut heartbeat = tokio::time::interval(shared.config.heartbeat);
    heartbeat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            head = heads.next() => match head {
                Some(Ok(header)) => shared.head_is(header.number),
                Some(Err(error)) => return format!("the subscription of heads failed: {error}"),
                None => return "the node closed the connection".to_owned(),
            },
            _ = heartbeat.tick() => match timeout(patience, live.head()).await {
                Ok(Ok((number, _))) => shared.head_is(number),
                Ok(Err(error)) => return format!("the heartbeat failed: {error}"),
                Err(_) => return format!("no heartbeat within {patience:?}"),
            },
            () = live.broken.wait() => return "the connection broke during a request".to_owned(),
        }
    }
}

/// Tries until an endpoint of the right chain answers.
async fn reconnect(shared: &Shared) -> Arc<Live> {
    let config = &shared.config;
    let mut pause = config.backoff_min;
    loop {
        tokio::time::sleep(jittered(pause)).await;
        pause = pause.saturating_mul(2).min(config.backoff_max.max(BUSY_PAUSE));

        let known = *shared.genesis.lock();
        let expected = (!config.allow_new_genesis && known != H256::zero()).then_some(known);
        match first_that_answers(config, &shared.health, config.connect_timeout, expected).await {
            Ok(live) => {
                let before = std::mem::replace(&mut *shared.genesis.lock(), live.genesis);
                if before != live.genesis && before != H256::zero() {
                    tracing::warn!(endpoint = %live.endpoint, "the chain started anew: registrations made before are gone");
                }
                return Arc::new(live);
            }
            Err(tried) => {
                // A node that is too busy gets more time than one that is starting.
                if is_busy(&tried) {
                    pause = pause.max(BUSY_PAUSE);
                }
                tracing::debug!(tried, "no endpoint answers yet");
                metrics::counter!("chain_connect_failures_total").increment(1);
                shared
                    .state
                    .send_replace(ConnectionState::Disconnected { reason: tried });
            }
        }
    }
}

/// One pass over the endpoints, each with its share of the time that is left.
async fn first_that_answers(
    config: &ChainConfig,
    health: &Health,
    within: Duration,
    expected: Option<H256>,
) -> Result<Live, String> {
    let deadline = Instant::now() + within;
    let mut tried = Vec::new();
    let order = health.order();
    for (count, index) in order.iter().copied().enumerate() {
        let endpoint = &config.endpoints[index];
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(order.len() - count).unwrap_or(1);
        let failure = match timeout(share, Live::open(endpoint, config.request_timeout)).await {
            Ok(Ok(live)) => match expected {
                Some(expected) if live.genesis != expected => ChainError::WrongChain {
                    endpoint: endpoint.clone(),
                    expected: format!("{expected:?}"),
                    found: format!("{:?}", live.genesis),
                }
                .to_string(),
                _ => {
                    health.good(index);
                    return Ok(live);
                }
            },
            Ok(Err(reason)) => format!("{endpoint} ({reason})"),
            Err(_) => format!("{endpoint} (no answer within {share:.1?})"),
        };
        health.bad(index, &failure);
        tried.push(failure);
    }
    Err(tried.join(", "))
}
