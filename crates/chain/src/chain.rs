//! The handle that programs hold.

use crate::at::At;
use crate::config::ChainConfig;
use crate::connection::{ConnectionState, Shared, supervise};
use crate::error::ChainError;
use crate::health::{EndpointHealth, is_busy_answer, jittered};
use crate::wire::Live;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use subxt::config::substrate::H256;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A connection to a chain that mends itself.
///
/// Clones are cheap and share one WebSocket. Every call has a deadline; reads wait for a connection that is
/// being re-established as long as their deadline allows. The connection ends with the last clone.
#[derive(Clone)]
pub struct Chain {
    pub(crate) shared: Arc<Shared>,
    pub(crate) stop: Arc<DropGuard>,
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain")
            .field("state", &*self.shared.state.borrow())
            .finish_non_exhaustive()
    }
}

impl Chain {
    /// Connects to the first endpoint that answers.
    ///
    /// # Errors
    /// [`ChainError::Unreachable`] within [`ChainConfig::connect_timeout`], naming each endpoint;
    /// [`ChainError::Config`] at once.
    pub async fn connect(config: ChainConfig) -> Result<Chain, ChainError> {
        let (shared, live) = Shared::connect(config).await?;
        Ok(Chain::supervised(shared, Some(live)))
    }

    /// A connection that is made in the background, for programs that have something to do before the chain answers.
    /// Until then reads wait for it as long as their deadline allows.
    ///
    /// `genesis_hash` is the first block of the chain as it is known from before; an endpoint that serves another one
    /// is not used, unless [`ChainConfig::allow_new_genesis`] says so.
    ///
    /// # Errors
    /// [`ChainError::Config`].
    pub fn connect_in_background(config: ChainConfig, genesis_hash: Option<[u8; 32]>) -> Result<Chain, ChainError> {
        let genesis = H256(genesis_hash.unwrap_or_default());
        Ok(Chain::supervised(Shared::unconnected(config, genesis)?, None))
    }

    fn supervised(shared: Arc<Shared>, live: Option<Arc<Live>>) -> Chain {
        let stop = CancellationToken::new();
        tokio::spawn(supervise(Arc::clone(&shared), live, stop.clone()));
        Chain {
            shared,
            stop: Arc::new(stop.drop_guard()),
        }
    }

    /// How each endpoint has been doing, in the order of the configuration.
    pub fn endpoints(&self) -> Vec<EndpointHealth> {
        let in_use = match &*self.shared.state.borrow() {
            ConnectionState::Connected { endpoint } => Some(endpoint.clone()),
            ConnectionState::Disconnected { .. } => None,
        };
        self.shared.health.report(in_use.as_deref())
    }

    /// Number of the best block, asked now.
    ///
    /// # Errors
    /// When the chain cannot be asked within the deadline.
    pub async fn block(&self) -> Result<u64, ChainError> {
        self.read("the head block", |at| async move { Ok(at.number()) }).await
    }

    /// Hash of the block of this number on the best chain; `None` beyond its head.
    ///
    /// # Errors
    /// When the chain cannot be asked within the deadline.
    pub async fn block_hash(&self, number: u64) -> Result<Option<[u8; 32]>, ChainError> {
        let what = "the hash of a block";
        let deadline = tokio::time::Instant::now() + self.config().request_timeout;
        let ask = |live: Arc<Live>| async move {
            let hash = live.methods.chain_get_block_hash(Some(number.into())).await;
            hash.map_err(|error| unread(what, error))
        };
        Ok(self.with_live(what, deadline, ask).await?.map(|hash| hash.0))
    }

    /// The number of the best block as it moves. The watch lives on over reconnections.
    pub fn blocks(&self) -> watch::Receiver<u64> {
        self.shared.head.subscribe()
    }

    /// Waits until the best block is at least `number`.
    ///
    /// # Errors
    /// [`ChainError::Timeout`] when that takes longer than `within`.
    pub async fn wait_for_block(&self, number: u64, within: Duration) -> Result<u64, ChainError> {
        let mut heads = self.blocks();
        let reached = tokio::time::timeout(within, heads.wait_for(|head| *head >= number)).await;
        match reached {
            Ok(Ok(head)) => Ok(*head),
            _ => Err(ChainError::Timeout {
                what: "a later block",
                after: within,
            }),
        }
    }

    /// Time since the head block last changed. Long while connected means that the chain stands still.
    pub fn head_age(&self) -> Duration {
        self.shared.head_age()
    }

    /// Whether there is a connection, as it changes; for readiness.
    pub fn connected(&self) -> watch::Receiver<ConnectionState> {
        self.shared.state.subscribe()
    }

    /// Hash of the first block, which identifies the chain.
    pub fn genesis_hash(&self) -> [u8; 32] {
        self.shared.genesis.lock().0
    }

    /// Settings of this connection.
    pub fn config(&self) -> &ChainConfig {
        &self.shared.config
    }

    /// Spec version of the runtime at the best block.
    ///
    /// # Errors
    /// When the chain cannot be asked within the deadline.
    pub async fn spec_version(&self) -> Result<u32, ChainError> {
        self.read("the runtime version", |at| async move { Ok(at.client.spec_version()) })
            .await
    }

    /// Runs a read at the best block. All it reads belongs to that one block.
    pub(crate) async fn read<T, F, Fut>(&self, what: &'static str, f: F) -> Result<T, ChainError>
    where
        F: Fn(At) -> Fut,
        Fut: Future<Output = Result<T, ChainError>>,
    {
        let started = Instant::now();
        let deadline = started + self.shared.config.request_timeout;
        let outcome = self
            .with_live(what, deadline, |live| {
                let f = &f;
                async move {
                    let client = live.at_head().await.map_err(|error| unread(what, error))?;
                    f(At { client, live, what }).await
                }
            })
            .await;
        count(what, started, &outcome);
        outcome
    }

    /// Runs something that may be repeated on the current connection, again on the next one if it breaks.
    pub(crate) async fn with_live<T, F, Fut>(
        &self,
        what: &'static str,
        deadline: Instant,
        f: F,
    ) -> Result<T, ChainError>
    where
        F: Fn(Arc<Live>) -> Fut,
        Fut: Future<Output = Result<T, ChainError>>,
    {
        let started = Instant::now();
        let mut pause = BUSY_FIRST;
        loop {
            let live = self.shared.live(what, deadline).await?;
            // A connection that was found dead leaves its requests without any answer, not even an error.
            let answer = async {
                tokio::select! {
                    outcome = f(Arc::clone(&live)) => Some(outcome),
                    () = live.broken.wait() => None,
                }
            };
            match timeout_at(deadline, answer).await {
                Err(_) => {
                    return Err(ChainError::Timeout {
                        what,
                        after: deadline - started,
                    });
                }
                // Too much to do is no answer yet, as long as there is time to ask again.
                Ok(Some(Err(error))) if is_busy_error(&error) && Instant::now() + pause < deadline => {
                    metrics::counter!("chain_busy_total", "call" => what).increment(1);
                    tokio::time::sleep(jittered(pause)).await;
                    pause = pause.saturating_mul(2);
                }
                Ok(Some(outcome)) if outcome.is_ok() || !live.broken.is_set() => return outcome,
                // Whatever failed, it failed because of the connection: ask again on the next one.
                Ok(_) => self.shared.replaced(&live, deadline).await,
            }
        }
    }
}

/// First pause before a request is repeated that the node had no time for.
const BUSY_FIRST: Duration = Duration::from_millis(250);

fn is_busy_error(error: &ChainError) -> bool {
    match error {
        ChainError::Rpc { code, message, .. } => is_busy_answer(*code, message),
        _ => false,
    }
}

/// Records how long a call took, and how it failed.
pub(crate) fn count<T>(what: &'static str, started: Instant, outcome: &Result<T, ChainError>) {
    metrics::histogram!("chain_call_duration_seconds", "call" => what).record(started.elapsed().as_secs_f64());
    if let Err(error) = outcome {
        let class = error.class().label();
        metrics::counter!("chain_call_failures_total", "call" => what, "class" => class).increment(1);
    }
}

/// An answer that could not be had, for a reason other than the connection.
pub(crate) fn unread(what: &'static str, error: impl std::fmt::Display) -> ChainError {
    ChainError::Rpc {
        what: what.to_owned(),
        code: 0,
        message: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axoneme_wallet::Keypair;

    fn spawnable<F: Future + Send>(_: F) {}

    /// Never run: that it compiles is the test.
    #[allow(dead_code)]
    fn calls_and_reads_can_be_spawned(chain: &Chain, key: &Keypair) {
        spawnable(chain.metagraph(1));
        spawnable(chain.weights(1));
        spawnable(chain.hyperparameters(1));
        spawnable(chain.set_weights(key, 1, &[(0, 1)], 0));
        spawnable(chain.admin_set_tempo(key, 1, 10));
        spawnable(Chain::connect(ChainConfig::new(["ws://127.0.0.1:9944"])));
    }
}
