//! Making one block.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use codec::{Decode, DecodeAll, Encode};
use node_subtensor_runtime::pallet_shield::{ShieldedTransaction, dev_key};
use sp_core::storage::well_known_keys;
use sp_inherents::InherentData;
use sp_runtime::{
    OpaqueExtrinsic,
    traits::BlakeTwo256,
    transaction_validity::{InvalidTransaction, TransactionValidityError},
};
use sp_state_machine::{StorageChanges, backend::BackendTransaction};

use crate::{
    chain::{Chain, QueryError},
    error::LocalnetError,
    exec::{Backend, ExecError, Overlay},
    pool::Entry,
    store::Head,
    types::{Change, Hash, Header, SealedBlock, extrinsic_hash},
};

/// Name of the inherent that brings the time, as the timestamp pallet expects it.
const TIMESTAMP: [u8; 8] = *b"timstap0";
/// Where new code waits for its block in runtimes that put it off.
const NEW_CODE: [&[u8]; 2] = [well_known_keys::CODE, well_known_keys::PENDING_CODE];
/// What `Core_initialize_block` answers when the block must hold nothing but inherents.
const ONLY_INHERENTS: &[u8] = &[1];
/// Transactions in a row that may not fit before the block counts as full.
const TOO_LARGE_IN_A_ROW: usize = 8;

/// Why no block was made. The chain stays as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The parent's state cannot be read.
    #[error(transparent)]
    Parent(#[from] QueryError),
    /// The runtime failed in a step that has to succeed.
    #[error("the runtime failed to {step}")]
    Runtime {
        /// The step, in words.
        step: &'static str,
        /// What it said.
        #[source]
        source: ExecError,
    },
    /// The runtime refused what every block must hold.
    #[error("the runtime refused its own inherent: {0:?}")]
    Inherent(TransactionValidityError),
    /// The header's root is not the root of what was written; a fault of the node.
    #[error("the state root {ours:?} is not the {theirs:?} in the header")]
    Root {
        /// Of the store.
        ours: Hash,
        /// In the header.
        theirs: Hash,
    },
    /// The changes cannot be turned into a state.
    #[error("the changes make no state: {0}")]
    Changes(String),
    /// The block could not be stored.
    #[error("the block could not be stored")]
    Store(#[source] Box<LocalnetError>),
    /// Blocks could not be taken back.
    #[error("the blocks could not be taken back")]
    TakeBack(#[source] Box<LocalnetError>),
    /// Too many blocks are asked for already.
    #[error("too many requests for blocks are waiting; wait for their answers")]
    Busy,
    /// The author has stopped.
    #[error("the chain has stopped making blocks")]
    Stopped,
}

/// A block that is in the store.
#[derive(Debug)]
pub struct Sealed {
    /// Its head.
    pub head: Head,
    /// Pool entries that are in it.
    pub included: Vec<Hash>,
    /// Pool entries that no block will hold.
    pub refused: Vec<Hash>,
}

/// What goes into a block.
#[derive(Debug, Default)]
pub struct Order<'a> {
    /// Milliseconds since 1970; the runtime takes the next possible time if this is not after its last.
    pub now_ms: u64,
    /// Transactions to try, in this order.
    pub candidates: &'a [Arc<Entry>],
    /// Written before any transaction runs: what a developer set by hand.
    pub changes: &'a [Change],
    /// No further transaction is tried after this time.
    pub budget: Duration,
}

/// Makes a block on the head and stores it. On error also tells which transactions had been taken in.
pub fn seal(chain: &Chain, order: &Order<'_>) -> Result<Sealed, (SealError, Vec<Hash>)> {
    let mut building = Building::begin(chain, order).map_err(|error| (error, Vec::new()))?;
    building.fill(order);
    let included = building.included.clone();
    building.finish().map_err(|error| (error, included))
}

/// Makes an empty block on the head and throws it away: whether the runtime makes blocks at all.
#[cfg(feature = "wasm")]
pub fn rehearse(chain: &Chain, now_ms: u64) -> Result<(), SealError> {
    let order = Order {
        now_ms,
        ..Order::default()
    };
    Building::begin(chain, &order)?.close().map(drop)
}

struct Building<'a> {
    chain: &'a Chain,
    backend: Backend,
    overlay: Overlay,
    extrinsics: Vec<Vec<u8>>,
    included: Vec<Hash>,
    refused: Vec<Hash>,
    /// The runtime is in the middle of a migration and takes no transaction.
    only_inherents: bool,
}

impl<'a> Building<'a> {
    fn begin(chain: &'a Chain, order: &Order<'_>) -> Result<Self, SealError> {
        let parent = chain.store().head();
        let backend = chain.store().state(parent.hash).map_err(QueryError::from)?;
        let mut this = Self {
            chain,
            backend,
            overlay: Overlay::default(),
            extrinsics: Vec::new(),
            included: Vec::new(),
            refused: Vec::new(),
            only_inherents: false,
        };
        let (digest, now_ms) = chain.engine().opening(&parent.header, &this.backend, order.now_ms);
        let header = Header {
            parent_hash: parent.hash,
            number: parent.number() + 1,
            state_root: Hash::zero(),
            extrinsics_root: Hash::zero(),
            digest,
        };
        this.only_inherents = this.call("begin a block", "Core_initialize_block", &header.encode())? == ONLY_INHERENTS;
        for (key, value) in order.changes {
            this.overlay.set_storage(key.clone(), value.clone());
        }
        let mut data = InherentData::new();
        let put = data.put_data(TIMESTAMP, &now_ms);
        put.map_err(|error| SealError::Changes(error.to_string()))?;
        let inherents = this.call("make its inherents", "BlockBuilder_inherent_extrinsics", &data.encode())?;
        let inherents: Vec<OpaqueExtrinsic> = decode("make its inherents", "inherent_extrinsics", &inherents)?;
        for inherent in inherents {
            let bytes = inherent.encode();
            match this.apply("apply an inherent", &bytes)? {
                Ok(()) => this.extrinsics.push(bytes),
                Err(error) => return Err(SealError::Inherent(error)),
            }
        }
        Ok(this)
    }

    /// Takes in what fits. Whatever one transaction does, the block and the others go on.
    fn fill(&mut self, order: &Order<'_>) {
        if self.only_inherents {
            return;
        }
        let started = Instant::now();
        let mut too_large = 0;
        for entry in order.candidates {
            if started.elapsed() > order.budget || too_large > TOO_LARGE_IN_A_ROW {
                break;
            }
            self.overlay.start_transaction();
            let result = self.apply("apply a transaction", &entry.bytes);
            let included = matches!(result, Ok(Ok(())));
            let closed = if included {
                self.overlay.commit_transaction()
            } else {
                self.overlay.rollback_transaction()
            };
            if closed.is_err() {
                tracing::error!(hash = ?entry.hash, "a transaction closed more than it had opened");
            }
            match result {
                Ok(Ok(())) => {
                    too_large = 0;
                    self.extrinsics.push(entry.bytes.clone());
                    self.included.push(entry.hash);
                    self.unshield(entry);
                }
                Ok(Err(TransactionValidityError::Invalid(InvalidTransaction::ExhaustsResources))) => too_large += 1,
                // The one before it did not fit; both keep their turn.
                Ok(Err(TransactionValidityError::Invalid(InvalidTransaction::Future))) => {}
                Ok(Err(error)) => {
                    tracing::debug!(hash = ?entry.hash, ?error, "transaction refused while making a block");
                    self.refused.push(entry.hash);
                }
                Err(error) => {
                    tracing::warn!(hash = ?entry.hash, error = %with_cause(&error), "transaction failed in the runtime");
                    self.refused.push(entry.hash);
                }
            }
        }
    }

    /// If the transaction carries an encrypted one, decrypts that and takes it in too, as the author of its block.
    fn unshield(&mut self, carrier: &Entry) {
        let inner = match self.decrypted(&carrier.bytes) {
            Ok(Some(inner)) => inner,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(carrier = ?carrier.hash, error = %with_cause(&error), "cannot look for an encrypted transaction");
                return;
            }
        };
        let hash = extrinsic_hash(&inner);
        self.overlay.start_transaction();
        let result = self.apply("apply a decrypted transaction", &inner);
        let included = matches!(result, Ok(Ok(())));
        let closed = if included {
            self.overlay.commit_transaction()
        } else {
            self.overlay.rollback_transaction()
        };
        if closed.is_err() {
            tracing::error!(?hash, "a transaction closed more than it had opened");
        }
        if included {
            self.extrinsics.push(inner);
            // Somebody may have handed it in openly too.
            self.included.push(hash);
        } else {
            tracing::debug!(carrier = ?carrier.hash, ?hash, ?result, "decrypted transaction refused");
        }
    }

    fn decrypted(&mut self, carrier: &[u8]) -> Result<Option<Vec<u8>>, SealError> {
        let step = "look for an encrypted transaction";
        let shielded = match self.call(step, "ShieldApi_try_decode_shielded_tx", carrier) {
            // A runtime that the user brought may know nothing of encrypted transactions.
            Err(SealError::Runtime {
                source: ExecError::NoSuchMethod(_),
                ..
            }) => return Ok(None),
            answer => answer?,
        };
        let shielded: Option<ShieldedTransaction> = decode(step, "try_decode_shielded_tx", &shielded)?;
        let Some(shielded) = shielded else { return Ok(None) };
        let args = (&dev_key::SEED[..], shielded).encode();
        let inner = self.call("decrypt a transaction", "ShieldApi_try_unshield_tx", &args)?;
        let inner: Option<OpaqueExtrinsic> = decode("decrypt a transaction", "try_unshield_tx", &inner)?;
        Ok(inner.map(|inner| inner.encode()))
    }

    fn finish(self) -> Result<Sealed, SealError> {
        let (chain, included, refused) = (self.chain, self.included.clone(), self.refused.clone());
        let (block, nodes) = self.close()?;
        let head = chain
            .store()
            .commit(block, nodes)
            .map_err(|error| SealError::Store(Box::new(error)))?;
        Ok(Sealed {
            head,
            included,
            refused,
        })
    }

    /// The whole block, and the trie nodes that it changes.
    fn close(mut self) -> Result<(SealedBlock, BackendTransaction<BlakeTwo256>), SealError> {
        let state_version = self.chain.store().state_version();
        let header = self.call("end a block", "BlockBuilder_finalize_block", &[])?;
        let header: Header = decode("end a block", "finalize_block", &header)?;
        let drained = self.overlay.drain_storage_changes(&self.backend, state_version);
        let StorageChanges {
            main_storage_changes,
            child_storage_changes,
            transaction,
            transaction_storage_root,
            ..
        } = drained.map_err(SealError::Changes)?;
        if !child_storage_changes.is_empty() {
            return Err(SealError::Changes("child tries are not supported".to_owned()));
        }
        if transaction_storage_root != header.state_root {
            return Err(SealError::Root {
                ours: transaction_storage_root,
                theirs: header.state_root,
            });
        }
        let code = main_storage_changes
            .iter()
            .filter(|(key, _)| NEW_CODE.contains(&&key[..]))
            .find_map(|(_, code)| code.as_deref());
        if let Some(next) = code.and_then(|code| self.chain.engine().version_of(code))
            && next.state_version() != state_version
        {
            return Err(SealError::Changes(format!(
                "the new code has system_version {}, which keeps values in the trie in another way than this chain",
                next.system_version
            )));
        }
        let block = SealedBlock {
            header,
            extrinsics: self.extrinsics,
            changes: main_storage_changes,
        };
        Ok((block, transaction))
    }

    fn call(&mut self, step: &'static str, method: &str, args: &[u8]) -> Result<Vec<u8>, SealError> {
        self.chain
            .engine()
            .call(&mut self.overlay, &self.backend, method, args)
            .map_err(|source| SealError::Runtime { step, source })
    }

    fn apply(&mut self, step: &'static str, bytes: &[u8]) -> Result<Result<(), TransactionValidityError>, SealError> {
        let answer = self.call(step, "BlockBuilder_apply_extrinsic", bytes)?;
        // A dispatch that failed is included all the same: the fee is paid and an event tells of it.
        let included: Result<(), TransactionValidityError> = match answer.split_first() {
            Some((0, _)) => Ok(()),
            Some((1, mut error)) => {
                let error = TransactionValidityError::decode(&mut error);
                Err(error.map_err(|error| bad_answer(step, "apply_extrinsic", &error))?)
            }
            _ => {
                return Err(bad_answer(
                    step,
                    "apply_extrinsic",
                    &"neither included nor refused".into(),
                ));
            }
        };
        Ok(included)
    }
}

fn decode<T: DecodeAll>(step: &'static str, method: &'static str, mut bytes: &[u8]) -> Result<T, SealError> {
    T::decode_all(&mut bytes).map_err(|error| bad_answer(step, method, &error))
}

fn bad_answer(step: &'static str, method: &'static str, error: &codec::Error) -> SealError {
    SealError::Runtime {
        step,
        source: ExecError::BadAnswer {
            method,
            detail: error.to_string(),
        },
    }
}

/// An error and what lies under it, on one line.
pub(crate) fn with_cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
