//! The embedded dev chain: a FRAME runtime run natively in process and served on Substrate JSON-RPC.
//!
//! No docker, no network: [`Localnet::start`] gives a chain with the main chain's pallets, funded development
//! accounts and real signatures, nonces and fees, that subxt and the Python SDKs use unchanged. Every block is final at once.
//!
//! ```no_run
//! # async fn example() -> Result<(), localnet::LocalnetError> {
//! use localnet::{Localnet, LocalnetConfig};
//! let chain = Localnet::start(LocalnetConfig { rpc: ([127, 0, 0, 1], 0).into(), ..Default::default() }).await?;
//! println!("{}", chain.ws_url());
//! chain.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod about;
mod author;
mod chain;
mod config;
mod error;
mod exec;
mod faucet;
mod genesis;
mod pool;
mod preset;
mod rpc;
mod seal;
mod store;
mod types;
#[cfg(feature = "wasm")]
mod wasm;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread,
    time::Duration,
};

use jsonrpsee::server::ServerHandle;
use parking_lot::Mutex;
pub use sp_core::crypto::AccountId32;
#[cfg(feature = "wasm")]
pub use wasm::{RuntimeFiles, WasmRuntime};

pub use self::{
    about::CHAIN_NAME,
    author::Sealing,
    config::{DEFAULT_BLOCK_TIME, DEFAULT_PORT, LocalnetConfig, MAX_BLOCK_TIME, MIN_BLOCK_TIME, parse_block_time},
    error::{LocalnetError, exit_code},
    exec::ExecError,
    preset::Preset,
    seal::SealError,
    store::{GENERATION, HEADERS_KEPT, Head, STATES_KEPT},
    types::{BlockNumber, Hash, Header},
};
use self::{
    author::Author,
    chain::Chain,
    genesis::{Beginning, Genesis},
    pool::Pool,
    rpc::Rpc,
};

/// How long a shutdown waits for connections to close before it leaves them to their tasks.
const CLOSE_CONNECTIONS: Duration = Duration::from_secs(1);

/// A running dev chain. Dropping it stops it too, without waiting.
pub struct Localnet {
    address: SocketAddr,
    chain: Arc<Chain>,
    author: Author,
    author_thread: Option<thread::JoinHandle<()>>,
    server: ServerHandle,
}

impl std::fmt::Debug for Localnet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Localnet")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Localnet {
    /// Starts a chain, or goes on with the one in the data directory, and listens for clients.
    pub async fn start(config: LocalnetConfig) -> Result<Self, LocalnetError> {
        config.check()?;
        let listener = bind(config.rpc)?;
        let address = listener.local_addr().map_err(|source| LocalnetError::Bind {
            addr: config.rpc,
            source,
        })?;

        let LocalnetConfig {
            block_time,
            sealing,
            data_dir,
            default_wallet,
            genesis,
            #[cfg(feature = "wasm")]
            runtime,
            ..
        } = config;
        // Building a state and replaying a log take a while and must not hold up the caller's other tasks.
        let beginning = tokio::task::spawn_blocking(move || {
            let genesis = Genesis {
                block_time,
                default_wallet,
                preset: genesis,
            };
            #[cfg(not(feature = "wasm"))]
            let mut beginning = genesis.build()?;
            #[cfg(feature = "wasm")]
            let mut beginning = match runtime {
                Some(runtime) => runtime.build(genesis.block_time_ms())?,
                None => genesis.build()?,
            };
            if let Some(path) = data_dir {
                beginning.store = beginning.store.persist(&path, beginning.identity.clone())?;
            }
            Ok::<_, LocalnetError>(beginning)
        });
        let Beginning {
            engine, store, about, ..
        } = beginning.await.map_err(|error| start("chain", &error))??;
        let chain = Arc::new(Chain::new(store, engine));
        let pool = Arc::new(Mutex::new(Pool::default()));
        let (author, author_thread) =
            Author::start(chain.clone(), pool.clone(), sealing, block_time, author::system_clock())
                .map_err(|error| start("author", &error))?;
        let rpc = Rpc {
            chain: chain.clone(),
            pool,
            author: author.clone(),
            about: Arc::new(about),
        };
        let server = rpc::serve(listener, rpc).map_err(|error| {
            author.stop();
            start("RPC server", &error)
        })?;
        Ok(Self {
            address,
            chain,
            author,
            author_thread: Some(author_thread),
            server,
        })
    }

    /// Where the chain listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint for clients.
    pub fn ws_url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Hash of block 0, which tells chains apart.
    pub fn genesis_hash(&self) -> Hash {
        self.chain.store().genesis().hash
    }

    /// The newest block; it is final.
    pub fn head(&self) -> Head {
        self.chain.store().head()
    }

    /// Makes a block now, whatever the sealing, and gives it.
    pub async fn new_block(&self) -> Result<Head, LocalnetError> {
        Ok(self.author.seal(1).await?)
    }

    /// Sets the chain's clock, as time since 1970, and makes a block at that time; what `dev_timeTravel` does.
    pub async fn time_travel(&self, to: Duration) -> Result<Head, LocalnetError> {
        let to_ms = u64::try_from(to.as_millis()).unwrap_or(u64::MAX);
        Ok(self.author.travel(to_ms).await?)
    }

    /// Stops making blocks, closes all connections and frees the port and the data directory.
    pub async fn shutdown(mut self) {
        self.author.stop();
        // An error means that the server has stopped already.
        let _ = self.server.stop();
        if let Some(thread) = self.author_thread.take() {
            // It ends after the block it is making.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        if tokio::time::timeout(CLOSE_CONNECTIONS, self.server.clone().stopped())
            .await
            .is_err()
        {
            tracing::warn!("some connections did not close in time");
        }
        // Subscriptions may hold the chain for a moment yet; the directory must be free for the next node.
        self.chain.store().close();
    }
}

impl Drop for Localnet {
    fn drop(&mut self) {
        self.author.stop();
        let _ = self.server.stop();
        if self.author_thread.is_some() {
            self.chain.store().close();
        }
    }
}

fn bind(addr: SocketAddr) -> Result<TcpListener, LocalnetError> {
    TcpListener::bind(addr).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => LocalnetError::PortInUse { addr },
        _ => LocalnetError::Bind { addr, source },
    })
}

fn start(what: &'static str, error: &dyn std::fmt::Display) -> LocalnetError {
    LocalnetError::Start {
        what,
        detail: error.to_string(),
    }
}
