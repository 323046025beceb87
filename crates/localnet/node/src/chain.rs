//! The chain as everybody but the author sees it: read a state, call the runtime on one, hear of new blocks.

use codec::{DecodeAll, Encode};
use sp_runtime::transaction_validity::{TransactionSource, TransactionValidity};
use sp_state_machine::Backend as _;
use sp_version::RuntimeVersion;
use tokio::sync::broadcast;

use crate::{
    exec::{Engine, ExecError, Overlay},
    store::{Head, NoState, Store},
    types::Hash,
};

/// New heads a slow subscriber may fall behind before it skips to the newest.
const HEADS_BUFFERED: usize = 256;

/// Why a state gave no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// There is no such state.
    #[error(transparent)]
    NoState(#[from] NoState),
    /// The runtime gave no answer.
    #[error("Execution failed: {0}")]
    Exec(#[from] ExecError),
    /// The trie could not be read; a fault of the node.
    #[error("state cannot be read: {0}")]
    Trie(String),
}

/// The chain, shared by the author and all connections.
pub struct Chain {
    store: Store,
    engine: Box<dyn Engine>,
    heads: broadcast::Sender<Head>,
}

impl Chain {
    /// A chain that runs on `engine` from `store`'s head.
    pub fn new(store: Store, engine: Box<dyn Engine>) -> Self {
        let (heads, _) = broadcast::channel(HEADS_BUFFERED);
        Self { store, engine, heads }
    }

    /// Blocks and states.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What runs the runtime.
    pub fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    /// Every head from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Head> {
        self.heads.subscribe()
    }

    /// Tells subscribers of a head that is in the store already.
    pub fn announce(&self, head: Head) {
        // Nobody listening is no error.
        let _ = self.heads.send(head);
    }

    /// The hash of the newest block, unless the caller named one.
    pub fn hash_or_head(&self, at: Option<Hash>) -> Hash {
        at.unwrap_or_else(|| self.store.head().hash)
    }

    /// Calls a runtime function on the state after `at`; what it writes is thrown away.
    pub fn call(&self, at: Hash, method: &str, args: &[u8]) -> Result<Vec<u8>, QueryError> {
        let backend = self.store.state(at)?;
        self.engine
            .call(&mut Overlay::default(), &backend, method, args)
            .map_err(|error| self.excuse(at, error.into()))
    }

    /// [`Chain::call`] with a typed answer.
    pub fn query<T: DecodeAll>(&self, at: Hash, method: &'static str, args: &[u8]) -> Result<T, QueryError> {
        let answer = self.call(at, method, args)?;
        T::decode_all(&mut &answer[..]).map_err(|error| {
            ExecError::BadAnswer {
                method,
                detail: error.to_string(),
            }
            .into()
        })
    }

    /// One value of the state after `at`.
    pub fn value(&self, at: Hash, key: &[u8]) -> Result<Option<Vec<u8>>, QueryError> {
        let backend = self.store.state(at)?;
        backend
            .storage(key)
            .map_err(|error| self.excuse(at, QueryError::Trie(error)))
    }

    /// Up to `count` keys under `prefix`, in order, behind `after`.
    pub fn keys(
        &self,
        at: Hash,
        prefix: &[u8],
        after: Option<&[u8]>,
        count: usize,
    ) -> Result<Vec<Vec<u8>>, QueryError> {
        let backend = self.store.state(at)?;
        let mut args = sp_state_machine::IterArgs::default();
        args.prefix = Some(prefix);
        args.start_at = after;
        args.start_at_exclusive = true;
        let keys = backend.keys(args).and_then(|keys| keys.take(count).collect());
        keys.map_err(|error| self.excuse(at, QueryError::Trie(error)))
    }

    /// The runtime's version at the head.
    pub fn version(&self) -> Result<RuntimeVersion, QueryError> {
        self.version_at(self.store.head().hash)
    }

    /// The version of the runtime that the state after `at` holds.
    pub fn version_at(&self, at: Hash) -> Result<RuntimeVersion, QueryError> {
        self.query(at, "Core_version", &[])
    }

    /// What the runtime thinks of a transaction at the head, and which head that was.
    pub fn validate(&self, extrinsic: &[u8]) -> Result<(Hash, TransactionValidity), QueryError> {
        let at = self.store.head().hash;
        let args = [TransactionSource::External.encode(), extrinsic.to_vec(), at.encode()].concat();
        let validity = self.query(at, "TaggedTransactionQueue_validate_transaction", &args)?;
        Ok((at, validity))
    }

    /// A state at the window's edge may be forgotten while it is read; then that is what happened, not a fault.
    fn excuse(&self, at: Hash, error: QueryError) -> QueryError {
        match self.store.check_state(at) {
            Err(gone) => gone.into(),
            Ok(()) => error,
        }
    }
}
