//! The first state: what the runtime says it is, and a mark of the metadata.

use std::time::Duration;

use node_subtensor_runtime::genesis::DevGenesis;
use sp_core::crypto::AccountId32;
use sp_crypto_hashing::blake2_256;
use sp_version::RuntimeVersion;

use crate::{
    about::About,
    chain::Chain,
    error::LocalnetError,
    exec::{Engine, NativeEngine},
    preset::Preset,
    store::{Identity, Store},
};

/// Holds the hash of the metadata, so that a runtime with other metadata has another genesis hash. Clients cache metadata by
/// the genesis hash and would otherwise go on with the old one.
const METADATA_MARK: &[u8] = b":localnet:metadata";

/// A chain that no block was made on yet.
pub struct Beginning {
    /// What runs its runtime.
    pub engine: Box<dyn Engine>,
    /// Its first state.
    pub store: Store,
    /// What tells it from others.
    pub identity: Identity,
    /// What it says about itself.
    pub about: About,
}

/// What may differ between two chains of the same runtime.
#[derive(Debug, Clone)]
pub struct Genesis {
    /// Shown to clients as `Aura.SlotDuration`.
    pub block_time: Duration,
    /// An account that gets as much as Alice.
    pub default_wallet: Option<AccountId32>,
    /// Accounts, subnets and neurons to begin with.
    pub preset: Option<Preset>,
}

impl Genesis {
    /// The time between blocks in milliseconds.
    pub fn block_time_ms(&self) -> u64 {
        u64::try_from(self.block_time.as_millis()).unwrap_or(u64::MAX)
    }

    /// A chain at its genesis.
    pub fn build(&self) -> Result<Beginning, LocalnetError> {
        let block_time_ms = self.block_time_ms();
        let genesis = DevGenesis {
            block_time_ms,
            default_wallet: self.default_wallet.clone(),
        };
        let storage = match &self.preset {
            Some(preset) => preset.storage(&genesis)?,
            None => genesis.storage().map_err(LocalnetError::Genesis)?,
        };
        if !storage.children_default.is_empty() {
            return Err(LocalnetError::Genesis("child tries are not supported".to_owned()));
        }
        let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = storage.top.into_iter().collect();

        let runtime_said = |error: crate::chain::QueryError| LocalnetError::Genesis(error.to_string());
        let draft = Chain::new(Store::new(&pairs), Box::new(NativeEngine));
        let at = draft.store().head().hash;
        let metadata = draft.call(at, "Metadata_metadata", &[]).map_err(runtime_said)?;
        let version: RuntimeVersion = draft.version().map_err(runtime_said)?;

        pairs.push((METADATA_MARK.to_vec(), blake2_256(&metadata).to_vec()));
        let store = Store::new(&pairs);
        let identity = Identity::new(version.spec_version, store.genesis().hash, block_time_ms);
        Ok(Beginning {
            engine: Box::new(NativeEngine),
            store,
            identity,
            about: About::default(),
        })
    }
}
